"""CANCEL at every moment: phone and backend agree in the end, and a lost race is ACKed and BYEd."""

from lab.lab import main
from lab.scripted import ScriptedTest, contact_of


class Cancel(ScriptedTest):
    TIMERS = {"t1": "100ms", "attempt": "500ms"}

    def setUp(self):
        self.upstream = self.backend()
        self.domain, self.setid, _ = self.tenant(self.upstream)
        self.caller = self.phone("401", self.domain)

    def assert_cancelled_at_the_phone(self, call):
        """200 to the CANCEL and 487 to the INVITE, in either order."""
        responses = []
        while len(responses) < 2:
            message = self.caller.peer.take()
            if message.status != 100:
                responses.append(message)
        self.assertEqual(sorted(m.what() for m in responses), ["200 to CANCEL", "487 to INVITE"])
        final = next(m for m in responses if m.method == "INVITE")
        call.ack_failure(final)

    def finish_cancelled(self, invite, cancel):
        self.assertEqual(cancel.branch(), invite.branch())
        self.assertEqual(cancel["CSeq"].split()[0], invite["CSeq"].split()[0])
        self.assertEqual(cancel.uri, invite.uri)
        self.upstream.reply(cancel, 200)
        self.upstream.reply(invite, 487)
        self.upstream.expect("ACK")

    def test_while_it_rings(self):
        call, invite = self.ring(self.caller, self.upstream)
        call.cancel()
        self.finish_cancelled(invite, self.upstream.expect("CANCEL"))
        self.assert_cancelled_at_the_phone(call)

    def test_before_any_answer_the_backends_cancel_waits_for_a_1xx(self):
        call = self.caller.call("600")
        invite = self.upstream.expect("INVITE")
        call.cancel()
        self.assert_cancelled_at_the_phone(call)
        self.upstream.silent(0.3)
        self.upstream.reply(invite, 100)
        self.finish_cancelled(invite, self.upstream.expect("CANCEL"))

    def test_before_any_answer_and_the_backend_answers_200(self):
        call = self.caller.call("600")
        invite = self.upstream.expect("INVITE")
        call.cancel()
        self.assert_cancelled_at_the_phone(call)
        self.lost_race(invite)

    def lost_race(self, invite):
        """The backend answers although nobody wants it any more."""
        self.upstream.reply(invite, 200, headers=[contact_of(self.upstream)])
        self.upstream.expect("ACK")
        bye = self.upstream.expect("BYE")
        self.assertEqual(bye["Call-ID"], invite["Call-ID"])
        self.upstream.reply(bye, 200)

    def test_crossing_the_200(self):
        call, invite = self.ring(self.caller, self.upstream)
        call.cancel()
        cancel = self.upstream.expect("CANCEL")
        self.upstream.reply(cancel, 200)
        self.lost_race(invite)
        self.assert_cancelled_at_the_phone(call)

    def test_one_millisecond_after_the_invite(self):
        call = self.caller.call("600")
        call.cancel()
        self.assert_cancelled_at_the_phone(call)
        invite = self.upstream.expect("INVITE")
        self.upstream.reply(invite, 100)
        self.finish_cancelled(invite, self.upstream.expect("CANCEL"))

    def test_after_the_200_the_cancel_changes_nothing(self):
        call, invite = self.ring(self.caller, self.upstream)
        self.upstream.reply(invite, 200, headers=[contact_of(self.upstream)])
        response = self.caller.peer.expect(200, method="INVITE")
        call.cancel()
        self.caller.peer.expect(200, method="CANCEL")
        call.answered(response)
        self.upstream.expect("ACK")
        self.hang_up(call, self.upstream)

    def test_a_cancel_for_nothing_gets_481(self):
        call, invite = self.ring(self.caller, self.upstream)
        other = self.phone("402", self.domain)
        data = other.request("CANCEL", call.uri, f"<{call.uri}>", contact=False)
        other.peer.send(data, self.edge.address)
        other.peer.expect(481, method="CANCEL")
        self.decline(call, self.upstream, invite, 486)

    def test_while_hunting_with_a_late_200_of_the_first_target(self):
        first, second = self.backend(probes=None), self.backend()
        domain, _, _ = self.tenant(first, second)
        self.caller = self.phone("401", domain)
        call = self.caller.call("600")
        late = first.expect("INVITE")
        invite = second.expect("INVITE")
        second.reply(invite, 100)
        self.upstream = second
        call.cancel()
        self.finish_cancelled(invite, second.expect("CANCEL"))
        self.assert_cancelled_at_the_phone(call)
        self.upstream = first
        self.lost_race(late)

    def test_a_late_200_of_the_first_target_does_not_disturb_the_second(self):
        first, second = self.backend(probes=None), self.backend()
        domain, _, _ = self.tenant(first, second)
        self.caller = self.phone("401", domain)
        call = self.caller.call("600")
        late = first.expect("INVITE")
        invite = second.expect("INVITE")
        second.reply(invite, 180, headers=[contact_of(second)])
        self.caller.peer.expect(100)
        self.caller.peer.expect(180)
        self.answer(call, second, invite)
        self.upstream = first
        self.lost_race(late)
        self.hang_up(call, second)

    # Calls of the backend to a phone.

    def called(self):
        """(call, INVITE at the phone) of a call that rings."""
        registered, _ = self.register(self.caller, self.upstream)
        return self.ring_back(self.upstream, self.caller, registered)

    def assert_cancelled_at_the_backend(self, call):
        answers = [self.upstream.take(), self.upstream.take()]
        self.assertEqual(sorted(m.what() for m in answers), ["200 to CANCEL", "487 to INVITE"])
        call.ack_failure(next(m for m in answers if m.method == "INVITE"))

    def test_the_backend_gives_up_while_the_phone_rings(self):
        call, invite = self.called()
        call.cancel()
        cancel = self.caller.peer.expect("CANCEL")
        self.assertEqual((cancel.branch(), cancel.uri, cancel.cseq), (invite.branch(), invite.uri, invite.cseq))
        self.caller.peer.reply(cancel, 200)
        self.caller.peer.reply(invite, 487)
        self.caller.peer.expect("ACK")
        self.assert_cancelled_at_the_backend(call)
        self.assertEqual(self.edge.calls(), [])

    def test_the_backends_cancel_crosses_the_phones_200(self):
        call, invite = self.called()
        call.cancel()
        self.caller.peer.reply(self.caller.peer.expect("CANCEL"), 200)
        late = self.caller.peer.reply(invite, 200, headers=[contact_of(self.caller.peer)])
        self.assertEqual(self.caller.peer.expect("ACK").tag("To"), late.tag("To"))
        self.caller.peer.reply(self.caller.peer.expect("BYE"), 200)
        self.assert_cancelled_at_the_backend(call)
        self.assertEqual(self.edge.calls(), [])

    def test_the_phones_200_comes_first_and_the_backends_cancel_changes_nothing(self):
        call, invite = self.called()
        self.caller.peer.reply(invite, 200, headers=[contact_of(self.caller.peer)])
        response = self.upstream.expect(200, method="INVITE")
        call.cancel()
        self.upstream.expect(200, method="CANCEL")
        call.answered(response)
        self.caller.peer.expect("ACK")
        self.hang_up(call, self.caller.peer)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45)
        finally:
            super().tearDownClass()


if __name__ == "__main__":
    main()
