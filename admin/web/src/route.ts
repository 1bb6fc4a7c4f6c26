// Where the page is: "#/registrations?domain=a.test". Links are plain, so back, forward and bookmarks work.
import { store } from "./store";

export type Route = { name: string; query: URLSearchParams };

function read(): Route {
  const [path = "", search = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { name: path || "overview", query: new URLSearchParams(search) };
}

export const route = store<Route>(read());
addEventListener("hashchange", () => route.set(read()));

export function href(path: string, parameters: Record<string, string | number | null | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  const text = search.toString();
  return `#/${path}${text ? `?${text}` : ""}`;
}

export function go(path: string, parameters: Record<string, string | number | null | undefined> = {}): void {
  location.hash = href(path, parameters);
}
