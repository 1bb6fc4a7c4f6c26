// Headings, panels, states, fields: what every view is made of.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Live } from "../live";
import { route } from "../route";
import { useStore } from "../store";

type Children = { children?: ComponentChildren };

export function View({ title, lead, actions, children }: Children & { title: string; lead?: ComponentChildren; actions?: ComponentChildren }) {
  return (
    <>
      <header class="view-head">
        <div>
          <h1 tabIndex={-1}>{title}</h1>
          {lead && <p class="lead">{lead}</p>}
        </div>
        {actions && <div class="view-actions">{actions}</div>}
      </header>
      {children}
    </>
  );
}

// `part`: where links with this part lead to.
export function Panel({ title, aside, children, wide, part }: Children & { title?: ComponentChildren; aside?: ComponentChildren; wide?: boolean; part?: string }) {
  const id = useId();
  const head = useRef<HTMLHeadingElement>(null);
  const at = useStore(route);
  const wanted = part !== undefined && at.query.get("part") === part;
  useEffect(() => {
    if (!wanted) return;
    head.current?.focus({ preventScroll: true });
    head.current?.scrollIntoView();
  }, [wanted, at]);
  return (
    <section class={wide ? "panel wide" : "panel"} aria-labelledby={title ? id : undefined}>
      {(title || aside) && (
        <div class="panel-head">
          {title && <h2 id={id} ref={head} tabIndex={part ? -1 : undefined}>{title}</h2>}
          {aside && <div class="aside">{aside}</div>}
        </div>
      )}
      {children}
    </section>
  );
}

export type Tone = "good" | "warn" | "bad" | "idle";

// A state: a word, and a colour and a shape that say the same.
export function State({ tone, children }: Children & { tone: Tone }) {
  return <span class={`state ${tone}`}>{children}</span>;
}

export function Button({ children, onClick, kind, disabled, label, type = "button" }: Children & {
  onClick?: () => void; kind?: "main" | "danger" | "quiet"; disabled?: boolean; label?: string; type?: "button" | "submit";
}) {
  return (
    <button type={type} class={kind} onClick={onClick} disabled={disabled} aria-label={label} title={label}>
      {children}
    </button>
  );
}

export function Field({ label, hint, error, children }: { label: string; hint?: string; error?: string; children: (id: { id: string; "aria-describedby"?: string; "aria-invalid"?: boolean }) => JSX.Element }) {
  const id = useId();
  const about = hint || error ? { "aria-describedby": `${id}-about` } : {};
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...about, ...(error ? { "aria-invalid": true } : {}) })}
      {(hint || error) && <span id={`${id}-about`} class={error ? "hint bad-text" : "hint"}>{error || hint}</span>}
    </div>
  );
}

// The plain text field that most forms need.
export function Text({ label, value, set, hint, error, type = "text", placeholder, list, required, wide }: {
  label: string; value: string; set: (value: string) => void; hint?: string | undefined; error?: string | undefined; type?: "text" | "number"; placeholder?: string; list?: string[]; required?: boolean; wide?: boolean;
}) {
  const options = useId();
  return (
    <Field label={label} {...(hint ? { hint } : {})} {...(error ? { error } : {})}>
      {(attributes) => (
        <>
          <input {...attributes} type={type} value={value} placeholder={placeholder} required={required} class={wide ? "wide" : undefined} autocomplete="off" spellcheck={false}
            list={list ? options : undefined} onInput={(event) => set(event.currentTarget.value)} />
          {list && <datalist id={options}>{list.map((item) => <option key={item} value={item} />)}</datalist>}
        </>
      )}
    </Field>
  );
}

export function Choice({ label, value, set, options, hint }: { label: string; value: string; set: (value: string) => void; options: [string, string][]; hint?: string }) {
  return (
    <Field label={label} {...(hint ? { hint } : {})}>
      {(attributes) => (
        <select {...attributes} value={value} onChange={(event) => set(event.currentTarget.value)}>
          {options.map(([name, text]) => <option key={name} value={name}>{text}</option>)}
        </select>
      )}
    </Field>
  );
}

// Forms never go anywhere by themselves: the security policy forbids it, too.
export function Form({ onSubmit, children, inline, label }: Children & { onSubmit: () => void; inline?: boolean; label?: string }) {
  return (
    <form class={inline ? "inline" : undefined} aria-label={label} onSubmit={(event) => { event.preventDefault(); onSubmit(); }}>
      {children}
    </form>
  );
}

export function Note({ tone = "idle", children }: Children & { tone?: Tone }) {
  return <p class={`note ${tone}`} role={tone === "bad" ? "alert" : undefined}>{children}</p>;
}

// What to show in place of data that is not there, or above data that is old. Nothing when all is well.
export function Trouble({ of, what }: { of: Live<unknown>; what: string }) {
  if (of.problem && of.data !== undefined) return <Note tone="warn">Not up to date: {of.problem.message}</Note>;
  // Gone, or never there: no failure of the edge.
  if (of.problem?.status === 404) return <Note>{of.problem.message.replace(/^t/, "T")}.</Note>;
  if (of.problem) return <Note tone="bad">{what}: {of.problem.message}</Note>;
  if (of.data === undefined) return <p class="note idle" aria-busy="true">Loading …</p>;
  return null;
}

// Members and values, for what has no table of its own.
export function Facts({ of }: { of: [ComponentChildren, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {of.map(([name, value], i) => <div key={i}><dt>{name}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}
