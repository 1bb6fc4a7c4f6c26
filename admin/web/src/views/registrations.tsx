// Which phones are registered, from where, until when.
import { api } from "../api";
import { Time, addressOf, seconds } from "../format";
import { Button, View } from "../parts/basics";
import { confirm, tell } from "../parts/dialogs";
import { Filters, useGiven, type Filter } from "../parts/filters";
import { PhoneTabs } from "../parts/phone_tabs";
import { Paged, Table } from "../parts/table";
import { href } from "../route";
import type { Registration } from "../types";

const FILTERS: Filter[] = [
  { name: "domain", label: "Domain", placeholder: "a.test" },
  { name: "user", label: "User", placeholder: "401" },
  { name: "source", label: "Source address", placeholder: "192.0.2.7" },
];

async function forget(row: Registration, refresh: () => void) {
  const done = await confirm(`Remove the registration of ${row.aor}?`, (
    <>
      <p>The device at <code>{row.source}</code> ({row.transport}{row.user_agent ? `, ${row.user_agent}` : ""}) gets no calls until it registers again, {row.expires_in_s > 0 ? `which it is due to do within ${seconds(row.expires_in_s)}` : "which is due now"}. Calls that are up go on.</p>
      <p>Contact <code>{row.contact}</code></p>
    </>
  ), "Remove", () => api("DELETE", `/v1/registrations/${encodeURIComponent(row.token)}`));
  if (done) tell(`${row.aor} at ${row.source} is forgotten.`);
  refresh();
}

export function Registrations() {
  const given = useGiven(FILTERS);
  const filtered = Object.values(given).some(Boolean);
  return (
    <View title="Registrations">
      <PhoneTabs />
      <Filters path="registrations" filters={FILTERS} label="Search registrations" />
      <Paged<Registration> path="/v1/registrations" parameters={given} what="Registrations" every={5000} kinds={["binding-added", "binding-removed"]}>
        {(rows, refresh) => (
          <Table rows={rows} id={(row) => row.token} label="Registrations" empty={filtered ? "None like this." : "No phone is registered."} columns={[
            { name: "Address of record", show: (row) => <b>{row.aor}</b> },
            { name: "Source", show: (row) => <><code>{row.source}</code> <span class="small">{row.transport}</span></> },
            { name: "Contact", show: (row) => <code class="cut" title={row.contact}>{row.contact}</code> },
            { name: "Device", show: (row) => <span class="cut" title={row.user_agent}>{row.user_agent || "–"}</span> },
            { name: "Granted by", kind: "number", show: (row) => (row.target === null ? "–" : <a href={href("target", { id: row.target })}>target {row.target}</a>) },
            { name: "Since", show: (row) => <Time at={row.registered} /> },
            { name: "Expires in", kind: "number", show: (row) => seconds(row.expires_in_s) },
            { name: "Actions", kind: "actions", show: (row) => (
              <>
                <a class="button" href={href("trace", { aor: row.aor })} aria-label={`Trace ${row.aor}`}>Trace</a>
                <a class="button" href={href("registrations", { source: addressOf(row.source) })} aria-label={`All registrations of ${addressOf(row.source)}`}>Same source</a>
                <Button kind="danger" label={`Remove the registration of ${row.aor}`} onClick={() => void forget(row, refresh)}>Remove</Button>
              </>
            ) },
          ]} />
        )}
      </Paged>
    </View>
  );
}
