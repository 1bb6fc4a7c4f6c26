// Who is told what: the subscriptions that go through the edge.
import { Time } from "../format";
import { State, View } from "../parts/basics";
import { Filters, useGiven, type Filter } from "../parts/filters";
import { PhoneTabs } from "../parts/phone_tabs";
import { Paged, Table } from "../parts/table";
import { href } from "../route";
import type { Subscription } from "../types";

const FILTERS: Filter[] = [
  { name: "domain", label: "Domain", placeholder: "a.test" },
  { name: "aor", label: "Subscriber or notifier", placeholder: "401@a.test" },
  { name: "event", label: "Event", placeholder: "dialog" },
  { name: "target", label: "Target", type: "number" },
  { name: "call_id", label: "Call-ID" },
];

export function Subscriptions() {
  const given = useGiven(FILTERS);
  const filtered = Object.values(given).some(Boolean);
  return (
    <View title="Subscriptions">
      <PhoneTabs />
      <Filters path="subscriptions" filters={FILTERS} label="Search subscriptions" />
      <Paged<Subscription> path="/v1/subscriptions" parameters={given} what="Subscriptions" every={5000}>
        {(rows) => (
          <Table rows={rows} id={(row) => row.id} label="Subscriptions" empty={filtered ? "None like this." : "Nobody has subscribed to anything."} columns={[
            { name: "Event", show: (row) => <a href={href("trace", { call_id: row.subscriber_call_id })}>{row.event}</a> },
            { name: "State", show: (row) => <State tone={row.state === "live" ? "good" : "idle"}>{row.state}</State> },
            { name: "Subscriber", show: (row) => <><code class="cut" title={row.subscriber}>{row.subscriber}</code> <span class="small">{row.subscriber_at}</span></> },
            { name: "Notifier", show: (row) => <><code class="cut" title={row.notifier}>{row.notifier}</code> <span class="small">{row.notifier_at}</span></> },
            { name: "Domain", show: (row) => (row.domain ? <a href={href("subscriptions", { domain: row.domain })}>{row.domain}</a> : "–") },
            { name: "Target", kind: "number", show: (row) => (row.target === null ? "–" : <a href={href("target", { id: row.target })}>target {row.target}</a>) },
            { name: "Made by", show: (row) => (row.refer ? "REFER" : "SUBSCRIBE") },
            { name: "In a call", show: (row) => (row.in_call ? <a href={href("call", { key: row.key, call_id: row.subscriber_call_id })}>{row.key}</a> : "–") },
            { name: "Until", show: (row) => <Time at={row.expires} /> },
          ]} />
        )}
      </Paged>
    </View>
  );
}
