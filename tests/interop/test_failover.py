"""A set with a closed port, a silent address and a live backend; which answers go on and which go back."""

import socket
import statistics
import struct

from lab.asterisk import Asterisk
from lab.baresip import Baresip
from lab.capture import Capture
from lab.lab import main
from lab.peer import TcpPeer
from lab.scripted import ScriptedTest, contact_of
from lab.wait import wait_for


class ResettingPeer(TcpPeer):
    """A backend on TCP that is in good health, and resets the connection on which an INVITE comes."""

    reset_at = None

    def _arrived(self, data, source, reply_to):
        super()._arrived(data, source, reply_to)
        if data.startswith(b"INVITE "):
            self.reset_at = self.all_received[-1].at
            reply_to.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            reply_to.shutdown(socket.SHUT_RD)
            reply_to.close()


class Failover(ScriptedTest):
    TIMERS = {"t1": "100ms", "attempt": "500ms"}

    @classmethod
    def setUpLab(cls):
        super().setUpLab()
        cls.capture = Capture(cls.lab)

    def stale(self, *backends):
        """A tenant whose targets were up when they were probed last."""
        domain, setid, targets = self.tenant(*backends)
        for target in targets:
            self.edge.wait_health(setid, target, "up")
        return domain

    def moment(self, address, what, call_id=None):
        """When the kernel delivered the first such request at the address."""
        return self.capture.wait(lambda p: p.target[0] == address and p.message.method == what
                                 and not p.message.is_response and call_id in (None, p.message["Call-ID"])).at

    def assert_in_turn(self, caller):
        """100, 180, 200, and nothing else; the 100 comes twice when the edge's own was first."""
        seen = [m.status for m in caller.peer.all_received if m.method == "INVITE"]
        self.assertEqual(sorted(seen), seen)
        self.assertEqual(set(seen), {100, 180, 200})

    def test_health_that_is_stale(self):
        dead, silent, live = self.backend(), self.backend(), self.backend()
        domain = self.stale(dead, silent, live)
        dead.close()
        caller = self.phone("401", domain)
        call = caller.call("600")
        first, invite = silent.expect("INVITE"), live.expect("INVITE")
        moments = [self.moment(address, "INVITE") for address in (dead.address, silent.address, live.address)]
        self.assertLess(moments[1] - moments[0], 0.45, "a closed port is told by ICMP, no time is waited for")
        self.assertGreaterEqual(moments[2] - moments[1], 0.49)
        self.assertLess(moments[2] - moments[1], 0.9)
        live.reply(invite, 100)
        live.reply(invite, 180, headers=[contact_of(live)])
        wait_for(lambda: caller.peer.inbox and caller.peer.inbox[-1].status == 180, 3, "it rings")
        caller.peer.inbox.clear()
        self.answer(call, live, invite)
        self.hang_up(call, live)
        self.assert_in_turn(caller)
        # What it says so late nobody waits for.
        silent.reply(first, 486)
        silent.expect("ACK")
        self.assertEqual([m.status for m in caller.peer.all_received if m.status == 486], [])

    def hunt(self, broken, live, domain):
        """One call over a target that cannot be reached to a live one. Gives the seconds between the two."""
        caller = self.phone("401", domain)
        call = caller.call("600")
        invite = live.expect("INVITE")
        if broken is None:  # nothing could be sent to it
            began = self.moment(self.edge.ip, "INVITE", call.call_id)
        elif isinstance(broken, ResettingPeer):
            began = broken.reset_at
        else:
            began = self.moment(broken.address, "INVITE")
        took = self.moment(live.address, "INVITE", invite["Call-ID"]) - began
        live.reply(invite, 180, headers=[contact_of(live)])
        seen = caller.peer.take()
        self.assertEqual((seen if seen.status != 100 else caller.peer.take()).status, 180)
        self.decline(call, live, invite, 486)
        return took

    def test_the_next_target_is_asked_within_50_ms(self):
        """The median counts: a machine that does other things may be late now and then."""
        took = {"ICMP": [], "refused": [], "reset": []}
        for _ in range(7):
            dead, live = self.backend(), self.backend()
            domain = self.stale(dead, live)
            dead.close()
            took["ICMP"].append(self.hunt(dead, live, domain))
            live = self.backend()
            domain, _, _ = self.tenant(f"sip:{self.lab.ip(self.next_host())}:5060;transport=tcp", live)
            took["refused"].append(self.hunt(None, live, domain))
            resetting, live = ResettingPeer(self.lab, self.next_host()), self.backend()
            domain = self.stale(f"sip:{resetting.address}:5060;transport=tcp", live)
            took["reset"].append(self.hunt(resetting, live, domain))
        print({how: f"{1000 * statistics.median(times):.1f} ms" for how, times in took.items()})
        for how, times in took.items():
            self.assertLess(statistics.median(times), 0.05, (how, times))

    def test_closed_port_then_silence_then_the_live_one(self):
        silent, live = self.backend(probes=None), self.backend()
        closed = self.lab.ip(self.next_host())
        domain, _, _ = self.tenant(closed, silent, live)
        caller = self.phone("401", domain)
        call = caller.call("600")
        first = silent.expect("INVITE")
        invite = live.expect("INVITE")
        self.assertGreaterEqual(invite.at - first.at, 0.45)
        self.assertLess(invite.at - first.at, 1.0)
        self.assertNotEqual(first.branch(), invite.branch())
        live.reply(invite, 100)
        caller.peer.expect(100)
        live.reply(invite, 180, headers=[("Contact", f"<sip:x@{live.address}>")])
        seen = caller.peer.take()
        if seen.status == 100:  # the own one of 200 ms came first, the upstream's follows
            seen = caller.peer.take()
        self.assertEqual(seen.status, 180)
        self.answer(call, live, invite)
        self.hang_up(call, live)
        self.assertNotIn(408, [m.status for m in caller.peer.all_received])

    def test_a_refused_tcp_connection_moves_on_at_once(self):
        live = self.backend()
        closed = self.lab.ip(self.next_host())
        domain, _, _ = self.tenant(f"sip:{closed}:5060;transport=tcp", live)
        caller = self.phone("401", domain)
        call = caller.call("600")
        invite = live.expect("INVITE", within=0.4)  # well before the attempt timer
        live.reply(invite, 100)
        caller.peer.expect(100)
        self.decline(call, live, invite, 486)

    def test_an_unreachable_port_moves_on_at_once(self):
        live = self.backend()
        domain, _, _ = self.tenant(self.lab.ip(self.next_host()), live)
        caller = self.phone("401", domain)
        call = caller.call("600")
        invite = live.expect("INVITE", within=0.4)
        live.reply(invite, 100)
        caller.peer.expect(100)
        self.decline(call, live, invite, 486)

    def test_a_final_word_of_the_callee_goes_back_at_once(self):
        first, second = self.backend(), self.backend()
        domain, _, _ = self.tenant(first, second)
        for status in (401, 404, 407, 486, 600, 603):
            with self.subTest(status=status):
                caller = self.phone("401", domain)
                call, invite = self.ring(caller, first)
                self.decline(call, first, invite, status)
                self.assertTrue(second.empty(), "the next target was asked")

    def test_a_refusal_of_a_target_that_is_not_the_last_goes_back_without_delay(self):
        first, second = self.backend(), self.backend()
        domain = self.stale(first, second)
        for status in (486, 603):
            caller = self.phone("401", domain)
            call = caller.call("600")
            invite = first.expect("INVITE")
            first.reply(invite, status)  # not even a 100 before
            first.expect("ACK")
            call.ack_failure(caller.peer.expect(status, within=0.4))
            self.assertTrue(second.empty())

    def test_503_goes_on_to_the_next_and_the_phone_does_not_see_it(self):
        first, second = self.backend(), self.backend()
        domain, _, _ = self.tenant(first, second)
        caller = self.phone("401", domain)
        call = caller.call("600")
        invite = first.expect("INVITE")
        first.reply(invite, 100)
        caller.peer.expect(100)
        first.reply(invite, 503)
        first.expect("ACK")
        other = second.expect("INVITE")
        second.reply(other, 180, headers=[("Contact", f"<sip:x@{second.address}>")])
        caller.peer.expect(180)
        self.answer(call, second, other)
        self.hang_up(call, second)

    def test_nothing_left_is_503_with_retry_after(self):
        first, second = self.backend(), self.backend()
        domain, _, _ = self.tenant(first, second)
        caller = self.phone("401", domain)
        call = caller.call("600")
        for backend in (first, second):
            invite = backend.expect("INVITE")
            backend.reply(invite, 503)
            backend.expect("ACK")
        final = caller.peer.take()
        if final.status == 100:
            final = caller.peer.take()
        self.assertEqual(final.status, 503)
        self.assertGreater(int(final["Retry-After"].split()[0].split("(")[0]), 0)
        call.ack_failure(final)

    def test_the_last_target_has_its_full_64_t1(self):
        silent, slow = self.backend(probes=None), self.backend()
        domain, _, _ = self.tenant(silent, slow)
        caller = self.phone("401", domain)
        call = caller.call("600")
        silent.expect("INVITE")
        invite = slow.expect("INVITE")
        caller.peer.expect(100)
        caller.peer.silent(3)  # far beyond the attempt time
        slow.reply(invite, 180, headers=[("Contact", f"<sip:x@{slow.address}>")])
        caller.peer.inbox[:] = [m for m in caller.peer.inbox if m.status != 100]
        caller.peer.expect(180)
        self.answer(call, slow, invite)
        self.hang_up(call, slow)

    def test_a_register_meets_the_next_target_when_the_first_is_closed(self):
        live = self.backend()
        domain, _, _ = self.tenant(self.lab.ip(self.next_host()), live)
        self.register(self.phone("401", domain), live)
        self.assertEqual(len(self.edge.registrations(domain)), 1)

    def test_a_real_phone_reaches_a_real_asterisk_behind_two_dead_targets(self):
        asterisk = Asterisk(self.lab, 10, {"401": "one"})
        silent = self.backend(probes=None)
        domain, _, _ = self.tenant(self.lab.ip(self.next_host()), silent, asterisk.address)
        phone = Baresip(self.lab, 21, "401", domain, "one", f"{self.edge.ip}:5060")
        phone.wait_registered(15)
        mark = phone.mark()
        phone.dial("600")
        phone.wait_event("CALL_ESTABLISHED", since=mark)
        phone.wait_event("CALL_RTPESTAB", since=mark)
        phone.hangup()
        asterisk.wait_no_channels()
        wait_for(lambda: not self.edge.calls(), 5, "the call is over")
        phone.stop()
        asterisk.stop()  # with it end its qualifies

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45)
        finally:
            super().tearDownClass()


if __name__ == "__main__":
    main()
