"""The operator's own case: the 100 is forwarded, no 408 comes early, however long it rings."""

from lab import sip
from lab.lab import main
from lab.scripted import ScriptedTest, contact_of
from lab.wait import pause, wait_for


class Progress(ScriptedTest):
    def setUp(self):
        self.upstream = self.backend()
        self.domain, _, _ = self.tenant(self.upstream)
        self.caller = self.phone("401", self.domain)

    def assert_hop_100(self, response, call):
        """A 100 is the phone's own transaction's: its Via and CSeq, no To-tag."""
        self.assertEqual(response.branch(), call.branch)
        self.assertEqual(response["CSeq"], "1 INVITE")
        self.assertEqual(response["Call-ID"], call.call_id)
        self.assertIsNone(response.tag("To"))
        self.assertEqual(len(response.all("Via")), 1)

    def finish(self, call, invite):
        self.answer(call, self.upstream, invite)
        self.hang_up(call, self.upstream)

    def test_a_phone_that_rings_for_longer_than_64_t1_is_answered(self):
        # 64·T1 is 6.4 s here; the callee takes 9.
        call = self.caller.call("600")
        invite = self.upstream.expect("INVITE")
        pause(0.005)
        self.upstream.reply(invite, 100)
        self.assert_hop_100(self.caller.peer.expect(100), call)
        self.caller.peer.silent(1.5)
        self.upstream.reply(invite, 180, headers=[contact_of(self.upstream)])
        self.caller.peer.expect(180)
        self.caller.peer.silent(7.5)  # neither a 408 nor anything else
        self.assertTrue(self.upstream.empty(), "a CANCEL went to the backend")
        leg = self.answer(call, self.upstream, invite)
        self.assertIsNotNone(leg)
        self.hang_up(call, self.upstream)

    def test_the_backend_that_says_100_alone_for_longer_than_64_t1_is_waited_for(self):
        call = self.caller.call("600")
        invite = self.upstream.expect("INVITE")
        self.upstream.reply(invite, 100)
        self.assert_hop_100(self.caller.peer.expect(100), call)
        self.caller.peer.silent(8)
        self.assertTrue(self.upstream.empty())
        self.finish(call, invite)

    def test_the_upstream_100_at_20_ms_is_forwarded_at_once(self):
        call = self.caller.call("600")
        invite = self.upstream.expect("INVITE")
        pause(0.02)
        self.upstream.reply(invite, 100)
        trying = self.caller.peer.expect(100)
        self.assert_hop_100(trying, call)
        self.assertLess(trying.at - invite.at, 0.19, "it came by the edge's own timer")
        self.caller.peer.silent(0.4)  # the own 100 of 200 ms is not sent any more
        self.finish(call, invite)

    def test_the_upstream_100_at_600_ms_follows_the_own_one_of_200_ms(self):
        call = self.caller.call("600")
        invite = self.upstream.expect("INVITE")
        own = self.caller.peer.expect(100)
        self.assert_hop_100(own, call)
        self.assertGreaterEqual(own.at - invite.at, 0.18)
        self.assertLess(own.at - invite.at, 0.5)
        pause(0.6 - (own.at - invite.at))
        self.upstream.reply(invite, 100)
        # The same bytes as before are a second 100 all the same: it is counted as a repetition.
        self.expect_second_100()
        self.finish(call, invite)

    def expect_second_100(self):
        wait_for(lambda: [m for m in self.caller.peer.repeats + self.caller.peer.inbox if m.status == 100], 1,
                 "the upstream's 100 is forwarded too")
        self.caller.peer.inbox[:] = [m for m in self.caller.peer.inbox if m.status != 100]

    def test_without_an_upstream_100_the_own_one_comes_at_200_ms_and_180_at_400(self):
        call = self.caller.call("600")
        invite = self.upstream.expect("INVITE")
        own = self.caller.peer.expect(100)
        self.assert_hop_100(own, call)
        self.assertGreaterEqual(own.at - invite.at, 0.18)
        pause(0.4 - (own.at - invite.at))
        self.upstream.reply(invite, 180, headers=[contact_of(self.upstream)])
        self.caller.peer.expect(180)
        self.finish(call, invite)

    def test_a_repeated_upstream_100_is_forwarded_once(self):
        call = self.caller.call("600")
        invite = self.upstream.expect("INVITE")
        self.upstream.reply(invite, 100)
        self.caller.peer.expect(100)
        self.upstream.reply(invite, 100)
        self.upstream.reply(invite, 100, headers=[("X-Second", "yes")])
        self.caller.peer.silent(0.4)
        self.assertEqual(self.caller.peer.repeats, [])
        self.finish(call, invite)

    def test_nothing_of_the_upstream_100_is_copied(self):
        call = self.caller.call("600")
        invite = self.upstream.expect("INVITE")
        self.upstream.reply(invite, 100, tag=sip.new_tag(), headers=[("Server", "backend at " + self.upstream.address)])
        trying = self.caller.peer.expect(100)
        self.assert_hop_100(trying, call)
        self.assertNotIn(self.upstream.address, str(trying))
        self.finish(call, invite)


if __name__ == "__main__":
    main()
