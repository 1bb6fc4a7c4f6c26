// What came in lately, and why each got the answer that it got.
import { Time, addressOf, words } from "../format";
import { useLive } from "../live";
import { Note, State, View, type Tone } from "../parts/basics";
import { Filters, useGiven, type Filter } from "../parts/filters";
import { Paged, Table } from "../parts/table";
import { href } from "../route";
import type { RecentRequest } from "../types";
import { statusTone } from "./calls";

const FILTERS: Filter[] = [
  { name: "kind", label: "Kind", options: [["", "all"], ["call", "calls"], ["registration", "registrations"], ["request", "other requests"], ["drop", "drops"]] },
  { name: "method", label: "Method", placeholder: "INVITE" },
  { name: "domain", label: "Domain", placeholder: "a.test" },
  { name: "status", label: "Status", type: "number", placeholder: "0: none" },
  { name: "target", label: "Tried at target", type: "number" },
  { name: "source", label: "Source address or network", placeholder: "192.0.2.7" },
];

function Outcome({ of }: { of: RecentRequest }) {
  // A challenge is no failure.
  const tone: Tone = of.status === null || of.status === 401 || of.status === 407 ? "idle" : statusTone(of.status);
  return <State tone={tone}>{of.status ?? (of.kind === "drop" ? "silence" : "none yet")}</State>;
}

export function Requests() {
  const given = useGiven(FILTERS);
  const filtered = Object.values(given).some(Boolean);
  const recorder = useLive<{ enabled: boolean }>("/v1/recorder", { every: 15_000 });
  return (
    <View title="Requests" lead="What came lately outside of dialogs, and why it got its answer. The flight recorder holds the newest ones only.">
      {recorder.data?.enabled === false && <Note tone="warn">The flight recorder is off, and holds nothing: see <a href={href("configuration")}>Configuration</a>.</Note>}
      <Filters path="requests" filters={FILTERS} label="Search requests" />
      <Paged<RecentRequest> path="/v1/requests" parameters={given} what="Requests" every={5000}>
        {(rows, _, more) => (
          <Table rows={rows} id={(row) => row.id} label="Requests" empty={more ? "None like this among the newest. The next page looks further." : filtered ? "None like this." : "Nothing has come."} columns={[
            { name: "When", show: (row) => <Time at={row.at} /> },
            { name: "Request", show: (row) => <a href={href("trace", { id: row.id })}>{row.method || words(row.kind)}</a> },
            { name: "From", show: (row) => <code class="cut" title={row.from}>{row.from || "–"}</code> },
            { name: "To", show: (row) => <code class="cut" title={row.to}>{row.to || "–"}</code> },
            { name: "Source", show: (row) => <a href={href("requests", { source: addressOf(row.source) })}><code>{row.source}</code></a> },
            { name: "Status", show: (row) => <Outcome of={row} /> },
            { name: "Why", show: (row) => <>{row.verdict}{row.known_death && <span class="small reason"><State tone="bad">known death</State> {words(row.known_death)}</span>}</> },
          ]} />
        )}
      </Paged>
    </View>
  );
}
