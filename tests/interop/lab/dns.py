"""A small DNS server (RFC 1035) whose records a test changes while it runs: A, SRV, NAPTR over UDP."""

import socket
import struct
import threading

TYPES = {"A": 1, "AAAA": 28, "SRV": 33, "NAPTR": 35}
NXDOMAIN, SERVFAIL = 3, 2


def name_bytes(name):
    labels = [label for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def string_bytes(text):
    return bytes([len(text)]) + text.encode()


class Dns:
    """`zone` maps (name, type) to (ttl, [data]): an address; (priority, weight, port, host);
    (order, preference, flags, service, replacement)."""

    def __init__(self, lab, host, port=5353):
        self.zone = {}
        self.mood = "answers"  # "fails": SERVFAIL to everything; "silent"
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((lab.ip(host), port))
        self.address = "%s:%d" % self.socket.getsockname()
        lab.on_close(self.close)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, name, kind, *data, ttl=5):
        self.zone[name.lower(), kind] = (ttl, list(data))

    def remove(self, name, kind):
        del self.zone[name.lower(), kind]

    def count(self, name, kind):
        return self.asked.count((name.lower(), TYPES[kind]))

    def _run(self):
        while True:
            try:
                query, source = self.socket.recvfrom(4096)
            except OSError:
                return
            if self.socket.fileno() < 0 or not query:
                return
            answer = self._answer(query)
            if self.mood != "silent":
                self.socket.sendto(answer, source)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, number = ".".join(labels).lower(), struct.unpack("!H", query[at + 1:at + 3])[0]
        self.asked.append((name, number))
        question = query[12:at + 5]
        kind = next((kind for kind, value in TYPES.items() if value == number), None)
        ttl, data = self.zone.get((name, kind), (0, []))
        known = any(known == name for known, _ in self.zone)
        fails = self.mood == "fails"
        code = SERVFAIL if fails else 0 if known else NXDOMAIN
        records = [] if fails else [self._record(kind, number, ttl, one) for one in data]
        return query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(records), 0, 0) + question + b"".join(records)

    @staticmethod
    def _record(kind, number, ttl, data):
        if kind == "A":
            body = socket.inet_aton(data)
        elif kind == "AAAA":
            body = socket.inet_pton(socket.AF_INET6, data)
        elif kind == "SRV":
            body = struct.pack("!HHH", *data[:3]) + name_bytes(data[3])
        else:
            order, preference, flags, service, replacement = data
            body = (struct.pack("!HH", order, preference) + string_bytes(flags) + string_bytes(service) +
                    string_bytes("") + name_bytes(replacement))
        return b"\xc0\x0c" + struct.pack("!HHIH", number, 1, ttl, len(body)) + body

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(5)
        self.socket.close()
