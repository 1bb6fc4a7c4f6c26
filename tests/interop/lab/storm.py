"""Many registrations at once: a registrar that takes its time, phones that don't give up, and calls meanwhile."""

import heapq
import itertools
import select
import socket
import threading
import time

from . import sip


class Loop:
    """One UDP socket, one thread, and things to be done later."""

    def __init__(self, lab, host, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((lab.ip(host), port))
        self.socket.setblocking(False)
        self.address, self.port = self.socket.getsockname()
        self._due, self._number, self._closed = [], itertools.count(), False
        lab.on_close(self.close)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self):
        self._thread.start()

    def after(self, seconds, what):
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._number), what))

    def _run(self):
        while not self._closed:
            while self._due and self._due[0][0] <= time.monotonic():
                heapq.heappop(self._due)[2]()
            wait = max(0.0, min(0.1, self._due[0][0] - time.monotonic())) if self._due else 0.1
            if not select.select([self.socket], [], [], wait)[0]:
                continue
            for _ in range(64):
                try:
                    message = self.read()
                except OSError:
                    break
                if message:
                    self.received(message)

    def read(self):
        """The next one that has arrived; None if it is a keep-alive, OSError if there is none."""
        data, source = self.socket.recvfrom(65535)
        return sip.Message(data, source, source) if data.strip() else None

    def send(self, data, to):
        self.socket.sendto(data, to)

    def close(self):
        self._closed = True
        if self._thread.is_alive():
            self._thread.join(5)
        self.socket.close()


class SlowRegistrar(Loop):
    """Challenges and grants each REGISTER after `delay` seconds; answers calls at once."""

    def __init__(self, lab, host, delay):
        super().__init__(lab, host, 5060)
        self.delay = delay
        self.busy, self.most_busy = {}, 0  # REGISTERs that have no answer yet, by branch
        self.answers = {}  # by branch and method
        self.order = []  # "first" and "challenged" as they came
        self.begin()

    def received(self, m):
        if m.is_response or m.method == "ACK":
            return
        key = (m.branch(), m.method)
        if key in self.answers:
            self.send(self.answers[key], m.source)
        elif m.method != "REGISTER":
            contact = [("Contact", f"<sip:callee@{self.address}:{self.port}>")] if m.method == "INVITE" else []
            self._answer(m, key, 200, contact)
        elif key not in self.busy:
            self.busy[key] = m
            self.most_busy = max(self.most_busy, len(self.busy))
            self.order.append("challenged" if m.get("Authorization") else "first")
            self.after(self.delay, lambda: self._judge(m, key))

    def _judge(self, m, key):
        del self.busy[key]
        if m.get("Authorization"):
            self._answer(m, key, 200, [("Contact", f"{m['Contact']};expires=3600")])
        else:
            self._answer(m, key, 401, [("WWW-Authenticate", 'Digest realm="storm", nonce="n1", algorithm=MD5')])

    def _answer(self, m, key, status, headers):
        self.answers[key] = sip.respond(m, status, tag=sip.new_tag(), headers=headers)
        self.send(self.answers[key], m.source)


class StormPhones(Loop):
    """`count` phones behind one socket that register all at once, and again when they are told to wait."""

    def __init__(self, lab, host, edge, domain, count):
        super().__init__(lab, host, 5062)
        self.edge, self.domain = edge, domain
        self.waiting = {}  # request by (Call-ID, CSeq): its repetition ends with the final response
        self.registered, self.retry_afters, self.others = set(), [], []
        for number in range(count):
            self.after(0, lambda user=f"u{number}": self._register(user, 1))

    def _register(self, user, cseq, authorization=None):
        address = f"{self.address}:{self.port}"
        lines = [("Via", f"SIP/2.0/UDP {address};rport;branch={sip.new_branch()}"), ("Max-Forwards", "70"),
                 ("From", f"<sip:{user}@{self.domain}>;tag=t{user}"), ("To", f"<sip:{user}@{self.domain}>"),
                 ("Call-ID", f"storm-{user}"), ("CSeq", f"{cseq} REGISTER"), ("Contact", f"<sip:{user}@{address}>"),
                 ("Expires", "3600")] + ([("Authorization", authorization)] if authorization else [])
        data = sip.compose(f"REGISTER sip:{self.domain} SIP/2.0", lines)
        self.waiting[f"storm-{user}", cseq] = user
        self._repeat(f"storm-{user}", cseq, data, 0.5)

    def _repeat(self, call_id, cseq, data, interval):
        if (call_id, cseq) not in self.waiting:
            return
        self.send(data, self.edge)
        self.after(interval, lambda: self._repeat(call_id, cseq, data, min(2 * interval, 4)))

    def received(self, m):
        if not m.is_response or m.status < 200:
            return
        user = self.waiting.pop((m["Call-ID"], m.cseq), None)
        if user is None:
            return
        if m.status == 200:
            self.registered.add(user)
        elif m.status == 401:
            answer = sip.digest(m["WWW-Authenticate"], user, "secret", "REGISTER", f"sip:{self.domain}")
            self._register(user, m.cseq + 1, answer)
        elif m.status == 503:
            self.retry_afters.append(int(m["Retry-After"]))
            self.after(self.retry_afters[-1], lambda: self._register(user, m.cseq + 1))
        else:
            self.others.append(m.status)


class Callers(Loop):
    """`count` calls at an even pace, each hung up when it is answered. A final answer is never asked for twice."""

    def __init__(self, lab, host, edge, domain, count, per_second):
        super().__init__(lab, host, 5064)
        self.edge, self.domain, self.count = edge, domain, count
        self.began, self.took, self.statuses, self.ended = {}, [], [], set()
        for number in range(count):
            self.after(number / per_second, lambda number=number: self._call(number))

    def _request(self, method, number, uri, cseq, to, branch=None):
        address = f"{self.address}:{self.port}"
        lines = [("Via", f"SIP/2.0/UDP {address};rport;branch={branch or sip.new_branch()}"), ("Max-Forwards", "70"),
                 ("From", f"<sip:caller@{self.domain}>;tag=c{number}"), ("To", to), ("Call-ID", f"call-{number}"),
                 ("CSeq", f"{cseq} {method}"), ("Contact", f"<sip:caller@{address}>")]
        return sip.compose(f"{method} {uri} SIP/2.0", lines)

    def _call(self, number):
        uri = f"sip:600@{self.domain}"
        self.began[number] = time.monotonic()
        self.send(self._request("INVITE", number, uri, 1, f"<{uri}>", f"z9hG4bKinvite{number}"), self.edge)

    def received(self, m):
        if not m.is_response or m.status < 200:
            return
        number = int(m["Call-ID"].split("-")[1])
        if m.method == "BYE":
            self.ended.add(number)
            return
        if number in self.began:
            self.took.append(time.monotonic() - self.began.pop(number))
            self.statuses.append(m.status)
            if m.status == 200:
                self.send(self._request("BYE", number, m.contact_uri(), 2, m["To"]), self.edge)
        branch = f"z9hG4bKinvite{number}" if m.status >= 300 else None
        uri = f"sip:600@{self.domain}" if m.status >= 300 else m.contact_uri()
        self.send(self._request("ACK", number, uri, 1, m["To"], branch), self.edge)
