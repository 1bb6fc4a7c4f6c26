// The whole configuration as one document: saved as a file, and read from one after a look at what would change.
import { useState } from "preact/hooks";
import { api, download } from "../api";
import { Button, Field, Note, Panel } from "../parts/basics";
import { change, confirm, tell } from "../parts/dialogs";

type Changes = { preview: boolean; changes: string[] };

async function read(file: File): Promise<string> {
  let document: unknown;
  try {
    document = JSON.parse(await file.text());
  } catch {
    return `${file.name} is not JSON.`;
  }
  const preview = await api<Changes>("PUT", "/v1/configuration?preview=true", document);
  if (!preview.changes.length) return `${file.name} changes nothing.`;
  const done = await confirm("Import this configuration?", (
    <>
      <p>{file.name} changes {preview.changes.length === 1 ? "one thing" : `${preview.changes.length} things`}, at once. What a part of it does not name goes.</p>
      <ul class="listed">{preview.changes.map((line, i) => <li key={i}>{line}</li>)}</ul>
    </>
  ), "Import", () => api("PUT", "/v1/configuration", document));
  if (done) tell(`${file.name} is in force.`);
  return "";
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
