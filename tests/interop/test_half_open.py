"""Connections that hold a door and say nothing, or never end what they say: bounded in number and time, on every listener,
while good phones come and go."""

import socket
import ssl
import threading
import time

from lab.lab import main
from lab.pair import Pair, TransportsTest
from lab.tls import client_context
from lab.wait import pause, wait_for

# core/limits.hpp
SILENT_PER_SOURCE, FIRST_MESSAGE, SWEEP = 64, 20, 5


class HalfOpen(TransportsTest):
    TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")

    def connect(self, transport, host):
        connection = socket.create_connection(self.edge.listeners[transport, False], timeout=5,
                                              source_address=(self.lab.ip(host), 0))
        self.lab.on_close(connection.close)
        return connection

    def connections(self):
        return self.edge.status()["counts"]["connections"]

    def test_one_address_holds_so_many_silent_doors_and_keeps_nobody_out(self):
        before = self.connections()
        silent = [self.connect(transport, 3) for _ in range(50) for transport in ("tcp", "tls", "ws", "wss")]
        wait_for(lambda: self.connections() - before <= SILENT_PER_SOURCE, 3,
                 lambda: f"one address has at most {SILENT_PER_SOURCE} silent connections; it has {self.connections() - before}")
        for transport in ("tcp", "tls", "ws"):
            pair = Pair(self, transport, "udp")
            pair.register()
            phone, backend = pair.call_in()
            pair.hang_up(phone, backend)
        for connection in silent:
            connection.close()
        wait_for(lambda: self.connections() <= before + 3, 3, "the edge has forgotten them")
        self.assertGreater(self.edge.status()["counters"]["drops"].get("tcp: too many connections", 0), 0)

    def drip(self, connection, data, until):
        """A byte each half second."""
        for byte in data:
            if until.is_set():
                return
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                return
            until.wait(0.5)

    def test_whoever_has_sent_no_whole_message_in_time_is_cut_off(self):
        good = {}
        for transport in ("tcp", "tls", "ws"):
            good[transport] = Pair(self, transport, "udp")
            good[transport].register()
        cases, over = {}, threading.Event()
        self.addCleanup(over.set)
        for transport in ("tcp", "tls", "ws", "wss"):
            cases[f"silent {transport}"] = self.connect(transport, 4)
        cases["slow tcp"] = self.connect("tcp", 4)
        slow = b"OPTIONS sip:600@unknown.test SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bKslow\r\n" + b"X-Slow: " + b"a" * 400
        threading.Thread(target=self.drip, args=(cases["slow tcp"], slow, over), daemon=True).start()
        cases["slow upgrade"] = self.connect("ws", 4)
        upgrade = b"GET / HTTP/1.1\r\nHost: edge.test\r\nX-Slow: " + b"a" * 400
        threading.Thread(target=self.drip, args=(cases["slow upgrade"], upgrade, over), daemon=True).start()
        cases["slow client hello"] = self.connect("tls", 4)
        hello = bytes.fromhex("16030100ff010000fb0303") + b"\x00" * 240
        threading.Thread(target=self.drip, args=(cases["slow client hello"], hello, over), daemon=True).start()
        # It shakes hands and is silent then.
        raw = self.connect("tls", 4)
        cases["silent after its handshake"] = client_context().wrap_socket(raw)
        start = time.monotonic()
        ends = {}
        while len(ends) < len(cases) and time.monotonic() - start < FIRST_MESSAGE + 2 * SWEEP:
            for name, connection in cases.items():
                if name not in ends and self.is_over(connection):
                    ends[name] = time.monotonic() - start
            pause(0.2)
        self.assertEqual(set(cases) - set(ends), set(), "still open")
        drops = self.edge.status()["counters"]["drops"]
        self.assertGreaterEqual(sum(drops.get(f"{transport}: silent connection", 0)
                                    for transport in ("tcp", "tls", "ws", "wss")), 4, drops)
        for name, at in ends.items():
            self.assertGreater(at, FIRST_MESSAGE - 2 * SWEEP, f"{name} was cut off too early, after {at:.1f} s")
        for transport, pair in good.items():
            with self.subTest(transport):
                self.assertEqual((len(pair.phone.peer.connections), pair.phone.peer.lost), (1, []))
                phone, backend = pair.call_in()
                pair.hang_up(backend, phone)

    def is_over(self, connection):
        connection.settimeout(0.01)
        try:
            return connection.recv(4096) == b""
        except (socket.timeout, ssl.SSLWantReadError):
            return False
        except OSError:
            return True


if __name__ == "__main__":
    main()
