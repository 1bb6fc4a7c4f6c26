// Copies of the store on its host: made, taken in again after a look at what that would change, removed.
import { useState } from "preact/hooks";
import { api, download } from "../api";
import { Time, whole } from "../format";
import { useLive } from "../live";
import { Button, Note, Panel, Trouble } from "../parts/basics";
import { change, confirm, tell } from "../parts/dialogs";
import { Table } from "../parts/table";
import type { Page } from "../types";
import { propose, type Changes } from "./transfer";

type Backup = { name: string; bytes: number; made: string };
type Backups = Page<Backup> & { making: boolean; failed: string | null };

const pathOf = (backup: Backup) => `/v1/backups/${encodeURIComponent(backup.name)}`;
const size = (bytes: number) => (bytes < 1_000_000 ? `${whole(Math.ceil(bytes / 1000))} kB` : `${whole(bytes / 1_000_000)} MB`);

async function restore(backup: Backup) {
  const problem = await propose(backup.name, "Restore this configuration?", "Restore", (query) => api<Changes>("POST", `${pathOf(backup)}/restore${query}`, {}),
    <p>Calls go on, and registrations stay as they are now.</p>, `The configuration of ${backup.name} is in force.`).catch((error: Error) => error.message);
  if (problem) tell(problem, true);
}

export function Backups() {
  const live = useLive<Backups>("/v1/backups", { every: 15_000, kinds: ["configuration"] });
  const [busy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    await change(() => api<{ making?: boolean }>("POST", "/v1/backups", {}),
      (made) => (made.making ? "The store is large: its copy will be in the list when it is whole." : "A backup is made."));
    setBusy(false);
    live.refresh();
  };
  const remove = async (backup: Backup) => {
    const done = await confirm(`Remove ${backup.name}?`, <p>The copy is gone then; the store stays as it is.</p>, "Remove", () => api("DELETE", pathOf(backup)));
    if (done) live.refresh();
  };
  const making = busy || (live.data?.making ?? false);
  return (
    <Panel wide title="Backups" aside={<Button disabled={making} onClick={() => void make()}>{making ? "A backup is being made …" : "Make a backup"}</Button>}>
      <Trouble of={live} what="Backups" />
      {live.data?.failed && <Note tone="bad">No backup was made: {live.data.failed}</Note>}
      {live.data && (
        <Table rows={live.data.items} id={(row) => row.name} label="Backups" empty="No backup has been made." columns={[
          { name: "Made", show: (row) => <Time at={row.made} /> },
          { name: "Name", kind: "code", show: (row) => row.name },
          { name: "Size", kind: "number", show: (row) => size(row.bytes) },
          { name: "Actions", kind: "actions", show: (row) => (
            <>
              <Button label={`Download ${row.name}`} onClick={() => void change(() => download(`${pathOf(row)}/file`, row.name), `${row.name} is saved.`)}>Download</Button>
              <Button label={`Restore ${row.name}`} onClick={() => void restore(row)}>Restore</Button>
              <Button kind="danger" label={`Remove ${row.name}`} onClick={() => void remove(row)}>Remove</Button>
            </>
          ) },
        ]} />
      )}
      <p class="small">They lie on the edge's host, beside its store, and hold its keys. A disk that is lost takes both: keep copies elsewhere.</p>
    </Panel>
  );
}
