// What the flight recorder holds of something: the ladder, each message's text, the capture as a file.
import { useEffect, useState } from "preact/hooks";
import { download, query } from "../api";
import { milliseconds } from "../format";
import { useLive } from "../live";
import type { Ladder } from "../types";
import { Button, Note, Panel, Trouble } from "./basics";
import { change } from "./dialogs";
import { LadderPicture } from "./ladder";

export function Recorded({ path, parameters, running, name }: { path: string; parameters: Record<string, string>; running: boolean; name: string }) {
  const [before, setBefore] = useState<number | null>(null);
  const live = useLive<Ladder>(query(`${path}/ladder`, { ...parameters, before }), { every: running && before === null ? 2000 : 0, kinds: ["call-answered", "call-ended"] });
  const [chosen, setChosen] = useState<number | null>(null);
  const [notes, setNotes] = useState(true);
  const ladder = live.data;
  const item = ladder?.items.find((one) => one.sequence === chosen);
  const parties = new Map(ladder?.parties.map((party) => [party.id, party.label]));
  const list = JSON.stringify(parameters);
  useEffect(() => setChosen(null), [path, list, before]);
  useEffect(() => setBefore(null), [path, list]);
  const save = () => void change(() => download(query(`${path}/pcap`, { ...parameters, before }), `${name.replace(/[^\w.-]+/g, "_")}.pcapng`), "The capture is saved; Wireshark opens it.");
  return (
    <Panel title="Ladder" aside={ladder && ladder.items.length > 0 && (
      <>
        <label class="check"><input type="checkbox" checked={notes} onChange={(event) => setNotes(event.currentTarget.checked)} /> decisions and timers</label>
        <Button onClick={save}>Capture (pcap)</Button>
      </>
    )}>
      <Trouble of={live} what="Ladders" />
      {(before !== null || ladder?.older) && (
        <p class="small">
          {before !== null && <Button onClick={() => setBefore(null)}>Newest</Button>}{" "}
          {ladder?.older && <><Button onClick={() => setBefore(ladder.older)}>Older</Button> There are older ones.</>}
        </p>
      )}
      {ladder && (ladder.items.length
        ? <LadderPicture ladder={ladder} notes={notes} chosen={chosen} choose={setChosen} />
        : <Note>The recorder holds nothing of it.</Note>)}
      {ladder && ladder.items.length > 0 && !item && <p class="small">Choose a message to read it.</p>}
      {item && (
        <section class="message" aria-label="The chosen message" aria-live="polite">
          <h3>{item.label} <span class="small">
            {milliseconds(item.offset_ms)}{item.kind !== "note" && `, ${parties.get(item.from ?? -1) ?? "?"} to ${parties.get(item.to ?? -1) ?? "?"}`}
            {item.transport && `, ${item.transport}`}{item.bytes !== undefined && `, ${item.bytes} bytes`}{item.kind !== "message" && `, ${item.kind}`}
          </span></h3>
          {item.detail && <p>{item.detail}</p>}
          {item.text && <pre tabIndex={0}>{item.text}</pre>}
        </section>
      )}
    </Panel>
  );
}
