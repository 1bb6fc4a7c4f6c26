// The effective timers, the process and its store, log levels.
import { useState } from "preact/hooks";
import { api, download } from "../api";
import { Time, milliseconds, seconds, whole, words } from "../format";
import { number, samples } from "../history";
import { useLive } from "../live";
import { Button, Facts, Form, Panel, State, Text, Trouble, View } from "../parts/basics";
import { change } from "../parts/dialogs";
import { Table } from "../parts/table";
import { href } from "../route";
import { Backups } from "./backups";
import { Transfer } from "./transfer";
import { useStore } from "../store";
import type { Status, Timer } from "../types";

const LEVELS = ["debug", "info", "warning", "error", "off"];

function Timers() {
  const live = useLive<Record<string, Timer>>("/v1/timers", { every: 15_000, kinds: ["configuration"] });
  return (
    <Panel wide title="Effective timers">
      <Trouble of={live} what="Timers" />
      {live.data && (
        <Table rows={Object.entries(live.data)} id={([name]) => name} label="Timers" empty="" columns={[
          { name: "Timer", show: ([name]) => <b>{words(name)}</b> },
          { name: "Value", kind: "number", show: ([, timer]) => timer.value },
          { name: "In milliseconds", kind: "number", show: ([, timer]) => `${whole(timer.ms)} ms` },
          { name: "Meaning", show: ([, timer]) => timer.meaning },
        ]} />
      )}
    </Panel>
  );
}

function Watch({ names, refresh }: { names: string[]; refresh: () => void }) {
  const [text, setText] = useState(names.join(" "));
  const save = async () => {
    const wanted = text.split(/[\s,]+/).filter(Boolean);
    await change(() => api("PUT", "/v1/log", { watch: wanted }), wanted.length ? `Each line of ${wanted.join(", ")} is written.` : "Nobody is watched.");
    refresh();
  };
  return (
    <Form inline label="Watch in the log" onSubmit={() => void save()}>
      <Text label="Watch users, domains, addresses" value={text} set={setText} placeholder="401@a.test 192.0.2.1" hint="Each line that names one is written, whatever the levels are" />
      <Button type="submit">Watch</Button>
    </Form>
  );
}

function LogLevels() {
  const live = useLive<Record<string, string | string[]>>("/v1/log", { every: 15_000 });
  const set = async (category: string, level: string) => {
    await change(() => api("PUT", "/v1/log", { [category]: level }), `The log of ${category} is at ${level}, until the next start.`);
    live.refresh();
  };
  return (
    <Panel title="Log levels" aside={<span class="small">until the next start</span>}>
      <Trouble of={live} what="Log levels" />
      {live.data && (
        <div class="levels">
          {Object.entries(live.data).filter((entry): entry is [string, string] => typeof entry[1] === "string").map(([category, level]) => (
            <label key={category}><span>{category}</span>
              <select aria-label={`Log level of ${category}`} value={level} onChange={(event) => void set(category, event.currentTarget.value)}>{LEVELS.map((name) => <option key={name} value={name}>{name}</option>)}</select>
            </label>
          ))}
        </div>
      )}
      {Array.isArray(live.data?.["watch"]) && <Watch names={live.data["watch"]} refresh={live.refresh} />}
    </Panel>
  );
}

function Process({ status }: { status: Status }) {
  const { load, counts } = status;
  return (
    <Panel title="Process">
      <Facts of={[
        ["Version", status.version], ["Started", <Time at={status.started} />], ["Up for", seconds(status.uptime_s)],
        ["Lag, average", milliseconds(load.lag_ms)], ["Lag, worst of the last minute", milliseconds(load.worst_lag_ms)],
        ["Overload", load.overload || "none"],
        ...Object.entries(load.queues).map(([name, n]): [string, string] => [`Waiting: ${words(name)}`, whole(n)]),
        ["Legs of calls", whole(number(counts["legs"]))], ["Timers", whole(number(counts["timers"]))], ["Connections", whole(number(counts["connections"]))], ["Subscriptions", whole(number(counts["subscriptions"]))],
        ["API", <Button kind="quiet" onClick={() => void change(() => download("/v1/openapi.yaml", "openapi.yaml"), "The description is saved.")}>save openapi.yaml</Button>],
      ]} />
    </Panel>
  );
}

function StoreState({ status: { store } }: { status: Status }) {
  return (
    <Panel title="Store" aside={<State tone={store.ok ? "good" : "bad"}>{store.ok ? "works" : "fails"}</State>}>
      <Facts of={[
        ...(store.reason ? [["Reason", store.reason] as [string, string]] : []),
        ["Last commit", milliseconds(store.last_commit_ms)], ["Commits", whole(store.commits)], ["Waiting", whole(store.queued)],
        ["Failed batches", whole(store.failed_batches)], ["Given up", whole(store.dropped)],
      ]} />
    </Panel>
  );
}

type RecorderState = { enabled: boolean; memory_bytes: number; used_bytes: number; messages: number; steps: number; oldest: string | null };

function Recorder() {
  const live = useLive<RecorderState>("/v1/recorder", { every: 8000 });
  const data = live.data;
  if (!data) return null;
  const toggle = async () => {
    await change(() => api("PUT", "/v1/recorder", { enabled: !data.enabled }), `The flight recorder is ${data.enabled ? "off" : "on"}, until the next start.`);
    live.refresh();
  };
  return (
    <Panel title="Flight recorder" aside={<><State tone={data.enabled ? "good" : "idle"}>{data.enabled ? "on" : "off"}</State><Button label={`Switch the flight recorder ${data.enabled ? "off" : "on"}`} onClick={() => void toggle()}>{data.enabled ? "Switch off" : "Switch on"}</Button></>}>
      <Facts of={[
        ["Memory", `${whole(data.used_bytes / 1_000_000)} of ${whole(data.memory_bytes / 1_000_000)} MB used`], ["Messages", whole(data.messages)],
        ["Decisions", <>{whole(data.steps)} about <a href={href("requests")}>requests</a></>], ["Oldest", <Time at={data.oldest} />],
      ]} />
    </Panel>
  );
}

export function Configuration() {
  const status = useStore(samples).at(-1)?.status;
  return (
    <View title="Configuration" lead="What is in force now. The file is read at the start and on SIGHUP.">
      <div class="two">
        <div>{status && <Process status={status} />}<Recorder /><Transfer /></div>
        <div>{status && <StoreState status={status} />}<LogLevels /></div>
      </div>
      <Backups />
      <Timers />
    </View>
  );
}
