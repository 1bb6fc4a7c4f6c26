// One target: what it is, how its health went and why, the requests that it did not serve, each probe's time.
import { useEffect, useState } from "preact/hooks";
import { api } from "../api";
import { Time, milliseconds, whole } from "../format";
import { useLive } from "../live";
import { Facts, Note, Panel, State, Trouble, View } from "../parts/basics";
import { Chart } from "../parts/chart";
import { Table } from "../parts/table";
import { Health, HealthState, Places, STATES } from "../parts/target";
import { href, route } from "../route";
import { useStore } from "../store";
import type { DispatcherSet, Page, Probe, Target, TargetHistory } from "../types";
import { InMaintenance } from "./maintenance";

const KINDS = ["target-up", "target-down", "maintenance-began", "maintenance-ended", "call-started", "call-ended", "configuration"];
const NARROW = "(max-width: 700px)";  // as in parts.css

function Now({ target }: { target: Target }) {
  const { id, setid } = target;
  return (
    <Panel title="Now">
      <Facts of={[
        ["Destination", <><code>{target.destination}</code><Places target={target} /></>],
        ["Set", <a href={href("sets", { setid })}>{setid}</a>],
        ["Health", <Health target={target} />],
        ["State", <><State tone={STATES[target.state]}>{target.state}</State><InMaintenance target={target} /></>],
        ["Priority", target.priority], ["Weight", target.weight],
        ["RTT", <a href={href("target", { setid, id, part: "probes" })}>{milliseconds(target.rtt_ms)}</a>],
        ["Live calls", <a href={href("calls", { target: id })}>{whole(target.live_calls)}</a>],
        ["Attempts", <a href={href("requests", { target: id })}>{whole(target.attempts)}</a>],
        ["Failures", <a href={href("target", { setid, id, part: "failures" })}>{whole(target.failures)}</a>],
        ["Ended calls", <a href={href("calls", { show: "records", target: id })}>Records</a>],
        ["Comment", target.comment || "–"],
      ]} />
    </Panel>
  );
}

// One that says that it cannot serve fails as well.

function Probes({ probes }: { probes: Probe[] }) {
  const inOrder = [...probes].reverse();
  const times = inOrder.map((probe) => Date.parse(probe.at) / 1000);
  const bad = probes.filter((probe) => probe.failed).length;
  const newest = probes[0];
  return (
    <Panel title="Probes" part="probes" aside={<span class="small">the newest {whole(probes.length)}: {whole(probes.length - bad)} answered, {whole(bad)} failed</span>}>
      <Chart title="Round-trip time in milliseconds" times={times} decimals={1} lines={[
        { name: "RTT", values: inOrder.map((probe) => probe.rtt_ms), now: newest ? milliseconds(newest.rtt_ms) : "–", as: "points", hint: "In milliseconds" },
        { name: "failed", values: inOrder.map((probe) => (probe.failed ? probe.rtt_ms ?? 0 : null)), now: whole(bad), as: "marks", style: "line-3", hint: "At the bottom: no answer" },
      ]} />
      <details class="changes" open={matchMedia(NARROW).matches}>
        <summary>Each as numbers</summary>
        <Table rows={probes} id={(probe) => probe.at} label="Probes" empty="None yet." columns={[
          { name: "When", show: (probe) => <Time at={probe.at} /> },
          { name: "Answer", show: (probe) => <><State tone={probe.failed ? "bad" : "good"}>{probe.status ?? "none"}</State>{probe.reason && <span class="small reason">{probe.reason}</span>}</> },
          { name: "RTT", kind: "number", show: (probe) => milliseconds(probe.rtt_ms) },
        ]} />
      </details>
    </Panel>
  );
}

function Changes({ changes }: { changes: TargetHistory["changes"] }) {
  return (
    <Panel title="Changes of health" part="changes">
      <Table rows={changes} id={(change) => `${change.at} ${change.health}`} label="Changes of health" empty="None since the start of the process." columns={[
        { name: "When", show: (change) => <Time at={change.at} /> },
        { name: "Health", show: (change) => <><HealthState health={change.health} /> <span class="small">was {change.was}</span></> },
        { name: "Why", show: (change) => change.reason || "–" },
      ]} />
    </Panel>
  );
}

function Failures({ failures, total }: { failures: TargetHistory["failures"]; total: number }) {
  return (
    <Panel title="Requests that it did not serve" part="failures" aside={total > failures.length && <span class="small">the newest {whole(failures.length)} of {whole(total)}</span>}>
      <Table rows={failures} id={(failure) => `${failure.at} ${failures.indexOf(failure)}`} label="Requests that it did not serve" empty="None since the start of the process." columns={[
        { name: "When", show: (failure) => <Time at={failure.at} /> },
        { name: "Why", show: (failure) => failure.reason },
      ]} />
    </Panel>
  );
}

function OneTarget({ path, id }: { path: string; id: string }) {
  const target = useLive<Target>(path, { every: 2500, kinds: KINDS });
  const history = useLive<TargetHistory>(`${path}/history`, { every: 2500, kinds: KINDS });
  const data = target.data;
  return (
    <View title={`Target ${id}`} lead={data && <>{data.destination}, as this process of the edge has seen it.</>}>
      <Trouble of={target} what="The target" />
      {data && <Now target={data} />}
      {data && !history.data && <Trouble of={history} what="Its history" />}
      {data && history.data && (
        <>
          <div class="two"><Changes changes={history.data.changes} /><Failures failures={history.data.failures} total={data.failures} /></div>
          <Probes probes={history.data.probes} />
        </>
      )}
    </View>
  );
}

// Calls and registrations name a target by its number alone: the set that has it.
async function setOf(id: string): Promise<number | undefined> {
  for (let cursor: string | null = ""; cursor !== null; ) {
    const sets: Page<DispatcherSet> = await api("GET", `/v1/dispatcher/sets?limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    for (const { setid } of sets.items) {
      const targets = await api<Page<Target>>("GET", `/v1/dispatcher/sets/${setid}/targets?limit=1000`);
      if (targets.items.some((target) => String(target.id) === id)) return setid;
    }
    cursor = sets.next;
  }
  return undefined;
}

function Search({ of: id }: { of: string }) {
  const [said, setSaid] = useState("Looking for its set …");
  useEffect(() => {
    let over = false;
    setOf(id).then((setid) => {
      if (over) return;
      if (setid === undefined) setSaid("No set has it any more.");
      else location.replace(href("target", { setid, id }));
    }, (error: Error) => { if (!over) setSaid(error.message); });
    return () => { over = true; };
  }, [id]);
  return <View title={`Target ${id}`}><Note>{said}</Note></View>;
}

export function TargetView() {
  const { query } = useStore(route);
  const id = query.get("id") ?? "", setid = query.get("setid");
  if (!setid) return <Search key={id} of={id} />;
  return <OneTarget key={`${setid} ${id}`} path={`/v1/dispatcher/sets/${encodeURIComponent(setid)}/targets/${encodeURIComponent(id)}`} id={id} />;
}
