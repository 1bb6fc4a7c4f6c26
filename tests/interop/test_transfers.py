"""Transfers and pickup by scripted phones through the edge and a real Asterisk: each side names dialogs by its own leg's
Call-ID and tags, and Asterisk must find those that it knows."""

import re
from urllib.parse import quote

from lab import sip
from lab.asterisk import Asterisk
from lab.capture import Capture
from lab.edge import Edge
from lab.handset import Handset
from lab.lab import LabTest, main
from lab.wait import wait_for


class Transfers(LabTest):
    @classmethod
    def setUpLab(cls):
        cls.capture = Capture(cls.lab)
        cls.edge = Edge(cls.lab)
        users = {"401": "one", "402": "two", "403": "three"}
        cls.asterisk = Asterisk(cls.lab, 10, users, qualify_frequency=0, extensions=f"""
; answers and refers the caller to 402
exten => 620,1,Answer()
 same => n,Wait(0.2)
 same => n,Transfer(PJSIP/sip:402@{cls.lab.ip(10)})
 same => n,NoOp(transfer: ${{TRANSFERSTATUS}})
 same => n,Hangup()
""")
        cls.edge.tenant("a.test", 10, cls.asterisk.address)
        cls.edge.wait_ready()
        cls.phones = [Handset(cls.lab, 21 + n, cls.edge.address, user, password, "a.test")
                      for n, (user, password) in enumerate(users.items())]
        for phone in cls.phones:
            assert phone.sip.register().status == 200

    def setUp(self):
        self.first, self.second, self.third = self.phones
        self.since = self.capture.mark()
        for phone in self.phones:
            phone.picks_up = True
            phone.rung.clear()
            phone.all_received.clear()

    def tearDown(self):
        try:
            self.assert_no_backend_in_packets_to_phones()
        finally:
            self.asterisk.command("channel request hangup all", check=False)
            self.asterisk.wait_no_channels()
            wait_for(lambda: not self.edge.calls(), 8, "the edge has no call left")

    def assert_no_backend_in_packets_to_phones(self):
        """Header fields only: SDP names the backend, since audio goes there."""
        seen = 0
        for phone in self.phones:
            for message in self.capture.to(phone.address, self.since):
                seen += 1
                self.assertNotIn(self.asterisk.address, message.raw.split(b"\r\n\r\n")[0].decode())
        self.assertGreater(seen, 0)

    def at_asterisk(self, method, predicate=lambda message: True):
        return self.capture.wait(lambda p: p.target[0] == self.asterisk.address and not p.message.is_response
                                 and p.message.method == method and predicate(p.message), 5, self.since,
                                 f"a {method} at Asterisk").message

    def from_asterisk(self, predicate):
        """The first such message of Asterisk's. The capture may be behind those who have got it."""
        return self.capture.wait(lambda p: p.source[0] == self.asterisk.address and predicate(p.message), 5, self.since,
                                 "a message of Asterisk's").message

    def bridged(self, *phones):
        """Two channels are up, these phones', and the edge has their two calls and no more."""
        wanted = sorted(f"PJSIP/{phone.sip.user}" for phone in phones)
        wait_for(lambda: sorted(name.rsplit("-", 1)[0] for name in self.asterisk.channels()) == wanted, 8,
                 lambda: f"{wanted} are bridged: {self.asterisk.channels()}")
        wait_for(lambda: len(self.edge.calls()) == 2, 8, lambda: f"two calls: {self.edge.calls()}")
        bridges = {line.split()[-1] for line in self.asterisk.command("core show channels verbose").splitlines()
                   if line.startswith("PJSIP/") and re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", line)}
        self.assertEqual(len(bridges), 1, bridges)

    def leaves_after_transfer(self, call):
        """The transferor hangs up when it is told that the transfer has succeeded (RFC 5589 §6); gives that NOTIFY."""
        notify = wait_for(lambda: [m for m in self.first.requests("NOTIFY", call.call_id) if b" 200 " in m.body], 8,
                          "the transferor is told")[0]
        call.send("BYE")
        self.assertEqual(self.first.wait_response("BYE", call.call_id).status, 200)
        return notify

    def test_blind_transfer_by_a_phone(self):
        call = self.first.dial("402")
        call.send("REFER", headers=[("Refer-To", "<sip:403@a.test>"), ("Referred-By", f"<{self.first.sip.aor}>")])
        refer_cseq = call.cseq
        self.assertEqual(self.at_asterisk("REFER")["Refer-To"], "<sip:403@a.test>")
        self.assertEqual(self.first.wait_response("REFER", call.call_id).status, 202)
        notify = self.leaves_after_transfer(call)
        named = re.search(r"id=(\d+)", notify["Event"])
        if named:
            self.assertEqual(int(named.group(1)), refer_cseq)
        self.bridged(self.second, self.third)

    def test_attended_transfer_by_a_phone(self):
        held = self.first.dial("402")
        consulted = self.first.dial("403")
        inside = self.from_asterisk(lambda m: m.status == 200 and m.method == "INVITE" and "sip:403@a.test" in m["To"])
        name = f"{consulted.call_id};to-tag={consulted.far};from-tag={consulted.tag}"
        held.send("REFER", headers=[("Refer-To", f"<sip:403@a.test?Replaces={quote(name, safe='')}>"),
                                    ("Referred-By", f"<{self.first.sip.aor}>")])
        mapped = f"{inside['Call-ID']};to-tag={inside.tag('To')};from-tag={inside.tag('From')}"
        self.assertEqual(self.at_asterisk("REFER")["Refer-To"], f"<sip:403@a.test?Replaces={quote(mapped, safe='')}>")
        self.assertNotEqual(inside["Call-ID"], consulted.call_id)
        self.assertEqual(self.first.wait_response("REFER", held.call_id).status, 202)
        self.first.wait_request("BYE", consulted.call_id)
        self.leaves_after_transfer(held)
        self.bridged(self.second, self.third)

    def notify(self, call, refer, state, line):
        """The phone tells how its REFER goes (RFC 3515 §2.4.5)."""
        call.send("NOTIFY", line, [("Event", f"refer;id={refer.cseq}"), ("Subscription-State", state)],
                  kind="message/sipfrag;version=2.0")
        cseq = call.cseq
        answer = wait_for(lambda: next((m for m in list(self.first.all_received) if m.is_response
                                        and (m.method, m.cseq) == ("NOTIFY", cseq)), None), 5, "its answer")
        self.assertEqual(answer.status, 200)

    def test_blind_transfer_by_asterisk(self):
        call = self.first.dial("620")
        refer = self.first.wait_request("REFER", call.call_id)
        self.assertEqual(sip.uri_of(refer["Refer-To"]), "sip:402@a.test")
        sent = self.from_asterisk(lambda m: m.method == "REFER" and not m.is_response)
        self.assertEqual(sip.uri_of(sent["Refer-To"]), f"sip:402@{self.asterisk.address}")
        self.assertNotEqual(sent["Call-ID"], refer["Call-ID"])
        self.notify(call, refer, "active;expires=60", "SIP/2.0 100 Trying")
        self.first.dial("402")
        self.notify(call, refer, "terminated;reason=noresource", "SIP/2.0 200 OK")
        # Asterisk knows its REFER by the number that it has there.
        told = [self.at_asterisk("NOTIFY", lambda m, text=text: text in m.body) for text in (b"100", b"200")]
        for notify in told:
            self.assertEqual(notify["Call-ID"], sent["Call-ID"])
            self.assertIn(notify["Event"], (f"refer;id={sent.cseq}", "refer"))
        self.asterisk.process.wait_log(r"transfer: SUCCESS", 5)
        self.first.wait_request("BYE", call.call_id)
        self.bridged(self.first, self.second)

    def test_pickup_of_a_ringing_call(self):
        self.second.picks_up = False
        call = self.first.send_invite("402")
        ringing = wait_for(lambda: self.second.requests("INVITE"), 5, "402 rings")[-1]
        wait_for(lambda: any(m.is_response and m.status == 180 for m in list(self.first.all_received)
                             if m["Call-ID"] == call.call_id), 5, "401 hears it ring")
        _, own_tag, _ = self.second.rung[ringing["Call-ID"]]
        name = f"{ringing['Call-ID']};to-tag={ringing.tag('From')};from-tag={own_tag};early-only"
        self.third.dial("402", headers=[("Replaces", name), ("Require", "replaces")])
        replacing = self.at_asterisk("INVITE", lambda m: m.get("Replaces") and m.get("Authorization"))
        outer = self.from_asterisk(lambda m: m.method == "INVITE" and not m.is_response)
        to_tag = re.search(r"to-tag=([^;]+)", replacing["Replaces"]).group(1)
        self.assertEqual(replacing["Replaces"].split(";")[0], outer["Call-ID"])
        self.assertEqual(to_tag, outer.tag("From"))
        self.assertTrue(replacing["Replaces"].endswith(";early-only"))
        self.second.wait_request("CANCEL", ringing["Call-ID"])
        call.answered(self.first.final(call, 2))
        self.bridged(self.first, self.third)

    def test_a_name_of_no_dialog_gets_asterisks_own_answer(self):
        call = self.first.dial("402")
        call.send("REFER", headers=[("Refer-To", "<sip:403@a.test?Replaces=no%40where%3bto-tag%3D1%3Bfrom-tag%3D2>")])
        self.assertEqual(self.at_asterisk("REFER")["Refer-To"],
                         "<sip:403@a.test?Replaces=no%40where%3bto-tag%3D1%3Bfrom-tag%3D2>")
        self.first.wait_response("REFER", call.call_id)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45)
        finally:
            super().tearDownClass()


if __name__ == "__main__":
    main()
