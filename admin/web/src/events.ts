// The stream of /v1/events. It is read by fetch, since an EventSource cannot carry the token.
import { api, ask, session } from "./api";
import { store } from "./store";
import type { Event, Gap } from "./types";

const KEPT = 1000;
const GAPS = 20;  // of these, kept beyond it, so that a list with a hole does not look whole

export const stream = store<"off" | "live" | "waiting">("off");
export const events = store<(Event | Gap)[]>([]);  // newest first

const listeners = new Set<(event: Event | Gap) => void>();
export function onEvent(on: (event: Event | Gap) => void): () => void {
  listeners.add(on);
  return () => listeners.delete(on);
}

let last = 0;  // the number of the newest; they rise over restarts of the edge
let old = 0;  // of the newest that was there before the page was opened: it changes nothing in what the page asks for
let since = "";  // its time
let lost = 0;  // as the stream has told before its next event
let running: AbortController | undefined;

// One event of the stream: the lines between two empty ones. That some are missing is told by one that has no number.
function read(block: string): Event | { lost: number } | undefined {
  const data = block.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
  if (!data) return undefined;
  try {
    return JSON.parse(data) as Event | { lost: number };
  } catch {
    return undefined;
  }
}

// Views are drawn a few times a second at most, however many there are.
let waiting: (Event | Gap)[] = [];
let drawing = 0;
function show(fresh: (Event | Gap)[]): void {
  waiting.push(...fresh);
  drawing ||= window.setTimeout(() => {
    drawing = 0;
    const all = [...waiting.reverse(), ...events.get()];
    events.set([...all.slice(0, KEPT), ...all.slice(KEPT).filter((event) => event.kind === "gap").slice(0, GAPS)]);
    waiting = [];
  }, 200);
}

function take(blocks: string[]): void {
  const fresh: (Event | Gap)[] = [];
  for (const told of blocks.map(read)) {
    if (!told) continue;
    if ("lost" in told) {
      lost = told.lost;
      continue;
    }
    if (told.id <= last) continue;
    // Those from before the page was opened are not missed.
    if (lost && last) fresh.push({ id: told.id - 1, at: told.at, kind: "gap", lost, since });
    lost = 0;
    last = told.id;
    since = told.at;
    fresh.push(told);
  }
  if (!fresh.length) return;
  show(fresh);
  for (const event of fresh) if (event.id > old) for (const on of [...listeners]) on(event);
}

async function follow(signal: AbortSignal): Promise<void> {
  if (!last && !old) old = (await api<{ last: number }>("GET", "/v1/events?format=json&limit=1", undefined, signal)).last;
  const answer = await ask("GET", `/v1/events?after=${last}`, { headers: { Accept: "text/event-stream" }, signal });
  if (!answer.ok || !answer.body) throw new Error(answer.statusText);
  stream.set("live");
  lost = 0;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).replace(/\r\n?/g, "\n").split("\n\n");
    rest = blocks.pop()!;
    take(blocks);
  }
}

async function run(signal: AbortSignal): Promise<void> {
  for (let wait = 1000; !signal.aborted; wait = Math.min(30_000, wait * 2)) {
    const begun = Date.now();
    try {
      await follow(signal);
    } catch {
      // Tried again below, or the session is over.
    }
    if (signal.aborted) return;
    stream.set("waiting");
    if (Date.now() - begun > 30_000) wait = 1000;
    await new Promise((done) => setTimeout(done, wait));
  }
}

session.watch(({ state }) => {
  const inside = state === "in" || state === "open";
  if (inside === (running !== undefined)) return;
  running?.abort();
  running = undefined;
  if (!inside) {
    stream.set("off");
    clearTimeout(drawing);
    drawing = 0;
    waiting = [];
    events.set([]);
    last = old = 0;
    return;
  }
  running = new AbortController();
  void run(running.signal);
});
