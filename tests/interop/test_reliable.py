"""Reliable provisional responses (RFC 3262) through the edge, both ways: they are repeated and acknowledged end to end."""

from lab import sip
from lab.lab import main
from lab.peer import CalledLeg
from lab.scripted import ScriptedTest, contact_of
from lab.wait import stays, wait_for


class Reliable(ScriptedTest):
    def setUp(self):
        self.upstream = self.backend()
        self.domain, _, _ = self.tenant(self.upstream)
        self.desk = self.phone("401", self.domain)
        self.registered, _ = self.register(self.desk, self.upstream)

    def both_ways(self):
        """(caller, callee, the call, its INVITE at the callee) for a call of the phone, and for one of the backend."""
        for from_phone in (True, False):
            if from_phone:
                call = self.desk.call("600", headers=[("Supported", "100rel")])
                caller, callee = self.desk.peer, self.upstream
            else:
                asker = self.as_backend(self.upstream)
                asker.domain = self.edge.ip
                call = asker.call(self.registered.contact_uri()[4:].split("@")[0], headers=[("Supported", "100rel")])
                caller, callee = self.upstream, self.desk.peer
            invite = callee.expect("INVITE")
            self.assertEqual(invite["Supported"], "100rel")
            yield caller, callee, call, invite

    def progress(self, caller, callee, invite, rseq, status=180, body=b""):
        """A reliable response of the callee, as it reaches the caller."""
        content = [("Content-Type", "application/sdp")] if body else []
        sent = callee.reply(invite, status, body=body, headers=[
            contact_of(callee), ("Require", "100rel"), ("RSeq", str(rseq)), *content])
        response = self.next(caller, status)
        self.assertEqual((response["Require"], response["RSeq"]), ("100rel", str(rseq)))
        self.assertEqual(response.body, sent.body)
        return response

    def next(self, caller, status, method="INVITE"):
        response = caller.take()
        while response.status == 100:
            response = caller.take()
        self.assertEqual((response.status, response.method), (status, method), str(response))
        return response

    def prack(self, call, response, callee, invite, body=b""):
        """The caller's PRACK, as it reaches the callee: it names the INVITE as the callee knows it (RFC 3262 §7.2)."""
        call.to, call.remote = response["To"], response.contact_uri()
        call.cseq = max(call.cseq, getattr(call, "last", 1))
        call.send("PRACK", body, [("RAck", f"{response['RSeq']} 1 INVITE")])
        call.last = call.cseq
        prack = callee.expect("PRACK")
        self.assertEqual(prack["RAck"], f"{response['RSeq']} {invite['CSeq']}")
        self.assertEqual(prack["Call-ID"], invite["Call-ID"])
        return prack

    def answered(self, call, response):
        """The ACK has the INVITE's number (RFC 3261 §13.2.2.4)."""
        last, call.cseq = getattr(call, "last", 1), 1
        call.answered(response)
        call.cseq = last

    def answer_at(self, callee, invite):
        return callee.reply(invite, 200, headers=[contact_of(callee), ("Content-Type", "application/sdp")],
                            body=sip.sdp(callee.address, 41000))

    def end(self, call, callee):
        call.send("BYE")
        callee.reply(callee.expect("BYE"), 200)
        self.next(call.phone.peer, 200, "BYE")
        wait_for(lambda: not self.edge.calls(), 5, "the call is over")

    def test_a_reliable_180_and_its_prack(self):
        for caller, callee, call, invite in self.both_ways():
            response = self.progress(caller, callee, invite, 4711)
            callee.reply(self.prack(call, response, callee, invite), 200)
            self.next(caller, 200, "PRACK")
            answer = self.answer_at(callee, invite)
            final = self.next(caller, 200)
            self.assertEqual(final.body, answer.body)
            self.assertEqual(final.tag("To"), response.tag("To"))
            self.answered(call, final)
            self.assertEqual(callee.expect("ACK").cseq, invite.cseq)
            self.end(call, callee)

    def test_what_is_repeated_before_its_prack_is_passed_on_and_not_made(self):
        for caller, callee, call, invite in self.both_ways():
            response = self.progress(caller, callee, invite, 5)
            stays(lambda: not caller.repeats, 0.3, "the edge repeats nothing by itself")
            for lost in (1, 2):
                callee.send(callee.sent[-1], invite.reply_to)
                wait_for(lambda: len([m for m in caller.repeats if m.status == 180]) == lost, 2, "it comes again")
            # The PRACK is lost, and comes again.
            prack = self.prack(call, response, callee, invite)
            caller.send(caller.sent[-1], self.edge.address)
            callee.reply(prack, 200)
            self.next(caller, 200, "PRACK")
            caller.repeats.clear()
            self.answer_at(callee, invite)
            self.answered(call, self.next(caller, 200))
            callee.expect("ACK")
            self.end(call, callee)

    def test_the_prack_comes_after_the_200(self):
        for caller, callee, call, invite in self.both_ways():
            response = self.progress(caller, callee, invite, 9)
            self.answer_at(callee, invite)
            final = self.next(caller, 200)
            callee.reply(self.prack(call, response, callee, invite), 200)
            self.next(caller, 200, "PRACK")
            self.answered(call, final)
            callee.expect("ACK")
            self.end(call, callee)

    def test_the_prack_comes_after_the_ack(self):
        for caller, callee, call, invite in self.both_ways():
            response = self.progress(caller, callee, invite, 10)
            self.answer_at(callee, invite)
            self.answered(call, self.next(caller, 200))
            callee.expect("ACK")
            callee.reply(self.prack(call, response, callee, invite), 200)
            self.next(caller, 200, "PRACK")
            self.end(call, callee)

    def test_several_in_a_row_and_an_offer_in_the_prack(self):
        for caller, callee, call, invite in self.both_ways():
            for rseq, status in ((1, 183), (2, 180), (3, 183)):
                response = self.progress(caller, callee, invite, rseq, status,
                                         sip.sdp(callee.address, 41000, version=rseq) if rseq == 1 else b"")
                offer = sip.sdp(caller.address, 43000, version=2) if rseq == 1 else ""
                prack = self.prack(call, response, callee, invite, offer)
                self.assertEqual(prack.body.decode(), offer)
                content = [("Content-Type", "application/sdp")] if offer else []
                answer = callee.reply(prack, 200, headers=content, body=sip.sdp(callee.address, version=3) if offer else "")
                self.assertEqual(self.next(caller, 200, "PRACK").body, answer.body)
            self.answer_at(callee, invite)
            self.answered(call, self.next(caller, 200))
            callee.expect("ACK")
            self.end(call, callee)

    def test_an_update_in_the_early_dialog_both_ways(self):
        for caller, callee, call, invite in self.both_ways():
            response = self.progress(caller, callee, invite, 1, 183, sip.sdp(callee.address, 41000))
            callee.reply(self.prack(call, response, callee, invite), 200)
            self.next(caller, 200, "PRACK")
            early = CalledLeg(callee, invite, sip.Message(sip.respond(invite, 183, tag=invite.own_tag)))
            for ask, asker, answerer in ((call, caller, callee), (early, callee, caller)):
                offer = sip.sdp(asker.address, 44000, version=5, direction="sendonly")
                ask.send("UPDATE", offer)
                update = answerer.expect("UPDATE")
                self.assertEqual(update.body.decode(), offer)
                answerer.reply(update, 200, headers=[contact_of(answerer), ("Content-Type", "application/sdp")],
                               body=sip.sdp(answerer.address, version=6))
                self.next(asker, 200, "UPDATE")
            call.last = call.cseq
            self.answer_at(callee, invite)
            self.answered(call, self.next(caller, 200))
            callee.expect("ACK")
            self.end(call, callee)

    def test_a_prack_for_nothing_is_the_callees_to_refuse(self):
        for caller, callee, call, invite in self.both_ways():
            response = self.progress(caller, callee, invite, 7)
            call.to, call.remote = response["To"], response.contact_uri()
            call.send("PRACK", headers=[("RAck", "8 1 INVITE")])
            prack = callee.expect("PRACK")
            self.assertEqual(prack["RAck"], f"8 {invite['CSeq']}")
            callee.reply(prack, 481)
            self.next(caller, 481, "PRACK")
            call.last = call.cseq
            callee.reply(self.prack(call, response, callee, invite), 200)
            self.next(caller, 200, "PRACK")
            callee.reply(invite, 486)
            callee.expect("ACK")
            call.ack_failure(self.next(caller, 486))

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45)
        finally:
            super().tearDownClass()


if __name__ == "__main__":
    main()
