// Requests to the API, with the token that lives as long as the tab. Failures are Problems.
import { store } from "./store";

const KEY = "usher-token";

// "open": this edge asks for no token. "out": one is needed.
type Session = { state: "starting" | "out" | "in" | "open"; notice: string };
export const session = store<Session>({ state: "starting", notice: "" });

let token = sessionStorage.getItem(KEY) ?? "";

export class Problem extends Error {
  constructor(readonly status: number, message: string, readonly field = "", readonly retryAfter = 0) {
    super(message);
  }
}

async function problemOf(answer: Response): Promise<Problem> {
  const text = await answer.text().catch(() => "");
  let detail = text.slice(0, 300) || answer.statusText;
  let field = "";
  try {
    const document = JSON.parse(text) as { detail?: string; field?: string; reasons?: string[] };
    detail = document.detail ?? document.reasons?.join("; ") ?? detail;
    field = document.field ?? "";
  } catch {
    // Not ours: of a proxy in between.
  }
  return new Problem(answer.status, detail, field, Number(answer.headers.get("Retry-After") ?? 0));
}

export async function ask(method: string, path: string, options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {}): Promise<Response> {
  const headers: Record<string, string> = { ...options.headers };
  if (token) headers["Authorization"] = `Bearer ${token}`;
  if (options.body !== undefined)
    headers["Content-Type"] = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  let answer: Response;
  try {
    answer = await fetch(path, {
      method, headers, signal: options.signal ?? null, cache: "no-store",
      body: options.body === undefined ? null : JSON.stringify(options.body),
    });
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    throw new Problem(0, "The edge does not answer.");
  }
  if (answer.status === 401) {
    const problem = await problemOf(answer);
    if (session.get().state !== "out") leave(token ? "The token is not accepted any more." : "");
    throw problem;
  }
  return answer;
}

// The JSON of an answer; a Problem for any status outside 2xx that is not in `also`.
export async function api<T>(method: string, path: string, body?: unknown, signal?: AbortSignal, also: number[] = []): Promise<T> {
  const answer = await ask(method, path, { body, ...(signal ? { signal } : {}) });
  if (!answer.ok && !also.includes(answer.status)) throw await problemOf(answer);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

// Asks once: is a token needed, and is the one of before still good?
export async function start(): Promise<void> {
  try {
    await api("GET", "/v1/log");
    session.set({ state: token ? "in" : "open", notice: "" });
  } catch (error) {
    const problem = error as Problem;
    if (problem.status === 401) session.set({ state: "out", notice: session.get().notice });
    else if (problem.status === 429) session.set({ state: "out", notice: problem.message });
    else session.set({ state: "starting", notice: problem.message });
  }
}

export async function enter(given: string): Promise<void> {
  const before = token;
  token = given;
  try {
    await api("GET", "/v1/log");
  } catch (error) {
    token = before;
    throw error;
  }
  sessionStorage.setItem(KEY, given);
  session.set({ state: "in", notice: "" });
}

export function leave(notice = ""): void {
  token = "";
  sessionStorage.removeItem(KEY);
  session.set({ state: "out", notice });
}

// Saves an answer as a file; links cannot carry the token.
async function fetched(path: string): Promise<Response> {
  const answer = await ask("GET", path);
  if (!answer.ok) throw await problemOf(answer);
  return answer;
}

const PAGES = 100;  // of a list that is saved: what a tab has room for

export async function download(path: string, name: string): Promise<void> {
  save(await (await fetched(path)).blob(), name);
}

// All pages of a list in CSV as one file: each begins with the names of the columns, and names the next one (RFC 8288). Gives whether
// that was the whole list.
export async function downloadPages(path: string, name: string): Promise<boolean> {
  const lines: string[] = [];
  let next: string | undefined = path;
  for (let page = 0; next && page < PAGES; ++page) {
    const answer: Response = await fetched(next);
    const text = await answer.text();
    lines.push(page === 0 ? text : text.slice(text.indexOf("\n") + 1));
    next = /<([^>]+)>; *rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1];
  }
  save(new Blob(lines, { type: "text/csv" }), name);
  return !next;
}

function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// "/v1/calls" and {limit: 50, cursor: ""} → "/v1/calls?limit=50"
export function query(path: string, parameters: Record<string, string | number | undefined | null>): string {
  const known = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return known.length ? `${path}?${known.map(([name, value]) => `${name}=${encodeURIComponent(value as string)}`).join("&")}` : path;
}
