"""Every SIP datagram on loopback between the parties of one laboratory, as the kernel delivers it."""

import re
import socket
import struct
import threading
import time
from collections import Counter

from . import sip
from .wait import wait_for

ETH_P_ALL = 3
PACKET_OUTGOING = 4
SO_TIMESTAMPNS = 35


def kernel_time(ancillary):
    """When the kernel saw the packet, on the monotonic clock in seconds."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            return seconds + nanoseconds / 1e9 - clock_distance()
    return time.monotonic()


def clock_distance():
    """The wall clock's lead over the monotonic one, in seconds. They cannot be read at once: of a few readings the
    one counts in which the least time passed."""
    best = None
    for _ in range(3):
        before, wall, after = time.monotonic(), time.time(), time.monotonic()
        if best is None or after - before < best[0]:
            best = after - before, wall - (before + after) / 2
    return best[1]


class Packet:
    def __init__(self, at, source, target, data):
        self.at, self.source, self.target = at, source, target
        self.message = sip.Message(data)


class Capture:
    """Reads lo (UDP only) with a packet socket; needs root."""

    def __init__(self, lab):
        self.network = lab.network + "."
        self.packets = []
        self.datagrams = Counter()  # of whatever content, by (source address, target address)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self.socket.bind(("lo", 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.settimeout(0.2)
        self._running = True
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        lab.on_close(self.close)

    def _read(self):
        fragments = {}
        while self._running:
            try:
                data, ancillary, _, where = self.socket.recvmsg(65535, 64)
            except socket.timeout:
                continue
            except OSError:
                return
            at = kernel_time(ancillary)
            # On loopback each packet is seen leaving and arriving: the arriving one counts.
            if where[2] == PACKET_OUTGOING or len(data) < 28 or data[0] >> 4 != 4 or data[9] != socket.IPPROTO_UDP:
                continue
            source, target = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
            if not (source.startswith(self.network) or target.startswith(self.network)):
                continue
            header = (data[0] & 15) * 4
            flags = struct.unpack("!H", data[6:8])[0]
            payload, offset, more = data[header:], (flags & 0x1FFF) * 8, flags & 0x2000
            if offset or more:
                key = (source, target, data[4:6])
                parts = fragments.setdefault(key, {})
                parts[offset] = payload
                if not more:
                    parts["end"] = offset + len(payload)
                payload = b"".join(parts[o] for o in sorted(k for k in parts if k != "end"))
                if len(payload) != parts.get("end"):
                    continue
                del fragments[key]
            self.datagrams[source, target] += 1
            source_port, target_port = struct.unpack("!HH", payload[:4])
            text = payload[8:]
            if not (text.startswith(b"SIP/2.0 ") or re.match(rb"[A-Z]+ \S+ SIP/2.0\r\n", text)):
                continue
            try:
                self.packets.append(Packet(at, (source, source_port), (target, target_port), text))
            except (KeyError, ValueError, IndexError):
                continue

    def mark(self):
        """How many packets there are. Those that were sent before are among them: the capture may be behind the parties, so
        it is waited for until it has seen a datagram of this moment."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((self.network + "1", 0))
            me = probe.getsockname()
            since = self.datagrams[me[0], me[0]]
            probe.sendto(b"mark", me)
            wait_for(lambda: self.datagrams[me[0], me[0]] > since, 10, "the capture sees its mark")
        return len(self.packets)

    def to(self, ip, since=0):
        """Messages that went to an address."""
        return [p.message for p in self.packets[since:] if p.target[0] == ip]

    def between(self, one, other, since=0):
        """Packets between two addresses, either way."""
        return [p for p in self.packets[since:] if {p.source[0], p.target[0]} == {one, other}]

    def wait(self, predicate, within=5, since=0, what="a packet"):
        return wait_for(lambda: next((p for p in self.packets[since:] if predicate(p)), None), within, what)

    def close(self):
        self._running = False
        self._thread.join(1)
        self.socket.close()
