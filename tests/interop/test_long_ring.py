"""The operator's call in its own time and with the default timers: 100 at 5 ms, 180 at 1.5 s, 200 at 65 s."""

from lab.lab import main
from lab.scripted import ScriptedTest, contact_of
from lab.wait import pause


class LongRing(ScriptedTest):
    TIMERS = None

    def test_the_phone_sees_100_180_200_and_nothing_else(self):
        upstream = self.backend()
        domain, _, _ = self.tenant(upstream)
        caller = self.phone("401", domain)
        call = caller.call("600")
        invite = upstream.expect("INVITE")
        pause(0.005)
        upstream.reply(invite, 100)
        caller.peer.expect(100)
        caller.peer.silent(1.5)
        upstream.reply(invite, 180, headers=[contact_of(upstream)])
        caller.peer.expect(180)
        caller.peer.silent(63.5)
        self.assertTrue(upstream.empty(), "the backend got a CANCEL")
        self.answer(call, upstream, invite)
        caller.peer.silent(5)
        self.hang_up(call, upstream)
        self.assertEqual([m.status for m in caller.peer.all_received], [100, 180, 200, 200])
        self.assertEqual([m.method for m in upstream.all_received], ["INVITE", "ACK", "BYE"])


if __name__ == "__main__":
    main()
