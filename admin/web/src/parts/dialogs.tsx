// Questions before a change, forms in a dialog, and short notices after it.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Problem } from "../api";
import { route } from "../route";
import { store, useStore } from "../store";
import { Button, Form, Note } from "./basics";

type Question = { title: string; body: ComponentChildren; action: string; danger: boolean; run: () => Promise<unknown>; done: (changed: boolean) => void };
const question = store<Question | undefined>(undefined);

// Asks, does it, and says whether it was done. `body` names what is touched.
export function confirm(title: string, body: ComponentChildren, action: string, run: () => Promise<unknown>, danger = true): Promise<boolean> {
  return new Promise((done) => question.set({ title, body, action, danger, run, done }));
}

export function Dialog({ title, children, onClose }: { title: string; children: ComponentChildren; onClose: () => void }) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const shown = element.current!;
    shown.showModal();
    return () => {
      shown.close();
      before?.focus();
    };
  }, []);
  return (
    <dialog ref={element} aria-labelledby={id} onCancel={(event) => { event.preventDefault(); onClose(); }}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

// The end of a form in a dialog: the refusal, if any, and the two buttons.
export function Finish({ action, danger, busy, disabled = false, problem, onClose }: { action: string; danger?: boolean; busy: boolean; disabled?: boolean; problem: string; onClose: () => void }) {
  return (
    <>
      {problem && <Note tone="bad">{problem}</Note>}
      <div class="finish">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind={danger ? "danger" : "main"} disabled={busy || disabled}>{busy ? "Working …" : action}</Button>
      </div>
    </>
  );
}

// Runs what a form does: busy meanwhile, the refusal kept, closed when it went well.
export function useSubmit(done: () => void) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<{ text: string; field: string }>({ text: "", field: "" });
  const submit = async (run: () => Promise<unknown>) => {
    setBusy(true);
    setProblem({ text: "", field: "" });
    try {
      await run();
      setBusy(false);
      done();
    } catch (error) {
      setBusy(false);
      setProblem({ text: (error as Problem).message, field: (error as Problem).field ?? "" });
    }
  };
  return { busy, problem, submit };
}

function Asked({ asked }: { asked: Question }) {
  const close = (changed: boolean) => {
    question.set(undefined);
    asked.done(changed);
  };
  // One of its numbers was followed.
  useEffect(() => route.watch(() => close(false)), []);
  const { busy, problem, submit } = useSubmit(() => close(true));
  return (
    <Dialog title={asked.title} onClose={() => close(false)}>
      <Form onSubmit={() => submit(asked.run)}>
        <div class="touches">{asked.body}</div>
        <Finish action={asked.action} danger={asked.danger} busy={busy} problem={problem.text} onClose={() => close(false)} />
      </Form>
    </Dialog>
  );
}

const notice = store<{ text: string; bad: boolean; at: number } | undefined>(undefined);
export function tell(text: string, bad = false): void {
  const at = Date.now();
  notice.set({ text, bad, at });
  setTimeout(() => { if (notice.get()?.at === at) notice.set(undefined); }, bad ? 12_000 : 5_000);
}

// Runs a change without a question and tells how it went.
export async function change<T>(run: () => Promise<T>, done: string | ((result: T) => string)): Promise<boolean> {
  try {
    const result = await run();
    tell(typeof done === "string" ? done : done(result));
    return true;
  } catch (error) {
    tell((error as Error).message, true);
    return false;
  }
}

// Where questions and notices appear; once, in the frame.
export function Overlays() {
  const asked = useStore(question);
  const said = useStore(notice);
  return (
    <>
      {asked && <Asked key={asked.title} asked={asked} />}
      <div class="notices" role="status" aria-live="polite">{said && <p class={said.bad ? "notice bad" : "notice"}>{said.text}</p>}</div>
    </>
  );
}
