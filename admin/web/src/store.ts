// A value that views read and are drawn again for when it changes.
import { useEffect, useState } from "preact/hooks";

export type Store<T> = { get(): T; set(value: T): void; watch(on: (value: T) => void): () => void };

export function store<T>(value: T): Store<T> {
  const watchers = new Set<(value: T) => void>();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const on of [...watchers]) on(next);
    },
    watch(on) {
      watchers.add(on);
      return () => watchers.delete(on);
    },
  };
}

export function useStore<T>(from: Store<T>): T {
  const [, draw] = useState(0);
  useEffect(() => from.watch(() => draw((n) => n + 1)), [from]);
  return from.get();
}
