"""An edge that listens on every transport and family, and pairs of a phone and a backend that talk through it."""

import re

from . import sip
from .edge import Edge, listener
from .end import end_of_callee, end_of_caller
from .peer import Phone
from .scripted import ScriptedTest, contact_of, contacts
from .secure import Parties, free_stream_port
from .tls import Authority

PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 5080, "wss": 5443}
# The URI's transport parameter; a WebSocket's is "ws", secure or not (RFC 7118 §5.2).
PARAMETERS = {"udp": "", "tcp": ";transport=tcp", "tls": ";transport=tls", "ws": ";transport=ws", "wss": ";transport=ws"}


def listeners_of(lab, credentials, transports):
    """One for each transport and family; IPv6 has one loopback address, so its ports are free ones."""
    found = []
    for transport in transports:
        keys = {"certificate": credentials.certificate, "key": credentials.key} if transport in ("tls", "wss") else {}
        found.append(listener(transport, PORTS[transport], **keys))
        found.append(listener(transport, free_stream_port("::1"), "::1", **keys))
    return found


class TransportsTest(ScriptedTest):
    """Its edge listens on everything; parties are made by `self.parties`."""

    TRANSPORTS = tuple(PORTS)

    @classmethod
    def setUpLab(cls):
        cls.authority = Authority(cls.lab.make_directory("ca"))
        cls.parties = Parties(cls.lab, cls.authority)
        credentials = cls.authority.issue("edge", cls.lab.ip(1), "::1", "edge.test").put(cls.lab.make_directory("edge"))
        cls.edge = Edge(cls.lab, timers=cls.TIMERS, log_level=cls.LOG_LEVEL,
                        listen=listeners_of(cls.lab, credentials, cls.TRANSPORTS),
                        tls={"ca": cls.authority.certificate} if "tls" in cls.TRANSPORTS else None)
        cls._host = 40
        cls._tenants = 0

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(15, only=("calls", "legs", "relays"))
        finally:
            super().tearDownClass()

    def phone_on(self, transport, domain, user="401", six=False):
        peer = self.parties.phone(transport, self.next_host(), f"phone-{transport}-{self._host}", six)
        return Phone(peer, self.edge.reach(peer), user, domain)

    def backend_on(self, transport, six=False, **options):
        return self.parties.backend(transport, self.next_host(), f"backend-{transport}-{self._host}", six, **options)

    def reached_at(self, peer):
        """The edge's own host and port in what it tells this peer."""
        address, port = self.edge.reach(peer)
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Pair:
    """A phone and a backend with the edge between them; each step checks what the other side sees."""

    def __init__(self, test, phone, backend, six=(False, False)):
        self.test, self.edge = test, test.edge
        self.kinds = {}
        self.backend = test.backend_on(backend, six[1])
        self.domain, _, _ = test.tenant(self.backend)
        self.phone = test.phone_on(phone, self.domain, six=six[0])
        self.kinds = {self.phone.peer: phone, self.backend: backend}

    def assert_ours(self, message, peer):
        """Via (of a request) and Contact name the edge as this peer reaches it, and nobody else."""
        host = self.test.reached_at(peer)
        if not message.is_response:
            self.test.assertEqual(len(message.all("Via")), 1)
            self.test.assertRegex(message["Via"], f"^SIP/2.0/{peer.transport} {re.escape(host)};")
        self.test.assertEqual(message.all("Record-Route"), [])
        self.test.assertEqual(message.all("Route"), [])
        if message.method in ("INVITE", "REGISTER") and not (message.method == "REGISTER" and message.is_response):
            scheme, rest = message.contact_uri().split(":", 1)
            self.test.assertEqual(scheme, "sip")
            self.test.assertEqual(rest.split("@")[-1], host + PARAMETERS[self.kinds[peer]])

    def register(self):
        request, response = self.test.register(self.phone, self.backend)
        self.assert_ours(request, self.backend)
        self.token = contacts(request)[0]
        self.test.assertRegex(self.token, r"^sip:401~[a-z0-9]{10}@")
        self.test.assertEqual(contacts(response), [self.phone.peer.uri("401")], "the phone sees its own Contact")
        bound = self.edge.registrations(self.domain)
        self.test.assertEqual([b["contact"] for b in bound], [self.phone.peer.uri("401")])

    def final(self, peer, method, status=200, within=3):
        response = peer.expect_final(method, within)
        self.test.assertEqual(response.status, status, response)
        return response

    def call_out(self):
        """Phone to backend; gives both ends."""
        call = self.phone.call("600")
        invite = self.backend.expect("INVITE")
        self.assert_ours(invite, self.backend)
        self.test.assertEqual(invite.body.decode(), sip.sdp(self.phone.peer.address))
        self.backend.reply(invite, 180, headers=[contact_of(self.backend)])
        self.backend.reply(invite, 200, headers=[contact_of(self.backend), ("Content-Type", "application/sdp")],
                           body=sip.sdp(self.backend.address, 41000))
        response = self.final(self.phone.peer, "INVITE")
        self.assert_ours(response, self.phone.peer)
        call.answered(response)
        self.backend.expect("ACK")
        return end_of_caller(call), end_of_callee(self.backend, invite)

    def call_in(self):
        """Backend to phone; gives both ends, the phone's first."""
        caller = self.test.as_backend(self.backend)
        caller.domain = self.test.reached_at(self.backend)
        call = caller.call(self.token[4:].split("@")[0])
        invite = self.phone.peer.expect("INVITE")
        self.assert_ours(invite, self.phone.peer)
        self.test.assertEqual(invite.uri, self.phone.peer.uri("401"), "the phone's own Contact, to the byte")
        contact = ("Contact", self.phone.contact)
        self.phone.peer.reply(invite, 180, headers=[contact])
        self.phone.peer.reply(invite, 200, headers=[contact, ("Content-Type", "application/sdp")],
                              body=sip.sdp(self.phone.peer.address))
        response = self.final(self.backend, "INVITE")
        self.assert_ours(response, self.backend)
        call.answered(response)
        self.phone.peer.expect("ACK")
        return end_of_callee(self.phone.peer, invite), end_of_caller(call)

    def re_invite(self, one, other, direction, answer):
        """One end's re-INVITE with its answer and ACK."""
        one.send("INVITE", sip.sdp(one.peer.address, 42000, 2, direction))
        request = other.peer.expect("INVITE")
        self.assert_ours(request, other.peer)
        self.test.assertIn(f"a={direction}\r\n".encode(), request.body)
        other.peer.reply(request, 200, headers=[contact_of(other.peer), ("Content-Type", "application/sdp")],
                         body=sip.sdp(other.peer.address, 43000, 2, answer))
        response = self.final(one.peer, "INVITE")
        self.assert_ours(response, one.peer)
        self.test.assertIn(f"a={answer}\r\n".encode(), response.body)
        one.ack()
        other.peer.expect("ACK")

    def hold_and_resume(self, one, other):
        self.re_invite(one, other, "sendonly", "recvonly")
        self.re_invite(one, other, "sendrecv", "sendrecv")

    def hang_up(self, one, other):
        one.send("BYE")
        bye = other.peer.expect("BYE")
        self.assert_ours(bye, other.peer)
        other.peer.reply(bye, 200)
        self.final(one.peer, "BYE")

    def talk(self):
        """Everything, both ways."""
        self.register()
        phone, backend = self.call_out()
        self.hold_and_resume(phone, backend)
        self.hold_and_resume(backend, phone)
        self.hang_up(phone, backend)
        backend, phone = self.call_out()[::-1]
        self.hang_up(backend, phone)
        for by_phone in (True, False):
            phone, backend = self.call_in()
            self.hold_and_resume(phone, backend)
            self.hold_and_resume(backend, phone)
            self.hang_up(*((phone, backend) if by_phone else (backend, phone)))
        self.assert_backend_is_hidden()
        self.assert_own_connection()
        self.edge.wait_quiet(5, only=("calls",))

    def assert_backend_is_hidden(self):
        backend = re.compile(rf"(?<![\d.:]){re.escape(self.backend.address)}(?![\d:])")
        for message in list(self.phone.peer.all_received):
            self.test.assertNotRegex(message.raw.split(b"\r\n\r\n")[0].decode(), backend)

    def assert_own_connection(self):
        """Nobody connected to the phone, though it would have answered, and it made one connection."""
        if hasattr(self.phone.peer, "connections"):
            self.test.assertEqual(getattr(self.phone.peer, "accepted", 0), 0)
            self.test.assertEqual((len(self.phone.peer.connections), self.phone.peer.lost), (1, []))
