"""One end of a dialog that is up: sends whatever a test wants to, from whichever side."""

from . import sip


class End:
    """`to` is where its requests go; `local` and `remote` are From and To with their tags; `target` is the Request-URI."""

    def __init__(self, peer, to, local, remote, call_id, target, cseq):
        self.peer, self.to, self.local, self.remote = peer, to, local, remote
        self.call_id, self.target, self.cseq = call_id, target, cseq

    def send(self, method, body="", cseq=None, branch=None):
        """A new request, or one with the CSeq number of an earlier one. Gives its branch."""
        if cseq is None:
            self.cseq += 1
        branch = branch or sip.new_branch()
        lines = [("Via", self.peer.via(branch)),
                 ("Max-Forwards", "70"), ("From", self.local), ("To", self.remote), ("Call-ID", self.call_id),
                 ("CSeq", f"{cseq or self.cseq} {method}")]
        if method != "ACK":
            lines.append(("Contact", f"<{self.peer.uri('end')}>"))
        if body:
            lines.append(("Content-Type", "application/sdp"))
        self.peer.send(sip.compose(f"{method} {self.target} SIP/2.0", lines, body), self.to)
        return branch

    def ack(self, body=""):
        self.send("ACK", body, self.cseq)

    def ack_failure(self, response):
        self.send("ACK", "", response.cseq, response.branch())


def end_of_caller(call, kind=End, **options):
    """The end of an answered Call."""
    return kind(call.phone.peer, call.phone.edge, f"<{call.phone.aor}>;tag={call.tag}", call.to, call.call_id, call.remote,
                call.cseq, **options)


def end_of_callee(peer, invite, kind=End, **options):
    """The end where this INVITE was answered."""
    return kind(peer, invite.reply_to, f"{invite['To']};tag={invite.own_tag}", invite["From"], invite["Call-ID"],
                invite.contact_uri(), 100, **options)
