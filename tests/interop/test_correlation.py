"""What a backend is told of the phone's leg by policy: X-CID, and a Session-ID (RFC 7989) for a phone that has none."""

import re

from lab import sip
from lab.asterisk import Asterisk
from lab.baresip import Baresip
from lab.edge import Edge
from lab.lab import main
from lab.scripted import ScriptedTest, contact_of, contacts
from lab.wait import wait_for

NIL = "0" * 32
OWN, PEER = "1" * 32, "abcdef" + "2" * 26


class Correlation(ScriptedTest):
    @classmethod
    def setUpLab(cls):
        cls.edge = Edge(cls.lab, timers=cls.TIMERS, extra="[correlation]\nx_cid = true\nsession_id = true\n")
        cls._host = 40
        cls._tenants = 0

    def setUp(self):
        self.upstream = self.backend()
        self.domain, _, _ = self.tenant(self.upstream)
        self.desk = self.phone("401", self.domain)

    def tearDown(self):
        wait_for(lambda: not self.edge.calls(), 5, "no call is left")

    def assert_refers_to(self, request, call_id):
        self.assertEqual(request.all("X-CID"), [call_id])
        self.assertNotEqual(request["Call-ID"], call_id)

    def test_a_phone_without_session_id_is_spoken_for_through_the_whole_call(self):
        self.desk.send_register(headers=[("X-CID", "forged")])
        register = self.upstream.expect("REGISTER")
        self.upstream.reply(register, 200)
        answer = self.desk.peer.expect(200, method="REGISTER")
        self.assert_refers_to(register, answer["Call-ID"])

        call = self.desk.call("600", headers=[("X-CID", "forged")])
        invite = self.upstream.expect("INVITE")
        self.assert_refers_to(invite, call.call_id)
        own = re.fullmatch(f"([0-9a-f]{{32}});remote={NIL}", invite["Session-ID"]).group(1)
        self.upstream.reply(invite, 100)
        self.desk.peer.expect(100)
        self.upstream.reply(invite, 180, headers=[contact_of(self.upstream), ("Session-ID", f"{PEER};remote={own}")])
        self.assertEqual(self.desk.peer.expect(180)["Session-ID"], f"{PEER};remote={own}")
        leg = self.answer(call, self.upstream, invite)
        leg.send("INFO")
        self.desk.peer.reply(self.desk.peer.expect("INFO"), 200, headers=[("X-CID", "forged")])
        answer = self.upstream.expect(200, method="INFO")
        self.assertEqual(answer["Session-ID"], f"{own};remote={PEER}")
        self.assertEqual(answer.all("X-CID"), [])
        call.send("BYE")
        bye = self.upstream.expect("BYE")
        self.assertEqual(bye["Session-ID"], f"{own};remote={PEER}")
        self.assert_refers_to(bye, call.call_id)
        self.upstream.reply(bye, 200)
        self.desk.peer.expect(200, method="BYE")

    def test_a_called_phone_is_spoken_for_and_over_kill_9_too(self):
        registered, _ = self.register(self.desk, self.upstream)
        caller = self.as_backend(self.upstream)
        caller.domain = self.edge.ip
        call = caller.call(sip.uri_of(contacts(registered)[0])[4:].split("@")[0], headers=[("Session-ID", f"{PEER};remote={NIL}")])
        invite = self.desk.peer.expect("INVITE")
        self.assertEqual(invite["Session-ID"], f"{PEER};remote={NIL}")
        self.desk.peer.reply(invite, 100)
        self.upstream.expect(100)
        self.desk.peer.reply(invite, 180, headers=[contact_of(self.desk.peer)])
        own = re.fullmatch(f"([0-9a-f]{{32}});remote={PEER}", self.upstream.expect(180)["Session-ID"]).group(1)
        self.assertNotIn(own, (NIL, PEER))
        leg = self.answer(call, self.desk.peer, invite)
        wait_for(lambda: self.edge.status()["counts"]["pending_persists"] == 0, 5, "the store has the call")
        self.edge.kill9()
        self.edge.start()
        leg.send("BYE")
        bye = self.upstream.expect("BYE")
        self.assertEqual(bye["Session-ID"], f"{own};remote={PEER}")
        self.upstream.reply(bye, 200)
        self.desk.peer.expect(200, method="BYE")

    def test_a_session_id_of_the_phone_crosses_and_its_cancel_has_the_same(self):
        call = self.desk.call("600", headers=[("Session-ID", f"{OWN};remote={NIL}")])
        invite = self.upstream.expect("INVITE")
        self.assertEqual(invite.all("Session-ID"), [f"{OWN};remote={NIL}"])
        self.upstream.reply(invite, 100)
        self.desk.peer.expect(100)
        self.upstream.reply(invite, 180, headers=[contact_of(self.upstream), ("Session-ID", f"{PEER};remote={OWN}")])
        self.assertEqual(self.desk.peer.expect(180)["Session-ID"], f"{PEER};remote={OWN}")
        call.cancel()
        self.desk.peer.expect(200, method="CANCEL")
        cancel = self.upstream.expect("CANCEL")
        self.assertEqual(cancel["Session-ID"], f"{OWN};remote={NIL}")
        self.upstream.reply(cancel, 200)
        self.upstream.reply(invite, 487)
        self.assertEqual(self.upstream.expect("ACK")["Session-ID"], f"{OWN};remote={NIL}")
        call.ack_failure(self.desk.peer.expect(487))

    def test_asterisk_finds_both_in_a_call_of_baresip(self):
        asterisk = Asterisk(self.lab, 10, {"401": "one"}, extensions="""
exten => 660,1,Verbose(0,heard ${PJSIP_HEADER(read,X-CID)} and ${PJSIP_HEADER(read,Session-ID)})
 same => n,Answer()
 same => n,Wait(1)
 same => n,Hangup()
""")
        self.edge.tenant("a.test", 10, asterisk.address)
        self.edge.wait_ready()
        caller = Baresip(self.lab, 21, "401", "a.test", "one", f"{self.edge.ip}:5060", "udp")
        caller.wait_registered()
        since = caller.mark()
        caller.dial("660")
        caller.wait_event("CALL_ESTABLISHED", 10, since)
        call = wait_for(self.edge.calls, 5, "the edge has the call")[0]
        heard = asterisk.process.wait_log(rf"heard (\S+) and [0-9a-f]{{32}};remote={NIL}\b", 5)
        self.assertEqual(heard.group(1), call["origin_call_id"])
        invites = [item["text"] for item in self.edge.must("GET", f"/v1/calls/{call['id']}/ladder")["items"]
                   if item.get("label") == "INVITE"]
        self.assertNotIn("Session-ID", invites[0], "baresip has none of its own")
        self.assertIn("Session-ID", invites[-1])
        caller.wait_event("CALL_CLOSED", 10, since)


if __name__ == "__main__":
    main()
