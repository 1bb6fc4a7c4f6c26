// What happened, live; and who changed what over REST.
import { useState } from "preact/hooks";
import { events, stream } from "../events";
import { Time, plural, words } from "../format";
import { Choice, Form, Note, State, Text, View, type Tone } from "../parts/basics";
import { Paged, Table } from "../parts/table";
import { href, route } from "../route";
import { useStore } from "../store";
import type { AuditEntry, Event, Gap } from "../types";

const TONES: Record<string, Tone> = {
  "target-up": "good", "target-down": "bad", "ban-made": "warn", "ban-lifted": "good", storm: "bad", certificate: "warn", "store-degraded": "bad", "store-recovered": "good",
  "maintenance-began": "warn", "maintenance-ended": "good", "request-fragmented": "warn", gap: "warn",
};

const SHOWN = 200;

const isGap = (event: Event | Gap): event is Gap => event.kind === "gap";

// Where the subject of an event is shown.
function linkOf({ kind, subject = "" }: Event): string | undefined {
  if (!subject) return undefined;
  if (kind.startsWith("call-")) return href("call", { key: subject });
  if (kind.startsWith("binding-")) return href("trace", { aor: subject });
  const target = /^target (\d+) \(.*, set (\d+)\)$/.exec(subject);
  if (target) return href("target", { id: target[1], setid: target[2] });
  if (kind.startsWith("target-") || kind.startsWith("maintenance-")) return href("sets");
  if (kind.startsWith("ban-")) return href("door");
  return kind === "configuration" ? href("events", { show: "changes" }) : undefined;
}

function Happened() {
  const all = useStore(events);
  const how = useStore(stream);
  const [kind, setKind] = useState("");
  const [text, setText] = useState("");
  const kinds = [...new Set(all.filter((event) => !isGap(event)).map((event) => event.kind))].sort();
  const wanted = text.trim().toLowerCase();
  // Whatever is looked for may be among those that were missed.
  const found = all.filter((event) => isGap(event) || ((!kind || event.kind === kind) && (!wanted || `${event.subject ?? ""} ${event.text}`.toLowerCase().includes(wanted))));
  const shown = [...found.slice(0, SHOWN), ...found.slice(SHOWN).filter(isGap)];
  const count = found.filter((event) => !isGap(event)).length;
  return (
    <>
      {how === "waiting" && <Note tone="warn">The stream is interrupted; connecting again.</Note>}
      <Form inline label="Filter events" onSubmit={() => {}}>
        <Choice label="Kind" value={kind} set={setKind} options={[["", "all"], ...kinds.map((name): [string, string] => [name, words(name)])]} />
        <Text label="With the text" value={text} set={setText} />
      </Form>
      <Table rows={shown} id={(event) => event.id} label="Events" empty={all.length ? "None like this." : "Nothing has happened yet."} columns={[
        { name: "When", show: (event) => <Time at={event.at} /> },
        { name: "Kind", show: (event) => <State tone={TONES[event.kind] ?? "idle"}>{isGap(event) ? "missed" : words(event.kind)}</State> },
        { name: "What", show: (event) => (isGap(event)
          ? <>{plural(event.lost, "event was", "events were")} missed here, since <Time at={event.since} />: the edge keeps the newest only.</> : event.text) },
        { name: "Subject", show: (event) => {
          if (isGap(event)) return "";
          const link = linkOf(event), text = <code>{event.subject ?? ""}</code>;
          return link ? <a href={link}>{text}</a> : text;
        } },
      ]} />
      {count > SHOWN && <p class="small">The newest {SHOWN} of {count}.</p>}
    </>
  );
}

const brief = (value: unknown) => (value === null || value === undefined ? "–" : JSON.stringify(value, null, 1));

function Changes() {
  return (
    <Paged<AuditEntry> path="/v1/audit" what="Changes" every={6000} kinds={["configuration"]}>
      {(rows) => (
        <Table rows={rows} id={(row) => row.id} label="Changes over REST" empty="Nothing has been changed." columns={[
          { name: "When", show: (row) => <Time at={row.when} /> },
          { name: "Who", show: (row) => <><code>{row.client}</code> <span class="small">{row.token}</span></> },
          { name: "What", show: (row) => <code>{row.method} {row.path}</code> },
          { name: "Status", show: (row) => <State tone={row.status < 300 ? "good" : "bad"}>{row.status}</State> },
          { name: "From what to what", show: (row) => <details><summary>show</summary><pre>{brief(row.before)}{"\n→\n"}{brief(row.after)}</pre></details> },
        ]} />
      )}
    </Paged>
  );
}

export function Events() {
  const changes = useStore(route).query.get("show") === "changes";
  return (
    <View title="Events">
      <nav class="tabs" aria-label="Which">
        <a href={href("events")} aria-current={changes ? undefined : "page"}>Events</a>
        <a href={href("events", { show: "changes" })} aria-current={changes ? "page" : undefined}>Changes over REST</a>
      </nav>
      {changes ? <Changes /> : <Happened />}
    </View>
  );
}
