"""The laboratory itself, without the edge: two phones at one Asterisk call each other; peers over TLS and WebSocket."""

import base64
import hashlib
import re
import socket
import ssl
import threading

from lab import sip
from lab.asterisk import Asterisk
from lab.baresip import Baresip
from lab.lab import LabTest, main
from lab.secure import Parties, TlsPeer
from lab.tls import Authority, der_of
from lab.websocket import ACCEPT, Refused, WebSocket


class Laboratory(LabTest):
    @classmethod
    def setUpLab(cls):
        cls.asterisk = Asterisk(cls.lab, 10, {"401": "one", "402": "two"})
        registrar = f"{cls.asterisk.address}:5060"
        cls.caller = Baresip(cls.lab, 21, "401", "a.test", "one", registrar)
        cls.callee = Baresip(cls.lab, 22, "402", "a.test", "two", registrar)

    def test_two_phones_register_and_one_calls_the_other(self):
        self.caller.wait_registered()
        self.callee.wait_registered()
        self.asterisk.wait_contact("401")
        self.asterisk.wait_contact("402")
        self.caller.dial("402")
        self.callee.wait_event("CALL_INCOMING")
        self.caller.wait_event("CALL_RINGING")
        self.callee.accept()
        self.caller.wait_event("CALL_ESTABLISHED")
        self.callee.wait_event("CALL_ESTABLISHED")
        self.assertEqual(len(self.asterisk.channels()), 2)
        self.callee.hangup()
        self.caller.wait_event("CALL_CLOSED")
        self.asterisk.wait_no_channels()


class SecureEnds(LabTest):
    @classmethod
    def setUpLab(cls):
        cls.authority = Authority(cls.lab.make_directory("ca"))
        cls.parties = Parties(cls.lab, cls.authority)

    def options(self, peer, to):
        data = sip.compose("OPTIONS sip:401@lab.test SIP/2.0", [
            ("Via", peer.via()), ("From", "<sip:lab@lab.test>;tag=1"), ("To", "<sip:401@lab.test>"), ("Call-ID", sip.new_call_id()),
            ("CSeq", "1 OPTIONS")])
        peer.send(data, (to.address, to.port))
        return data

    def test_a_message_and_its_answer_over_each_transport_and_family(self):
        for transport in ("udp", "tcp", "tls"):
            for six in (False, True):
                with self.subTest(transport=transport, six=six):
                    host = 10 + ("udp", "tcp", "tls").index(transport) * 10
                    server = self.parties.backend(transport, host, f"server-{transport}-{six}", six)
                    client = self.parties.phone(transport, host + 1, f"client-{transport}-{six}", six)
                    data = self.options(client, server)
                    request = server.expect("OPTIONS")
                    self.assertEqual(request.raw, data)
                    server.reply(request, 200)
                    client.expect(200, method="OPTIONS")
                    if transport == "tls":
                        self.assertEqual(server.shown, [None])

    def test_a_peer_with_a_bad_certificate_is_refused_by_its_client(self):
        for place, (name, issue, reason) in enumerate([
                ("expired", lambda ip: self.authority.issue("expired", ip, days=-1), "expired"),
                ("misnamed", lambda ip: self.authority.issue("misnamed", "other.test"), "IP address mismatch"),
                ("foreign", lambda ip: Authority(self.authority.directory, "other").issue("foreign", ip), "unable to get local issuer")]):
            with self.subTest(name):
                host = 50 + 2 * place
                server = self.parties.backend("tls", host, name, credentials=issue(self.lab.ip(host)))
                client = self.parties.phone("tls", host + 1, f"client-{name}")
                with self.assertRaisesRegex(ssl.SSLCertVerificationError, reason):
                    self.options(client, server)

    def test_a_client_shows_its_certificate_where_one_is_demanded(self):
        own = self.authority.issue("client")
        server = self.parties.backend("tls", 60, "demanding", demands=True)
        client = TlsPeer(self.lab, 61, self.authority.certificate, credentials=own, shows=True)
        self.options(client, server)
        server.expect("OPTIONS")
        self.assertEqual(server.shown, [der_of(own.certificate)])

    def serve(self, script):
        """A WebSocket, and a thread that plays its server."""
        ours, theirs = socket.socketpair()
        self.lab.on_close(theirs.close)
        thread = threading.Thread(target=script, args=(theirs,), daemon=True)
        thread.start()
        self.lab.on_close(lambda: thread.join(5))
        return ours

    def accept(self, stream):
        head = stream.recv(4096).decode()
        key = re.search(r"Sec-WebSocket-Key: (.*)\r\n", head).group(1)
        accept = base64.b64encode(hashlib.sha1((key + ACCEPT).encode()).digest()).decode()
        stream.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: sip\r\n\r\n").encode())

    def test_the_frames_of_rfc_6455_section_5_7_are_read(self):
        def server(stream):
            self.accept(stream)
            stream.sendall(bytes.fromhex("810548656c6c6f"))  # "Hello"
            stream.sendall(bytes.fromhex("010348656c") + bytes.fromhex("890548656c6c6f") + bytes.fromhex("80026c6f"))
            stream.sendall(b"\x82\x7e\x01\x00" + b"x" * 256 + b"\x82\x7f" + (65536).to_bytes(8, "big") + b"y" * 65536)
            stream.sendall(bytes.fromhex("880203e8"))

        socket_ = WebSocket(self.serve(server), "edge.test")
        self.assertEqual([socket_.receive() for _ in range(4)], [b"Hello", b"Hello", b"x" * 256, b"y" * 65536])
        self.assertEqual((socket_.receive(), socket_.closed, socket_.pings), (b"", 1000, [b"Hello"]))

    def test_what_a_client_sends_is_masked_and_may_be_in_fragments(self):
        received = []

        def server(stream):
            self.accept(stream)
            for size in (11, 9, 9):
                data = b""
                while len(data) < size:
                    data += stream.recv(size - len(data))
                received.append(data)
            stream.sendall(bytes.fromhex("880203e8"))

        socket_ = WebSocket(self.serve(server), "edge.test")
        socket_.sendall(b"Hello")
        socket_.sendall(b"Hellos", fragments=2)
        socket_.receive()

        def unmask(frame):
            return bytes(b ^ frame[2 + (i & 3)] for i, b in enumerate(frame[6:]))

        whole = b"".join(received)
        self.assertEqual((whole[:2], unmask(whole[:11])), (b"\x81\x85", b"Hello"))
        self.assertEqual((whole[11:13], unmask(whole[11:20])), (b"\x01\x83", b"Hel"))
        self.assertEqual((whole[20:22], unmask(whole[20:29])), (b"\x80\x83", b"los"))

    def test_a_server_that_does_not_switch_is_no_websocket(self):
        def server(stream):
            stream.recv(4096)
            stream.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        with self.assertRaisesRegex(Refused, "400 Bad Request"):
            WebSocket(self.serve(server), "edge.test")


if __name__ == "__main__":
    main()
