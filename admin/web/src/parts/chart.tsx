// Lines over time. The legend is text: names, present values, links to what is counted.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useStore } from "../store";
import { colour, colours } from "../theme";

// `as` where a value may stand alone: a line with its points, or marks and no line.
export type Line = { name: string; values: (number | null)[]; now: string; link?: string; hint?: string; as?: "points" | "marks"; style?: string };

const STYLES = ["line-1", "line-2", "line-3", "line-4", "line-5", "line-6"];
const styleOf = (line: Line, i: number) => line.style ?? STYLES[i % STYLES.length]!;
const DASHES = [[], [6, 3], [2, 3], [10, 4, 2, 4], [1, 4], [12, 4]];
const HEIGHT = 130;

export function Chart({ title, times, lines, decimals = 0 }: { title: string; times: number[]; lines: Line[]; decimals?: number }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const painted = useStore(colours);
  const data = [times, ...lines.map((line) => line.values)] as uPlot.AlignedData;
  const names = lines.map((line) => line.name).join("\n");

  useEffect(() => {
    const place = box.current!;
    const axis: uPlot.Axis = {
      stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif",
    };
    const made = new uPlot({
      width: place.clientWidth || 300, height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [10, 14, 0, 0],
      scales: { x: { range: (_, least, most) => [Math.min(least ?? 0, (most ?? 60) - 60), most ?? 60] }, y: { range: (_, __, most) => [0, Math.max(decimals ? 1 : 4, most * 1.1)] } },
      axes: [
        { ...axis, size: 24, space: 80, values: (_, all) => all.map((t) => new Date(t * 1000).toTimeString().slice(0, new Date(t * 1000).getSeconds() ? 8 : 5)) },
        { ...axis, size: 44, space: 28, values: (_, all) => all.map((n) => (decimals ? String(n) : Number.isInteger(n) ? n.toLocaleString("en") : "")) },
      ],
      series: [{}, ...lines.map((line, i) => {
        const { as } = line, stroke = colour(styleOf(line, i));
        return {
          stroke, width: as === "marks" ? 0 : 1.6, dash: DASHES[i % DASHES.length]!, spanGaps: false,
          points: as ? { show: true, size: as === "marks" ? 8 : 4, width: 1, stroke, fill: stroke } : { show: false },
        };
      })],
    }, data, place);
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: place.clientWidth, height: HEIGHT }));
    watch.observe(place);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [names, painted, decimals]);

  useEffect(() => plot.current?.setData(data));

  return (
    <figure class="chart" aria-label={`${title}: ${lines.map((line) => `${line.name} ${line.now}`).join(", ") || "nothing yet"}`}>
      <div ref={box} class="plot" aria-hidden="true" />
      <figcaption>
        {lines.map((line, i) => (
          <span key={line.name} class="key" title={line.hint}>
            <svg class={styleOf(line, i)} width="22" height="8" aria-hidden="true">
              {line.as === "marks" ? <circle cx="11" cy="4" r="3" fill="none" /> : <line x1="0" y1="4" x2="22" y2="4" stroke-dasharray={DASHES[i % DASHES.length]!.join(" ")} />}
            </svg>
            {line.link ? <a href={line.link}>{line.name} <b>{line.now}</b></a> : <>{line.name} <b>{line.now}</b></>}
          </span>
        ))}
        {!lines.length && <span class="key">nothing yet</span>}
      </figcaption>
    </figure>
  );
}
