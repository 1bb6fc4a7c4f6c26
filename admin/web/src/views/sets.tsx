// Dispatcher sets with their targets: health and why, live calls, and what can be done with each.
import { useState } from "preact/hooks";
import { api } from "../api";
import { milliseconds, plural, whole } from "../format";
import { useLive } from "../live";
import { Button, Note, Panel, State, Trouble, View } from "../parts/basics";
import { confirm, tell } from "../parts/dialogs";
import { Paged, Table } from "../parts/table";
import { Health, Places, STATES } from "../parts/target";
import { href, route } from "../route";
import { useStore } from "../store";
import type { DispatcherSet, Domain, Page, Target } from "../types";
import { InMaintenance, MaintenanceDialog } from "./maintenance";
import { AddTarget, EditSet } from "./set_forms";

const pathOf = (target: Target) => `/v1/dispatcher/sets/${target.setid}/targets/${target.id}`;
const viewOf = ({ setid, id }: Target, part?: string) => href("target", { setid, id, part });

// The domains that a set serves, as far as one page tells.
async function served(setid: number): Promise<string> {
  const domains = await api<Page<Domain>>("GET", "/v1/domains?limit=1000");
  const names = domains.items.filter((domain) => domain.setid === setid && domain.enabled).map((domain) => domain.domain);
  if (!names.length) return "No enabled domain uses this set.";
  return `It serves ${names.slice(0, 6).join(", ")}${names.length > 6 ? ` and ${plural(names.length - 6, "further domain")}` : ""}${domains.next ? " (of the first 1000 domains)" : ""}.`;
}

function rest(target: Target, all: Target[]): string {
  const others = all.filter((other) => other.id !== target.id && other.state === "active" && other.health === "up" && !other.maintenance_until);
  return others.length ? `${plural(others.length, "other target")} of set ${target.setid} ${others.length === 1 ? "is" : "are"} up and active.` : `No other target of set ${target.setid} is up and active: new calls of its domains will be refused.`;
}

const LiveCalls = ({ of }: { of: Target }) => <a href={href("calls", { target: of.id })}>{plural(of.live_calls, "live call")}</a>;

async function changeState(target: Target, all: Target[], state: Target["state"], refresh: () => void) {
  const going = <>Its <LiveCalls of={target} /> go on until they end.</>;
  const what = {
    draining: <>It gets no new calls and registrations. {going}</>,
    active: "It gets new calls and registrations again, when it is up.",
    disabled: <>It gets nothing new and is not probed any more. {going}</>,
  }[state];
  const verb = { draining: "Drain", active: "Activate", disabled: "Disable" }[state];
  const domains = await served(target.setid).catch(() => "");
  const done = await confirm(`${verb} target ${target.id}?`, (
    <>
      <p><code>{target.destination}</code> of set {target.setid}. {what}</p>
      <p>{domains} {state !== "active" && rest(target, all)}</p>
    </>
  ), verb, () => api("PATCH", pathOf(target), { state }), state !== "active");
  if (done) tell(`Target ${target.id} is ${state}.`);
  refresh();
}

async function remove(target: Target, all: Target[], refresh: () => void) {
  const domains = await served(target.setid).catch(() => "");
  const done = await confirm(`Remove target ${target.id}?`, (
    <>
      <p><code>{target.destination}</code> leaves set {target.setid}. Requests from its address are a stranger's from then on.</p>
      <p>{domains} {rest(target, all)}</p>
      {target.live_calls > 0 && <Note tone="warn">It carries <LiveCalls of={target} />: the edge will refuse. Drain it first.</Note>}
    </>
  ), "Remove", () => api("DELETE", pathOf(target)));
  if (done) tell(`Target ${target.id} is removed.`);
  refresh();
}

function Targets({ setid, refreshSets }: { setid: number; refreshSets: () => void }) {
  const live = useLive<Page<Target>>(`/v1/dispatcher/sets/${setid}/targets?limit=200`, { every: 2500, kinds: ["target-up", "target-down", "maintenance-began", "maintenance-ended", "call-started", "call-ended", "configuration"] });
  const [maintained, setMaintained] = useState<Target>();
  const refresh = () => { live.refresh(); refreshSets(); };
  const all = live.data?.items ?? [];
  return (
    <>
      <Trouble of={live} what={`Targets of set ${setid}`} />
      {live.data && (
        <Table rows={all} id={(target) => target.id} label={`Targets of set ${setid}`} empty="No target yet: calls of its domains are refused." columns={[
          { name: "Target", kind: "number", show: (target) => <a href={viewOf(target)}>{target.id}</a> },
          { name: "Destination", show: (target) => <><code>{target.destination}</code><span class="small reason">priority {target.priority}, weight {target.weight}{target.comment && `, ${target.comment}`}</span><Places target={target} /></> },
          { name: "Health", show: (target) => <Health target={target} /> },
          { name: "State", show: (target) => <><State tone={STATES[target.state]}>{target.state}</State><InMaintenance target={target} /></> },
          { name: "RTT", kind: "number", show: (target) => <a href={viewOf(target, "probes")}>{milliseconds(target.rtt_ms)}</a> },
          { name: "Live calls", kind: "number", show: (target) => <a href={href("calls", { target: target.id })}>{whole(target.live_calls)}</a> },
          { name: "Attempts", kind: "number", show: (target) => <a href={href("requests", { target: target.id })}>{whole(target.attempts)}</a> },
          { name: "Failures", kind: "number", show: (target) => <a href={viewOf(target, "failures")}>{whole(target.failures)}</a> },
          { name: "Actions", kind: "actions", show: (target) => (
            <>
              {target.state !== "active" && <Button label={`Activate target ${target.id}`} onClick={() => void changeState(target, all, "active", refresh)}>Activate</Button>}
              {target.state === "active" && <Button label={`Drain target ${target.id}`} onClick={() => void changeState(target, all, "draining", refresh)}>Drain</Button>}
              {target.state === "draining" && <Button label={`Disable target ${target.id}`} onClick={() => void changeState(target, all, "disabled", refresh)}>Disable</Button>}
              <Button label={`Maintenance of target ${target.id}`} onClick={() => setMaintained(target)}>Maintenance</Button>
              <Button kind="danger" label={`Remove target ${target.id}`} onClick={() => void remove(target, all, refresh)}>Remove</Button>
            </>
          ) },
        ]} />
      )}
      {maintained && <MaintenanceDialog target={maintained} onClose={(changed) => { setMaintained(undefined); if (changed) refresh(); }} />}
    </>
  );
}

function SetPanel({ set, refresh, edit, add }: { set: DispatcherSet; refresh: () => void; edit: () => void; add: () => void }) {
  const { up, total } = set.targets;
  return (
    <Panel wide title={<>Set {set.setid}</>} aside={(
      <>
        <State tone={total === 0 ? "idle" : up === 0 ? "bad" : up < total ? "warn" : "good"}>{up} of {total} up</State>
        <span class="small">{set.algorithm}, probed each {set.health.interval}</span>
        <a href={href("domains", { setid: set.setid })}>Domains</a>
        <Button label={`Change set ${set.setid}`} onClick={edit}>Change</Button>
        <Button label={`Add a target to set ${set.setid}`} onClick={add}>Add target</Button>
        {total === 0 && <Button kind="danger" label={`Remove set ${set.setid}`} onClick={() => void confirm(`Remove set ${set.setid}?`, <p>It has no targets. The edge refuses while a domain uses it.</p>, "Remove", () => api("DELETE", `/v1/dispatcher/sets/${set.setid}`)).then(refresh)}>Remove</Button>}
      </>
    )}>
      {set.comment && <p class="small">{set.comment}</p>}
      <Targets setid={set.setid} refreshSets={refresh} />
    </Panel>
  );
}

export function Sets() {
  const { query } = useStore(route);
  const [adding, setAdding] = useState<number | "new">();
  const [editing, setEditing] = useState<DispatcherSet>();
  const [version, setVersion] = useState(0);
  const only = query.get("setid");
  return (
    <View title="Sets and targets" lead="Where calls and registrations go." actions={<Button kind="main" onClick={() => setAdding("new")}>Add target</Button>}>
      {only && <p class="filters">Set {only} only. <a href={href("sets")}>All sets</a></p>}
      <Paged<DispatcherSet> path="/v1/dispatcher/sets" what="Sets" each={only ? 1000 : 10} every={5000} version={version} kinds={["target-up", "target-down", "configuration"]}>
        {(rows, refresh) => {
          const shown = rows.filter((set) => !only || String(set.setid) === only);
          return shown.length
            ? shown.map((set) => <SetPanel key={set.setid} set={set} refresh={refresh} edit={() => setEditing(set)} add={() => setAdding(set.setid)} />)
            : <Note>No set yet. Adding the first target makes one.</Note>;
        }}
      </Paged>
      {adding !== undefined && <AddTarget setid={adding === "new" ? (only ? Number(only) : undefined) : adding} onClose={(made) => { setAdding(undefined); if (made) setVersion((n) => n + 1); }} />}
      {editing && <EditSet set={editing} onClose={(changed) => { setEditing(undefined); if (changed) setVersion((n) => n + 1); }} />}
    </View>
  );
}
