// The messages of a call between its parties, drawn from the ladder's JSON. Rows can be chosen by mouse and by keyboard.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Ladder, LadderItem, Party } from "../types";
import { milliseconds } from "../format";

const LEFT = 70, ROW = 30, NOTE = 20, HEAD = 46;
const NARROWEST = 104, WIDEST = 190;

function tone(item: LadderItem): string {
  if (item.kind === "dropped") return "bad";
  if (item.kind === "retransmission") return "again";
  const status = Number(item.label.slice(0, 3));
  if (!status) return "request";
  return status < 200 ? "provisional" : status < 300 ? "good" : status < 400 ? "moved" : "bad";
}

function describe(item: LadderItem, parties: Map<number, Party>): string {
  const name = (id: number | undefined) => (id === undefined ? "" : parties.get(id)?.label ?? "");
  const what = item.kind === "note" ? "" : `${name(item.from)} to ${name(item.to)}: `;
  const how = item.kind === "retransmission" ? " again" : item.kind === "dropped" ? ", dropped" : "";
  return `${milliseconds(item.offset_ms)}, ${what}${item.label}${how}${item.detail ? `, ${item.detail}` : ""}`;
}

// The width that a party gets, of what there is.
function useColumn(parties: number) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => setWidth(box.current?.clientWidth ?? 600));
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  return { box, column: Math.max(NARROWEST, Math.min(WIDEST, (width - LEFT) / Math.max(2, parties))) };
}

export function LadderPicture({ ladder, notes, chosen, choose }: { ladder: Ladder; notes: boolean; chosen: number | null; choose: (sequence: number) => void }) {
  const { box, column } = useColumn(ladder.parties.length);
  const parties = new Map(ladder.parties.map((party) => [party.id, party]));
  const place = new Map(ladder.parties.map((party, i) => [party.id, LEFT + column * (i + 0.5)]));
  const width = LEFT + column * Math.max(2, ladder.parties.length);
  // What is shown, with its place in the ladder and where its row ends.
  let bottom = HEAD;
  const rows = ladder.items.filter((item) => notes || item.kind !== "note")
    .map((item) => ({ item, tall: item.kind === "note" ? NOTE : ROW, end: (bottom += item.kind === "note" ? NOTE : ROW) }));
  const height = bottom + 14;
  const key = (event: KeyboardEvent, row: number) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (event.key === "Enter" || event.key === " " || step) {
      event.preventDefault();
      const next = Math.min(rows.length - 1, Math.max(0, row + step));
      choose(rows[next]!.item.sequence);
      (event.currentTarget as Element).parentElement?.querySelectorAll<SVGGElement>(".row")[next]?.focus();
    }
  };
  return (
    <div class="ladder" ref={box} role="group" aria-label="Messages in order">
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
        {ladder.parties.map((party) => (
          <g key={party.id}>
            <line class="life" x1={place.get(party.id)} y1={HEAD - 6} x2={place.get(party.id)} y2={height - 6} />
            <text class="role" x={place.get(party.id)} y={14}>{party.role}</text>
            <text class="party" x={place.get(party.id)} y={30}>{party.label}</text>
          </g>
        ))}
        {rows.map(({ item, tall, end: base }, i) => {
          const y = base - 8;
          const x1 = place.get(item.from ?? -1), x2 = place.get(item.to ?? -1);
          const arrow = item.kind !== "note" && x1 !== undefined && x2 !== undefined;
          const forward = arrow && x2 >= x1 ? 1 : -1;
          const end = arrow ? (item.kind === "dropped" ? (x1 + x2) / 2 : x2 - forward * 2) : 0;
          return (
            <g key={item.sequence} class={`row ${tone(item)}${chosen === item.sequence ? " chosen" : ""}`} role="button" tabindex={chosen === item.sequence || (chosen === null && i === 0) ? 0 : -1}
              aria-pressed={chosen === item.sequence} aria-label={describe(item, parties)} onClick={() => choose(item.sequence)} onKeyDown={(event) => key(event, i)}>
              <rect class="back" x={0} y={base - tall} width={width} height={tall} />
              <text class="when" x={LEFT - 8} y={item.kind === "note" ? y + 2 : y}>{milliseconds(item.offset_ms)}</text>
              {arrow ? (
                <>
                  <line class="arrow" x1={x1} y1={y} x2={end} y2={y} stroke-dasharray={item.kind === "retransmission" ? "5 4" : undefined} />
                  {item.kind === "dropped"
                    ? <path class="arrow" d={`M${end - 5} ${y - 5} l10 10 m0 -10 l-10 10`} />
                    : <polygon class="head" points={`${end},${y} ${end - forward * 8},${y - 4} ${end - forward * 8},${y + 4}`} />}
                  <text class="label" x={(x1 + x2) / 2} y={y - 5}>
                    {item.label}{item.kind === "retransmission" ? " (again)" : item.kind === "dropped" ? " (dropped)" : ""}
                  </text>
                </>
              ) : (
                <text class="note-text" x={LEFT + 4} y={y + 2}>{item.label}{item.detail ? `: ${item.detail}` : ""}</text>
              )}
            </g>
          );
        })}
      </svg>
    </div>
  );
}
