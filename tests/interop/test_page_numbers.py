"""The page at /, in Chromium: its numbers lead to what they count, its lists hold what they should, what is missing is told."""

import http.client
import json
import re
import socket
import urllib.parse

from lab.lab import main
from lab.page import TOKEN, PageTest
from lab.peer import Phone, TcpPeer, UdpPeer
from lab.scripted import contact_of, grant
from lab.wait import wait_for
from lab.way import Way

KEPT = 10_000  # events: limits::kEvents


class PageNumbers(PageTest):
    @classmethod
    def setUpLab(cls):
        super().setUpLab()
        cls._host = 40

    def backend(self, setid, domain, **health):
        """A scripted one, alone in its set. Gives it and its target's number."""
        type(self)._host += 1
        backend = UdpPeer(self.lab, self._host)
        target = self.edge.tenant(domain, setid, backend.destination())[0]
        self.edge.set(setid, health=health or {"interval": "3600s"})
        self.edge.wait_health(setid, target, "up")
        return backend, target

    def phone(self, domain):
        type(self)._host += 1
        return Phone(UdpPeer(self.lab, self._host), self.edge.address, "501", domain)

    def register(self, phone, backend, status):
        phone.send_register(new_call=True)
        request = backend.expect("REGISTER")
        backend.reply(request, status, headers=grant(request, 600) if status == 200 else ())
        phone.peer.expect(status, method="REGISTER")

    def rows(self, label):
        return f"document.querySelectorAll(\"[aria-label='{label}'] tbody tr\").length"

    def knock(self, times):
        """A stranger asks for a domain that is not served. Gives his address."""
        type(self)._host += 1
        stranger = self.lab.ip(self._host)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knocking:
            knocking.bind((stranger, 0))
            for number in range(times):
                via = f"Via: SIP/2.0/UDP {stranger}:{knocking.getsockname()[1]};branch=z9hG4bK-{number}"
                knocking.sendto("\r\n".join(["OPTIONS sip:x@unknown.test SIP/2.0", via, "Max-Forwards: 70", f"From: <sip:x@unknown.test>;tag={number}",
                                             "To: <sip:x@unknown.test>", f"Call-ID: knock-{number}@x", "CSeq: 1 OPTIONS", "Content-Length: 0", "", ""]).encode(),
                                (self.edge.ip, 5060))
        self.addCleanup(self.forgive, stranger)
        return stranger

    def forgive(self, stranger):
        """The gate would have banned him, were it not its first week."""
        for ban in self.edge.items("/v1/bans"):
            if ban["network"].startswith(stranger):
                self.edge.must("DELETE", f"/v1/bans/{urllib.parse.quote(ban['network'], safe='')}")

    # The overview

    def test_the_overview_counts_and_its_numbers_lead_to_what_they_count(self):
        self.log_in()
        self.call()
        self.page.until("[...document.querySelectorAll('.tile')].some(t => /Live calls\\s*1\\b/.test(t.innerText))")
        self.page.wait("Calls and registrations are served. Nothing is wrong.")
        self.page.until("document.querySelectorAll('.plot canvas').length === 6")
        self.page.click(css=".tile a", text="Live calls")
        self.page.wait(css="td .state.good")
        self.caller.hangup()
        self.page.wait("No call is up.")

    def test_a_response_of_the_overview_leads_to_the_request_that_got_it_and_to_why(self):
        backend, _ = self.backend(30, "codes.test")
        phone = self.phone("codes.test")
        self.log_in()
        self.page.wait(css="figure[aria-label^='Responses by code']")
        for status in (200, 416, 416):
            self.register(phone, backend, status)
        self.page.click(css="figcaption a", text="416")
        self.page.wait(css="h1", text="Requests")
        self.page.until(f"{self.rows('Requests')} === 2")
        self.page.wait(css="tr", text=phone.peer.address)
        self.page.wait(css="td .state.bad", text="416")
        self.page.click(css="td a", text="REGISTER")
        self.page.wait(css=".verdict", text="416")
        self.page.wait(css=".ladder .label", text="416")

    def test_calls_that_were_answered_and_those_that_were_not_have_lists_of_their_own(self):
        self.call()
        self.hang_up()
        self.caller.dial("602")
        answered, failed = (wait_for(lambda wanted=wanted: self.edge.items(f"/v1/cdrs?answered={wanted}"), 10, "a record")[0]["id"]
                            for wanted in ("true", "false"))
        self.log_in()
        self.page.click(css="figcaption a", text="answered")
        self.page.wait(css=f"tr[data-row='{answered}']")
        self.assertEqual(self.page.js(f"document.querySelectorAll(\"tr[data-row='{failed}']\").length"), 0)
        self.page.do("choose", label="Answered", value="false")
        self.page.click("Search")
        self.page.wait(css=f"tr[data-row='{failed}']")
        self.page.gone(css=f"tr[data-row='{answered}']")

    def test_drops_and_bans_in_dry_run_lead_to_who_they_were(self):
        stranger = self.knock(150)
        network = wait_for(lambda: self.edge.items("/v1/bans"), 5, "his knocks count")[0]["network"]
        self.log_in()
        self.page.click(css=".tile a", text="more in dry run")
        self.page.wait(css=f"tr[data-row='{network}']", text="none (dry run)")
        self.page.wait("Those without one, in dry run only.")
        self.page.go("door?bans=enforced")
        self.page.gone(css=f"tr[data-row='{network}']")
        self.page.go("")
        self.page.click(css=".tile a", text="Dropped")
        self.page.click(css=".filters a", text="not found")
        self.page.click(role="link", name="150", inside="[aria-label='Door-knocks']")
        self.page.wait(css="h1", text="Requests")
        self.page.until(f"{self.rows('Requests')} === 50")
        self.page.wait(css="td .state", text="silence")
        self.page.click("Next", inside="nav[aria-label='Pages of Requests']")
        self.page.click("Next", inside="nav[aria-label='Pages of Requests']")
        self.page.wait(css=".pager", text="Page 3")
        self.page.until(f"{self.rows('Requests')} === 50")

    def test_a_number_in_a_question_leads_away_and_nothing_is_done(self):
        self.log_in("domains")
        self.page.click("Disable a.test")
        self.page.click(css="dialog a", text="1 registration")
        self.page.wait(css="td", text="401@a.test")
        self.page.gone(css="dialog")
        self.assertTrue(self.edge.must("GET", "/v1/domains/a.test")["enabled"])

    # What phones have

    def test_subscriptions_and_connections_are_behind_their_numbers(self):
        backend, target = self.backend(38, "watching.test")
        type(self)._host += 1
        phone = Phone(TcpPeer(self.lab, self._host), self.edge.address, "501", "watching.test")
        self.register(phone, backend, 200)
        phone.peer.send(phone.request("SUBSCRIBE", "sip:502@watching.test", "<sip:502@watching.test>", headers=[("Event", "dialog"), ("Expires", "600")]), phone.edge)
        backend.reply(backend.expect("SUBSCRIBE"), 200, headers=[contact_of(backend), ("Expires", "600")])
        phone.peer.expect(200, method="SUBSCRIBE")
        self.log_in("configuration")
        self.page.click(css=".facts a[href*='subscriptions']")
        self.page.wait(css="h1", text="Subscriptions")
        self.page.wait(css="[aria-label='Subscriptions'] tr", text="502@watching.test")
        self.page.wait(css="[aria-label='Subscriptions'] tr", text=f"target {target}")
        self.page.click(css=".tabs a", text="Connections")
        self.page.wait(css="[aria-label='Connections'] tr", text=phone.peer.address)
        self.page.click(f"Registrations of {phone.peer.address}", role="link")
        self.page.wait(css="[aria-label='Registrations'] tr", text="501@watching.test")
        self.page.go("domains")
        self.page.click("Disable watching.test")
        self.page.click(css="dialog a", text="1 subscription")
        self.page.wait(css="h1", text="Subscriptions")
        self.page.until(f"{self.rows('Subscriptions')} === 1")
        self.page.go(f"connections?source={phone.peer.address}")
        self.page.until(f"{self.rows('Connections')} === 1")
        phone.peer.disconnect()
        self.page.wait("None like this.")

    def test_a_ban_leads_to_a_packet_that_it_dropped(self):
        type(self)._host += 1
        banned = self.lab.ip(self._host)
        self.edge.must("POST", "/v1/bans", {"network": banned, "ttl": "1h", "reason": "guesses passwords"})
        self.addCleanup(self.edge.must, "DELETE", f"/v1/bans/{banned}")
        UdpPeer(self.lab, self._host).send_bytes(b"OPTIONS sip:a.test SIP/2.0\r\nCall-ID: of-the-banned\r\n\r\n", self.edge.address)
        self.log_in("door")
        self.page.wait(css=f"tr[data-row='{banned}'] td[data-name='Packets dropped'] a", text="1")
        self.page.click(css=f"tr[data-row='{banned}'] td[data-name='Packets dropped'] a")
        self.page.wait(css="[aria-label='Requests'] tr", text=f"{banned} is banned until")
        self.page.click(css="[aria-label='Requests'] td[data-name='Request'] a")
        self.page.wait(css=".verdict", text="operator: guesses passwords")

    # A target

    def test_a_target_shows_how_its_health_went_and_why(self):
        backend, target = self.backend(31, "health.test", interval="1s", timeout="500ms", down_after=1, up_after=1)
        self.register(self.phone("health.test"), backend, 503)
        self.edge.wait_health(31, target, "down")
        self.edge.wait_health(31, target, "up")
        backend.probes = None
        self.edge.wait_health(31, target, "down")
        backend.probes = 200
        self.edge.wait_health(31, target, "up")
        self.log_in("sets?setid=31", width=360, height=740)
        row = f"tr[data-row='{target}']"
        self.page.click(role="link", name=str(target), inside=f"{row} [data-name='Target']")
        self.page.wait(css="h1", text=f"Target {target}")
        self.page.wait(css="[aria-label='Changes of health'] tr", text="OPTIONS unanswered")
        told = self.page.js("[...document.querySelectorAll(\"[aria-label='Changes of health'] .state\")].map(e => e.textContent)")
        self.assertEqual(told, ["up", "down", "up", "down", "up"])
        self.page.wait(css="[aria-label='Probes'] td .state.good", text="200")
        self.page.wait(css="[aria-label='Probes'] td .state.bad", text="none")
        self.page.wait(css=".plot canvas")
        self.page.wait(css="[aria-label='Requests that it did not serve'] tr", text="answered 503")
        self.assertLessEqual(self.page.js("document.documentElement.scrollWidth"), 360)

    def test_each_number_of_a_target_leads_to_what_it_counts(self):
        backend, target = self.backend(32, "counts.test")
        for status in (403, 200, 503):
            self.register(self.phone("counts.test"), backend, status)
        row = f"tr[data-row='{target}']"
        self.log_in("sets?setid=32")
        self.page.click(role="link", name="3", inside=f"{row} [data-name='Attempts']")
        self.page.until(f"{self.rows('Requests')} === 3")
        self.page.fill("Status", "403")
        self.page.click("Search")
        self.page.until(f"{self.rows('Requests')} === 1")
        self.page.fill("Method", "INVITE")
        self.page.click("Search")
        self.page.wait("None like this.")
        self.page.go("sets?setid=32")
        self.page.click(role="link", name="1", inside=f"{row} [data-name='Failures']")
        self.page.until("document.activeElement.textContent === 'Requests that it did not serve'")
        self.page.until(f"{self.rows('Requests that it did not serve')} === 1")
        self.page.go("sets?setid=32")
        self.page.click(css=f"{row} [data-name='RTT'] a")
        self.page.until("document.activeElement.textContent === 'Probes'")

    def test_a_target_is_found_by_its_number_alone(self):
        target = self.edge.targets(10)[0]["id"]
        self.log_in("registrations?user=401")
        self.page.click(role="link", name=f"target {target}")
        self.page.wait(css=".facts", text=self.asterisk.address)
        self.page.wait(css="nav.views [aria-current]", text="Sets and targets")
        self.page.go("target?id=999")
        self.page.wait("No set has it any more.")

    # Lists

    def test_long_lists_come_in_pages(self):
        networks = [f"198.51.{n}.1" for n in range(60)]
        for network in networks:
            self.edge.must("POST", "/v1/bans", {"network": network, "ttl": "1h"})
        try:
            self.log_in("door")
            self.page.until(f"{self.rows('Bans')} === 50")
            self.page.click("Next", inside="nav[aria-label='Pages of Bans']")
            self.page.until(f"{self.rows('Bans')} === 10")
            self.page.click("First", inside="nav[aria-label='Pages of Bans']")
            self.page.until(f"{self.rows('Bans')} === 50")
        finally:
            for network in networks:
                self.edge.must("DELETE", f"/v1/bans/{network}")

    def test_a_long_ladder_is_read_from_its_end(self):
        stranger = self.knock(150)
        everything = wait_for(lambda: (ladder := self.edge.must("GET", f"/v1/ladder?source={stranger}&limit=2000"))["items"][299:] and ladder, 10,
                              "150 knocks are recorded")
        self.assertIsNone(everything["older"])
        self.log_in(f"trace?source={stranger}")
        self.page.wait("There are older ones.")
        self.page.click(css=".ladder .row", text="OPTIONS", nth=-1)
        self.page.wait(css=".message pre", text="Call-ID: knock-149@x")
        self.page.click("Older")
        self.page.gone(css=".message")
        self.page.click(css=".ladder .row", text="OPTIONS", nth=0)
        self.page.wait(css=".message pre", text="Call-ID: knock-0@x")
        self.page.click("Newest")
        self.page.wait("There are older ones.")

    # Events

    def test_events_appear_as_they_happen(self):
        self.log_in("events")
        self.page.wait(css="header", text="updated live")
        self.edge.must("POST", "/v1/bans", {"network": "203.0.113.9", "ttl": "1h"})
        self.page.wait(css="tr", text="203.0.113.9")
        self.page.do("choose", label="Kind", value="ban-made")
        self.edge.must("DELETE", "/v1/bans/203.0.113.9")
        self.page.do("choose", label="Kind", value="ban-lifted")
        self.page.wait(css="tr", text="203.0.113.9")

    def test_a_view_says_that_it_is_old_and_is_right_again_as_soon_as_events_come(self):
        self.backend(39, "away.test")
        host, port = self.edge.admin.rsplit(":", 1)
        way = Way(self.lab, 6, (host, int(port)))
        self.page.log_in(f"http://{way.address}/", TOKEN)
        self.page.wait(css="header", text="updated live")
        self.page.go("domains")
        self.page.wait(css="tr[data-row='away.test']", text="enabled")
        way.cut()
        self.page.wait(css="main .note.warn")
        self.edge.must("PATCH", "/v1/domains/away.test", {"enabled": False})
        way.mend()
        self.page.wait(css="header", text="updated live", within=40_000)
        self.page.wait(css="tr[data-row='away.test']", text="disabled", within=5000)
        self.page.gone(css="main .note.warn")
        self.assertEqual([line for line in self.page.troubles() if "net::ERR" not in line], [])
        self.page.open("about:blank")

    def test_events_that_were_missed_are_told_where_they_are_missing(self):
        """While the way to the edge is cut so much happens that the edge cannot have kept all of it."""
        host, port = self.edge.admin.rsplit(":", 1)
        way = Way(self.lab, 5, (host, int(port)))
        self.page.log_in(f"http://{way.address}/", TOKEN)
        self.page.go("events")
        self.edge.must("POST", "/v1/bans", {"network": "203.0.113.10"})
        self.page.wait(css="tr", text="203.0.113.10")
        self.page.wait(css="tr", text="POST by")
        way.cut()
        self.page.wait(css=".note.warn", text="The stream is interrupted")
        seen = int(self.page.js("document.querySelector(\"[aria-label='Events'] tr[data-row]\").dataset.row"))
        rest = http.client.HTTPConnection(host, int(port))
        for _ in range(KEPT + 20):
            rest.request("PUT", "/v1/log", json.dumps({"sip": "debug"}), {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"})
            self.assertEqual(rest.getresponse().read()[:1], b"{")
        rest.close()
        # The ban is lifted after them: it is on the page though it happened while nobody was told.
        self.edge.must("DELETE", "/v1/bans/203.0.113.10")
        least = self.edge.must("GET", "/v1/events?format=json&limit=1")["last"] - seen - KEPT
        way.mend()
        self.page.wait(css="tr", text=" events were missed here", within=40_000)
        told = self.page.js("[...document.querySelectorAll('tr')].map(e => e.textContent).find(t => t.includes(' events were missed here'))")
        # Others may have happened until the way was mended.
        self.assertIn(int(re.search(r"([\d,.\u202f]+) events were missed", told)[1].translate({ord(c): None for c in ",.\u202f"})) - least, range(20))
        self.page.do("choose", label="Kind", value="ban-lifted")
        self.page.wait(css="tr", text="203.0.113.10")
        kinds = self.page.js("[...document.querySelectorAll(\"[aria-label='Events'] .state\")].map(e => e.textContent)")
        self.assertEqual(kinds[:2], ["ban lifted", "missed"])
        # The browser itself tells of requests that meet nobody.
        self.assertEqual([line for line in self.page.troubles() if "net::ERR" not in line], [])
        self.page.open("about:blank")


if __name__ == "__main__":
    main()
