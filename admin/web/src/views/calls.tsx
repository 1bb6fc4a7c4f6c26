// Live calls, and the records of those that are over.
import { downloadPages, query as withQuery } from "../api";
import { Time, milliseconds, seconds, whole } from "../format";
import { number, samples } from "../history";
import { Button, State, View, type Tone } from "../parts/basics";
import { tell } from "../parts/dialogs";
import { Filters, useGiven, type Filter } from "../parts/filters";
import { Paged, Table } from "../parts/table";
import { href, route } from "../route";
import { useStore } from "../store";
import type { Call, Cdr } from "../types";
import { endCall } from "./end_call";

const LIVE: Filter[] = [
  { name: "aor", label: "Address of record", placeholder: "401@a.test" },
  { name: "user", label: "User" },
  { name: "domain", label: "Domain", placeholder: "a.test" },
  { name: "target", label: "Target", type: "number" },
  { name: "state", label: "State", placeholder: "ringing" },
  { name: "call_id", label: "Call-ID" },
];
const RECORDS: Filter[] = [
  { name: "domain", label: "Domain" },
  { name: "user", label: "User" },
  { name: "target", label: "Target", type: "number" },
  { name: "status", label: "Status", type: "number" },
  { name: "answered", label: "Answered", options: [["", "all"], ["true", "answered"], ["false", "not answered"]] },
  { name: "call_id", label: "Call-ID" },
  { name: "from", label: "From time", placeholder: "2026-01-31T12:00:00Z" },
  { name: "to", label: "To time" },
];

export const statusTone = (status: number): Tone => (status >= 200 && status < 300 ? "good" : status === 487 || status === 486 || status < 400 ? "idle" : "bad");
const callLink = (call: Call) => href("call", { id: call.id, key: call.key, call_id: call.origin_call_id });
const recordLink = (cdr: Cdr) => href("call", { key: cdr.id, call_id: cdr.origin_call_id });

function Live() {
  const given = useGiven(LIVE);
  const filtered = Object.values(given).some(Boolean);
  return (
    <>
      <Filters path="calls" filters={LIVE} label="Search live calls" />
      <Paged<Call> path="/v1/calls" parameters={given} what="Live calls" every={2500} kinds={["call-started", "call-answered", "call-ended"]}>
        {(rows, refresh) => (
          <Table rows={rows} id={(call) => call.id} label="Live calls" empty={filtered ? "None like this." : "No call is up."} columns={[
            { name: "Call", show: (call) => <a href={callLink(call)}>{call.key}</a> },
            { name: "State", show: (call) => <><State tone={call.answered ? "good" : "idle"}>{call.state}</State>{call.hint && <span class="small reason">{call.hint}</span>}</> },
            { name: "From", show: (call) => <code class="cut" title={call.from}>{call.from}</code> },
            { name: "To", show: (call) => <code class="cut" title={call.to}>{call.to}</code> },
            { name: "Origin", show: (call) => <><code>{call.origin}</code> <span class="small">{call.origin_side}</span></> },
            { name: "Goes to", show: (call) => <>{call.destination ? <code>{call.destination}</code> : "–"}{call.target !== null && <span class="small"> <a href={href("target", { id: call.target })}>target {call.target}</a></span>}</> },
            { name: "Started", show: (call) => <Time at={call.started} /> },
            { name: "Talks", kind: "number", show: (call) => seconds(call.duration_s) },
            { name: "Actions", kind: "actions", show: (call) => <Button kind="danger" label={`End call ${call.key}`} onClick={() => void endCall(call).then(refresh)}>End</Button> },
          ]} />
        )}
      </Paged>
    </>
  );
}

async function saveRecords(given: Record<string, string>) {
  try {
    const all = await downloadPages(withQuery("/v1/cdrs", { ...given, format: "csv", limit: 1000 }), "calls.csv");
    tell(all ? "The records are saved as calls.csv." : "The newest records are saved as calls.csv; there are more: choose a time or a domain.");
  } catch (error) {
    tell((error as Error).message, true);
  }
}

function Records() {
  const given = useGiven(RECORDS);
  return (
    <>
      <Filters path="calls" filters={RECORDS} keep={{ show: "records" }} label="Search records">
        <Button onClick={() => void saveRecords(given)}>CSV</Button>
      </Filters>
      <Paged<Cdr> path="/v1/cdrs" parameters={given} what="Call records" every={10_000} kinds={["call-ended"]}>
        {(rows, _, more) => (
          <Table rows={rows} id={(cdr) => cdr.id} label="Call records" empty={more ? "No record like this among the newest. The next page looks further." : "No record like this."} columns={[
            { name: "Call", show: (cdr) => <a href={recordLink(cdr)}>{cdr.id}</a> },
            { name: "Started", show: (cdr) => <Time at={cdr.started} /> },
            { name: "From", show: (cdr) => <code class="cut" title={cdr.from}>{cdr.from}</code> },
            { name: "To", show: (cdr) => <code class="cut" title={cdr.to}>{cdr.to}</code> },
            { name: "Domain", show: (cdr) => <a href={href("calls", { show: "records", domain: cdr.domain })}>{cdr.domain}</a> },
            { name: "Status", show: (cdr) => <State tone={statusTone(cdr.status)}>{cdr.status || "–"}</State> },
            { name: "Why it ended", show: (cdr) => <>{cdr.cause}{cdr.ended_by && <span class="small reason">by {cdr.ended_by}</span>}</> },
            { name: "Target", kind: "number", show: (cdr) => (cdr.target === null ? "–" : <a href={href("calls", { show: "records", target: cdr.target })}>{cdr.target}</a>) },
            { name: "Attempts", kind: "number", show: (cdr) => <a href={recordLink(cdr)}>{cdr.attempts}</a> },
            { name: "Setup", kind: "number", show: (cdr) => milliseconds(cdr.setup_ms) },
            { name: "Talk", kind: "number", show: (cdr) => seconds(cdr.talk_s) },
          ]} />
        )}
      </Paged>
    </>
  );
}

export function Calls() {
  const { query } = useStore(route);
  const records = query.get("show") === "records";
  const live = useStore(samples).at(-1)?.status.counts["calls"];
  return (
    <View title="Calls">
      <nav class="tabs" aria-label="Which calls">
        <a href={href("calls")} aria-current={records ? undefined : "page"}>Live{live !== undefined && ` (${whole(number(live))})`}</a>
        <a href={href("calls", { show: "records" })} aria-current={records ? "page" : undefined}>Records</a>
      </nav>
      {records ? <Records /> : <Live />}
    </View>
  );
}
