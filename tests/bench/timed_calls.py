"""Calls at an even pace whose added delay is measured to the microsecond: when a message arrived is what the kernel wrote on it, so
that a busy machine's delay in waking us up is not taken for the edge's."""

import math
import socket
import struct
import time

from lab import sip
from lab.storm import Loop
from lab.wait import wait_for
from measure import percentile

SO_TIMESTAMPNS = 35  # asm-generic/socket.h
RINGING = 0.1  # seconds, of the callee's own time
T1, T2 = 0.5, 4.0


class Timed(Loop):
    """`at` of what it receives is the wall time of the arrival in the socket."""

    def __init__(self, lab, host, port):
        super().__init__(lab, host, port)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def read(self):
        data, control, _, source = self.socket.recvmsg(65535, 64)
        if not data.strip():
            return None
        message = sip.Message(data, source, source)
        seconds, nanoseconds = struct.unpack("qq", control[0][2][:16])
        message.at = seconds + nanoseconds / 1e9
        return message

    def repeat(self, needed, data, to, interval=T1):
        """Sends it, and again after growing times while it is needed (RFC 3261 §17.1.1.2)."""
        if needed():
            self.send(data, to)
            self.after(interval, lambda: self.repeat(needed, data, to, min(2 * interval, T2)))


class Callees(Timed):
    """A backend: 100 and 180 at once, 200 after RINGING. Which call it is stands in To."""

    def __init__(self, lab, host):
        super().__init__(lab, host, 5060)
        self.invited, self.rang = {}, {}  # by the called user: when the first INVITE arrived, when the first 180 left
        self.last, self.unacknowledged = {}, set()  # by the branch; Call-IDs
        self.begin()

    def received(self, m):
        if m.is_response:
            return
        if m.method == "ACK":
            self.unacknowledged.discard(m["Call-ID"])
        elif m.method == "INVITE":
            self._invited(m)
        else:
            self.send(sip.respond(m, 200, tag=sip.new_tag()), m.source)

    def _invited(self, m):
        user = user_of(m["To"])
        self.invited.setdefault(user, m.at)
        if m.branch() in self.last:
            self.send(self.last[m.branch()], m.source)
            return
        contact = [("Contact", f"<sip:{user}@{self.address}:{self.port}>")]
        tag = sip.new_tag()
        self.send(sip.respond(m, 100), m.source)
        self.last[m.branch()] = sip.respond(m, 180, tag=tag, headers=contact)
        self.rang[user] = time.time()
        self.send(self.last[m.branch()], m.source)
        self.after(RINGING, lambda: self._answer(m, tag, contact))

    def _answer(self, m, tag, contact):
        self.last[m.branch()] = sip.respond(m, 200, tag=tag, headers=contact)
        self.unacknowledged.add(m["Call-ID"])
        self.repeat(lambda: m["Call-ID"] in self.unacknowledged, self.last[m.branch()], m.source)


class Calls(Timed):
    """`count` calls, `rate` a second, to users of the domain whose backend is `callees`; each is hung up when it is answered."""

    def __init__(self, lab, host, remote, domain, callees, count, rate, port=0):
        super().__init__(lab, host, port)
        self.remote, self.domain, self.callees, self.count = remote, domain, callees, count
        self.name = sip.new_tag()  # so that several of them can share the callees
        self.sent, self.tried, self.rang, self.ended = {}, {}, {}, set()  # by the called user: wall times
        self.pending, self.refused = set(), {}
        for number in range(count):
            self.after(number / rate, lambda user=f"{self.name}-{number}": self._call(user))
        self.begin()

    def _request(self, method, user, uri, cseq, to, routes=(), branch=None):
        address = f"{self.address}:{self.port}"
        lines = [("Via", f"SIP/2.0/UDP {address};rport;branch={branch or sip.new_branch()}"), ("Max-Forwards", "70"),
                 *[("Route", route) for route in routes], ("From", f"<sip:caller@{self.domain}>;tag=t{user}"), ("To", to),
                 ("Call-ID", user), ("CSeq", f"{cseq} {method}"), ("Contact", f"<sip:caller@{address}>")]
        body = sip.sdp(self.address) if method == "INVITE" else b""
        return sip.compose(f"{method} {uri} SIP/2.0", lines + ([("Content-Type", "application/sdp")] if body else []), body)

    def _call(self, user):
        uri = f"sip:{user}@{self.domain}"
        data = self._request("INVITE", user, uri, 1, f"<{uri}>", branch=f"z9hG4bK{user}")
        self.pending.add((user, "INVITE"))
        self.sent[user] = time.time()
        self.repeat(lambda: (user, "INVITE") in self.pending, data, self.remote)

    def received(self, m):
        if not m.is_response:
            return
        user = m["Call-ID"]
        if m.method == "BYE":
            self.pending.discard((user, "BYE"))
            self.ended.add(user)
            return
        self.pending.discard((user, "INVITE"))
        (self.tried if m.status == 100 else self.rang).setdefault(user, m.at)
        if m.status >= 300:
            self.refused[user] = m.status
            uri = f"sip:{user}@{self.domain}"
            self.send(self._request("ACK", user, uri, 1, m["To"], branch=f"z9hG4bK{user}"), self.remote)
        elif m.status >= 200:
            self._answered(m, user)

    def _answered(self, m, user):
        routes = [route.strip() for value in reversed(m.all("Record-Route")) for route in reversed(value.split(","))]
        self.send(self._request("ACK", user, m.contact_uri(), 1, m["To"], routes), self.remote)
        if user not in self.ended and (user, "BYE") not in self.pending:
            self.pending.add((user, "BYE"))
            bye = self._request("BYE", user, m.contact_uri(), 2, m["To"], routes)
            self.repeat(lambda: (user, "BYE") in self.pending, bye, self.remote)

    def finish(self, within):
        """When all are over, or the time is: seconds, {"hundred": from the INVITE to the first 100, of calls that had one; "ringing":
        what lies between caller and callee has added to the INVITE and the 180 together}, and how many good calls had no 100
        as "untried", how many came to nothing as "lost". A lost call took for ever."""
        try:
            wait_for(lambda: len(self.ended) + len(self.refused) == self.count, within, "all calls are over")
        except AssertionError:
            pass
        good = [user for user in self.sent if user in self.ended]
        callees = self.callees
        tried = [user for user in good if user in self.tried]
        lost = self.count - len(good)
        never = [math.inf] * lost
        return {"hundred": [self.tried[user] - self.sent[user] for user in tried] + never,
                "ringing": [callees.invited[user] - self.sent[user] + self.rang[user] - callees.rang[user] for user in good] + never,
                "untried": len(good) - len(tried), "lost": lost}


def user_of(value):
    return sip.uri_of(value).split(":", 1)[1].split("@")[0]


def show(name, result):
    """One line of a table."""
    parts = [f"{percentile(result[what], part) * 1000:8.2f}" for what in ("hundred", "ringing") for part in (50, 99)]
    print(f"  {name:34}" + "".join(parts) + f"{result['untried']:8}{result['lost']:6}", flush=True)


def ratio(ours, other, digits=1):
    """Of two results: the 99 % until the 180, marked where calls were lost, since these count as endless."""
    text = f"{percentile(ours['ringing'], 99) / percentile(other['ringing'], 99):.{digits}f}"
    return text + (" (calls were lost)" if ours["lost"] + other["lost"] else "")


HEAD = f"  {'milliseconds':34}{'100 50%':>8}{'99%':>8}{'180 50%':>8}{'99%':>8}{'no 100':>8}{'lost':>6}"
