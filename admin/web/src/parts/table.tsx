// Tables; on a narrow screen each row becomes a small list of names and values.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { query } from "../api";
import { useLive } from "../live";
import type { Page } from "../types";
import { Button, Trouble } from "./basics";

type Column<T> = { name: string; show: (row: T) => ComponentChildren; kind?: "number" | "code" | "actions" };

export function Table<T>({ rows, columns, id, label, empty }: { rows: T[]; columns: Column<T>[]; id: (row: T) => string | number; label: string; empty: ComponentChildren }) {
  if (!rows.length) return <p class="note idle">{empty}</p>;
  return (
    <div class="table" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>{columns.map((column) => <th key={column.name} scope="col" class={column.kind}>{column.kind === "actions" ? <span class="unseen">{column.name}</span> : column.name}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)} data-row={id(row)}>
              {columns.map((column) => <td key={column.name} data-name={column.name} class={column.kind}>{column.show(row)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const EACH = 50;

// One page of a list of the API at a time, with its cursors; the page that is shown is kept fresh.
export function Paged<T>({ path, parameters = {}, what, each = EACH, every = 4000, kinds = [], version = 0, children }: {
  path: string; parameters?: Record<string, string | number | undefined | null>; what: string; each?: number; every?: number; kinds?: string[];
  version?: number;  // asked again at once when it changes
  children: (rows: T[], refresh: () => void, more: boolean) => ComponentChildren;  // `more`: there is a next page
}) {
  const list = query(path, parameters);
  const [place, setPlace] = useState<{ list: string; cursors: string[] }>({ list, cursors: [] });
  const cursors = place.list === list ? place.cursors : [];
  const live = useLive<Page<T>>(query(path, { ...parameters, limit: each, cursor: cursors.at(-1) }), { every, kinds });
  useEffect(() => { if (version) live.refresh(); }, [version]);
  const next = live.data?.next;
  return (
    <>
      <Trouble of={live} what={what} />
      {live.data && children(live.data.items, live.refresh, Boolean(next))}
      {(cursors.length > 0 || next) && (
        <nav class="pager" aria-label={`Pages of ${what}`}>
          <Button disabled={!cursors.length} onClick={() => setPlace({ list, cursors: [] })}>First</Button>
          <Button disabled={!cursors.length} onClick={() => setPlace({ list, cursors: cursors.slice(0, -1) })}>Previous</Button>
          <span>Page {cursors.length + 1}</span>
          <Button disabled={!next} onClick={() => setPlace({ list, cursors: [...cursors, next!] })}>Next</Button>
        </nav>
      )}
    </>
  );
}
