"""Strangers: scanners, unknown domains, garbage, slow and endless senders. No byte goes out on UDP, all of it is counted
with its reason, and a good phone notices nothing."""

import random
import socket
import time

from lab import sip
from lab.capture import Capture
from lab.handset import Handset
from lab.lab import main
from lab.peer import Phone, UdpPeer
from lab.scripted import ScriptedTest, contacts
from lab.wait import pause, wait_for

MESSAGE_TIME = 20  # seconds, limits::kMessageTime


class StrangersTest(ScriptedTest):
    """One tenant with a phone that registers, is qualified and calls whenever a test wants to see that all is well."""

    TIMERS = {"t1": "100ms"}

    @classmethod
    def setUpLab(cls):
        super().setUpLab()
        cls.capture = Capture(cls.lab)

    def setUp(self):
        self.good_backend = self.backend()
        self.domain, _, _ = self.tenant(self.good_backend)
        self.good_phone = self.phone("401", self.domain)
        self.assert_all_is_well()

    def assert_all_is_well(self):
        """Health, a registration, a call: each at once."""
        self.assertEqual(self.edge.rest("GET", "/healthz")[0], 200)
        before = time.monotonic()
        self.register(self.good_phone, self.good_backend)
        call, _ = self.establish(self.good_phone, self.good_backend)
        self.hang_up(call, self.good_backend)
        self.assertLess(time.monotonic() - before, 1.0, "the good phone had to wait")

    def drops(self):
        return dict(self.edge.status()["counters"]["drops"])

    def counter(self, name):
        return self.edge.status()["counters"][name]

    def assert_dropped(self, reason, at_least, before):
        wait_for(lambda: self.drops().get(reason, 0) - before.get(reason, 0) >= at_least, 2,
                 lambda: f"{at_least} drops because of {reason!r}; before {before}, now {self.drops()}")
        metrics = self.edge.rest("GET", "/metrics")[1]
        self.assertRegex(metrics, rf'usher_dropped_total{{reason="{reason}"}} [1-9]')

    def assert_no_byte_out(self, address):
        came = self.capture.datagrams[address, self.edge.ip]
        self.assertGreater(came, 0, "nothing came from there at all")
        self.assertEqual(self.capture.datagrams[self.edge.ip, address], 0)
        return came


class Scanners(StrangersTest):
    # Where they send from: svwar and svcrack do not bind to an address, so it is the system's choice.
    ADDRESS = "127.0.0.1"

    def assert_finds_nothing(self, program, *options, at_least):
        """Runs a program of sipvicious: it sends so many packets, all of which are dropped, and none comes back."""
        address = self.ADDRESS
        dropped, sent = self.drops(), self.capture.datagrams[address, self.edge.ip]
        name = f"{program}-{self.next_host()}"
        directory = self.lab.make_directory(name)
        process = self.lab.start(name, [program, "-p", "5060", *options, self.edge.ip], directory, env={"HOME": directory})
        self.assert_all_is_well()
        process.wait_exit(30)
        self.assert_all_is_well()
        came = self.assert_no_byte_out(address) - sent
        self.assertGreaterEqual(came, at_least)
        self.assert_dropped("scanner", came, dropped)
        knocks = [k for k in self.edge.items("/v1/door-knocks") if address in str(k)]
        self.assertTrue(knocks and all("scanner" in str(k) for k in knocks), knocks)
        self.assertRegex(self.edge.process.log(), rf"Door-knock blocked: domain=\S+ src={address} \(scanner\)")

    def test_svmap_finds_nothing(self):
        for method in ("OPTIONS", "INVITE", "REGISTER"):
            with self.subTest(method):
                self.assert_finds_nothing("svmap", "-m", method, at_least=1)

    def test_svwar_finds_no_extension_even_of_a_known_domain(self):
        for method in ("REGISTER", "OPTIONS", "INVITE"):
            with self.subTest(method):
                self.assert_finds_nothing("svwar", "--force", "-e", "400-420", "-m", method, "--domain", self.domain,
                                          "--maximumtime", "3", at_least=1)

    def test_svcrack_gets_no_challenge_to_work_on(self):
        self.assert_finds_nothing("svcrack", "-u", "401", "-r", "1-20", "--domain", self.domain, "--maximumtime", "3", at_least=1)


class Unknown(StrangersTest):
    def stranger(self, domain):
        return self.phone("100", domain)

    def assert_silence(self, phone, reason, requests):
        before = self.drops()
        for request in requests:
            phone.peer.send(request, self.edge.address)
        self.assert_dropped(reason, len(requests), before)
        self.assert_all_is_well()
        self.assert_no_byte_out(phone.peer.address)

    def requests(self, phone):
        target = f"sip:600@{phone.domain}"
        return [phone.request(method, target, f"<{target}>") for method in
                ("REGISTER", "INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "PUBLISH", "INVENTED")]

    def test_a_domain_that_nobody_knows(self):
        phone = self.stranger("unknown.test")
        self.assert_silence(phone, "not found", self.requests(phone))

    def test_a_domain_that_is_switched_off(self):
        self.edge.domain("off.test", 101, enabled=False)
        phone = self.stranger("off.test")
        self.assert_silence(phone, "disabled", self.requests(phone))

    def test_what_belongs_to_no_call_of_a_stranger(self):
        phone = self.stranger("unknown.test")
        target = "sip:600@unknown.test"
        for method in ("ACK", "BYE", "CANCEL", "NOTIFY", "PRACK"):
            phone.peer.send(phone.request(method, target, f"<{target}>;tag=x"), self.edge.address)
        answer = sip.respond(sip.Message(phone.request("INVITE", target, f"<{target}>")), 200, tag="y")
        phone.peer.send(answer, self.edge.address)
        self.assert_all_is_well()
        phone.peer.silent(0.3)
        self.assert_no_byte_out(phone.peer.address)

    def test_garbage_in_datagrams(self):
        peer = UdpPeer(self.lab, self.next_host())
        dice, before = random.Random(27), self.counter("malformed")
        whole = self.good_phone.request("OPTIONS", f"sip:600@{self.domain}", f"<sip:600@{self.domain}>")
        # Cut within the start line, noise, a web browser, a message whose first line is none.
        pieces = [dice.randbytes(dice.randint(1, 1400)) for _ in range(200)]
        pieces += [whole[:end] for end in (1, 7, 12, 20)] + [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n\r\n" + b"\xff" * 1000,
                                                             b"INVITE\r\n\r\n", b"SIP/2.0 200\r\n\r\n", b"A" * 60000]
        for piece in pieces:
            peer.send(piece, self.edge.address)
        self.assert_all_is_well()
        self.assertGreaterEqual(self.counter("malformed") - before, 200)
        self.assert_no_byte_out(peer.address)


class Streams(StrangersTest):
    def connect(self):
        connection = socket.create_connection(self.edge.listeners["tcp", False], timeout=5,
                                              source_address=(self.lab.ip(2), 0))
        self.lab.on_close(connection.close)
        return connection

    def connections(self):
        return self.edge.status()["counts"]["connections"]

    def assert_closed(self, connection, within=3):
        """The edge ends it, without a byte."""
        connection.settimeout(within)
        try:
            data = connection.recv(65536)
        except ConnectionError:
            data = b""
        self.assertEqual(data, b"")

    def send(self, connection, data):
        """As much as it takes: the edge may have closed already."""
        try:
            connection.sendall(data)
        except OSError:
            pass

    def test_garbage_closes_the_connection(self):
        dice = random.Random(27)
        web = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        hello = bytes.fromhex("16030100ff010000fb0303") + b"\x00" * 240 + b"\r\n\r\n"  # a TLS client at the wrong port
        for data in (dice.randbytes(3000) + b"\r\n\r\n", web, hello, b"INVITE\r\n\r\n"):
            with self.subTest(data[:12]):
                connection = self.connect()
                self.send(connection, data)
                self.assert_closed(connection)
        self.assert_all_is_well()

    def head(self, *headers):
        lines = ["OPTIONS sip:600@unknown.test SIP/2.0", "Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bKx", *headers]
        return "\r\n".join(lines).encode()

    def test_a_header_without_an_end_closes_the_connection(self):
        connection = self.connect()
        self.send(connection, self.head("X-Long: " + "a" * 70000))
        self.assert_closed(connection)
        connection = self.connect()
        self.send(connection, self.head(*[f"X-{n}: {'b' * 100}" for n in range(700)]))
        self.assert_closed(connection)
        self.assert_all_is_well()

    def test_a_body_that_is_announced_too_long_closes_the_connection_before_it_comes(self):
        for length in ("4294967296", "99999999999999999999", "-1", "x"):
            with self.subTest(length):
                connection = self.connect()
                self.send(connection, self.head(f"Content-Length: {length}") + b"\r\n\r\n")
                self.assert_closed(connection)
        self.assert_all_is_well()

    def test_a_body_that_is_too_large_and_does_not_come_is_waited_for_as_long_as_a_message_may_take(self):
        before = self.drops()
        known, unknown = self.connect(), self.connect()
        begun = time.monotonic()
        # Who names a tenant is told so at once, from the header section; a stranger hears nothing.
        for connection, phone in ((known, self.good_phone), (unknown, self.phone("100", "unknown.test"))):
            request = phone.request("OPTIONS", f"sip:600@{phone.domain}", f"<sip:600@{phone.domain}>", contact=False)
            self.assertIn(b"Content-Length: 0", request)
            self.send(connection, request.replace(b"Content-Length: 0", b"Content-Length: 70000"))
        known.settimeout(3)
        self.assertTrue(known.recv(65536).startswith(b"SIP/2.0 513 "))
        self.assert_all_is_well()
        for connection in (known, unknown):
            self.assert_closed(connection, within=MESSAGE_TIME + 5)
            self.assertGreaterEqual(time.monotonic() - begun, MESSAGE_TIME - 1)
        self.assert_dropped("tcp: slow sender", 2, before)

    def test_reasons_are_few_whatever_strangers_write(self):
        """They are labels of a metric: each new one stays for ever."""
        for number in range(50):
            connection = self.connect()
            self.send(connection, self.head(f"Content-Length: x{number}") + b"\r\n\r\n")
            self.assert_closed(connection)
        self.assertLess(len(self.drops()), 40, self.drops())

    def test_slow_senders_keep_nobody_waiting(self):
        slow = [self.connect() for _ in range(50)]
        for byte in self.head("From: <sip:a@b>")[:40]:
            for connection in slow:
                self.send(connection, bytes([byte]))
        self.assert_all_is_well()
        before = self.connections()
        for connection in slow:
            connection.close()
        wait_for(lambda: self.connections() <= before - len(slow), 3, "the edge has forgotten them")

    def test_connections_that_say_nothing_keep_nobody_waiting(self):
        before = self.connections()
        silent = [self.connect() for _ in range(300)]
        self.assert_all_is_well()
        for connection in silent:
            connection.close()
        wait_for(lambda: self.connections() <= before, 3, "the edge has forgotten them")

    def test_a_reader_that_does_not_read_is_cut_off_or_waited_for_without_harm(self):
        connection = self.connect()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(0.2)
        request = self.good_phone.request("OPTIONS", f"sip:{self.edge.ip}", f"<sip:{self.edge.ip}>", contact=False)
        try:
            for _ in range(3000):
                connection.sendall(request)
        except OSError:
            pass
        self.assert_all_is_well()

    def test_an_unknown_domain_gets_no_byte_over_a_stream_either(self):
        before = self.drops()
        connection = self.connect()
        stranger = self.phone("100", "unknown.test")
        self.send(connection, stranger.request("OPTIONS", "sip:600@unknown.test", "<sip:600@unknown.test>"))
        self.assert_dropped("not found", 1, before)
        connection.settimeout(0.3)
        try:
            self.assertEqual(connection.recv(65536), b"")
        except socket.timeout:
            pass


class NoStrangers(StrangersTest):
    def test_a_backend_with_500_options_a_second_is_never_limited(self):
        phone = Handset(self.lab, self.next_host(), self.edge.address, "402", "secret", self.domain)
        request, _ = self.register(phone.sip, self.good_backend)
        uri = contacts(request)[0]
        caller = self.as_backend(self.good_backend)
        drops, start, sent = self.drops(), time.monotonic(), {}
        for number in range(1000):
            data = caller.request("OPTIONS", uri, f"<{uri}>")
            sent[sip.Message(data).branch()] = data
            self.good_backend.send(data, self.edge.address)
            pause(start + number / 500 - time.monotonic())
        for _ in range(5):  # a datagram may be lost in a full socket buffer of ours: timer E (RFC 3261 §17.1.2.2)
            for data in self.unanswered(sent):
                self.good_backend.send(data, self.edge.address)
            pause(0.3)
        self.assertEqual(self.unanswered(sent), [])
        self.assertGreaterEqual(len({m.branch() for m in phone.requests("OPTIONS")}), 1000)
        self.assertEqual((self.drops(), self.counter("refused_at_limit")), (drops, 0))

    def unanswered(self, sent):
        answered = {m.branch() for m in list(self.good_backend.all_received)
                    if m.is_response and m.method == "OPTIONS" and m.status == 200}
        return [data for branch, data in sent.items() if branch not in answered]

    def test_a_site_with_20_good_phones_and_a_bad_password_keeps_its_20(self):
        host = self.next_host()
        phones = [Phone(UdpPeer(self.lab, host, port=0), self.edge.address, str(500 + n), self.domain) for n in range(20)]
        for phone in phones:
            self.register(phone, self.good_backend)
        bad = Phone(UdpPeer(self.lab, host, port=0), self.edge.address, "599", self.domain)
        for _ in range(100):
            bad.send_register(new_call=True)
            wait_for(lambda: not self.good_backend.empty() or not bad.peer.empty(), 1, "the backend or the edge decides")
            if not self.good_backend.empty():
                request = self.good_backend.expect("REGISTER")
                self.good_backend.reply(request, 401, headers=[("WWW-Authenticate", 'Digest realm="lab", nonce="n"')])
            bad.peer.take()
        for phone in phones:
            self.register(phone, self.good_backend)
            call, _ = self.establish(phone, self.good_backend)
            self.hang_up(call, self.good_backend)
        self.assertEqual(len(self.edge.registrations(self.domain)), 21)


if __name__ == "__main__":
    main()
