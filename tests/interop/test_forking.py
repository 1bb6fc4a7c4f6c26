"""Two devices of one user: both ring, and what becomes of the one that does not answer."""

from lab import sip
from lab.asterisk import Asterisk
from lab.baresip import Baresip
from lab.capture import Capture
from lab.edge import Edge
from lab.lab import LabTest, main
from lab.peer import Phone
from lab.scripted import ScriptedTest, contact_of
from lab.wait import wait_for


class Forking(ScriptedTest):
    TIMERS = {"t1": "100ms", "attempt": "500ms"}

    def setUp(self):
        self.pbx = self.backend()
        self.domain, self.setid, _ = self.tenant(self.pbx)
        self.desk = self.device("q=0.8")
        self.soft = self.device("q=0.8")
        self.caller = Phone(self.pbx, self.edge.address, "402", self.domain,
                            contact=f"<sip:402@{self.pbx.address}:{self.pbx.port}>")

    def device(self, params):
        phone = self.phone("401", self.domain)
        self.register(phone, self.pbx, f"{phone.contact};{params}")
        return phone

    def call(self, headers=()):
        """The backend calls the user; gives the call and the INVITE of each device."""
        call = self.caller.call("401", headers=headers)
        return call, self.desk.peer.expect("INVITE"), self.soft.peer.expect("INVITE")

    def next(self, *wanted):
        """The next response at the caller but 100; these are its status and method."""
        response = self.pbx.take()
        while response.status == 100:
            response = self.pbx.take()
        self.assertEqual((response.status, response.method), wanted)
        return response

    def ringing(self, phone, invite, status=180, headers=()):
        phone.peer.reply(invite, status, headers=[contact_of(phone.peer), *headers])
        return self.next(status, "INVITE")

    def answer_at(self, phone, invite):
        return phone.peer.reply(invite, 200, headers=[contact_of(phone.peer), ("Content-Type", "application/sdp")],
                                body=sip.sdp(phone.peer.address, 42000))

    def cancelled(self, phone, invite):
        cancel = phone.peer.expect("CANCEL")
        self.assertEqual(cancel.branch(), invite.branch())
        phone.peer.reply(cancel, 200)
        phone.peer.reply(invite, 487)
        phone.peer.expect("ACK")
        return cancel

    def end(self, call, phone):
        call.send("BYE")
        phone.peer.reply(phone.peer.expect("BYE"), 200)
        self.next(200, "BYE")

    def test_both_ring_and_one_answers(self):
        call, desk, soft = self.call()
        self.assertNotEqual(desk["Call-ID"], soft["Call-ID"])
        first = self.ringing(self.desk, desk)
        second = self.ringing(self.soft, soft)
        self.assertNotEqual(first.tag("To"), second.tag("To"))
        body = self.answer_at(self.soft, soft).body
        answer = self.next(200, "INVITE")
        self.assertEqual(answer.tag("To"), second.tag("To"))
        self.assertEqual(answer.body, body)
        cancel = self.cancelled(self.desk, desk)
        self.assertIn("Call completed elsewhere", cancel["Reason"])
        call.answered(answer)
        self.soft.peer.expect("ACK")
        self.end(call, self.soft)

    def test_a_late_200_is_acked_and_byed(self):
        call, desk, soft = self.call()
        self.ringing(self.desk, desk)
        self.answer_at(self.soft, soft)
        answer = self.next(200, "INVITE")
        call.answered(answer)
        self.soft.peer.expect("ACK")
        self.desk.peer.reply(self.desk.peer.expect("CANCEL"), 200)
        late = self.answer_at(self.desk, desk)
        ack = self.desk.peer.expect("ACK")
        self.assertEqual(ack.tag("To"), late.tag("To"))
        self.desk.peer.reply(self.desk.peer.expect("BYE"), 200)
        self.end(call, self.soft)

    def test_603_beats_486(self):
        call, desk, soft = self.call()
        self.ringing(self.soft, soft)
        self.desk.peer.reply(desk, 603)
        self.desk.peer.expect("ACK")
        self.soft.peer.reply(self.soft.peer.expect("CANCEL"), 200)
        self.soft.peer.reply(soft, 486)
        self.soft.peer.expect("ACK")
        call.ack_failure(self.next(603, "INVITE"))

    def test_603_beats_the_486_that_came_before_it(self):
        call, desk, soft = self.call()
        self.desk.peer.reply(desk, 486)
        self.desk.peer.expect("ACK")
        self.soft.peer.reply(soft, 603)
        self.soft.peer.expect("ACK")
        call.ack_failure(self.next(603, "INVITE"))

    def test_a_200_beats_the_603_that_came_before_it(self):
        call, desk, soft = self.call()
        self.ringing(self.soft, soft)
        self.desk.peer.reply(desk, 603)
        self.desk.peer.expect("ACK")
        self.soft.peer.reply(self.soft.peer.expect("CANCEL"), 200)
        self.answer_at(self.soft, soft)
        call.answered(self.next(200, "INVITE"))
        self.soft.peer.expect("ACK")
        self.end(call, self.soft)

    def test_the_caller_gives_up_and_both_stop_ringing(self):
        call, desk, soft = self.call()
        self.ringing(self.desk, desk)
        call.cancel()
        self.cancelled(self.desk, desk)
        # The other one has said nothing yet: it is cancelled as soon as it does (RFC 3261 §9.1).
        self.assertTrue(self.soft.peer.empty())
        self.soft.peer.reply(soft, 180, headers=[contact_of(self.soft.peer)])
        self.cancelled(self.soft, soft)
        answers = [self.pbx.take(), self.pbx.take()]
        self.assertEqual(sorted(m.what() for m in answers), ["200 to CANCEL", "487 to INVITE"])
        call.ack_failure(next(m for m in answers if m.method == "INVITE"))
        self.assertEqual(self.edge.calls(), [])

    def test_the_device_of_lower_q_rings_when_the_others_have_refused(self):
        last = self.device("q=0.2")
        call, desk, soft = self.call()
        for phone, invite, status in ((self.desk, desk, 486), (self.soft, soft, 480)):
            phone.peer.reply(invite, status)
            phone.peer.expect("ACK")
        invite = last.peer.expect("INVITE")
        last.peer.reply(invite, 404)
        last.peer.expect("ACK")
        call.ack_failure(self.next(486, "INVITE"))

    def test_reliable_responses_of_both_get_their_pracks(self):
        call, desk, soft = self.call(headers=[("Supported", "100rel")])
        for phone, invite, rseq in ((self.desk, desk, 7), (self.soft, soft, 4711)):
            response = self.ringing(phone, invite, 183, [("Require", "100rel"), ("RSeq", str(rseq))])
            self.assertEqual(response["RSeq"], str(rseq))
            call.to, call.remote = response["To"], response.contact_uri()
            call.send("PRACK", headers=[("RAck", f"{rseq} 1 INVITE")])
            prack = phone.peer.expect("PRACK")
            self.assertEqual(prack["RAck"], f"{rseq} {invite['CSeq']}")
            self.assertEqual(prack["Call-ID"], invite["Call-ID"])
            phone.peer.reply(prack, 200)
            self.next(200, "PRACK")
        self.answer_at(self.soft, soft)
        answer = self.next(200, "INVITE")
        self.cancelled(self.desk, desk)
        last, call.cseq = call.cseq, 1  # the ACK has the INVITE's number (RFC 3261 §13.2.2.4)
        call.answered(answer)
        call.cseq = last
        self.soft.peer.expect("ACK")
        self.end(call, self.soft)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45)
        finally:
            super().tearDownClass()


class RealPhones(LabTest):
    """Asterisk forks by itself: it calls each Contact of the AoR that it was given."""

    @classmethod
    def setUpLab(cls):
        cls.capture = Capture(cls.lab)
        cls.edge = Edge(cls.lab)
        cls.asterisk = Asterisk(cls.lab, 10, {"401": "one", "402": "two"}, rewrite_contact=True, extensions="""
; all devices of 402
exten => 630,1,Dial(${PJSIP_DIAL_CONTACTS(402)},60)
 same => n,Hangup()
""")
        cls.edge.tenant("a.test", 10, cls.asterisk.address)
        cls.edge.wait_ready()
        registrar = f"{cls.edge.ip}:5060"
        cls.caller = Baresip(cls.lab, 21, "401", "a.test", "one", registrar)
        cls.devices = [Baresip(cls.lab, host, "402", "a.test", "two", registrar, name=f"baresip-402-{host}")
                       for host in (22, 23)]
        for phone in (cls.caller, *cls.devices):
            phone.wait_registered()
        wait_for(lambda: len(cls.asterisk.contacts("402")) == 2, 10, "Asterisk knows both devices of 402")

    def test_both_devices_ring_and_either_may_answer(self):
        for answers, other in (self.devices, reversed(self.devices)):
            since = self.capture.mark()
            events = {phone: phone.mark() for phone in (self.caller, answers, other)}
            self.caller.dial("630")
            for phone in (answers, other):
                phone.wait_event("CALL_INCOMING", since=events[phone])
            answers.accept()
            for phone in (self.caller, answers):
                phone.wait_event("CALL_ESTABLISHED", since=events[phone])
                phone.wait_event("CALL_RTPESTAB", since=events[phone])
            other.wait_event("CALL_CLOSED", since=events[other])
            self.assertFalse(other.has_event("CALL_ESTABLISHED", events[other]))
            self.assertEqual(len([m for m in self.capture.to(other.address, since) if m.what() == "CANCEL"]), 1)
            self.assertFalse([m for m in self.capture.to(answers.address, since) if m.what() == "CANCEL"])
            wait_for(lambda: len(self.edge.calls()) == 2, 5, "the caller's call and the callee's are up")
            self.caller.hangup()
            answers.wait_event("CALL_CLOSED", since=events[answers])
            self.asterisk.wait_no_channels()
            wait_for(lambda: not self.edge.calls(), 5, "no call is left")

    @classmethod
    def tearDownClass(cls):
        try:  # the phones go on to be qualified
            cls.edge.wait_quiet(45, only=("calls", "legs", "transactions.invite_client", "transactions.invite_server"))
        finally:
            super().tearDownClass()


if __name__ == "__main__":
    main()
