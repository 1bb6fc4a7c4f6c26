"""BLF and MWI of a real Asterisk, and subscriptions of scripted parties: NOTIFY, refresh, the end, a thousand at once,
and the progress of a transfer after the BYE."""

import statistics
import time
from datetime import datetime, timezone

from lab import sip
from lab.asterisk import Asterisk
from lab.edge import usher
from lab.lab import main
from lab.scripted import ScriptedTest, contact_of
from lab.wait import wait_for

BLF = [("Event", "dialog"), ("Accept", "application/dialog-info+xml")]
MWI = [("Event", "message-summary"), ("Accept", "application/simple-message-summary")]
SHOWN = "application/dialog-info+xml"


class Subscription:
    """The subscriber's side of a dialog made by SUBSCRIBE or REFER, by hand."""

    def __init__(self, phone, number, headers, method="SUBSCRIBE"):
        self.phone, self.headers, self.method = phone, headers, method
        self.uri = self.remote = f"sip:{number}@{phone.domain}"
        self.to = f"<{self.uri}>"
        self.call_id, self.tag, self.cseq = sip.new_call_id(), sip.new_tag(), 0

    def send(self, expires=None, extra=()):
        self.cseq += 1
        headers = [*self.headers, *extra]
        if expires is not None:
            headers.append(("Expires", str(expires)))
        data = self.phone.request(self.method, self.remote, self.to, self.call_id, self.cseq, self.tag, headers)
        self.phone.peer.send(data, self.phone.edge)

    def subscribe(self, expires):
        """SUBSCRIBE with the answer to a challenge; gives the final response, which must be a 2xx."""
        self.send(expires)
        response = self.phone.peer.take_response()
        if response.status == 401:
            answer = sip.digest(response["WWW-Authenticate"], self.phone.user, self.phone.password, self.method,
                                self.remote)
            self.send(expires, [("Authorization", answer)])
            response = self.phone.peer.take_response()
        assert 200 <= response.status < 300, response
        self.to, self.remote = response["To"], response.contact_uri()
        return response


class Notifier:
    """The notifier's side of a dialog that began with a received SUBSCRIBE or REFER."""

    def __init__(self, peer, request, tag):
        self.peer, self.request, self.cseq = peer, request, 10
        self.to = request["To"] if request.tag("To") else f"{request['To']};tag={tag}"

    def notify(self, event, state, body="", kind=SHOWN):
        self.cseq += 1
        lines = [("Via", f"SIP/2.0/UDP {self.peer.address}:{self.peer.port};rport;branch={sip.new_branch()}"),
                 ("Max-Forwards", "70"), ("From", self.to), ("To", self.request["From"]),
                 ("Call-ID", self.request["Call-ID"]), ("CSeq", f"{self.cseq} NOTIFY"), contact_of(self.peer),
                 ("Event", event), ("Subscription-State", state)]
        if body:
            lines.append(("Content-Type", kind))
        at = time.monotonic()
        self.peer.send(sip.compose(f"NOTIFY {self.request.contact_uri()} SIP/2.0", lines, body), self.request.reply_to)
        return at


class Subscriptions(ScriptedTest):
    @classmethod
    def setUpLab(cls):
        super().setUpLab()
        cls.asterisk = Asterisk(cls.lab, 10, {"401": "secret", "402": "secret"}, qualify_frequency=0)
        cls.target, = cls.edge.tenant("a.test", 10, cls.asterisk.address)
        cls.edge.wait_ready()

    def count(self):
        return self.edge.status()["counts"]["subscriptions"]

    def wait_count(self, wanted, within=5):
        wait_for(lambda: self.count() == wanted, within, lambda: f"{wanted} subscriptions; there are {self.count()}")

    def listed(self, query=""):
        """What the list shows, without the time, which is told from two clocks; whole, it has as many as are counted."""
        items = self.edge.items(f"/v1/subscriptions{query}")
        for item in items:
            self.assertTrue(item.pop("expires"))
        if not query:
            self.assertEqual(len(items), self.count())
        return items

    def notified(self, phone, within=5):
        """The next NOTIFY at the phone, answered. It may not show where it comes from."""
        notify = phone.peer.expect("NOTIFY", within)
        phone.peer.reply(notify, 200)
        head = notify.raw.split(b"\r\n\r\n")[0].decode()
        self.assertNotIn(self.asterisk.address, head)
        return notify

    def accept(self, backend, granted=600):
        """A SUBSCRIBE at a scripted backend, granted. Gives its Notifier."""
        request = backend.expect("SUBSCRIBE")
        answer = backend.reply(request, 200, headers=[contact_of(backend), ("Expires", str(granted))])
        return Notifier(backend, request, answer.tag("To"))

    def scripted(self):
        """(phone, backend, subscription, notifier) after the first NOTIFY."""
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("401", domain)
        blf = Subscription(phone, "402", BLF)
        blf.send(600)
        notifier = self.accept(backend)
        response = phone.peer.expect(200)
        blf.to, blf.remote = response["To"], response.contact_uri()
        notifier.notify("dialog", "active;expires=600", "<dialog-info/>")
        self.assertEqual(self.notified(phone).body, b"<dialog-info/>")
        backend.expect(200, method="NOTIFY")
        return phone, backend, blf, notifier

    # With the real Asterisk.

    def follows_a_call(self, watcher, other):
        """The other phone calls and gives up; the watcher is told of both."""
        call = other.call("601")
        response = other.peer.take_response()
        while response.status != 401:
            response = other.peer.take_response()
        call.ack_failure(response)
        answer = sip.digest(response["WWW-Authenticate"], "402", "secret", "INVITE", call.uri)
        branch = sip.new_branch()
        began = time.monotonic()
        other.peer.send(other.request("INVITE", call.uri, call.to, call.call_id, 2, call.tag, branch=branch,
                                      headers=[("Authorization", answer), ("Content-Type", "application/sdp")],
                                      body=sip.sdp(other.peer.address)), self.edge.address)
        busy = self.notified(watcher)
        self.assertIn(b"<state>confirmed</state>", busy.body)
        self.assertLess(busy.at - began, 2)
        other.peer.send(other.request("CANCEL", call.uri, call.to, call.call_id, 2, call.tag, branch=branch,
                                      contact=False), self.edge.address)
        self.assertIn(b"<state>terminated</state>", self.notified(watcher).body)

    def test_a_blf_follows_the_calls_of_another_phone(self):
        watcher, other = self.phone("401", "a.test"), self.phone("402", "a.test")
        self.assertEqual(other.register().status, 200)
        blf = Subscription(watcher, "402", BLF)
        self.assertEqual(blf.subscribe(300)["Expires"], "300")
        first = self.notified(watcher)
        self.assertEqual(first["Event"], "dialog")
        self.assertIn(b"<state>terminated</state>", first.body)
        self.assertEqual(first.uri, sip.uri_of(watcher.contact))

        shown, = self.listed()
        self.assertEqual(self.listed("?domain=a.test"), [shown])
        self.assertEqual((shown["subscriber"], shown["notifier"], shown["event"], shown["state"]),
                         ("sip:401@a.test", "sip:402@a.test", "dialog", "live"))
        self.assertEqual(shown["subscriber_at"], f"{watcher.peer.address}:{watcher.peer.port}")
        self.assertEqual((shown["notifier_at"], shown["target"]), (f"{self.asterisk.address}:5060", self.target))
        self.assertEqual((shown["subscriber_call_id"], shown["in_call"], shown["refer"]), (blf.call_id, False, False))
        one = self.edge.must("GET", f"/v1/subscriptions/{shown['id']}")
        left = datetime.fromisoformat(one.pop("expires").replace("Z", "+00:00")) - datetime.now(timezone.utc)
        self.assertTrue(290 < left.total_seconds() <= 300, left)
        self.assertEqual(one, shown)
        for query in ("aor=402@a.test", "event=dialog", f"target={self.target}", f"call_id={blf.call_id}",
                      f"key={shown['key']}"):
            self.assertEqual(self.listed(f"?{query}"), [shown], query)
        for query in ("aor=403@a.test", "event=presence", f"target={self.target + 1}", "domain=b.test"):
            self.assertEqual(self.listed(f"?{query}"), [], query)
        table = usher("subscriptions", "--aor", "401@a.test", "--url", self.edge.url)
        self.assertEqual(table.returncode, 0, table.stdout)
        self.assertIn("sip:401@a.test  sip:402@a.test", table.stdout)

        # 402 calls; its BLF shows so, and shows the end.
        self.follows_a_call(watcher, other)

        # A refresh in the dialog is granted and notified; the end is notified last.
        self.assertEqual(blf.subscribe(200)["Expires"], "200")
        self.assertIn("active", self.notified(watcher)["Subscription-State"])
        self.assertEqual(self.count(), 1)
        self.assertEqual(blf.subscribe(0)["Expires"], "0")
        self.unsubscribed(watcher)
        self.assertEqual(self.listed(), [])
        self.assertEqual(self.edge.rest("GET", f"/v1/subscriptions/{shown['id']}")[0], 404)
        other.send_register(expires=0)

    def test_a_blf_goes_on_over_kill_9(self):
        watcher, other = self.phone("401", "a.test"), self.phone("402", "a.test")
        self.assertEqual(other.register().status, 200)
        blf = Subscription(watcher, "402", BLF)
        blf.subscribe(300)
        self.notified(watcher)
        wait_for(lambda: self.edge.status()["counts"]["pending_persists"] == 0, 5, "the store has it")
        before, = self.listed()
        self.edge.kill9()
        self.edge.start()
        after, = self.listed()
        for name in ("key", "state", "event", "subscriber", "notifier", "subscriber_call_id", "notifier_call_id", "target"):
            self.assertEqual(after[name], before[name], name)
        # The phone asks in the dialog of the process before, and is told.
        self.assertEqual(blf.subscribe(200)["Expires"], "200")
        self.assertIn("active", self.notified(watcher)["Subscription-State"])
        self.edge.kill9()
        self.edge.start()
        self.follows_a_call(watcher, other)
        self.assertEqual(blf.subscribe(0)["Expires"], "0")
        self.unsubscribed(watcher)
        other.send_register(expires=0)

    def test_mwi_follows_the_mailbox(self):
        phone = self.phone("401", "a.test")
        mwi = Subscription(phone, "401", MWI)
        mwi.subscribe(300)
        self.assertIn(b"Messages-Waiting: no", self.notified(phone).body)
        for extension, text in (("650", b"Voice-Message: 2/1"), ("651", b"Messages-Waiting: no")):
            self.asterisk.command(f"channel originate Local/{extension}@phones application Wait 1")
            self.assertIn(text, self.notified(phone).body)
        mwi.subscribe(0)
        self.unsubscribed(phone)

    def unsubscribed(self, phone):
        """The end. Asterisk 16 keeps the last NOTIFY to itself: then it is waited for, 64·T1."""

        def over():
            while not phone.peer.empty():
                self.assertIn("terminated", self.notified(phone)["Subscription-State"])
            return self.count() == 0

        wait_for(over, 10, "the subscription has ended")

    def test_a_package_that_asterisk_does_not_know(self):
        phone = self.phone("401", "a.test")
        unknown = Subscription(phone, "402", [("Event", "lamp-oil"), ("Accept", "text/plain")])
        unknown.send(60)
        response = phone.peer.take_response()
        if response.status == 401:
            answer = sip.digest(response["WWW-Authenticate"], "401", "secret", "SUBSCRIBE", unknown.uri)
            unknown.send(60, [("Authorization", answer)])
            response = phone.peer.take_response()
        self.assertEqual(response.status, 489)
        self.wait_count(0)

    # With scripted backends.

    def test_a_notify_is_there_at_once(self):
        phone, backend, _, notifier = self.scripted()
        took = []
        for n in range(20):
            sent = notifier.notify("dialog", "active;expires=600", f"<dialog-info version='{n}'/>")
            took.append(self.notified(phone).at - sent)
            backend.expect(200, method="NOTIFY")
        self.assertLess(statistics.median(took), 0.1, took)
        notifier.notify("dialog", "terminated;reason=noresource")
        self.notified(phone)
        backend.expect(200, method="NOTIFY")
        self.wait_count(0)

    def test_481_ends_one_and_no_other(self):
        phone, backend, blf, notifier = self.scripted()
        _, other_backend, other, _ = self.scripted()
        self.wait_count(2)
        notifier.notify("dialog", "active;expires=600", "<dialog-info/>")
        phone.peer.reply(phone.peer.expect("NOTIFY"), 481)
        backend.expect(481, method="NOTIFY")
        self.wait_count(1)
        notifier.notify("dialog", "active;expires=600", "<dialog-info/>")
        backend.expect(481, method="NOTIFY")
        blf.send(600)
        phone.peer.expect(481, method="SUBSCRIBE")
        # The backend has lost the other one.
        other.send(600)
        other_backend.reply(other_backend.expect("SUBSCRIBE"), 481)
        other.phone.peer.expect(481, method="SUBSCRIBE")
        self.wait_count(0)

    def test_a_ringing_call_is_picked_up_from_a_blf(self):
        watcher, backend, _, notifier = self.scripted()
        desk = self.phone("402", watcher.domain)
        registered, _ = self.register(desk, backend)
        call, ringing = self.ring_back(backend, desk, registered)
        response = next(m for m in backend.all_received if m.status == 180)
        shown = ('<?xml version="1.0"?>\r\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" '
                 f'state="full" entity="sip:402@{watcher.domain}">\r\n<dialog id="a" call-id="{{0}}" local-tag="{{1}}" '
                 'remote-tag="{2}" direction="recipient"><state>early</state></dialog>\r\n</dialog-info>\r\n')
        notifier.notify("dialog", "active;expires=600", shown.format(call.call_id, response.tag("To"), call.tag))
        body = self.notified(watcher).body.decode()
        self.assertEqual(body, shown.format(ringing["Call-ID"], ringing.own_tag, ringing.tag("From")),
                         "the call has the name that it has at the phone that rings")
        backend.expect(200, method="NOTIFY")
        # Whoever watches picks up by that name; the backend knows the call by its own.
        name = f"{ringing['Call-ID']};to-tag={ringing.tag('From')};from-tag={ringing.own_tag};early-only"
        taken = watcher.call("402", headers=[("Replaces", name), ("Require", "replaces")])
        invite = backend.expect("INVITE")
        self.assertEqual(invite["Replaces"],
                         f"{call.call_id};to-tag={call.tag};from-tag={response.tag('To')};early-only")
        backend.reply(invite, 200, headers=[contact_of(backend), ("Content-Type", "application/sdp")],
                      body=sip.sdp(backend.address, 41000))
        taken.answered(self.final(watcher.peer, 200))
        backend.expect("ACK")
        call.cancel()
        cancel = desk.peer.expect("CANCEL")
        desk.peer.reply(cancel, 200)
        desk.peer.reply(ringing, 487)
        desk.peer.expect("ACK")
        self.assertEqual({backend.take().what(), backend.take().what()}, {"200 to CANCEL", "487 to INVITE"})
        call.ack_failure(next(m for m in backend.all_received if m.status == 487))
        self.assertEqual(len(self.edge.calls()), 1)
        self.hang_up(taken, backend)
        notifier.notify("dialog", "terminated;reason=noresource")
        self.notified(watcher)
        backend.expect(200, method="NOTIFY")
        self.wait_count(0)

    def final(self, peer, status):
        response = peer.take()
        while response.status == 100:
            response = peer.take()
        self.assertEqual(response.status, status)
        return response

    def test_a_thousand_at_once(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("401", domain)
        watchers, notifiers = {}, []
        for first in range(0, 1000, 50):
            for n in range(first, first + 50):
                watcher = Subscription(phone, str(1000 + n), BLF if n % 2 else MWI)
                watchers[watcher.call_id] = watcher
                watcher.send(600)
            for _ in range(50):
                notifier = self.accept(backend)
                notifier.event = notifier.request["Event"]
                notifier.notify(notifier.event, "active;expires=600", "state")
                notifiers.append(notifier)
            self.drain(phone, backend, 50, watchers)
        self.assertEqual(self.count(), 1000)
        shown = self.listed("?limit=300")
        self.assertEqual({one["subscriber_call_id"] for one in shown}, set(watchers))
        self.assertEqual(len(shown), 1000)
        self.assertEqual(len(self.listed("?event=dialog")), 500)
        for first in range(0, 1000, 50):
            for notifier in notifiers[first:first + 50]:
                notifier.notify(notifier.event, "active;expires=600", "changed")
            self.drain(phone, backend, 50)
        # All are refreshed, and end.
        for state, expires in (("active;expires=600", 600), ("terminated;reason=timeout", 0)):
            for first in range(0, 1000, 50):
                some = list(watchers.values())[first:first + 50]
                for watcher in some:
                    watcher.send(expires)
                for notifier in notifiers[first:first + 50]:
                    refresh = backend.expect("SUBSCRIBE", 10)
                    self.assertEqual(refresh["Call-ID"], notifier.request["Call-ID"])
                    backend.reply(refresh, 200, headers=[contact_of(backend), ("Expires", str(expires))])
                    notifier.notify(notifier.event, state, "state")
                self.drain(phone, backend, 50, watchers)
        self.wait_count(0)

    def drain(self, phone, backend, notifies, watchers=None):
        """Takes this many NOTIFYs (and 200s, when `watchers` have asked) at the phone, and their 200s at the backend."""
        wanted = {"NOTIFY": notifies, "200 to SUBSCRIBE": notifies if watchers else 0}
        while any(wanted.values()):
            message = phone.peer.take(10)
            self.assertIn(message.what(), wanted)
            wanted[message.what()] -= 1
            if message.is_response:
                watcher = watchers[message["Call-ID"]]
                watcher.to, watcher.remote = message["To"], message.contact_uri()
            else:
                phone.peer.reply(message, 200)
        for _ in range(notifies):
            backend.expect(200, 10, method="NOTIFY")

    def test_a_transfer_is_reported_after_the_bye(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("401", domain)
        call, leg = self.establish(phone, backend)
        call.send("REFER", headers=[("Refer-To", f"<sip:402@{domain}>")])
        refer = backend.expect("REFER")
        backend.reply(refer, 202, reason="Accepted", headers=[contact_of(backend)])
        phone.peer.expect(202, method="REFER")
        mine = call.cseq
        key = self.edge.calls()[0]["key"]
        shown, = self.listed(f"?domain={domain}")
        self.assertEqual((shown["event"], shown["refer"], shown["in_call"], shown["key"]), ("refer", True, True, key))
        self.hang_up(call, backend)
        wait_for(lambda: not self.edge.calls(), 5, "the call is over")
        self.assertEqual([one["id"] for one in self.listed(f"?key={key}")], [shown["id"]])
        for state, line in (("active;expires=60", "SIP/2.0 100 Trying"), ("active;expires=60", "SIP/2.0 180 Ringing"),
                            ("terminated;reason=noresource", "SIP/2.0 200 OK")):
            leg.send("NOTIFY", headers=[("Event", f"refer;id={refer.cseq}"), ("Subscription-State", state),
                                        ("Content-Type", "message/sipfrag")][:2], body=line)
            notify = self.notified(phone)
            self.assertEqual(notify["Event"], f"refer;id={mine}")
            self.assertEqual(notify.body.decode(), line)
            backend.expect(200, method="NOTIFY")
        self.wait_count(0)
        leg.send("NOTIFY", headers=[("Event", "refer"), ("Subscription-State", "active")])
        backend.expect(481, method="NOTIFY")

    def test_a_refer_outside_a_dialog(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("401", domain)
        refer = Subscription(phone, "402", [("Refer-To", f"<sip:403@{domain}>")], method="REFER")
        refer.send()
        request = backend.expect("REFER")
        answer = backend.reply(request, 202, reason="Accepted", headers=[contact_of(backend)])
        phone.peer.expect(202, method="REFER")
        Notifier(backend, request, answer.tag("To")).notify("refer", "terminated;reason=noresource", "SIP/2.0 200 OK",
                                                            "message/sipfrag")
        self.assertEqual(self.notified(phone).body, b"SIP/2.0 200 OK")
        backend.expect(200, method="NOTIFY")
        self.wait_count(0)

    def test_what_makes_no_dialog_is_relayed_both_ways(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("401", domain)
        request, _ = self.register(phone, backend)
        asker = self.as_backend(backend)
        text = [("Content-Type", "text/plain")]
        for method, headers in (("MESSAGE", text), ("PUBLISH", [("Event", "presence"), *text]), ("INFO", text),
                                ("NOTIFY", [("Event", "check-sync"), ("Subscription-State", "terminated")]),
                                ("FROBNICATE", [])):
            phone.peer.send(phone.request(method, f"sip:402@{domain}", f"<sip:402@{domain}>", headers=headers),
                            self.edge.address)
            backend.reply(backend.expect(method), 202)
            phone.peer.expect(202, method=method)
            uri = request.contact_uri()
            backend.send(asker.request(method, uri, f"<{uri}>", headers=headers), self.edge.address)
            phone.peer.reply(phone.peer.expect(method), 202)
            backend.expect(202, method=method)
        self.assertEqual(self.count(), 0)
        self.assertFalse(self.edge.items("/v1/door-knocks"))

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45)
        finally:
            super().tearDownClass()


if __name__ == "__main__":
    main()
