// The last quarter of an hour, sampled while the page is open: what the charts show.
import { api, ask, session } from "./api";
import { store } from "./store";
import type { Counter, Status } from "./types";

const EVERY = 2000;
const KEPT = 450;

// `codes`: final responses sent, by code, where the edge counts them; read less often than the rest.
export type Sample = { at: number; status: Status; codes?: Counter };
export const samples = store<Sample[]>([]);  // oldest first

export const number = (value: unknown): number => (typeof value === "number" ? value : 0);
export const counter = (value: unknown): Counter => (value && typeof value === "object" ? (value as Counter) : {});

// Whether both were told by the same process. Its start is worked out anew each time, to a millisecond or so.
export const sameProcess = (a: string, b: string) => Math.abs(Date.parse(a) - Date.parse(b)) < 1000;

// What is read of each sample, as differences per second; a restart of the edge shows as a gap.
export function rates(list: Sample[], read: (sample: Sample) => number): (number | null)[] {
  return list.map((sample, i) => {
    const before = list[i - 1];
    if (!before || !sameProcess(sample.status.started, before.status.started)) return null;
    const seconds = (sample.at - before.at) / 1000;
    return seconds > 0 ? Math.max(0, read(sample) - read(before)) / seconds : null;
  });
}

// Final responses sent, by code, out of the metrics; nothing when they do not tell.
async function codes(): Promise<Counter | undefined> {
  const answer = await ask("GET", "/metrics");
  if (!answer.ok) return undefined;
  const found: Counter = {};
  for (const line of (await answer.text()).split("\n")) {
    if (!line.startsWith("usher_sip_responses_total{") || !line.includes('direction="out"')) continue;
    const code = /code="([2-6]\d\d)"/.exec(line)?.[1];
    if (code) found[code] = (found[code] ?? 0) + Number(line.slice(line.lastIndexOf(" ") + 1));
  }
  return Object.keys(found).length ? found : undefined;
}

let timer = 0;
let turn = 0;
async function sample(): Promise<void> {
  let wait = EVERY;
  try {
    const status = await api<Status>("GET", "/v1/status");
    const taken: Sample = { at: Date.now(), status };
    if (turn++ % 3 === 0 && !document.hidden) {
      const found = await codes();
      if (found) taken.codes = found;
    }
    samples.set([...samples.get(), taken].slice(-KEPT));
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
