"""Chromium without a window, driven through tests/web/bridge.mjs."""

import json
import os
import selectors
import shutil
import subprocess

from .process import _end_with_parent
from .wait import Timeout

# Where each view is, and where on it stands what no other one has: its heading, or the chosen one of its tabs.
VIEWS = [("", "h1", "Overview"), ("sets", "h1", "Sets and targets"), ("domains", "h1", "Domains"),
         ("registrations", "h1", "Registrations"), ("subscriptions", "h1", "Subscriptions"), ("connections", "h1", "Connections"),
         ("calls", ".tabs [aria-current]", "Live"), ("calls?show=records", ".tabs [aria-current]", "Records"), ("requests", "h1", "Requests"), ("trace", "h1", "Trace"),
         ("door", "h1", "Door and bans"), ("route-test", "h1", "Route test"), ("events", ".tabs [aria-current]", "Events"),
         ("events?show=changes", ".tabs [aria-current]", "Changes over REST"), ("configuration", "h1", "Configuration")]
BRIDGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../web/bridge.mjs")


def packages():
    """Where the build has installed what tests/web/package-lock.json names."""
    found = os.environ.get("USHER_WEB_PACKAGES") or os.path.join(os.path.dirname(BRIDGE), "../../build/dev/web")
    if not os.path.isdir(os.path.join(found, "node_modules", "playwright-core")):
        raise AssertionError(f"no playwright-core in {found}: configure with npm, or set USHER_WEB_PACKAGES")
    return os.path.abspath(found)


class Browser:
    """Commands are those of the bridge. A place on the page is `role` with `name`, `label`, `css` with `text`, or `text`,
    `inside` a CSS selector; the first one counts. Each command waits for its place, 10 s at most.

    `aside`: it gets the time that nobody else wants, as if it ran on another machine. Chromium raises its own priority otherwise."""

    def __init__(self, lab, aside=False):
        self.lab = lab
        program = os.environ.get("USHER_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
        node = shutil.which("node") or shutil.which("nodejs") or "node"
        directory = lab.make_directory("browser")
        self._log = open(os.path.join(directory, "browser.log"), "ab")
        self.child = subprocess.Popen(
            [*(["chrt", "--idle", "0"] if aside else []), node, os.path.abspath(BRIDGE), program], cwd=packages(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
            text=True, env={**os.environ, "HOME": directory}, start_new_session=True, preexec_fn=_end_with_parent)
        self._ready = selectors.DefaultSelector()
        self._ready.register(self.child.stdout, selectors.EVENT_READ)
        lab.on_close(self.close)

    def do(self, command, /, patience=45, **given):
        self.child.stdin.write(json.dumps({"do": command, **given}) + "\n")
        self.child.stdin.flush()
        if not self._ready.select(patience):
            raise Timeout(f"the browser does not answer: {command} {given}")
        line = self.child.stdout.readline()
        if not line:
            raise AssertionError(f"the browser has ended: {command} {given}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"{answer['error']}\n---- the page shows\n{answer['shown']}")
        return answer["value"]

    def open(self, url, **more):
        self.do("open", url=url, **more)

    def go(self, place):
        """To a view: "sets", "calls?show=records"."""
        self.do("go", hash=f"#/{place}")

    def log_in(self, url, token, **more):
        self.open(url, **more)
        self.fill("Token", token)
        self.click("Log in")
        self.wait(role="heading", name="Overview")

    def look_at(self, view, css, text):
        """Goes there and waits until that view, and not the one before, is shown with what it has to show."""
        self.go(view)
        self.wait(css=f"main {css}", text=text)
        self.until("!document.querySelector('[aria-busy]')")

    def click(self, name=None, role="button", **where):
        self.do("click", **({"role": role, "name": name} if name is not None else {}), **where)

    def fill(self, label, value, **where):
        self.do("fill", label=label, value=value, **where)

    def wait(self, text=None, **where):
        self.do("wait", **({"text": text} if text is not None else {}), **where)

    def gone(self, **where):
        self.do("wait", state="hidden", **where)

    def text(self, css, **where):
        return self.do("text", css=css, **where)

    def js(self, expression):
        return self.do("js", expression=expression)

    def until(self, expression, within=10):
        self.do("until", expression=expression, within=int(within * 1000))

    def troubles(self):
        """Script errors, violations of the security policy, requests to anywhere but the edge."""
        return self.do("troubles")

    def close(self):
        """The bridge closes the browser when its input ends."""
        if self.child.poll() is None:
            self.child.stdin.close()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.child.stdout.close()
        self._ready.close()
        self._log.close()
