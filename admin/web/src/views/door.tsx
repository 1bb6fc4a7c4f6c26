// Who is kept out: the gate's mode, bans, known scanners, and who knocked.
import { useState } from "preact/hooks";
import { api } from "../api";
import { Time, addressOf, seconds, until, whole, words } from "../format";
import { counter, samples } from "../history";
import { useLive } from "../live";
import { Button, Facts, Form, Panel, State, Text, Trouble, View } from "../parts/basics";
import { Dialog, Finish, change, confirm, tell, useSubmit } from "../parts/dialogs";
import { Paged, Table } from "../parts/table";
import { href, route } from "../route";
import { useStore } from "../store";
import type { Ban, DoorKnock, Gate, Page, Scanner } from "../types";

const MODES: Record<Gate["mode"], string> = {
  "first-week": "dry run until a week after the store was first opened, then enforcing",
  "dry-run": "counts and tells, and keeps nobody out",
  enforce: "limits and bans take effect",
};

function GateMode() {
  const gate = useLive<Gate>("/v1/gate", { every: 30_000, kinds: ["configuration"] });
  const data = gate.data;
  const choose = async (mode: Gate["mode"]) => {
    await confirm(`Gate: ${words(mode)}?`, <p>{words(mode)}: {MODES[mode]}. Strangers and unknown domains get silence in any mode, and bans made by hand hold in any mode.</p>, "Change", () => api("PATCH", "/v1/gate", { mode }), mode === "enforce");
    gate.refresh();
  };
  return (
    <Panel title="Gate" aside={data && <State tone={data.enforcing ? "good" : "warn"}>{data.enforcing ? "enforcing" : "dry run"}</State>}>
      <Trouble of={gate} what="The gate" />
      {data && (
        <>
          <div class="segments" role="group" aria-label="Mode of the gate">
            {(Object.keys(MODES) as Gate["mode"][]).map((mode) => (
              <button key={mode} type="button" aria-pressed={data.mode === mode} disabled={data.mode === mode} onClick={() => void choose(mode)}>{words(mode)}</button>
            ))}
          </div>
          <p class="small">{words(data.mode)}: {MODES[data.mode]}.{data.enforces_from && !data.enforcing && <> Enforcing from <Time at={data.enforces_from} />.</>}</p>
          <details>
            <summary>Limits and thresholds</summary>
            <Facts of={[
              ...Object.entries(data.limits).map(([name, limit]): [string, string] => [`per ${name}`, limit.per_second ? `${whole(limit.per_second)} per second, ${whole(limit.burst)} at once` : "no limit"]),
              ...Object.entries(data.bans).map(([name, value]): [string, string] => [words(name), String(value)]),
              ["trusted", data.trusted.join(", ") || "none"],
            ]} />
          </details>
        </>
      )}
    </Panel>
  );
}

function NewBan({ network: given, onClose }: { network: string; onClose: (made: boolean) => void }) {
  const [network, setNetwork] = useState(given);
  const [ttl, setTtl] = useState("1h");
  const [reason, setReason] = useState("");
  const { busy, problem, submit } = useSubmit(() => onClose(true));
  const fault = (field: string) => (problem.field === field ? problem.text : undefined);
  const save = async () => {
    await api("POST", "/v1/bans", { network: network.trim(), reason, ...(ttl.trim() ? { ttl: ttl.trim() } : {}) });
    tell(`${network.trim()} gets silence.`);
  };
  return (
    <Dialog title="Ban an address or a network" onClose={() => onClose(false)}>
      <Form onSubmit={() => void submit(save)}>
        <Text label="Address or network" value={network} set={setNetwork} required wide placeholder="192.0.2.0/24" error={fault("network")} hint="It gets silence, whatever the gate's mode. Backends and trusted networks cannot be banned." />
        <Text label="For" value={ttl} set={setTtl} hint="With unit: 10m, 1h. Empty: until it is lifted" error={fault("ttl")} />
        <Text label="Reason" value={reason} set={setReason} wide />
        <Finish action="Ban" danger busy={busy} problem={problem.text} onClose={() => onClose(false)} />
      </Form>
    </Dialog>
  );
}

const EFFECTS: Record<string, string> = { enforced: "with effect", "dry-run": "without one, in dry run" };

function Bans({ version, ban }: { version: number; ban: () => void }) {
  const wanted = useStore(route).query.get("bans") ?? "";
  const only = EFFECTS[wanted] && wanted;
  const lift = async (network: string, refresh: () => void) => {
    await change(() => api("DELETE", `/v1/bans/${encodeURIComponent(network)}`), `The ban of ${network} is lifted.`);
    refresh();
  };
  return (
    <Panel wide title="Bans" part="bans" aside={<Button onClick={ban}>Ban an address</Button>}>
      {only && <p class="filters">Those {EFFECTS[only]} only. <a href={href("door")}>All bans</a></p>}
      <Paged<Ban> path="/v1/bans" parameters={only ? { enforced: String(only === "enforced") } : {}} what="Bans" every={4000} version={version} kinds={["ban-made", "ban-lifted"]}>
        {(rows, refresh) => (
          <Table rows={rows} id={(row) => row.network} label="Bans" empty={only ? "None like this." : "Nobody is banned."} columns={[
            { name: "Network", show: (row) => (row.network.includes("/") ? <code>{row.network}</code> : <a href={href("trace", { source: row.network })}><code>{row.network}</code></a>) },
            { name: "Effect", show: (row) => <State tone={row.enforced ? "bad" : "idle"}>{row.enforced ? "silence" : "none (dry run)"}</State> },
            { name: "Reason", show: (row) => <>{row.reason || "–"}<span class="small reason">by {words(row.made_by)}</span></> },
            { name: "Since", show: (row) => <Time at={row.since} /> },
            { name: "Left", kind: "number", show: (row) => (row.until ? <span title={row.until}>{until(row.until)}</span> : "until lifted") },
            { name: "Packets dropped", kind: "number", show: (row) => <a href={href("requests", { kind: "drop", source: row.network })}>{whole(row.hits)}</a> },
            { name: "Times", kind: "number", show: (row) => whole(row.times) },
            { name: "Actions", kind: "actions", show: (row) => <Button label={`Unban ${row.network}`} onClick={() => void lift(row.network, refresh)}>Unban</Button> },
          ]} />
        )}
      </Paged>
    </Panel>
  );
}

function Knocks({ ban }: { ban: (network: string) => void }) {
  const { query } = useStore(route);
  const reason = query.get("reason");
  const drops = counter(useStore(samples).at(-1)?.status.counters["drops"]);
  const reasons = Object.keys(drops).sort();
  return (
    <Panel wide title="Door-knocks" part="knocks" aside={<span class="small">one line per address and reason</span>}>
      {reasons.length > 0 && (
        <p class="filters">Silence since the start: {reasons.map((name) => <a key={name} href={href("door", name === "banned" ? { bans: "enforced", part: "bans" } : { reason: name, part: "knocks" })} aria-current={name === reason ? "true" : undefined}>{name} {whole(drops[name]!)}</a>)}{reason && <a href={href("door", { part: "knocks" })}>all reasons</a>}</p>
      )}
      <Paged<DoorKnock> path="/v1/door-knocks" parameters={reason ? { reason } : {}} what="Door-knocks" every={4000}>
        {(rows) => (
          <Table rows={rows} id={(row) => `${row.source} ${row.reason} ${row.first}`} label="Door-knocks" empty={reason ? <>None for "{reason}"; not each drop is a knock: <a href={href("requests", { kind: "drop" })}>requests that were dropped</a>.</> : "Nobody has knocked."} columns={[
            { name: "Last", show: (row) => <Time at={row.when} /> },
            { name: "Source", show: (row) => <a href={href("trace", { source: addressOf(row.source) })}><code>{row.source}</code></a> },
            { name: "Reason", show: (row) => row.reason },
            { name: "Count", kind: "number", show: (row) => <a href={href("requests", { kind: "drop", source: addressOf(row.source) })}>{whole(row.count)}</a> },
            { name: "Over", kind: "number", show: (row) => seconds((Date.parse(row.when) - Date.parse(row.first)) / 1000) },
            { name: "Method", show: (row) => row.method || "–" },
            { name: "Domain", show: (row) => <span class="cut" title={row.domain}>{row.domain || "–"}</span> },
            { name: "User agent", show: (row) => <span class="cut" title={row.user_agent}>{row.user_agent || "–"}</span> },
            { name: "Actions", kind: "actions", show: (row) => <Button kind="danger" label={`Ban ${addressOf(row.source)}`} onClick={() => ban(addressOf(row.source))}>Ban</Button> },
          ]} />
        )}
      </Paged>
    </Panel>
  );
}

function Scanners() {
  const live = useLive<Page<Scanner>>("/v1/scanners?limit=1000", { every: 0 });
  const [pattern, setPattern] = useState("");
  const path = (text: string) => `/v1/scanners/${encodeURIComponent(text)}`;
  const add = async () => {
    if (await change(() => api("PUT", path(pattern.trim()), {}), `User agents with "${pattern.trim()}" get silence.`)) setPattern("");
    live.refresh();
  };
  const remove = async (row: Scanner) => {
    await confirm(`Remove ${row.pattern}?`, <p>User agents with this text are not told as scanners any more.</p>, "Remove", () => api("DELETE", path(row.pattern)));
    live.refresh();
  };
  return (
    <Panel title="Known scanners">
      <Trouble of={live} what="Scanners" />
      {live.data && (
        <details>
          <summary>{whole(live.data.items.length)} patterns of User-Agent values</summary>
          <ul class="chips">{live.data.items.map((row) => <li key={row.pattern} title={row.comment}><code>{row.pattern}</code> <Button kind="quiet" label={`Remove the scanner ${row.pattern}`} onClick={() => void remove(row)}>remove</Button></li>)}</ul>
          <Form inline label="Add a scanner" onSubmit={() => void add()}>
            <Text label="Text in the User-Agent" value={pattern} set={setPattern} required />
            <Button type="submit">Add</Button>
          </Form>
        </details>
      )}
    </Panel>
  );
}

export function Door() {
  const [banning, setBanning] = useState<string>();
  const [version, setVersion] = useState(0);
  return (
    <View title="Door and bans" lead="Who gets silence, and why.">
      <div class="two"><GateMode /><Scanners /></div>
      <Bans version={version} ban={() => setBanning("")} />
      <Knocks ban={setBanning} />
      {banning !== undefined && <NewBan network={banning} onClose={(made) => { setBanning(undefined); if (made) setVersion((n) => n + 1); }} />}
    </View>
  );
}
