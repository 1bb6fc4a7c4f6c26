"""When the edge itself says 408: after 64·T1 without any response, or when the ring limit has run out. Never else."""

import time

from lab.lab import main
from lab.scripted import ScriptedTest, contact_of
from lab.wait import stays


class Timeouts(ScriptedTest):
    TIMERS = {"t1": "100ms", "ring_limit": "10s"}

    def setUp(self):
        self.upstream = self.backend()
        self.domain, _, _ = self.tenant(self.upstream)
        self.caller = self.phone("401", self.domain)

    def test_a_backend_without_any_response_gives_408_after_64_t1_with_its_reason(self):
        call = self.caller.call("600")
        started = time.monotonic()
        self.upstream.expect("INVITE")
        self.caller.peer.expect(100)
        self.caller.peer.silent(5.5)
        final = self.caller.peer.expect(408, within=3)
        call.ack_failure(final)
        self.assertGreaterEqual(final.at - started, 6.3)
        self.assertIn("Reason", dict(final.headers))
        self.assertEqual([m.method for m in self.upstream.inbox], [], "an unanswered INVITE is not cancelled")
        self.assertEqual(len(self.upstream.repeats), 6, "T1 doubles: 0.1, 0.3, 0.7, 1.5, 3.1, 6.3 s")

    def test_a_single_100_just_before_64_t1_keeps_the_call(self):
        call = self.caller.call("600")
        invite = self.upstream.expect("INVITE")
        self.caller.peer.expect(100)
        self.caller.peer.silent(5.8)
        self.upstream.reply(invite, 100)
        self.caller.peer.inbox.clear()
        self.caller.peer.silent(2.0)
        self.answer(call, self.upstream, invite)
        self.hang_up(call, self.upstream)

    def test_the_ring_limit_cancels_and_says_408(self):
        call, invite = self.ring(self.caller, self.upstream)
        rang = time.monotonic()
        self.caller.peer.silent(8)
        self.assertTrue(self.upstream.empty())
        cancel = self.upstream.expect("CANCEL", within=4)
        self.assertEqual(cancel.branch(), invite.branch())
        self.assertGreaterEqual(cancel.at - rang, 9.8)
        self.upstream.reply(cancel, 200)
        self.upstream.reply(invite, 487)
        self.upstream.expect("ACK")
        final = self.caller.peer.expect(408)
        self.assertIn("Reason", dict(final.headers))
        call.ack_failure(final)

    def test_the_ring_limit_starts_again_with_each_progress(self):
        call, invite = self.ring(self.caller, self.upstream)
        self.caller.peer.silent(6)
        self.upstream.reply(invite, 183, headers=[contact_of(self.upstream)])
        self.caller.peer.expect(183)
        self.caller.peer.silent(6)
        self.assertTrue(self.upstream.empty())
        self.answer(call, self.upstream, invite)
        self.hang_up(call, self.upstream)

    def test_a_408_of_the_backend_goes_to_the_phone(self):
        call, invite = self.ring(self.caller, self.upstream)
        self.decline(call, self.upstream, invite, 408)

    def test_an_options_that_the_phone_leaves_unanswered_gets_no_408(self):
        self.register(self.caller, self.upstream)
        self.upstream.send(self.as_backend(self.upstream).request(
            "OPTIONS", f"sip:{self.caller.user}@{self.edge.ip}", f"<sip:401@{self.edge.ip}>"), self.edge.address)
        self.caller.peer.expect("OPTIONS")
        # The phone stays silent, and no final answer is invented for it. A late 100 is RFC 4320's.
        stays(lambda: all(m.status == 100 for m in self.upstream.inbox), 7.5, "no final answer")


if __name__ == "__main__":
    main()
