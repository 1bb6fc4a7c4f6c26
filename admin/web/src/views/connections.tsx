// The connections of TCP, TLS and WebSockets that are open.
import { Time, addressOf, whole } from "../format";
import { State, View } from "../parts/basics";
import { Filters, useGiven, type Filter } from "../parts/filters";
import { PhoneTabs } from "../parts/phone_tabs";
import { Paged, Table } from "../parts/table";
import { href } from "../route";
import type { Connection } from "../types";

const FILTERS: Filter[] = [
  { name: "transport", label: "Transport", options: [["", "all"], ["tcp", "TCP"], ["tls", "TLS"], ["ws", "WS"], ["wss", "WSS"]] },
  { name: "source", label: "Address of the peer", placeholder: "192.0.2.7" },
  { name: "silent", label: "Silent", options: [["", "all"], ["true", "has said nothing"], ["false", "has spoken"]] },
];

export function Connections() {
  const given = useGiven(FILTERS);
  const filtered = Object.values(given).some(Boolean);
  return (
    <View title="Connections" lead="Of TCP, TLS and WebSockets; UDP has none.">
      <PhoneTabs />
      <Filters path="connections" filters={FILTERS} label="Search connections" />
      <Paged<Connection> path="/v1/connections" parameters={given} what="Connections" every={5000}>
        {(rows) => (
          <Table rows={rows} id={(row) => row.id} label="Connections" empty={filtered ? "None like this." : "No connection is open."} columns={[
            { name: "Peer", show: (row) => <a href={href("trace", { source: addressOf(row.remote) })}><code>{row.remote}</code></a> },
            { name: "Transport", show: (row) => row.transport },
            { name: "State", show: (row) => <State tone={row.state === "established" && !row.silent ? "good" : "idle"}>{row.state}{row.silent && ", silent"}</State> },
            { name: "Here", show: (row) => <code>{row.local}</code> },
            { name: "Made by", show: (row) => row.made_by },
            { name: "Opened", show: (row) => <Time at={row.opened} /> },
            { name: "Last traffic", show: (row) => <Time at={row.last_traffic} /> },
            { name: "Bytes to send", kind: "number", show: (row) => whole(row.queued_bytes) },
            { name: "Actions", kind: "actions", show: (row) => <a class="button" href={href("registrations", { source: addressOf(row.remote) })} aria-label={`Registrations of ${addressOf(row.remote)}`}>Registrations</a> },
          ]} />
        )}
      </Paged>
    </View>
  );
}
