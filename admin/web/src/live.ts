// A resource that is kept fresh: asked again after events that touch it and, for what no event tells, from time to time; more often
// while the stream of events is away, less often while the resource fails, not at all while nobody looks.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api, Problem } from "./api";
import { onEvent, stream } from "./events";

export type Live<T> = { data: T | undefined; problem: Problem | undefined; refresh: () => void };
type Options = { every?: number; kinds?: string[]; also?: number[] };

const LONGEST = 30_000;
const WITHOUT_EVENTS = 5000;

export function useLive<T>(path: string | null, { every = 3000, kinds = [], also = [] }: Options = {}): Live<T> {
  const [answer, setAnswer] = useState<{ path: string; data?: T; problem?: Problem }>();
  const again = useRef<() => void>(() => {});
  const wanted = kinds.join(" ");
  const accepted = also.join(" ");

  useEffect(() => {
    if (!path) return;
    let timer = 0;
    let failures = 0;
    let over = false;
    let running: AbortController | undefined;

    const plan = (wait: number) => {
      clearTimeout(timer);
      if (!over && every > 0) timer = window.setTimeout(run, wait);
    };
    const run = async () => {
      clearTimeout(timer);
      if (over) return;
      running?.abort();
      const mine = (running = new AbortController());
      try {
        const data = await api<T>("GET", path, undefined, mine.signal, accepted ? accepted.split(" ").map(Number) : []);
        failures = 0;
        if (!over && mine === running) setAnswer({ path, data });
      } catch (error) {
        if ((error as Error).name === "AbortError" || over) return;
        const problem = error as Problem;
        ++failures;
        setAnswer((last) => ({ path, problem, ...(last?.path === path && last.data !== undefined && problem.status !== 404 ? { data: last.data } : {}) }));
      }
      const pace = wanted && stream.get() !== "live" ? Math.min(every, WITHOUT_EVENTS) : every;
      if (!document.hidden) plan(failures ? Math.min(LONGEST, pace * 2 ** Math.min(failures, 6)) : pace);
    };
    const shown = () => {
      if (!document.hidden) void run();
    };

    again.current = () => void run();
    document.addEventListener("visibilitychange", shown);
    // Of many events in a row each second's first counts.
    let soon = 0;
    let asked = 0;
    const stop = onEvent((event) => {
      // What was missed may have been one of them.
      if (soon || document.hidden || !wanted || !(event.kind === "gap" || wanted.split(" ").includes(event.kind))) return;
      soon = window.setTimeout(() => {
        soon = 0;
        asked = Date.now();
        void run();
      }, Math.max(150, asked + 1000 - Date.now()));
    });
    // No event tells that there are none any more, nor what happened until there are some again.
    let before = stream.get();
    const unwatch = stream.watch((state) => {
      if (state !== before && state !== "off" && before !== "off" && wanted && every > 0 && !document.hidden) void run();
      before = state;
    });
    void run();
    return () => {
      over = true;
      clearTimeout(timer);
      clearTimeout(soon);
      running?.abort();
      stop();
      unwatch();
      document.removeEventListener("visibilitychange", shown);
    };
  }, [path, every, wanted, accepted]);

  const refresh = useCallback(() => again.current(), []);
  const mine = answer && answer.path === path ? answer : undefined;
  return { data: mine?.data, problem: mine?.problem, refresh };
}
