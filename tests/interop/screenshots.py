"""./dev screenshots: the page's pictures in docs/images, taken in Chromium from a real edge that carries calls, registrations and
strangers for a minute and a half."""

import argparse
import os
import sys

from lab.asterisk import Asterisk
from lab.baresip import Baresip
from lab.browser import Browser
from lab.edge import Edge
from lab.lab import Lab
from lab.peer import Phone, UdpPeer
from lab.sipp import Sipp
from lab.wait import pause, wait_for

IMAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/images")
TOKEN = "screenshots"
MOST_BYTES = 150_000


def bring_up(lab):
    edge = Edge(lab, admin_port=8080, log_level="warning", token=TOKEN)
    asterisk = Asterisk(lab, 10, {"401": "one", "402": "two"}, rewrite_contact=True)
    edge.tenant("a.test", 10, asterisk.address, lab.ip(11))
    Sipp(lab, "backend_answers_at_once", 12, trace=False)
    edge.tenant("b.test", 20, lab.ip(12))
    Sipp(lab, "backend_registrar", 13, trace=False)
    edge.tenant("c.test", 30, lab.ip(13))
    edge.wait_ready()
    phones = [Baresip(lab, 21, "401", "a.test", "one", f"{edge.ip}:5060"), Baresip(lab, 22, "402", "a.test", "two", f"{edge.ip}:5060")]
    for phone in phones:
        phone.wait_registered()
        asterisk.wait_contact(phone.user)
    return edge, phones


def traffic(lab, edge):
    """A minute and a half of it."""
    where = f"{edge.ip}:5060"
    Sipp(lab, "phone_registers", 31, where, calls=320, rate=4, trace=False, keys={"domain": "c.test", "prefix": "5"})
    Sipp(lab, "caller_sees_100_180_200", 32, where, calls=360, rate=4, trace=False, keys={"domain": "b.test"})
    Sipp(lab, "caller_holds", 33, where, calls=24, rate=1, trace=False, keys={"domain": "b.test"})
    for host, agent in ((41, "friendly-scanner"), (42, "sipcli/v1.8"), (43, "pplsip")):
        stranger = Phone(UdpPeer(lab, host), edge.address, "100", "nowhere.test")
        for _ in range(6):
            stranger.peer.send_bytes(stranger.request("OPTIONS", "sip:100@nowhere.test", "<sip:100@nowhere.test>", headers=[("User-Agent", agent)]), edge.address)
            pause(0.3)
    edge.must("POST", "/v1/bans", {"network": "198.51.100.0/24", "ttl": "6h", "reason": "asked for 400 domains"})


def talk(phones):
    caller, callee = phones
    caller.dial("402")
    callee.wait_event("CALL_INCOMING")
    pause(1.5)
    callee.accept()
    for phone in phones:
        phone.wait_event("CALL_ESTABLISHED")


def log_in(browser, edge, **more):
    browser.open(f"http://{edge.admin}/", **more)
    browser.fill("Token", TOKEN)
    browser.click("Log in")
    browser.wait(role="heading", name="Overview")


def take(browser, name):
    browser.until("!document.querySelector('[aria-busy]')")
    browser.until("!document.querySelector('.notice')", within=15)
    browser.js("document.activeElement?.blur()")
    path = os.path.join(IMAGES, f"{name}.png")
    browser.do("shot", path=os.path.abspath(path))
    size = os.path.getsize(path)
    print(f"docs/images/{name}.png, {size / 1000:.0f} kB")
    if size > MOST_BYTES:
        sys.exit(f"{name}.png has {size} bytes, more than {MOST_BYTES}")


def pictures(lab):
    os.makedirs(IMAGES, exist_ok=True)
    edge, phones = bring_up(lab)
    browser = Browser(lab)
    log_in(browser, edge, width=1180, height=820)
    traffic(lab, edge)
    talk(phones)
    pause(75)
    take(browser, "page-overview")
    browser.go("sets")
    browser.wait(css=".state.bad", text="down")
    take(browser, "page-sets")
    call = wait_for(lambda: next((c for c in edge.calls() if "401@a.test" in c["from"] and c["origin_side"] == "phone"), None), 5, "the call of 401")
    browser.do("scheme", scheme="dark")
    browser.do("size", width=1180, height=660)
    browser.go(f"call?id={call['id']}&call_id={call['origin_call_id']}")
    browser.wait(role="heading", name=f"Call {call['key']}")
    browser.click(role="checkbox", name="decisions and timers")
    browser.click(css=".ladder .row", text="180 Ringing")
    browser.wait(css=".message pre")
    take(browser, "page-call")
    log_in(browser, edge, width=360, height=740, scheme="dark")
    browser.until("document.querySelectorAll('.tile').length > 0")
    pause(20)
    take(browser, "page-phone")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--usher", help="the edge's program")
    options.add_argument("--packages", help="where playwright-core is installed")
    options = options.parse_args()
    if os.geteuid() != 0:
        os.execvp("sudo", ["sudo", "-E", sys.executable, *sys.argv])
    for name, value in (("USHER_BINARY", options.usher), ("USHER_WEB_PACKAGES", options.packages)):
        if value:
            os.environ[name] = os.path.abspath(value)
    lab = Lab("screenshots", network="127.200.0")
    try:
        pictures(lab)
    except AssertionError as error:
        lab.print_logs(20)
        sys.exit(f"screenshots: {error}")
    finally:
        lab.close()


if __name__ == "__main__":
    main()
