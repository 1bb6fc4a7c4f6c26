// Maintenance windows of a target: when it is drained by itself, and comes back by itself.
import { useState } from "preact/hooks";
import { api } from "../api";
import { Time } from "../format";
import { Button, Form, Note, State, Text } from "../parts/basics";
import { Dialog, Finish, change, tell, useSubmit } from "../parts/dialogs";
import type { Maintenance, Target } from "../types";

const pathOf = (target: Target) => `/v1/dispatcher/sets/${target.setid}/targets/${target.id}`;
const put = (target: Target, maintenance: Maintenance[]) => api<Target>("PATCH", pathOf(target), { maintenance });

// What the table shows of it.
export function InMaintenance({ target }: { target: Target }) {
  const coming = target.maintenance.filter((window) => window.until !== target.maintenance_until);
  return (
    <>
      {target.maintenance_until && <span class="small reason"><State tone="warn">maintenance</State> until <Time at={target.maintenance_until} /></span>}
      {coming.length > 0 && <span class="small reason">next maintenance <Time at={coming[0]!.from} /></span>}
    </>
  );
}

export function MaintenanceDialog({ target, onClose }: { target: Target; onClose: (changed: boolean) => void }) {
  const [windows, setWindows] = useState(target.maintenance);
  const [changed, setChanged] = useState(false);
  const [from, setFrom] = useState("");
  const [until, setUntil] = useState("");
  const [comment, setComment] = useState("");
  const { busy, problem, submit } = useSubmit(() => onClose(true));
  const add = async () => {
    await put(target, [...windows, { from: from.trim(), until: until.trim(), comment }]);
    tell(`Target ${target.id} has a maintenance window.`);
  };
  const remove = async (window: Maintenance) => {
    const left = windows.filter((other) => other !== window);
    if (!await change(() => put(target, left), "The window is removed.")) return;
    setWindows(left);
    setChanged(true);
  };
  // The place of a fault is "maintenance[1].from".
  const fault = (name: string) => (problem.field.endsWith(`.${name}`) ? problem.text : undefined);
  return (
    <Dialog title={`Maintenance of target ${target.id}`} onClose={() => onClose(changed)}>
      <Form onSubmit={() => void submit(add)}>
        {windows.length
          ? (
            <ul class="listed">
              {windows.map((window) => (
                <li key={window.from}>
                  <Time at={window.from} /> until <Time at={window.until} /> {window.comment}
                  {" "}<Button label={`Remove the window from ${window.from}`} onClick={() => void remove(window)}>Remove</Button>
                </li>
              ))}
            </ul>
          )
          : <Note>No window yet.</Note>}
        <div class="touches"><p>In a window <code>{target.destination}</code> gets no new calls and registrations; its calls go on. Then it is {target.state} again by itself.</p></div>
        <div class="pair">
          <Text label="From" value={from} set={setFrom} required placeholder="2026-12-01T22:00:00Z" hint="UTC" error={fault("from")} />
          <Text label="Until" value={until} set={setUntil} required placeholder="2026-12-02T02:00:00Z" hint="At most 7 days later" error={fault("until")} />
        </div>
        <Text label="Comment" value={comment} set={setComment} wide />
        <Finish action="Add window" busy={busy} problem={problem.text} onClose={() => onClose(changed)} />
      </Form>
    </Dialog>
  );
}
