"""Lost packets of a call by UDP: what was lost comes again at the RFC's moments, and when nothing helps it ends.

A party loses a packet by taking no notice of it. Moments are the kernel's, which a busy machine does not blur.
"""

from lab import sip
from lab.capture import Capture
from lab.end import end_of_callee
from lab.lab import main
from lab.scripted import ScriptedTest, contact_of
from lab.wait import stays, wait_for

EARLY = 0.01  # what a timer may seem to be early since the packet before it was late
LATE = 0.5


def schedule(t1, t2, end):
    """Moments of a packet and of its repetitions: T1, doubling up to T2, before `end` (RFC 3261 §13.3.1.4, §17.1.2.2)."""
    moments, interval = [0.0], t1
    while moments[-1] + interval < end - EARLY:
        moments.append(moments[-1] + interval)
        interval = min(2 * interval, t2)
    return moments


class LossTest(ScriptedTest):
    @classmethod
    def setUpLab(cls):
        super().setUpLab()
        cls.capture = Capture(cls.lab)

    def setUp(self):
        self.upstream = self.backend()
        self.domain, _, _ = self.tenant(self.upstream)
        self.desk = self.phone("401", self.domain)
        self.since = self.capture.mark()
        self.registered, _ = self.register(self.desk, self.upstream)

    def from_phone(self):
        """(call, INVITE where it rings, the caller's peer, the callee's)."""
        return (*self.ring(self.desk, self.upstream), self.desk.peer, self.upstream)

    def from_backend(self):
        return (*self.ring_back(self.upstream, self.desk, self.registered), self.upstream, self.desk.peer)

    def accept(self, callee, invite):
        return callee.reply(invite, 200, headers=[contact_of(callee), ("Content-Type", "application/sdp")],
                            body=sip.sdp(callee.address, 41000))

    def final(self, caller, method="INVITE", within=3):
        """The 200; after a while a request of another kind may get a 100, too (RFC 4320 §4.1)."""
        response = caller.take(within)
        while response.status == 100:
            response = caller.take(within)
        self.assertEqual((response.status, response.method), (200, method))
        return response

    def packets(self, peer, what, method="INVITE"):
        """What the edge has sent to a party: requests of the method, or its responses of this status. The capture may be
        behind the party."""
        return [p for p in self.capture.packets[self.since:]
                if p.source[0] == self.edge.ip and p.target == (peer.address, peer.port) and p.message.method == method
                and p.message.status == (what if isinstance(what, int) else None)]

    def wait_packets(self, count, peer, what, method="INVITE", within=10):
        return wait_for(lambda: (found := self.packets(peer, what, method))[count - 1:] and found, within,
                        lambda: f"{count} times {what} at {peer.name}; there are {len(self.packets(peer, what, method))}")

    def assert_on_time(self, packets, moments, end=None):
        """They are one packet and its repetitions, at these moments. What comes late shifts all that follow: what is left
        of them is due after the end, if it is as late again."""
        self.assertEqual(len({p.message.raw for p in packets}), 1, "a repetition differs")
        came = [p.at - packets[0].at for p in packets]
        if end is not None and 1 < len(came) < len(moments):
            late = came[-1] - moments[len(came) - 1]
            moments = moments[:len(came)] + [m for m in moments[len(came):] if m + 2 * late < end]
        self.assertEqual(len(came), len(moments), came)
        for place in range(1, len(moments)):
            gap, nominal = came[place] - came[place - 1], moments[place] - moments[place - 1]
            self.assertGreaterEqual(gap, nominal - EARLY, f"too early: {came}")
            self.assertLess(gap, nominal + LATE, f"too late: {came}")

    def assert_over(self):
        wait_for(lambda: not self.edge.calls(), 5, "the call is over")

    def never_acked(self, call, caller, callee):
        answer = self.final(caller)
        end = 64 * self.T1
        stays(lambda: not self.packets(caller, "BYE", "BYE") and not self.packets(callee, "BYE", "BYE"), end - LATE,
              "nobody is sent a BYE before its time")
        ack = callee.expect("ACK", within=2)
        byes = {}
        for peer in (callee, caller):
            byes[peer] = peer.expect("BYE", within=2)
            peer.reply(byes[peer], 200)
        self.assertEqual(ack["Call-ID"], byes[callee]["Call-ID"])
        self.assertEqual((byes[caller]["Call-ID"], byes[caller].tag("From")), (call.call_id, answer.tag("To")))
        at = {peer: self.wait_packets(1, peer, "BYE", "BYE")[0].at for peer in (callee, caller)}
        packets = self.packets(caller, 200)
        self.assert_on_time(packets, schedule(self.T1, self.T2, end), end)
        for peer in (callee, caller):
            took = at[peer] - packets[0].at
            self.assertGreaterEqual(took, end - EARLY)
            self.assertLess(took, end + LATE)
            self.assertIn("ACK", byes[peer]["Reason"])
        self.assert_over()
        stays(lambda: len(self.packets(caller, 200)) == len(packets), 2 * self.T2, "the 200 is not repeated any more")
        self.since = self.capture.mark()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45)
        finally:
            super().tearDownClass()


class Loss(LossTest):
    TIMERS = {"t1": "100ms", "t2": "400ms"}
    T1, T2 = 0.1, 0.4

    def test_the_first_three_200s_are_lost(self):
        for direction in (self.from_phone, self.from_backend):
            with self.subTest(direction=direction.__name__):
                call, invite, caller, callee = direction()
                self.accept(callee, invite)
                answer = caller.expect(200)
                # The callee's own repetitions do not add to the edge's.
                callee.send(callee.sent[-1], invite.reply_to)
                packets = self.wait_packets(4, caller, 200)
                call.answered(answer)
                callee.expect("ACK")
                stays(lambda: len(self.packets(caller, 200)) == 4, 2 * self.T2, "no 200 comes after the ACK")
                self.assert_on_time(packets, schedule(self.T1, self.T2, 1.0))
                self.hang_up(call, callee)
                self.assert_over()
                self.since = self.capture.mark()

    def test_the_first_three_acks_to_the_callee_are_lost(self):
        for direction in (self.from_phone, self.from_backend):
            with self.subTest(direction=direction.__name__):
                call, invite, caller, callee = direction()
                self.accept(callee, invite)
                call.answered(caller.expect(200))
                ack = callee.expect("ACK")
                for lost in range(1, 4):
                    self.wait_packets(lost, callee, "ACK", "ACK")
                    callee.send(callee.sent[-1], invite.reply_to)  # the callee repeats its 200
                    packets = self.wait_packets(lost + 1, callee, "ACK", "ACK")
                    self.assertEqual(packets[-1].message.raw, ack.raw)
                # The caller has heard nothing of it, and no further ACK comes by itself.
                stays(lambda: len(self.packets(callee, "ACK", "ACK")) == 4 and len(self.packets(caller, 200)) == 1,
                      2 * self.T2, "the ACK comes again only when asked for")
                self.hang_up(call, callee)
                self.assert_over()
                self.since = self.capture.mark()

    def test_the_first_two_byes_are_lost(self):
        for direction in (self.from_phone, self.from_backend):
            with self.subTest(direction=direction.__name__):
                call, invite, caller, callee = direction()
                self.answer(call, callee, invite)
                call.send("BYE")
                sent = caller.sent[-1]
                bye = callee.expect("BYE")
                caller.send(sent, self.edge.address)  # the caller repeats its own meanwhile
                packets = self.wait_packets(3, callee, "BYE", "BYE")
                callee.reply(bye, 200)
                over = self.final(caller, "BYE")
                stays(lambda: len(self.packets(callee, "BYE", "BYE")) == 3, 2 * self.T2, "no BYE comes after its 200")
                self.assert_on_time(packets, schedule(self.T1, self.T2, 0.6))
                # The 200 was lost, too: the same one comes again, and the callee is left alone.
                caller.send(sent, self.edge.address)
                again = self.wait_packets(2, caller, 200, "BYE")
                self.assertEqual({p.message.raw for p in again}, {over.raw})
                self.assertTrue(callee.empty())
                self.assert_over()
                self.since = self.capture.mark()

    def test_a_bye_that_overtakes_the_ack(self):
        for direction in (self.from_phone, self.from_backend):
            with self.subTest(direction=direction.__name__):
                call, invite, caller, callee = direction()
                self.accept(callee, invite)
                answer = caller.expect(200)
                call.to, call.remote = answer["To"], answer.contact_uri()
                call.send("BYE")
                self.assertEqual(callee.expect("ACK").cseq, invite.cseq)
                callee.reply(callee.expect("BYE"), 200)
                self.final(caller, "BYE")
                call.cseq = 1
                call.ack()
                self.wait_packets(1, caller, 200)
                stays(lambda: len(self.packets(caller, 200)) == 1 and callee.empty(), 2 * self.T2, "nothing more comes")
                self.assert_over()
                self.since = self.capture.mark()

    def test_the_first_three_200s_to_a_re_invite_are_lost(self):
        call, invite, caller, callee = self.from_phone()
        self.answer(call, callee, invite)
        call.send("INVITE", sip.sdp(caller.address, version=2, direction="sendonly"))
        again = callee.expect("INVITE")
        self.since = self.capture.mark()
        self.accept(callee, again)
        response = self.final(caller)
        packets = self.wait_packets(4, caller, 200)
        call.answered(response)
        callee.expect("ACK")
        stays(lambda: len(self.packets(caller, 200)) == 4, 2 * self.T2, "no 200 comes after the ACK")
        self.assert_on_time(packets, schedule(self.T1, self.T2, 1.0))
        self.hang_up(call, callee)
        self.assert_over()

    def test_the_first_three_invites_are_lost(self):
        """Timer A knows no T2 (RFC 3261 §17.1.1.2)."""
        call = self.desk.call("600")
        invite = self.upstream.expect("INVITE")
        packets = self.wait_packets(4, self.upstream, "INVITE")
        self.upstream.reply(invite, 180, headers=[contact_of(self.upstream)])
        self.desk.peer.expect(100)
        self.desk.peer.expect(180)
        stays(lambda: len(self.packets(self.upstream, "INVITE")) == 4, 1.0, "no INVITE comes after a response")
        self.assert_on_time(packets, schedule(self.T1, 64 * self.T1, 1.0))
        self.answer(call, self.upstream, invite)
        self.hang_up(call, self.upstream)
        self.assert_over()

    def test_a_lost_refusal_and_its_lost_ack(self):
        for direction in (self.from_phone, self.from_backend):
            with self.subTest(direction=direction.__name__):
                call, invite, caller, callee = direction()
                callee.reply(invite, 486)
                ack = callee.expect("ACK")
                callee.send(callee.sent[-1], invite.reply_to)  # its ACK was lost
                self.assertEqual(self.wait_packets(2, callee, "ACK", "ACK")[1].message.raw, ack.raw)
                refused = caller.expect(486)
                packets = self.wait_packets(4, caller, 486)
                call.ack_failure(refused)
                stays(lambda: len(self.packets(caller, 486)) == 4, 2 * self.T2, "no 486 comes after its ACK")
                self.assert_on_time(packets, schedule(self.T1, self.T2, 1.0))
                self.assert_over()
                self.since = self.capture.mark()

    def test_a_bye_that_is_never_answered(self):
        for direction in (self.from_phone, self.from_backend):
            with self.subTest(direction=direction.__name__):
                call, invite, caller, callee = direction()
                self.answer(call, callee, invite)
                call.send("BYE")
                callee.expect("BYE")
                # Whoever hangs up is not kept waiting for a party that is gone: `timers.attempt` is 4 s.
                over = self.final(caller, "BYE", within=6)
                self.assertGreater(over.at - self.packets(callee, "BYE", "BYE")[0].at, 3.9)
                self.assert_over()
                end = schedule(self.T1, self.T2, 64 * self.T1)
                packets = self.wait_packets(len(end), callee, "BYE", "BYE")
                stays(lambda: len(self.packets(callee, "BYE", "BYE")) == len(end), 2 * self.T2, "timer F has fired")
                self.assert_on_time(packets, end)
                self.since = self.capture.mark()

    def test_a_491_is_repeated_until_its_ack(self):
        call, invite, caller, callee = self.from_phone()
        self.answer(call, callee, invite)
        call.send("INVITE", sip.sdp(caller.address, version=2, direction="sendonly"))
        again = callee.expect("INVITE")
        crossing = end_of_callee(callee, invite)
        crossing.send("INVITE", sip.sdp(callee.address, version=2, direction="sendonly"))
        refused = callee.expect(491)
        packets = self.wait_packets(4, callee, 491)
        crossing.ack_failure(refused)
        stays(lambda: len(self.packets(callee, 491)) == 4, 2 * self.T2, "no 491 comes after its ACK")
        self.assert_on_time(packets, schedule(self.T1, self.T2, 1.0))
        # The other one is not disturbed.
        self.accept(callee, again)
        call.answered(self.final(caller))
        callee.expect("ACK")
        self.hang_up(call, callee)
        self.assert_over()

    def test_without_any_ack_both_legs_get_bye_at_64_t1(self):
        for direction in (self.from_phone, self.from_backend):
            with self.subTest(direction=direction.__name__):
                call, invite, caller, callee = direction()
                self.accept(callee, invite)
                self.never_acked(call, caller, callee)

    def test_without_any_ack_to_a_re_invite_both_legs_get_bye_at_64_t1(self):
        call, invite, caller, callee = self.from_phone()
        self.answer(call, callee, invite)
        call.send("INVITE", sip.sdp(caller.address, version=2, direction="sendonly"))
        again = callee.expect("INVITE")
        self.since = self.capture.mark()
        self.accept(callee, again)
        self.never_acked(call, caller, callee)


class LossWithTheRfcsTimers(LossTest):
    """T1 is 500 ms and T2 4 s."""

    TIMERS = None
    T1, T2 = 0.5, 4.0

    def test_without_any_ack_both_legs_get_bye_after_32_s(self):
        call, invite, caller, callee = self.from_phone()
        self.accept(callee, invite)
        self.never_acked(call, caller, callee)


if __name__ == "__main__":
    main()
