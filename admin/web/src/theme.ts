// Light, dark, or as the system says. Kept in the browser; it is no secret.
import { store } from "./store";

export type Theme = "system" | "light" | "dark";
const KEY = "usher-theme";

const kept = localStorage.getItem(KEY);
export const theme = store<Theme>(kept === "light" || kept === "dark" ? kept : "system");
// Counts up when colours have changed, for what is drawn on a canvas.
export const colours = store(0);

function apply(): void {
  const now = theme.get();
  if (now === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = now;
  colours.set(colours.get() + 1);
}

theme.watch((value) => {
  if (value === "system") localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, value);
  apply();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
apply();

// A colour of the style sheet, as the browser resolves it now.
export function colour(name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
