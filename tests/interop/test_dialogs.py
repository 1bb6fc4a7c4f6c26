"""Requests within a call, by scripted parties: late offer, UPDATE, refused re-INVITE, BYE from each side, loss."""

from lab import sip
from lab.lab import main
from lab.scripted import ScriptedTest, contact_of
from lab.wait import wait_for


class Dialogs(ScriptedTest):
    def setUp(self):
        self.upstream = self.backend()
        self.domain, _, _ = self.tenant(self.upstream)
        self.caller = self.phone("401", self.domain)

    def test_the_backend_hangs_up(self):
        _, leg = self.establish(self.caller, self.upstream)
        leg.send("BYE")
        bye = self.caller.peer.expect("BYE")
        self.assertEqual(bye.uri, sip.uri_of(self.caller.contact))
        self.caller.peer.reply(bye, 200)
        self.upstream.expect(200, method="BYE")
        wait_for(lambda: not self.edge.calls(), 5, "the call is over")

    def test_the_legs_share_no_identity_and_no_address(self):
        call, invite = self.ring(self.caller, self.upstream)
        self.assertNotEqual(invite["Call-ID"], call.call_id)
        self.assertNotEqual(invite.tag("From"), call.tag)
        self.assertEqual(sip.uri_of(invite["From"]), self.caller.aor)
        self.assertEqual(int(invite["Max-Forwards"]), 69)
        self.assertEqual(invite.body.decode(), sip.sdp(self.caller.peer.address))
        self.assertNotIn(self.caller.peer.address, invite["Contact"] + invite["Via"])
        self.answer(call, self.upstream, invite)
        for message in self.caller.peer.all_received:
            self.assertNotIn(self.upstream.address, message.raw.split(b"\r\n\r\n")[0].decode())
        self.hang_up(call, self.upstream)

    def test_unknown_headers_pass_byte_for_byte_in_order(self):
        odd = [("X-One", "a  b ; \"c\""), ("x-TWO", "zwei, drei"), ("X-One", "again"), ("Alert-Info", "<http://x/y>;z")]
        call = self.caller.call("600", headers=odd)
        invite = self.upstream.expect("INVITE")
        for name, value in odd:
            self.assertIn(f"\r\n{name}: {value}\r\n".encode(), invite.raw)
        order = [invite.raw.index(f"{name}: {value}".encode()) for name, value in odd]
        self.assertEqual(order, sorted(order))
        self.upstream.reply(invite, 100)
        self.caller.peer.expect(100)
        self.decline(call, self.upstream, invite, 603)

    def test_a_late_offer(self):
        call = self.caller.call("600", body="")
        invite = self.upstream.expect("INVITE")
        self.assertEqual(invite.body, b"")
        self.upstream.reply(invite, 100)
        self.caller.peer.expect(100)
        offer = sip.sdp(self.upstream.address, 41000)
        self.upstream.reply(invite, 200, headers=[contact_of(self.upstream), ("Content-Type", "application/sdp")],
                            body=offer)
        response = self.caller.peer.expect(200)
        self.assertEqual(response.body.decode(), offer)
        call.to, call.remote = response["To"], response.contact_uri()
        answer = sip.sdp(self.caller.peer.address, 40000, version=7)
        call._send("ACK", call.remote, 1, body=answer)
        self.assertEqual(self.upstream.expect("ACK").body.decode(), answer)
        self.hang_up(call, self.upstream)

    def test_update_passes_both_ways(self):
        call, leg = self.establish(self.caller, self.upstream)
        for sender, receiver, send in ((self.caller.peer, self.upstream, call.send),
                                       (self.upstream, self.caller.peer, leg.send)):
            offer = sip.sdp(sender.address, 42000, version=2, direction="sendonly")
            send("UPDATE", body=offer)
            update = receiver.expect("UPDATE")
            self.assertEqual(update.body.decode(), offer)
            answer = sip.sdp(receiver.address, 42002, version=2, direction="recvonly")
            receiver.reply(update, 200, headers=[contact_of(receiver), ("Content-Type", "application/sdp")], body=answer)
            self.assertEqual(sender.expect(200, method="UPDATE").body.decode(), answer)
        self.hang_up(call, self.upstream)

    def test_a_refused_re_invite_leaves_the_call_up(self):
        call, _ = self.establish(self.caller, self.upstream)
        call.send("INVITE", body=sip.sdp(self.caller.peer.address, version=2, direction="sendonly"))
        again = self.upstream.expect("INVITE")
        self.upstream.reply(again, 488)
        self.upstream.expect("ACK")
        response = self.caller.peer.take()
        if response.status == 100:
            response = self.caller.peer.take()
        self.assertEqual(response.status, 488)
        self.caller.peer.send(self.caller.request("ACK", call.remote, response["To"], call.call_id, 2, call.tag,
                                                  branch=response.branch(), contact=False), self.edge.address)
        self.hang_up(call, self.upstream)

    def test_a_lost_200_is_sent_again_until_the_ack(self):
        call, invite = self.ring(self.caller, self.upstream)
        self.upstream.reply(invite, 200, headers=[contact_of(self.upstream)])
        response = self.caller.peer.expect(200)
        wait_for(lambda: len(self.caller.peer.repeats) >= 2, 3, "the 200 comes again")
        call.answered(response)
        self.upstream.expect("ACK")
        self.hang_up(call, self.upstream)

    def test_an_invite_that_is_sent_again_is_one_call(self):
        call = self.caller.call("600")
        invite = self.upstream.expect("INVITE")
        call.resend()
        call.resend()
        self.upstream.reply(invite, 100)
        self.caller.peer.expect(100)
        self.upstream.silent(0.3)
        self.decline(call, self.upstream, invite, 486)

    def test_a_call_from_the_backend_to_a_registered_phone(self):
        request, _ = self.register(self.caller, self.upstream)
        uri = request.contact_uri()
        backend = self.as_backend(self.upstream)
        branch, call_id, tag = sip.new_branch(), sip.new_call_id(), sip.new_tag()
        self.upstream.send(backend.request("INVITE", uri, f"<{uri}>", call_id, 1, tag, branch=branch,
                                           headers=[("Content-Type", "application/sdp")],
                                           body=sip.sdp(self.upstream.address)), self.edge.address)
        invite = self.caller.peer.expect("INVITE")
        self.assertEqual(invite.uri, sip.uri_of(self.caller.contact))
        self.assertNotEqual(invite["Call-ID"], call_id)
        self.assertNotIn(self.upstream.address, invite.raw.split(b"\r\n\r\n")[0].decode())
        self.caller.peer.reply(invite, 180, headers=[("Contact", self.caller.contact)])
        progress = self.upstream.take()
        if progress.status == 100:
            progress = self.upstream.take()
        self.assertEqual(progress.status, 180)
        self.caller.peer.reply(invite, 603)
        self.caller.peer.expect("ACK")
        final = self.upstream.expect(603)
        self.upstream.send(backend.request("ACK", uri, final["To"], call_id, 1, tag, branch=branch, contact=False),
                           self.edge.address)

    def test_message_and_info_pass(self):
        call, _ = self.establish(self.caller, self.upstream)
        call.send("INFO", headers=[("X-Key", "5")])
        info = self.upstream.expect("INFO")
        self.assertEqual(info["X-Key"], "5")
        self.upstream.reply(info, 200)
        self.caller.peer.expect(200, method="INFO")
        self.hang_up(call, self.upstream)
        data = self.caller.request("MESSAGE", f"sip:402@{self.domain}", f"<sip:402@{self.domain}>", contact=False,
                                   headers=[("Content-Type", "text/plain")], body="hello")
        self.caller.peer.send(data, self.edge.address)
        message = self.upstream.expect("MESSAGE")
        self.assertEqual(message.body, b"hello")
        self.upstream.reply(message, 202, reason="Accepted")
        self.caller.peer.expect(202, method="MESSAGE")

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45)
        finally:
            super().tearDownClass()


if __name__ == "__main__":
    main()
