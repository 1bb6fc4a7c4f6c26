// Numbers, times and durations, as operators read them.
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const whole = (n: number) => WHOLE.format(n);
export const plural = (n: number, one: string, many = one + "s") => `${whole(n)} ${n === 1 ? one : many}`;

export function rate(n: number): string {
  return n === 0 ? "0" : n < 10 ? n.toFixed(1) : WHOLE.format(n);
}

export function milliseconds(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 100 ? `${ms.toFixed(0)} ms` : ms >= 1 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(2)} ms`;
}

export function seconds(total: number | null | undefined): string {
  if (total === null || total === undefined) return "–";
  const s = Math.floor(total);
  const parts = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60, s % 60];
  const units = ["d", "h", "min", "s"];
  const first = parts.findIndex((part) => part > 0);
  if (first < 0) return "0 s";
  return [first, first + 1].filter((i) => i < 4).map((i) => `${parts[i]} ${units[i]}`).join(" ");
}

const two = (n: number) => String(n).padStart(2, "0");

function timeText(iso: string | null | undefined): string {
  if (!iso) return "–";
  const t = new Date(iso);
  if (Number.isNaN(t.getTime())) return iso;
  const clock = `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
  return t.toDateString() === new Date().toDateString() ? clock : `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${clock}`;
}

export function Time({ at }: { at: string | null | undefined }) {
  return at ? <time dateTime={at} title={at}>{timeText(at)}</time> : <>–</>;
}

export const ago = (iso: string | null | undefined) => (iso ? `${seconds(Math.max(0, (Date.now() - Date.parse(iso)) / 1000))}` : "–");
export const until = (iso: string | null | undefined) => (iso ? `${seconds(Math.max(0, (Date.parse(iso) - Date.now()) / 1000))}` : "–");

// "first-week" → "first week"
export const words = (name: string) => name.replace(/[_-]/g, " ");

// "host:port", "[v6]:port" → the address
export const addressOf = (endpoint: string) => endpoint.replace(/^\[(.*)\](:\d+)?$/, "$1").replace(/^([^:]+):\d+$/, "$1");
