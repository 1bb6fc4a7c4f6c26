"""Glare: both sides of a call change it at once (RFC 3261 §14, RFC 3311 §5.2). One wins, or none; each one that lost got
491, and tries again after the time that its role gives it."""

import random
import time

from lab import sip
from lab.end import End, end_of_callee, end_of_caller
from lab.lab import main
from lab.scripted import ScriptedTest, contact_of
from lab.wait import pause, wait_for

SETTLED = 5.0
OFFERS = ("INVITE", "UPDATE")


class Side(End):
    """One end of a call in which its user changes the session. It acts in step(), on all that has come.

    `strict` is the RFC's: no offer is taken while an own one is open (§14.2, RFC 3311 §5.2). Else it gives in.
    """

    def __init__(self, *end, owner, strict):
        super().__init__(*end)
        self.owner, self.strict = owner, strict
        self.version = 1
        self.asking = None  # our own open request: (method, CSeq)
        self.again_at = None
        self.won = None  # the response that settled our request
        self.lost = 0  # 491s that we were given
        self.session = None  # (our last description, the other's) as agreed

    def describe(self):
        self.version += 1
        return sip.sdp(self.peer.address, version=self.version)

    def ask(self, method):
        self.method, self.again_at, self.offer = method, None, self.describe()
        self.send(method, self.offer)
        self.asking = (method, self.cseq)

    def step(self):
        while not self.peer.empty():
            message = self.peer.take()
            (self.response if message.is_response else self.request)(message)
        if self.again_at is not None and time.monotonic() >= self.again_at and self.asking is None:
            self.ask(self.method)

    def request(self, request):
        if request.method == "ACK":
            return
        assert request.method in OFFERS, request
        if self.asking and self.strict:
            self.peer.reply(request, 491, reason="Request Pending")
            return
        answer = self.describe()
        self.peer.reply(request, 200, headers=[contact_of(self.peer), ("Content-Type", "application/sdp")], body=answer)
        self.session = (answer, request.body.decode())

    def response(self, response):
        if response.status == 100:
            return
        assert self.asking, f"an answer to nothing: {response}"
        assert (response.method, response.cseq) == self.asking, response
        self.asking = None
        if response.method == "INVITE" and response.status < 300:
            self.ack()
        elif response.method == "INVITE":
            self.ack_failure(response)
        if response.status == 491:
            self.lost += 1
            # §14.1: whose Call-ID it is waits 2.1 to 4 s, the other one up to 2 s, in steps of 10 ms.
            wait = random.randint(210, 400) if self.owner else random.randint(0, 200)
            self.again_at = time.monotonic() + wait / 100
        else:
            assert response.status == 200, response
            self.won = response
            self.session = (self.offer, response.body.decode())


class Glare(ScriptedTest):
    def pair(self, strict):
        """A call that is up. Gives the phone's side and the backend's."""
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("401", domain)
        call, leg = self.establish(phone, backend)
        return (end_of_caller(call, Side, owner=True, strict=strict),
                end_of_callee(backend, leg.invite, Side, owner=False, strict=strict))

    def collide(self, methods, strict):
        """Three calls at once: the caller is 4 ms ahead, neither is, the callee is 4 ms ahead. Gives those calls."""
        pairs = [self.pair(strict) for _ in range(3)]
        for (caller, callee), ahead in zip(pairs, (0.004, 0, -0.004)):
            first, second = (caller, callee) if ahead >= 0 else (callee, caller)
            began = time.monotonic()
            first.ask(methods[0 if first is caller else 1])
            pause(began + abs(ahead) - time.monotonic())
            second.ask(methods[0 if second is caller else 1])
        sides = [side for pair in pairs for side in pair]

        def settled():
            for side in sides:
                side.step()
            return all(side.won for side in sides)

        began = time.monotonic()
        wait_for(settled, SETTLED, lambda: f"all have settled: {[(s.method, s.won is not None, s.lost) for s in sides]}")
        self.assertLess(time.monotonic() - began, SETTLED)
        return pairs

    def assert_one_session(self, pairs):
        """Both ends agree on what was agreed last, and the call goes on."""
        for caller, callee in pairs:
            wait_for(lambda: not (caller.step() or callee.step()) and callee.session == caller.session[::-1], 2,
                     lambda: f"one session: {caller.session} and {callee.session}")
        self.assertEqual(len(self.edge.calls()), len(pairs))
        for caller, callee in pairs:
            caller.send("BYE")
            bye = callee.peer.take()
            if bye.method == "ACK":  # the last one of a change that both have agreed on
                bye = callee.peer.take()
            self.assertEqual(bye.method, "BYE")
            callee.peer.reply(bye, 200)
            caller.peer.expect(200, method="BYE")
        wait_for(lambda: not self.edge.calls(), 5, "no call is left")

    def test_of_two_re_invites_one_wins_and_the_other_gets_491(self):
        pairs = self.collide(("INVITE", "INVITE"), strict=False)
        for place, (caller, callee) in enumerate(pairs):
            # More than once when it comes back while the winner's is open still: §14.1 lets it wait for no time at all.
            self.assertNotEqual(caller.lost > 0, callee.lost > 0, "one of them wins")
            if place == 0:
                self.assertGreater(callee.lost, 0, "the later one wins")
            if place == 2:
                self.assertGreater(caller.lost, 0, "the later one wins")
        self.assert_one_session(pairs)

    def test_two_re_invites_of_ends_that_take_none_while_their_own_is_open(self):
        pairs = self.collide(("INVITE", "INVITE"), strict=True)
        for caller, callee in pairs:
            self.assertGreaterEqual(caller.lost + callee.lost, 1)
        self.assert_one_session(pairs)

    def test_a_re_invite_against_an_update(self):
        for methods in (("INVITE", "UPDATE"), ("UPDATE", "INVITE")):
            with self.subTest(methods=methods):
                pairs = self.collide(methods, strict=True)
                for caller, callee in pairs:
                    self.assertGreaterEqual(caller.lost + callee.lost, 1)
                self.assert_one_session(pairs)

    def test_two_updates(self):
        self.assert_one_session(self.collide(("UPDATE", "UPDATE"), strict=True))

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45)
        finally:
            super().tearDownClass()


if __name__ == "__main__":
    main()
