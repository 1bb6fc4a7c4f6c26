"""What a call may do to its session while it is up, with a real Asterisk and between scripted ends, from both sides: late
offers, UPDATE, refused re-INVITEs. SDP crosses byte for byte, and the legs stay apart."""

from lab import sip
from lab.apart import assert_legs_are_apart
from lab.asterisk import Asterisk
from lab.capture import Capture
from lab.end import end_of_callee, end_of_caller
from lab.handset import Handset
from lab.lab import main
from lab.scripted import ScriptedTest, contact_of
from lab.wait import wait_for

SDP = ("Content-Type", "application/sdp")
# Asterisk's endpoints allow no such codec.
UNKNOWN_CODEC = ("v=0\r\no=- 1 9 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 18\r\n"
                 "a=rtpmap:18 G729/8000\r\n")


class Changes(ScriptedTest):
    @classmethod
    def setUpLab(cls):
        super().setUpLab()
        cls.capture = Capture(cls.lab)
        cls.asterisk = Asterisk(cls.lab, 10, {"401": "secret"}, qualify_frequency=0)
        cls.edge.tenant("a.test", 10, cls.asterisk.address)
        cls.edge.wait_ready()
        cls.desk = Handset(cls.lab, cls.next_host(), cls.edge.address, "401", "secret", "a.test")
        assert cls.desk.sip.register().status == 200

    def setUp(self):
        self.desk.all_received.clear()
        self.since = self.capture.mark()

    def assert_apart(self, backend):
        wait_for(lambda: not self.edge.calls(), 5, "the call is over")
        # The last packet of a call; the capture may be behind.
        self.capture.wait(lambda p: p.source[0] == self.edge.ip and p.message.status == 200 and p.message.method == "BYE",
                          since=self.since)
        packets = [p for p in self.capture.packets[self.since:] if self.edge.ip in (p.source[0], p.target[0])]
        assert_legs_are_apart(self, packets, self.edge.ip, backend.address)

    # With a real Asterisk.

    def over(self, call):
        call.send("BYE")
        self.assertEqual(self.desk.wait_response("BYE", call.call_id).status, 200)
        self.asterisk.wait_no_channels()
        self.assert_apart(self.asterisk)

    def final(self, call, method):
        return wait_for(lambda: next((m for m in list(self.desk.all_received) if m.is_response and m.status >= 200
                                      and (m.method, m.cseq, m["Call-ID"]) == (method, call.cseq, call.call_id)), None),
                        8, f"the answer to {method}")

    def test_a_late_offer_of_asterisk(self):
        call = self.desk.sip.call("600", body="")
        self.desk.challenged(call, body="")
        response = self.final(call, "INVITE")
        self.assertEqual(response.status, 200)
        self.assertIn(b"m=audio", response.body)
        call.to, call.remote = response["To"], response.contact_uri()
        call._send("ACK", call.remote, call.cseq, body=sip.sdp(self.desk.address, 40000, version=3))
        wait_for(lambda: any("Up" in line for line in
                             self.asterisk.command("core show channels concise").splitlines()), 5, "the echo is up")
        self.over(call)

    def test_an_update_holds_and_resumes_at_asterisk(self):
        call = self.desk.dial("600")
        for direction, answer in (("sendonly", b"a=recvonly"), ("sendrecv", b"a=sendrecv")):
            call.send("UPDATE", sip.sdp(self.desk.address, version=2, direction=direction))
            response = self.final(call, "UPDATE")
            self.assertEqual(response.status, 200)
            self.assertIn(answer, response.body)
        self.over(call)

    def test_a_re_invite_that_asterisk_refuses_leaves_the_call_up(self):
        call = self.desk.dial("600")
        call.send("INVITE", UNKNOWN_CODEC.format(self.desk.address))
        response = self.final(call, "INVITE")
        self.assertEqual(response.status, 488)
        self.desk.send(self.desk.sip.request("ACK", call.remote, response["To"], call.call_id, call.cseq, call.tag,
                                             branch=response.branch(), contact=False), self.edge.address)
        self.assertEqual(len(self.edge.calls()), 1)
        # It goes on as it was, and may still be changed.
        call.send("INVITE", sip.sdp(self.desk.address, version=4, direction="sendonly"))
        response = self.final(call, "INVITE")
        self.assertEqual(response.status, 200)
        self.assertIn(b"a=recvonly", response.body)
        call.ack()
        self.over(call)

    # Between scripted ends.

    def both_ways(self):
        """(who calls, who is called) as peers, with what makes the INVITE."""
        for from_phone in (True, False):
            self.since = self.capture.mark()
            backend = self.backend()
            domain, _, _ = self.tenant(backend)
            phone = self.phone("401", domain)
            registered, _ = self.register(phone, backend)
            asker = phone
            number = "600"
            if not from_phone:
                asker = self.as_backend(backend)
                asker.domain = self.edge.ip
                number = registered.contact_uri()[4:].split("@")[0]
            yield backend, asker, number, *((phone.peer, backend) if from_phone else (backend, phone.peer))

    def next(self, peer, status, method="INVITE"):
        response = peer.take()
        while response.status == 100:
            response = peer.take()
        self.assertEqual((response.status, response.method), (status, method))
        return response

    def up(self, asker, number, caller, callee, body=None):
        """A call; with an empty `body` its offer is in the 200 and its answer in the ACK."""
        call = asker.call(number, body=body)
        invite = callee.expect("INVITE")
        if body == "":
            self.assertEqual((invite.body, invite.get("Content-Type")), (b"", None))
        callee.reply(invite, 200, headers=[contact_of(callee), SDP], body=sip.sdp(callee.address, 41000))
        response = self.next(caller, 200)
        self.assertEqual(response.body.decode(), sip.sdp(callee.address, 41000))
        call.to, call.remote = response["To"], response.contact_uri()
        late = sip.sdp(caller.address, 40000, version=7) if body == "" else ""
        call._send("ACK", call.remote, 1, body=late)
        self.assertEqual(callee.expect("ACK").body.decode(), late)
        return Ends(self, call, invite, caller, callee)

    def test_a_late_offer(self):
        for backend, *who in self.both_ways():
            self.up(*who, body="").over()
            self.assert_apart(backend)

    def test_a_refused_re_invite_leaves_the_call_up(self):
        for backend, *who in self.both_ways():
            ends = self.up(*who)
            for from_caller in (True, False):
                for status in (488, 606):
                    again, ask = ends.reinvite(from_caller, sip.sdp("192.0.2.9", version=2, direction="inactive"))
                    answerer = ends.callee if from_caller else ends.caller
                    answerer.reply(again, status, headers=[("Warning", '304 lab "no such media"')])
                    self.assertEqual(answerer.expect("ACK").cseq, again.cseq)
                    asker = ends.caller if from_caller else ends.callee
                    refused = self.next(asker, status)
                    self.assertEqual(refused["Warning"], '304 lab "no such media"')
                    ask.ack_failure(refused)
                    self.assertEqual(len(self.edge.calls()), 1)
            ends.over()
            self.assert_apart(backend)

    def test_a_re_invite_with_a_late_offer(self):
        for backend, *who in self.both_ways():
            ends = self.up(*who)
            for from_caller in (True, False):
                again, ask = ends.reinvite(from_caller, "")
                asker, answerer = (ends.caller, ends.callee) if from_caller else (ends.callee, ends.caller)
                self.assertEqual(again.body, b"")
                offer = sip.sdp(answerer.address, 45000, version=3)
                answerer.reply(again, 200, headers=[contact_of(answerer), SDP], body=offer)
                self.assertEqual(self.next(asker, 200).body.decode(), offer)
                answer = sip.sdp(asker.address, 45002, version=4)
                ask.ack(answer)
                self.assertEqual(answerer.expect("ACK").body.decode(), answer)
            ends.over()
            self.assert_apart(backend)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45)
        finally:
            super().tearDownClass()


class Ends:
    """A call that is up, with requests from both its ends."""

    def __init__(self, test, call, invite, caller, callee):
        self.test, self.caller, self.callee = test, caller, callee
        self.asks = {True: end_of_caller(call), False: end_of_callee(callee, invite)}

    def reinvite(self, from_caller, body):
        """Gives (it where it arrived, the end that asks)."""
        ask = self.asks[from_caller]
        ask.send("INVITE", body)
        again = (self.callee if from_caller else self.caller).expect("INVITE")
        self.test.assertEqual(again.body.decode(), body)
        return again, ask

    def over(self):
        self.asks[True].send("BYE")
        self.callee.reply(self.callee.expect("BYE"), 200)
        self.test.next(self.caller, 200, "BYE")


if __name__ == "__main__":
    main()
