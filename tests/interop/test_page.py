"""The page at /, in Chromium, over a real edge, a real Asterisk and two phones: what an operator does on it, on a desk and on a
telephone, and that nothing on it comes from elsewhere."""

import gzip
import json
import os
import urllib.error
import urllib.request

from lab.asterisk import Asterisk
from lab.baresip import Baresip
from lab.browser import VIEWS
from lab.edge import Edge
from lab.lab import main
from lab.page import TOKEN, PageTest
from lab.tls import Authority, client_context
from lab.wait import wait_for


class Page(PageTest):
    def fetch(self, path, **headers):
        request = urllib.request.Request(self.url.rstrip("/") + path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    # Files

    def test_files_need_no_token_and_the_api_does(self):
        status, headers, html = self.fetch("/")
        self.assertEqual((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"))
        policy = headers["Content-Security-Policy"]
        for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
                     "form-action 'none'"):
            self.assertIn(part, policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual((headers["X-Content-Type-Options"], headers["Referrer-Policy"]), ("nosniff", "no-referrer"))
        self.assertEqual(self.fetch("/", If_None_Match=headers["ETag"])[0], 304)
        assets = [part.split('"')[0] for part in html.decode().split('"/assets/')[1:]]
        self.assertEqual(len(assets), 3)
        for asset in assets:
            status, headers, body = self.fetch(f"/assets/{asset}")
            self.assertEqual((status, headers["Content-Encoding"]), (200, "gzip"))
            self.assertIn("immutable", headers["Cache-Control"])
            self.assertGreater(len(gzip.decompress(body)), 100)
        self.assertEqual(self.fetch("/assets/other.js")[0], 404)
        self.assertEqual(self.fetch("/v1/status")[0], 401)
        self.assertTrue(self.edge.status()["page"])
        self.page.open(self.url)

    # The token

    def test_a_wrong_token_is_refused_and_who_logs_out_is_out(self):
        self.page.open(self.url)
        self.page.fill("Token", "another")
        self.page.click("Log in")
        self.page.wait("This is not the token.")
        self.page.fill("Token", TOKEN)
        self.page.click("Log in")
        self.page.wait(role="heading", name="Overview")
        self.page.do("reload")
        self.page.wait(role="heading", name="Overview")
        self.assertEqual(self.page.js("[localStorage.length, document.cookie].join()"), "0,")
        self.page.click("Log out")
        self.page.wait(label="Token")
        self.page.do("reload")
        self.page.wait(label="Token")

    def test_an_edge_without_a_token_asks_for_none(self):
        edge = Edge(self.lab, host=2, name="open-edge")
        self.page.open(f"http://{edge.admin}/")
        self.page.wait(role="heading", name="Overview")
        self.page.wait(css=".reasons .state", text="cannot serve")
        self.assertEqual(self.page.js("[...document.querySelectorAll('button')].filter(b => b.textContent === 'Log out').length"), 0)
        self.assertEqual(self.page.troubles(), [])  # what is opened next forgets them
        self.page.open("about:blank")
        edge.stop()

    def test_over_tls_the_page_logs_in_and_is_told_what_happens(self):
        address = self.lab.ip(3)
        placed = Authority(self.lab.make_directory("ca")).issue("admin", address).put(self.lab.make_directory("secure-edge"), "admin")
        edge = Edge(self.lab, host=3, name="secure-edge", token=TOKEN, admin={"certificate": placed.certificate, "key": placed.key},
                    secured=client_context())
        self.page.log_in(f"{edge.url}/", TOKEN, unverified=True)
        self.page.wait(css="header", text="updated live")
        self.page.go("events")
        self.page.wait(css=".tabs [aria-current]", text="Events")
        edge.must("POST", "/v1/bans", {"network": "192.0.2.99", "reason": "of the test"})
        self.page.wait(css="main", text="192.0.2.99")
        self.page.do("reload")
        self.page.wait(css="header", text="updated live")
        self.assertEqual(self.page.troubles(), [])  # what is opened next forgets them
        self.page.open("about:blank")
        edge.stop()

    def test_the_page_says_that_the_edge_is_gone_and_goes_on_when_it_is_back(self):
        self.log_in("sets")
        self.page.wait(css=".state.good", text="1 of 1 up")
        self.edge.kill9()
        self.page.wait(css=".note.warn", text="The edge does not answer.")
        self.edge.start()
        self.page.gone(css=".note.warn", within=40_000)
        self.page.wait(css="header", text="updated live", within=40_000)
        self.page.wait(css=".state.good", text="1 of 1 up")
        # The browser itself tells of requests that meet nobody.
        self.assertEqual([line for line in self.page.troubles() if "ERR_CONNECTION_REFUSED" not in line], [])

    # Sets and targets

    def test_a_target_is_added_comes_up_is_drained_and_removed(self):
        second = Asterisk(self.lab, 11, {"401": "one"}, rewrite_contact=True)
        self.log_in("sets")
        self.page.click("Add a target to set 10")
        self.page.fill("Destination", "not a host!", inside="dialog")
        self.page.click("Add", inside="dialog")
        self.page.wait(css="dialog [aria-invalid=true]")
        self.page.fill("Destination", second.address, inside="dialog")
        self.page.click("Add", inside="dialog")
        self.page.gone(css="dialog")
        target = wait_for(lambda: next((t for t in self.edge.targets(10) if second.address in t["destination"]), None), 5, "it is there")
        row = f"tr[data-row='{target['id']}']"
        self.page.wait(css=f"{row} .state.good", text="up")
        self.page.wait(css=".panel .state", text="2 of 2 up")
        self.page.click(f"Drain target {target['id']}")
        self.page.wait(css="dialog .touches", text="1 other target of set 10 is up and active.")
        self.page.wait(css="dialog .touches", text="It serves a.test.")
        self.page.click("Drain", inside="dialog")
        self.page.wait(css=f"{row} .state.warn", text="draining")
        self.assertEqual(self.edge.target_of(10, target["id"])["state"], "draining")
        self.page.click(f"Activate target {target['id']}")
        self.page.click("Activate", inside="dialog")
        self.page.gone(css=f"{row} .state.warn")
        second.stop()
        self.page.wait(css=f"{row} .state.bad", text="down")
        self.page.click(f"Remove target {target['id']}")
        self.page.click("Cancel", inside="dialog")
        self.page.wait(css=row)
        self.page.click(f"Remove target {target['id']}")
        self.page.click("Remove", inside="dialog")
        self.page.gone(css=row)
        self.assertEqual(len(self.edge.targets(10)), 1)

    def test_a_target_with_a_call_is_not_removed_and_the_page_says_why(self):
        self.call()
        target = self.edge.targets(10)[0]["id"]
        self.log_in("sets")
        self.page.wait(role="link", name="1", inside=f"tr[data-row='{target}']")
        self.page.click(f"Remove target {target}")
        self.page.wait(css="dialog .note", text="1 live call")
        self.page.click("Remove", inside="dialog")
        self.page.wait(css="dialog .note.bad")
        self.page.click("Cancel", inside="dialog")
        self.assertEqual(len(self.edge.targets(10)), 1)

    # Domains and registrations

    def test_a_domain_is_added_disabled_moved_and_removed(self):
        self.edge.set(20)
        self.log_in("domains")
        self.page.click("Add domain")
        self.page.fill("Domain", "b.test", inside="dialog")
        self.page.click("Add", inside="dialog")
        row = "tr[data-row='b.test']"
        self.page.wait(css=f"{row} .state", text="enabled")
        self.page.click("Disable b.test")
        self.page.wait(css="dialog .touches", text="0 registrations")
        self.page.click("Disable", inside="dialog")
        self.page.wait(css=f"{row} .state", text="disabled")
        self.assertFalse(self.edge.must("GET", "/v1/domains/b.test")["enabled"])
        self.page.click("Move b.test to another set")
        self.page.wait(css="dialog .note", text="No target of set 20 can be tried (it has none)")
        self.page.click("Move", inside="dialog")
        self.page.wait(role="link", name="20", inside=row)
        self.page.click("Remove b.test")
        self.page.click("Remove", inside="dialog")
        self.page.gone(css=row)
        self.assertEqual(self.edge.rest("GET", "/v1/domains/b.test")[0], 404)

    def test_a_move_tells_what_it_touches_before_it_is_made(self):
        self.edge.set(20)
        self.call()
        self.log_in("domains")
        self.page.click("Move a.test to another set")
        self.page.wait(css="dialog .touches", text="1 live call")
        self.page.wait(css="dialog .note", text="stay where they are until they end")
        self.page.click("Cancel", inside="dialog")
        self.assertEqual(self.edge.must("GET", "/v1/domains/a.test")["setid"], 10)

    def test_a_maintenance_window_is_added_shown_and_removed(self):
        target = self.edge.targets(10)[0]["id"]
        self.log_in("sets")
        self.page.click(f"Maintenance of target {target}")
        self.page.fill("From", "2020-01-01T00:00:00Z", inside="dialog")
        self.page.fill("Until", "2050-01-01T00:00:00Z", inside="dialog")
        self.page.click("Add window", inside="dialog")
        self.page.wait(css="dialog [aria-invalid=true]")
        self.page.fill("From", "2050-01-01T00:00:00Z", inside="dialog")
        self.page.fill("Until", "2050-01-02T00:00:00Z", inside="dialog")
        self.page.click("Add window", inside="dialog")
        self.page.gone(css="dialog")
        self.page.wait(css=f"tr[data-row='{target}'] .reason", text="next maintenance")
        self.page.click(f"Maintenance of target {target}")
        self.page.click("Remove the window from 2050-01-01T00:00:00.000Z", inside="dialog")
        self.page.wait(css="dialog .note", text="No window yet.")
        self.page.click("Cancel", inside="dialog")
        self.assertEqual(self.edge.targets(10)[0]["maintenance"], [])

    def test_registrations_are_searched_and_removed(self):
        phone = Baresip(self.lab, 22, "402", "a.test", "two", f"{self.edge.ip}:5060")
        phone.wait_registered()
        self.log_in("registrations")
        self.page.wait(css="td", text="401@a.test")
        self.page.wait(css="td", text="402@a.test")
        self.page.fill("User", "402")
        self.page.click("Search")
        self.page.gone(css="td", text="401@a.test")
        self.page.click("Remove the registration of 402@a.test")
        self.page.wait(css="dialog .touches", text=phone.address)
        self.page.click("Remove", inside="dialog")
        self.page.wait("None like this.")
        self.assertEqual(self.edge.registrations(user="402"), [])
        phone.process.stop()

    # Calls

    def test_a_call_is_seen_live_opened_and_ended(self):
        self.log_in("calls")
        self.page.wait("No call is up.")
        call = self.call()
        self.page.wait(css=f"tr[data-row='{call['id']}'] .state.good")
        self.page.fill("Address of record", "409@a.test")
        self.page.click("Search")
        self.page.wait("None like this.")
        self.page.fill("Address of record", "401@a.test")
        self.page.click("Search")
        self.page.click(role="link", name=call["key"])
        self.page.wait(role="heading", name=f"Call {call['key']}")
        self.page.wait(css=".facts", text=call["origin_call_id"])
        self.look_at_the_ladder(call)
        self.find_by_key(call)
        self.page.go(f"trace?id={call['key']}")
        self.page.wait(css=".ladder .label", text="INVITE")
        self.page.wait(css=".verdict")
        self.find_by_key(call)
        self.page.click("End call")
        self.page.wait(css="dialog .touches", text="401@a.test")
        self.page.click("End call", inside="dialog")
        self.page.wait("This call is over.")
        self.caller.wait_event("CALL_CLOSED", 10)
        wait_for(lambda: not self.edge.calls(), 5, "the edge has no call left")
        wait_for(lambda: self.edge.rest("GET", f"/v1/cdrs/{call['key']}")[0] == 200, 5, "its record is there")
        self.find_by_key(call)
        self.page.wait(css=".panel-head h2", text="Record")
        self.page.go("call?key=0000")
        self.page.wait("there is no record of it")

    def find_by_key(self, call):
        """As the links of events and of the log's readers do."""
        self.page.go("calls")
        self.page.wait(css=".tabs [aria-current]", text="Live")
        self.page.go(f"call?key={call['key']}")
        self.page.wait(css=".facts", text=call["origin_call_id"])

    def look_at_the_ladder(self, call):
        self.page.wait(css=".ladder .label", text="INVITE")
        self.page.click(css=".ladder .row", text="INVITE")
        self.page.wait(css=".message pre", text=f"Call-ID: {call['origin_call_id']}")
        self.assertNotIn("response=\"", self.page.text(".message pre"))
        first = self.page.text(".message h3")
        self.page.do("press", css=".ladder .row.chosen", key="ArrowDown")
        self.page.until(f"document.querySelector('.message h3').innerText !== {json.dumps(first)}")
        notes = "document.querySelectorAll('.ladder .note-text').length"
        self.page.until(f"{notes} > 0")
        self.page.click(role="checkbox", name="decisions and timers")
        self.page.until(f"{notes} === 0")
        path = self.lab.path("call.pcapng")
        self.page.do("save", path=path, role="button", name="Capture (pcap)")
        self.assertGreater(os.path.getsize(path), 500)
        self.page.wait(css=".verdict")
        self.page.wait(css=".steps li")

    def test_what_is_not_ready_is_said_in_words(self):
        target = self.edge.targets(10)[0]["id"]
        self.edge.must("PATCH", f"/v1/dispatcher/sets/10/targets/{target}", {"state": "disabled"})
        try:
            reason = wait_for(lambda: self.edge.rest("GET", "/readyz")[1]["reasons"], 5, "it is not ready")[0]
            self.log_in()
            self.page.wait(css=".reasons", text=reason)
            self.page.wait(css=".panel-head .state.bad", text="not ready")
        finally:
            self.edge.must("PATCH", f"/v1/dispatcher/sets/10/targets/{target}", {"state": "active"})
            self.edge.wait_health(10, target, "up")

    # The door

    def test_a_ban_is_made_and_lifted_at_once(self):
        self.log_in("door")
        self.page.wait("Nobody is banned.")
        self.page.click("Ban an address")
        self.page.fill("Address or network", self.asterisk.address, inside="dialog")
        self.page.click("Ban", inside="dialog")
        self.page.wait(css="dialog .note.bad", text="set 10")
        self.page.fill("Address or network", "192.0.2.0/24", inside="dialog")
        self.page.fill("Reason", "a test", inside="dialog")
        self.page.click("Ban", inside="dialog")
        self.page.wait(css="tr[data-row='192.0.2.0/24']", text="a test")
        self.assertEqual([ban["network"] for ban in self.edge.items("/v1/bans")], ["192.0.2.0/24"])
        self.page.click("Unban 192.0.2.0/24")
        self.page.wait("Nobody is banned.")
        self.assertEqual(self.edge.items("/v1/bans"), [])

    def test_the_gate_changes_its_mode_only_when_it_is_confirmed(self):
        self.edge.must("PATCH", "/v1/gate", {"mode": "dry-run"})
        self.log_in("door")
        self.page.click("enforce")
        self.page.click("Cancel", inside="dialog")
        self.assertEqual(self.edge.must("GET", "/v1/gate")["mode"], "dry-run")
        self.page.click("enforce")
        self.page.click("Change", inside="dialog")
        self.page.wait(css=".panel-head .state", text="enforcing")
        self.edge.must("PATCH", "/v1/gate", {"mode": "dry-run"})

    # Everything else

    def test_route_test_timers_levels_and_changes(self):
        self.log_in("route-test")
        self.page.fill("Request-URI", "sip:600@a.test")
        self.page.fill("Source", f"{self.caller.address}:5060")
        self.page.click("What would happen?")
        self.page.wait(css="code", text=self.asterisk.address)
        self.page.go("configuration")
        self.page.wait(css="tr[data-row='ring_limit']", text="3m")
        self.page.do("choose", label="Log level of gate", value="warning")
        self.page.wait(css=".notice", text="The log of gate is at warning")
        self.assertEqual(self.edge.must("GET", "/v1/log")["gate"], "warning")
        self.page.fill("User, domain or address", "401@a.test")
        self.page.click("Watch")
        self.page.wait(css="[aria-label='Watched in the log'] tr", text="401@a.test")
        self.page.do("choose", label="Log level of 401@a.test", value="error")
        self.page.wait(css=".notice", text="What names 401@a.test is written from error on.")
        self.assertEqual(self.edge.must("GET", "/v1/log")["watch"], {"401@a.test": "error"})
        self.page.click("Remove the level of 401@a.test")
        self.page.gone(css="[aria-label='Watched in the log']")
        self.assertEqual(self.edge.must("GET", "/v1/log")["watch"], {})
        self.page.go("events?show=changes")
        self.page.wait(css="td", text="PUT /v1/log")

    def test_the_configuration_is_exported_looked_at_and_imported(self):
        path = self.lab.path("configuration.json")
        self.log_in("configuration")
        self.page.do("save", path=path, role="button", name="Export")
        with open(path) as file:
            document = json.load(file)
        self.assertEqual([domain["domain"] for domain in document["domains"]], ["a.test"])
        self.page.do("upload", label="Import a document", path=path)
        self.page.wait("configuration.json changes nothing.")
        document["domains"].append({"domain": "imported.test", "setid": 10})
        with open(path, "w") as file:
            json.dump(document, file)
        self.page.do("upload", label="Import a document", path=path)
        self.page.wait(css="dialog .listed", text="imported.test")
        self.assertEqual(self.edge.rest("GET", "/v1/domains/imported.test")[0], 404)
        self.page.click("Import", inside="dialog")
        self.page.wait(css=".notice", text="is in force")
        self.edge.must("DELETE", "/v1/domains/imported.test")

    def test_a_backup_is_made_restored_downloaded_and_removed(self):
        self.log_in("configuration")
        self.page.click("Make a backup")
        self.page.wait(css=".notice", text="A backup is made.")
        (backup,) = self.edge.items("/v1/backups")
        name = backup["name"]
        self.page.wait(css="tr code, td.code", text=name)
        self.edge.domain("later.test", 10)
        self.page.click(f"Restore {name}")
        self.page.wait(css="dialog .listed", text="remove domain later.test")
        self.edge.must("GET", "/v1/domains/later.test")
        self.page.click("Restore", inside="dialog")
        self.page.wait(css=".notice", text="is in force")
        self.assertEqual(self.edge.rest("GET", "/v1/domains/later.test")[0], 404)
        self.page.click(f"Restore {name}")
        self.page.wait(css=".notice", text="changes nothing")
        path = self.lab.path(name)
        self.page.do("save", path=path, role="button", name=f"Download {name}")
        self.assertEqual(os.path.getsize(path), backup["bytes"])
        self.page.click(f"Remove {name}")
        self.page.click("Remove", inside="dialog")
        self.page.gone(css="dialog")
        self.page.wait("No backup has been made.")
        self.assertEqual(self.edge.items("/v1/backups"), [])

    def test_light_and_dark_follow_the_system_until_one_is_chosen(self):
        background = "getComputedStyle(document.body).backgroundColor"
        self.log_in(scheme="light")
        light = self.page.js(background)
        self.page.do("scheme", scheme="dark")
        self.page.until(f"{background} !== '{light}'")
        dark = self.page.js(background)
        self.page.do("choose", label="Colours", value="light")
        self.page.until(f"{background} === '{light}'")
        self.page.do("reload")
        self.page.wait(role="heading", name="Overview")
        self.assertEqual(self.page.js(background), light)
        self.page.do("choose", label="Colours", value="system")
        self.page.until(f"{background} === '{dark}'")

    def test_each_view_fits_a_telephone(self):
        self.edge.must("POST", "/v1/bans", {"network": "2001:db8:1234:5678::/64", "reason": "a reason that is as long as reasons are when somebody explains"})
        call = self.call()
        try:
            self.log_in(width=360, height=740)
            target = self.edge.targets(10)[0]["id"]
            for view, css, text in [*VIEWS, (f"call?id={call['id']}&call_id={call['origin_call_id']}", "h1", f"Call {call['key']}"),
                                    (f"target?setid=10&id={target}", "h2", "Probes")]:
                self.page.look_at(view, css, text)
                self.assertLessEqual(self.page.js("document.documentElement.scrollWidth"), 360, view)
            self.page.click("Menu")
            self.page.click(role="link", name="Domains", inside="nav.views")
            self.page.wait(role="heading", name="Domains")
        finally:
            self.edge.must("DELETE", "/v1/bans/2001:db8:1234:5678::%2F64")

    def test_each_field_has_a_name_and_each_view_one_heading(self):
        self.log_in()
        for view, css, text in VIEWS:
            self.page.look_at(view, css, text)
            nameless = self.page.js("""[...document.querySelectorAll('input, select, button, a')]
                .filter(e => !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label'))).map(e => e.outerHTML)""")
            self.assertEqual(nameless, [], view)
            self.assertEqual(self.page.js("document.querySelectorAll('h1').length"), 1, view)


if __name__ == "__main__":
    main()
