// The stream of /v1/events. It is read by fetch, since an EventSource cannot carry the token.
import { ask, session } from "./api";
import { store } from "./store";
import type { Event } from "./types";

const KEPT = 1000;

export const stream = store<"off" | "live" | "waiting">("off");
export const events = store<Event[]>([]);  // newest first

const listeners = new Set<(event: Event) => void>();
export function onEvent(on: (event: Event) => void): () => void {
  listeners.add(on);
  return () => listeners.delete(on);
}

let last = 0;  // the number of the newest; they rise over restarts of the edge
let running: AbortController | undefined;

// One event of the stream: the lines between two empty ones.
function read(block: string): Event | undefined {
  const data = block.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n");
  if (!data) return undefined;
  try {
    return JSON.parse(data) as Event;
  } catch {
    return undefined;
  }
}

// Views are drawn a few times a second at most, however many there are.
let waiting: Event[] = [];
let drawing = 0;
function show(fresh: Event[]): void {
  waiting.push(...fresh);
  drawing ||= window.setTimeout(() => {
    drawing = 0;
    events.set([...waiting.reverse(), ...events.get()].slice(0, KEPT));
    waiting = [];
  }, 200);
}

function take(blocks: string[]): void {
  const fresh = blocks.map(read).filter((event): event is Event => event !== undefined && event.id > last);
  if (!fresh.length) return;
  const first = last === 0;
  last = fresh[fresh.length - 1]!.id;
  show(fresh);
  // Those from before the page was opened change nothing in what it has just asked for.
  if (!first) for (const event of fresh) for (const on of [...listeners]) on(event);
}

async function follow(signal: AbortSignal): Promise<void> {
  const answer = await ask("GET", `/v1/events?after=${last}`, { headers: { Accept: "text/event-stream" }, signal });
  if (!answer.ok || !answer.body) throw new Error(answer.statusText);
  stream.set("live");
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
    last = 0;
    return;
  }
  running = new AbortController();
  void run(running.signal);
});
