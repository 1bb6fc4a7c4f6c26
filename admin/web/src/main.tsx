// The frame: login, navigation, and the view that the address names.
import { render, type FunctionComponent } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { leave, session, start } from "./api";
import { stream } from "./events";
import { samples } from "./history";
import { Button } from "./parts/basics";
import { Overlays } from "./parts/dialogs";
import { href, route } from "./route";
import { useStore } from "./store";
import { theme, type Theme } from "./theme";
import { Calls } from "./views/calls";
import { CallView } from "./views/call";
import { Connections } from "./views/connections";
import { Domains } from "./views/domains";
import { Door } from "./views/door";
import { Events } from "./views/events";
import { Login } from "./views/login";
import { Overview } from "./views/overview";
import { Registrations } from "./views/registrations";
import { Subscriptions } from "./views/subscriptions";
import { Requests } from "./views/requests";
import { RouteTestView } from "./views/route_test";
import { Sets } from "./views/sets";
import { TargetView } from "./views/target";
import { Configuration } from "./views/configuration";
import { Trace } from "./views/trace";
import "./style/base.css";
import "./style/parts.css";
import "./style/views.css";

// `of`: the view that leads to it, and stands in the navigation for it.
const VIEWS: Record<string, { title: string; view: FunctionComponent; of?: string }> = {
  overview: { title: "Overview", view: Overview },
  sets: { title: "Sets and targets", view: Sets },
  target: { title: "Target", view: TargetView, of: "sets" },
  domains: { title: "Domains", view: Domains },
  registrations: { title: "Registrations", view: Registrations },
  subscriptions: { title: "Subscriptions", view: Subscriptions, of: "registrations" },
  connections: { title: "Connections", view: Connections, of: "registrations" },
  calls: { title: "Calls", view: Calls },
  call: { title: "Call", view: CallView, of: "calls" },
  requests: { title: "Requests", view: Requests },
  trace: { title: "Trace", view: Trace },
  door: { title: "Door and bans", view: Door },
  "route-test": { title: "Route test", view: RouteTestView },
  events: { title: "Events", view: Events },
  configuration: { title: "Configuration", view: Configuration },
};

const STREAM = { off: "", live: "updated live", waiting: "connecting again" };

function Navigation({ now, open, close }: { now: string; open: boolean; close: () => void }) {
  return (
    <nav id="navigation" class={open ? "views open" : "views"} aria-label="Views">
      {Object.entries(VIEWS).filter(([, view]) => !view.of).map(([name, view]) => (
        <a key={name} href={href(name === "overview" ? "" : name)} aria-current={name === now || name === VIEWS[now]?.of ? "page" : undefined} onClick={close}>{view.title}</a>
      ))}
    </nav>
  );
}

function Frame() {
  const at = useStore(route);
  const who = useStore(session);
  const how = useStore(stream);
  const chosen = useStore(theme);
  const last = useStore(samples).at(-1)?.status;
  const [open, setOpen] = useState(false);
  const view = VIEWS[at.name];

  // Before what is asked for within the view comes into sight.
  useLayoutEffect(() => {
    document.title = `${view?.title ?? "Not found"} – Usher`;
    setOpen(false);
    window.scrollTo(0, 0);
    document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
  }, [at.name]);

  return (
    <div class="frame">
      <a class="skip" href="#content" onClick={(event) => { event.preventDefault(); document.querySelector<HTMLElement>("main h1")?.focus(); }}>Skip to content</a>
      <header class="top">
        <button type="button" class="menu" aria-expanded={open} aria-controls="navigation" onClick={() => setOpen(!open)}>Menu</button>
        <a class="brand" href={href("")}>Usher</a>
        <span class="host">{location.host}</span>
        {last && <span class={last.ready ? "ready good-text" : "ready bad-text"}>{last.ready ? "ready" : "not ready"}</span>}
        {how !== "off" && <span class="stream">{STREAM[how]}</span>}
        <span class="space" />
        <select aria-label="Colours" value={chosen} onChange={(event) => theme.set(event.currentTarget.value as Theme)}>
          <option value="system">System</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
        {who.state === "in" && <Button kind="quiet" onClick={() => leave("")}>Log out</Button>}
      </header>
      <Navigation now={at.name} open={open} close={() => setOpen(false)} />
      <main id="content">{view ? <view.view key={at.name} /> : <h1 tabIndex={-1}>There is no such view</h1>}</main>
    </div>
  );
}

function Page() {
  const { state, notice } = useStore(session);
  useEffect(() => {
    if (state !== "starting") return;
    void start();
    const timer = setInterval(() => { if (session.get().state === "starting") void start(); }, 3000);
    return () => clearInterval(timer);
  }, [state]);
  return (
    <>
      {state === "starting" && <p class="starting" role="status">{notice || "Connecting …"}</p>}
      {state === "out" && <Login notice={notice} />}
      {(state === "in" || state === "open") && <Frame />}
      <Overlays />
    </>
  );
}

render(<Page />, document.getElementById("page")!);
