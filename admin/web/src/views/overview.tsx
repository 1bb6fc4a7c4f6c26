// What the edge does now: health in words, the numbers, and the last quarter of an hour.
import type { ComponentChildren } from "preact";
import { whole, rate, seconds, milliseconds, plural, words } from "../format";
import { counter, number, rates, sameProcess, samples, type Sample } from "../history";
import { useLive } from "../live";
import { Panel, State, Trouble, View } from "../parts/basics";
import { Chart, type Line } from "../parts/chart";
import { href } from "../route";
import { useStore } from "../store";
import type { Counter, Readiness, Status } from "../types";

function Health({ status }: { status: Status | undefined }) {
  const ready = useLive<Readiness>("/readyz", { every: 3000, also: [503], kinds: ["target-up", "target-down", "maintenance-began", "maintenance-ended", "store-degraded", "store-recovered", "storm", "configuration"] });
  const data = ready.data;
  return (
    <Panel title="Health" aside={data && (
      <State tone={data.reasons.length ? "bad" : data.degraded.length ? "warn" : "good"}>{data.reasons.length ? "not ready" : data.degraded.length ? "degraded" : "ready"}</State>
    )}>
      <Trouble of={ready} what="Health" />
      {data && (data.reasons.length + data.degraded.length === 0
        ? <p class="note idle">Calls and registrations are served. Nothing is wrong.</p>
        : <ul class="reasons">
            {data.reasons.map((reason) => <li key={reason}><State tone="bad">cannot serve</State> {reason}</li>)}
            {data.degraded.map((reason) => <li key={reason}><State tone="warn">degraded</State> {reason}</li>)}
          </ul>)}
      {status && <p class="small">Version {status.version}, up for <a href={href("configuration")}>{seconds(status.uptime_s)}</a></p>}
    </Panel>
  );
}

// `about` has numbers, and links, of its own.
function Tile({ name, value, link, about }: { name: string; value: string; link: string; about?: ComponentChildren }) {
  return (
    <div class="tile">
      <a href={link}><span class="tile-name">{name}</span><b>{value}</b></a>
      {about && <span class="tile-about">{about}</span>}
    </div>
  );
}

const STARTED = "INVITEs that were sent on; the list has the newest, those refused as well, and one that was challenged once";

function Tiles({ status, list }: { status: Status; list: Sample[] }) {
  const counts = status.counts;
  const started = rates(list, ({ status: s }) => number(s.counters["calls_started"])).at(-1) ?? 0;
  const registers = number(counter(status.counters["requests"])["REGISTER"]);
  const wouldBe = number(counts["would_be_bans"]);
  const drops = Object.values(counter(status.counters["drops"])).reduce((sum, n) => sum + n, 0);
  return (
    <div class="tiles">
      <Tile name="Live calls" value={whole(number(counts["calls"]))} link={href("calls")} />
      <Tile name="Calls per second" value={rate(started)} link={href("requests", { kind: "call" })} about={<a href={href("requests", { kind: "call" })} title={STARTED}>{whole(number(status.counters["calls_started"]))} since the start</a>} />
      <Tile name="Registrations" value={whole(number(counts["registrations"]))} link={href("registrations")} about={<a href={href("requests", { method: "REGISTER" })}>{plural(registers, "REGISTER")}</a>} />
      <Tile name="Targets" value={whole(number(counts["targets"]))} link={href("sets")} about={<a href={href("sets")}>in {plural(number(counts["sets"]), "set")}</a>} />
      <Tile name="Domains" value={whole(number(counts["domains"]))} link={href("domains")} />
      <Tile name="Dropped" value={whole(drops)} link={href("door", { part: "knocks" })} about="by reason" />
      <Tile name="Bans" value={whole(number(counts["bans"]))} link={href("door", { bans: "enforced" })} about={wouldBe > 0 && <a href={href("door", { bans: "dry-run" })}>{whole(wouldBe)} more in dry run</a>} />
    </div>
  );
}

// The greatest few of a counter with names, as rates; the rest together.
function linesOf(list: Sample[], read: (sample: Sample) => Counter, link: (name: string) => string, hint?: string, most = 5): Line[] {
  const last = list.at(-1);
  if (!last) return [];
  const first = list.find((sample) => sameProcess(sample.status.started, last.status.started))!;
  const totals = read(last), before = read(first);
  const order = Object.keys(totals).sort((a, b) => (totals[b]! - (before[b] ?? 0)) - (totals[a]! - (before[a] ?? 0)) || totals[b]! - totals[a]!);
  const line = (name: string, names: string[], to?: string): Line => {
    const values = rates(list, (sample) => names.reduce((sum, n) => sum + (read(sample)[n] ?? 0), 0));
    const total = names.reduce((sum, n) => sum + (totals[n] ?? 0), 0);
    return { name, values, now: `${rate(values.at(-1) ?? 0)}/s (${whole(total)})`, ...(to ? { link: to } : {}), ...(hint ? { hint } : {}) };
  };
  const lines = order.slice(0, most).map((name) => line(words(name), [name], link(name)));
  return order.length > most ? [...lines, line("others", order.slice(most))] : lines;
}

function Charts({ list }: { list: Sample[] }) {
  const times = list.map((sample) => sample.at / 1000);
  const last = list.at(-1)!.status;
  const gauge = (name: string) => list.map((sample) => number(sample.status.counts[name]));
  const perSecond = (name: string, text: string, link: string, hint: string): Line => {
    const values = rates(list, ({ status }) => number(status.counters[name]));
    return { name: text, values, now: `${rate(values.at(-1) ?? 0)}/s`, link, hint };
  };
  // Where the edge does not count what it sends by code, what it made itself is shown.
  const coded = list.filter((sample) => sample.codes);
  return (
    <div class="charts">
      <Panel title="Live calls">
        <Chart title="Live calls" times={times} lines={[{ name: "calls", values: gauge("calls"), now: whole(number(last.counts["calls"])), link: href("calls") }]} />
      </Panel>
      <Panel title="Calls per second">
        <Chart title="Calls per second" times={times} decimals={1} lines={[
          perSecond("calls_started", "started", href("requests", { kind: "call" }), STARTED),
          perSecond("calls_answered", "answered", href("calls", { show: "records", answered: "true" }), "Their records come when they end"),
          perSecond("calls_failed", "failed", href("calls", { show: "records", answered: "false" }), "Ended unanswered; the records have those refused here as well"),
        ]} />
      </Panel>
      <Panel title="Registrations">
        <Chart title="Registrations" times={times} lines={[{ name: "bindings", values: gauge("registrations"), now: whole(number(last.counts["registrations"])), link: href("registrations") }]} />
      </Panel>
      <Panel title={coded.length ? "Final responses by code" : "Final responses made here, by code"} aside={<span class="small">those within dialogs too</span>}>
        <Chart title="Responses by code" times={coded.length ? coded.map((sample) => sample.at / 1000) : times} decimals={1}
          lines={linesOf(coded.length ? coded : list, (sample) => sample.codes ?? counter(sample.status.counters["local_replies"]), (code) => href("requests", { status: code }), "The list has those outside of dialogs")} />
      </Panel>
      <Panel title="Drops by reason">
        <Chart title="Drops by reason" times={times} decimals={1} lines={linesOf(list, ({ status }) => counter(status.counters["drops"]), (reason) => href("door", reason === "banned" ? { bans: "enforced" } : { reason, part: "knocks" }))} />
      </Panel>
      <Panel title="Load">
        <Chart title="Load in milliseconds" times={times} decimals={1} lines={[
          { name: "lag, average", values: list.map((s) => s.status.load.lag_ms), now: milliseconds(last.load.lag_ms), hint: "How late timers and packets are served" },
          { name: "last commit", values: list.map((s) => s.status.store.last_commit_ms), now: milliseconds(last.store.last_commit_ms), link: href("configuration") },
        ]} />
      </Panel>
    </div>
  );
}

export function Overview() {
  const list = useStore(samples);
  const last = list.at(-1);
  return (
    <View title="Overview">
      <Health status={last?.status} />
      {last ? <><Tiles status={last.status} list={list} /><Charts list={list} /></> : <p class="note idle">Loading …</p>}
    </View>
  );
}
