"""A scripted phone that goes along with everything, for scenarios whose other party is a real Asterisk."""

from . import sip
from .peer import Phone, UdpPeer
from .secure import TlsPeer, WebSocketPeer
from .wait import wait_for


class Answering:
    """What makes a peer a phone that answers by itself whatever it is asked; a call rings first, and is answered unless
    `picks_up` is off. Once it is `dead` it says nothing any more. `options` are the peer's."""

    def __init__(self, lab, host, edge, user, password, domain, **options):
        self.picks_up, self.dead = True, False
        self.rung = {}  # Call-ID: (INVITE, our tag, answered)
        super().__init__(lab, host, **{"name": f"phone-{user}", **options})
        self.sip = Phone(self, edge, user, domain, password)

    def _arrived(self, data, source, reply_to):
        if not data.strip(b"\r\n\0 "):
            return  # keep-alive
        self.answer(sip.Message(data, source, reply_to))
        super()._arrived(data, source, reply_to)

    def answer(self, request):
        if request.is_response or request.method == "ACK" or self.dead:
            return
        if request.method == "CANCEL":
            invite, tag, _ = self.rung[request["Call-ID"]]
            self.reply(request, 200, tag=tag)
            self.reply(invite, 487, tag=tag)
        elif request.method == "INVITE":
            if request.tag("To") is None:
                _, tag, _ = self.rung.setdefault(request["Call-ID"], (request, sip.new_tag(), self.picks_up))
                self.reply(request, 180, tag=tag, headers=[("Contact", self.sip.contact)])
                if self.picks_up:
                    self.pick_up(request)
            else:
                self.pick_up(request)
        elif request.method == "REFER":
            self.reply(request, 202, reason="Accepted", headers=[("Contact", self.sip.contact)])
        elif request.method == "UPDATE":
            self.accept(request, sip.sdp(self.address) if request.body else b"")
        else:
            self.reply(request, 200)

    def session(self, request):
        """Further header fields of the 200 to an INVITE or UPDATE."""
        return []

    def pick_up(self, invite):
        self.accept(invite, sip.sdp(self.address))

    def accept(self, request, body=b""):
        """200 with a session description (RFC 3264: in answer to one, or as an offer in that to an INVITE)."""
        tag = self.rung[request["Call-ID"]][1] if request["Call-ID"] in self.rung else None
        content = [("Content-Type", "application/sdp")] if body else []
        self.reply(request, 200, tag=tag, headers=[("Contact", self.sip.contact), *content, *self.session(request)],
                   body=body)

    def send_invite(self, number, headers=()):
        """A call with the answer to Asterisk's challenge, not waited for."""
        call = self.sip.call(number, headers=headers)
        self.challenged(call, headers)
        return call

    def challenged(self, call, headers=(), body=None):
        """Answers the challenge that a new call gets."""
        challenge = self.final(call, 1)
        assert challenge.status == 401, challenge
        call.ack_failure(challenge)
        call.authorization = sip.digest(challenge["WWW-Authenticate"], self.sip.user, self.sip.password, "INVITE",
                                        call.uri)
        self.invite_again(call, headers, body)

    def invite_again(self, call, headers=(), body=None):
        """After a refusal: the next INVITE of the same call."""
        call.branch, call.cseq = sip.new_branch(), call.cseq + 1
        body = sip.sdp(self.address) if body is None else body
        content = [("Content-Type", "application/sdp")] if body else []
        call.invite = self.sip.request(
            "INVITE", call.uri, call.to, call.call_id, call.cseq, call.tag,
            [*content, ("Authorization", call.authorization), *headers], body, call.branch)
        self.send(call.invite, self.sip.edge)

    def final(self, call, cseq, within=8):
        def found():
            return next((m for m in list(self.all_received)
                         if m.is_response and m.status >= 200 and m.method == "INVITE" and m.cseq == cseq
                         and m["Call-ID"] == call.call_id), None)

        return wait_for(found, within, f"{self.name} has a final response to its INVITE")

    def dial(self, number, headers=()):
        call = self.send_invite(number, headers)
        response = self.final(call, 2)
        assert response.status == 200, response
        call.answered(response)
        call.far = response.tag("To")
        return call

    def requests(self, method, call_id=None):
        return [m for m in list(self.all_received)
                if not m.is_response and m.method == method and call_id in (None, m["Call-ID"])]

    def wait_request(self, method, call_id, within=8):
        return wait_for(lambda: self.requests(method, call_id), within, f"{self.name} gets {method}")[0]

    def wait_response(self, method, call_id, within=8):
        return wait_for(lambda: [m for m in list(self.all_received) if m.is_response and m.method == method
                                 and m["Call-ID"] == call_id], within, f"{self.name} gets a response to {method}")[0]


class Handset(Answering, UdpPeer):
    pass


class TlsHandset(Answering, TlsPeer):
    pass


class WebSocketHandset(Answering, WebSocketPeer):
    pass
