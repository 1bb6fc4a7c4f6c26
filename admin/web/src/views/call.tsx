// One call: its facts, its ladder, and why it went as it did.
import { useEffect, useState } from "preact/hooks";
import { query as withQuery } from "../api";
import { Time, milliseconds, seconds } from "../format";
import { useLive } from "../live";
import { Button, Facts, Note, Panel, State, Trouble, View } from "../parts/basics";
import { Explained } from "../parts/explanation";
import { Recorded } from "../parts/recorded";
import { href, route } from "../route";
import { useStore } from "../store";
import type { Call, Cdr, Explanation, Page } from "../types";
import { statusTone } from "./calls";
import { endCall } from "./end_call";

function CallFacts({ call }: { call: Call }) {
  return (
    <Facts of={[
      ["State", <State tone={call.answered ? "good" : "idle"}>{call.state}</State>],
      ["From", <code>{call.from}</code>], ["To", <code>{call.to}</code>],
      ["Origin", <><code>{call.origin}</code> ({call.origin_side})</>],
      ["Goes to", <>{call.destination ? <code>{call.destination}</code> : "–"}{call.target !== null && <> <a href={href("target", { id: call.target })}>target {call.target}</a></>}</>],
      ["Started", <Time at={call.started} />], ["Answered", <Time at={call.answered} />], ["Talks", seconds(call.duration_s)],
      ["Call-ID of the origin", <code>{call.origin_call_id}</code>], ["Call-ID of the other leg", <code>{call.new_call_id || "–"}</code>],
    ]} />
  );
}

function RecordFacts({ cdr }: { cdr: Cdr }) {
  return (
    <Facts of={[
      ["Status", <State tone={statusTone(cdr.status)}>{cdr.status || "–"}</State>],
      ["Why it ended", <>{cdr.cause}{cdr.ended_by && `, by ${cdr.ended_by}`}</>],
      ["From", <code>{cdr.from}</code>], ["To", <code>{cdr.to}</code>],
      ["Domain", <a href={href("calls", { show: "records", domain: cdr.domain })}>{cdr.domain}</a>],
      ["Origin", <><code>{cdr.origin}</code> ({cdr.origin_side})</>],
      ["Went to", <>{cdr.destination ? <code>{cdr.destination}</code> : "–"}{cdr.target !== null && <> <a href={href("calls", { show: "records", target: cdr.target })}>target {cdr.target}</a></>}</>],
      ["Attempts", `${cdr.attempts}, ${cdr.failovers} of them after a failure`],
      ["Started", <Time at={cdr.started} />], ["Ringing", <Time at={cdr.ringing} />], ["Answered", <Time at={cdr.answered} />], ["Ended", <Time at={cdr.ended} />],
      ["Setup", milliseconds(cdr.setup_ms)], ["Talk", seconds(cdr.talk_s)],
      ["Call-ID of the origin", <code>{cdr.origin_call_id}</code>], ["Call-ID of the other leg", <code>{cdr.new_call_id || "–"}</code>],
    ]} />
  );
}

function Why({ id, running }: { id: string; running: boolean }) {
  const live = useLive<Explanation>(`/v1/explain/${encodeURIComponent(id)}`, { every: running ? 2500 : 0, kinds: ["call-answered", "call-ended"] });
  return (
    <Panel title="Explanation">
      <Trouble of={live} what="Explanations" />
      {live.data && <Explained of={live.data} />}
    </Panel>
  );
}

// A call of which only the key is known, of an event or a log line: it is live, or there is a record of it.
function Search({ of: key }: { of: string }) {
  const calls = useLive<Page<Call>>(withQuery("/v1/calls", { key }), { every: 0 });
  const records = useLive<Cdr>(`/v1/cdrs/${encodeURIComponent(key)}`, { every: 0 });
  const call = calls.data?.items[0];
  const record = records.data;
  useEffect(() => {
    if (call) location.replace(href("call", { id: call.id, key, call_id: call.origin_call_id }));
    else if (calls.data && record) location.replace(href("call", { key, call_id: record.origin_call_id }));
  }, [call, record, calls.data]);
  const over = (calls.data || calls.problem) && (records.data || records.problem);
  return (
    <View title={`Call ${key}`}>
      <Note>{over && !call && !record ? "It is not live any more, and there is no record of it." : "Looking for it …"}</Note>
      <Why id={key} running={false} />
    </View>
  );
}

export function CallView() {
  const { query } = useStore(route);
  const key = query.get("key");
  if (key && !query.get("id") && !query.get("call_id")) return <Search key={key} of={key} />;
  return <OneCall key={query.get("id") ?? key ?? ""} />;
}

function OneCall() {
  const { query } = useStore(route);
  const id = query.get("id"), key = query.get("key"), callId = query.get("call_id");
  const [seen, setSeen] = useState<Call>();
  const [over, setOver] = useState(!id);
  const call = useLive<Call>(id && !over ? `/v1/calls/${encodeURIComponent(id)}` : null, { every: 1500, kinds: ["call-answered", "call-ended"] });
  const origin = callId ?? seen?.origin_call_id ?? null;
  const record = useLive<Page<Cdr>>(over && origin ? withQuery("/v1/cdrs", { call_id: origin, limit: 20 }) : null, { every: 2500 });
  useEffect(() => { if (call.data) setSeen(call.data); }, [call.data]);
  useEffect(() => { if (call.problem?.status === 404) setOver(true); }, [call.problem]);

  const running = Boolean(id && !over);
  const name = seen?.key ?? key;
  const cdr = record.data?.items.find((item) => !name || item.id === name) ?? record.data?.items[0];
  const explained = running ? id! : name ?? origin;
  return (
    <View title={`Call ${name ?? ""}`} lead={running ? undefined : "This call is over."} actions={running && seen && <Button kind="danger" onClick={() => void endCall(seen).then(call.refresh)}>End call</Button>}>
      <div class="beside">
        <div>
          <Recorded path={running ? `/v1/calls/${encodeURIComponent(id!)}` : "/v1"} parameters={running ? {} : { call_id: origin ?? "" }} running={running} name={name ?? "call"} />
        </div>
        <div>
          {explained && <Why id={explained} running={running} />}
          <Panel title={running ? "Now" : "Record"}>
            {running && seen?.hint && <Note tone="warn">{seen.hint}</Note>}
            {running && seen && <CallFacts call={seen} />}
            {!running && (cdr ? <RecordFacts cdr={cdr} />
              : origin ? <Note>Its record is not there yet, or not any more.</Note> : <Note>Nothing is known of this call.</Note>)}
            {running && !seen && <Trouble of={call} what="The call" />}
          </Panel>
        </div>
      </div>
    </View>
  );
}
