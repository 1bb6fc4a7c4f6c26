// The last quarter of an hour, sampled while the page is open: what the charts show.
import { api, session } from "./api";
import { store } from "./store";
import type { Counter, Status } from "./types";

const EVERY = 2000;
const KEPT = 450;

export type Sample = { at: number; status: Status };
export const samples = store<Sample[]>([]);  // oldest first

export const number = (value: unknown): number => (typeof value === "number" ? value : 0);
export const counter = (value: unknown): Counter => (value && typeof value === "object" ? (value as Counter) : {});

// Final responses by code: those of calls and requests through the edge where it counts them, else those it made itself.
export function responses(status: Status): { all: boolean; codes: Counter } {
  const all = status.counters["responses"];
  return all && typeof all === "object" ? { all: true, codes: all } : { all: false, codes: counter(status.counters["local_replies"]) };
}

// What is read of each sample, as differences per second; a restart of the edge shows as a gap.
export function rates(list: Sample[], read: (status: Status) => number): (number | null)[] {
  return list.map((sample, i) => {
    const before = list[i - 1];
    if (!before || sample.status.started !== before.status.started) return null;
    const seconds = (sample.at - before.at) / 1000;
    return seconds > 0 ? Math.max(0, read(sample.status) - read(before.status)) / seconds : null;
  });
}

let timer = 0;
async function sample(): Promise<void> {
  let wait = EVERY;
  try {
    const status = await api<Status>("GET", "/v1/status");
    samples.set([...samples.get(), { at: Date.now(), status }].slice(-KEPT));
  } catch {
    wait = 4 * EVERY;
  }
  const { state } = session.get();
  clearTimeout(timer);
  if (state === "in" || state === "open") timer = window.setTimeout(sample, wait);
}

session.watch(({ state }) => {
  clearTimeout(timer);
  if (state === "in" || state === "open") void sample();
  else samples.set([]);
});
