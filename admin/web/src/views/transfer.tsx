// The whole configuration as one document: saved as a file, and read from one after a look at what would change.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { api, download } from "../api";
import { Button, Field, Note, Panel } from "../parts/basics";
import { change, confirm, tell } from "../parts/dialogs";

export type Changes = { preview: boolean; changes: string[] };

// Shows what would change and makes it so when that is confirmed. Gives why nothing came of it; empty: it is done, or was not wanted.
export async function propose(what: string, title: string, action: string, ask: (query: string) => Promise<Changes>, more: ComponentChildren, done: string): Promise<string> {
  const { changes } = await ask("?preview=true");
  if (!changes.length) return `${what} changes nothing.`;
  const made = await confirm(title, (
    <>
      <p>{what} changes {changes.length === 1 ? "one thing" : `${changes.length} things`}, at once.</p>
      {more}
      <ul class="listed">{changes.map((line, i) => <li key={i}>{line}</li>)}</ul>
    </>
  ), action, () => ask(""));
  if (made) tell(done);
  return "";
}

async function read(file: File): Promise<string> {
  let document: unknown;
  try {
    document = JSON.parse(await file.text());
  } catch {
    return `${file.name} is not JSON.`;
  }
  return propose(file.name, "Import this configuration?", "Import", (query) => api<Changes>("PUT", `/v1/configuration${query}`, document),
    <p>What a part of it does not name goes.</p>, `${file.name} is in force.`);
}

export function Transfer() {
  const [problem, setProblem] = useState("");
  const take = async (input: HTMLInputElement) => {
    const file = input.files?.[0];
    if (!file) return;
    setProblem(await read(file).catch((error: Error) => error.message));
    input.value = "";
  };
  return (
    <Panel title="Export and import" aside={<Button onClick={() => void change(() => download("/v1/configuration", "usher-configuration.json"), "The configuration is saved.")}>Export</Button>}>
      <Field label="Import a document" hint="Sets, targets, domains, scanners and the gate. What would change is shown first.">
        {(attributes) => <input {...attributes} type="file" accept="application/json,.json" onChange={(event) => void take(event.currentTarget)} />}
      </Field>
      {problem && <Note tone="bad">{problem}</Note>}
    </Panel>
  );
}
