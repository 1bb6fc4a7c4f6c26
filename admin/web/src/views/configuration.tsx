// The effective timers, the process and its store, log levels.
import { useState } from "preact/hooks";
import { api, download } from "../api";
import { Time, milliseconds, seconds, whole, words } from "../format";
import { number, samples } from "../history";
import { useLive } from "../live";
import { Button, Choice, Facts, Form, Panel, State, Text, Trouble, View } from "../parts/basics";
import { change } from "../parts/dialogs";
import { Table } from "../parts/table";
import { href } from "../route";
import { Backups } from "./backups";
import { Transfer } from "./transfer";
import { useStore } from "../store";
import type { Status, Timer } from "../types";

const LEVELS = ["debug", "info", "warning", "error", "off"];

function Timers() {
  const live = useLive<Record<string, Timer>>("/v1/timers", { every: 30_000, kinds: ["configuration"] });
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

function Level({ label, value, set }: { label: string; value: string; set: (level: string) => void }) {
  return <select aria-label={label} value={value} onChange={(event) => set(event.currentTarget.value)}>{LEVELS.map((name) => <option key={name} value={name}>{name}</option>)}</select>;
}

type Watched = Record<string, string>;
let writing: Promise<boolean> = Promise.resolve(true);

/** Users, domains and addresses that have a level of their own. */
function Watch({ watched, refresh }: { watched: Watched; refresh: () => void }) {
  const [name, setName] = useState("");
  const [level, setLevel] = useState("debug");
  // All of them are written at once: what others have written meanwhile stays. One after another, as they were asked for.
  const put = (edit: (now: Watched) => Watched, done: string): Promise<boolean> => (writing = writing.then(async () => {
    const went = await change(async () => api("PUT", "/v1/log", { watch: edit((await api<{ watch: Watched }>("GET", "/v1/log")).watch) }), done);
    refresh();
    return went;
  }));
  const set = (one: string, own: string) => put((now) => ({ ...now, [one]: own }), `What names ${one} is written from ${own} on.`);
  const add = async () => {
    if (await set(name.trim(), level)) setName("");
  };
  const remove = (gone: string) => put((now) => Object.fromEntries(Object.entries(now).filter(([one]) => one !== gone)), `${gone} has no level of its own any more.`);
  return (
    <>
      {Object.keys(watched).length > 0 && (
        <Table rows={Object.entries(watched)} id={([one]) => one} label="Watched in the log" empty="" columns={[
          { name: "Lines that name", show: ([one]) => <b>{one}</b> },
          { name: "From", show: ([one, own]) => <Level label={`Log level of ${one}`} value={own} set={(next) => void set(one, next)} /> },
          { name: "", show: ([one]) => <Button kind="quiet" label={`Remove the level of ${one}`} onClick={() => void remove(one)}>Remove</Button> },
        ]} />
      )}
      <Form inline label="Watch in the log" onSubmit={() => void add()}>
        <Text label="User, domain or address" value={name} set={setName} required placeholder="401@a.test" hint="Lines that name it, and its calls, have this level in place of the categories'" />
        <Choice label="Level of its own" value={level} set={setLevel} options={LEVELS.map((one): [string, string] => [one, one])} />
        <Button type="submit">Watch</Button>
      </Form>
    </>
  );
}

function LogLevels() {
  const live = useLive<Record<string, string | Watched>>("/v1/log", { every: 15_000, kinds: ["configuration"] });
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
              <Level label={`Log level of ${category}`} value={level} set={(next) => void set(category, next)} />
            </label>
          ))}
        </div>
      )}
      {typeof live.data?.["watch"] === "object" && <Watch watched={live.data["watch"]} refresh={live.refresh} />}
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
        ["Calls", <a href={href("calls")}>{whole(number(counts["calls"]))}</a>], ["Subscriptions", <a href={href("subscriptions")}>{whole(number(counts["subscriptions"]))}</a>], ["Connections", <a href={href("connections")}>{whole(number(counts["connections"]))}</a>],
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
