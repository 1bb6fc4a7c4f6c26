"""The usual parts of a scripted scenario: an edge, raw backends and raw phones."""

import re

from . import sip
from .edge import Edge
from .lab import LabTest
from .peer import CalledLeg, Phone, UdpPeer


class ScriptedTest(LabTest):
    """One edge with short timers: T1 100 ms, so that 64·T1 is 6.4 s. Each test brings its own tenants."""

    TIMERS = {"t1": "100ms"}
    LOG_LEVEL = "debug"

    @classmethod
    def setUpLab(cls):
        cls.edge = Edge(cls.lab, timers=cls.TIMERS, log_level=cls.LOG_LEVEL)
        cls._host = 40
        cls._tenants = 0

    @classmethod
    def next_host(cls):
        cls._host += 1
        return cls._host

    def backend(self, probes=200):
        return UdpPeer(self.lab, self.next_host(), probes=probes, name=f"backend-{self._host}")

    def phone(self, user, domain, contact=None):
        peer = UdpPeer(self.lab, self.next_host(), name=f"phone-{user}-{self._host}")
        return Phone(peer, self.edge.reach(peer), user, domain, contact=contact)

    def tenant(self, *backends, **policy):
        """(domain, set id, target ids) of a new tenant on these backends, tried in their order."""
        type(self)._tenants += 1
        setid = 100 + self._tenants
        domain = f"t{setid}.test"
        # Probes far apart: health stays as the first probe left it, unless a test asks for more.
        self.edge.set(setid, **{"algorithm": "priority", "health": {"interval": "3600s"}, **policy})
        targets = [self.edge.target(setid, backend if isinstance(backend, str) else backend.destination(), priority=place)
                   for place, backend in enumerate(backends)]
        self.edge.domain(domain, setid)
        return domain, setid, targets

    def as_backend(self, backend):
        """Requests that a backend makes by itself."""
        return Phone(backend, self.edge.reach(backend), "asterisk", backend.sent_by.rsplit(":", 1)[0])

    def register(self, phone, backend, contact=None, expires=3600, granted=None):
        """Registers a phone at a scripted backend. Gives (request at the backend, response at the phone)."""
        phone.send_register(contact, expires)
        request = backend.expect("REGISTER")
        backend.reply(request, 200, headers=grant(request, granted if granted is not None else expires))
        return request, phone.peer.expect(200, method="REGISTER")

    def ring(self, phone, backend, number="600"):
        """A call up to 180. Gives (call, INVITE at the backend)."""
        call = phone.call(number)
        invite = backend.expect("INVITE")
        backend.reply(invite, 100)
        phone.peer.expect(100)
        backend.reply(invite, 180, headers=[contact_of(backend)])
        phone.peer.expect(180)
        return call, invite

    def ring_back(self, backend, phone, request):
        """A call of the backend to the phone that sent this REGISTER, up to 180. Gives (call, INVITE at the phone)."""
        caller = self.as_backend(backend)
        caller.domain = self.edge.ip
        call = caller.call(sip.uri_of(contacts(request)[0])[4:].split("@")[0])
        invite = phone.peer.expect("INVITE")
        phone.peer.reply(invite, 100)
        backend.expect(100)
        phone.peer.reply(invite, 180, headers=[contact_of(phone.peer)])
        backend.expect(180)
        return call, invite

    def answer(self, call, backend, invite):
        """The 200 and its ACK. Gives the backend's leg."""
        answer = backend.reply(invite, 200, headers=[contact_of(backend), ("Content-Type", "application/sdp")],
                               body=sip.sdp(backend.address, 41000))
        response = call.phone.peer.expect(200, method="INVITE")
        self.assertEqual(response.body, answer.body)
        call.answered(response)
        ack = backend.expect("ACK")
        self.assertEqual(ack.tag("To"), answer.tag("To"))
        return CalledLeg(backend, invite, answer)

    def hang_up(self, call, backend):
        call.send("BYE")
        bye = backend.expect("BYE")
        backend.reply(bye, 200)
        call.phone.peer.expect(200, method="BYE")

    def establish(self, phone, backend, number="600"):
        call, invite = self.ring(phone, backend, number)
        return call, self.answer(call, backend, invite)

    def decline(self, call, backend, invite, status):
        """A final failure from the backend, as it reaches the phone; both hops are acknowledged."""
        backend.reply(invite, status)
        backend.expect("ACK")
        response = call.phone.peer.expect(status, method="INVITE")
        call.ack_failure(response)
        return response


def contact_of(peer):
    return ("Contact", f"<{peer.uri('backend')}>")


def contacts(message):
    """The URIs of all Contact values, in order (quoted strings and brackets respected)."""
    found = []
    for value in message.all("Contact"):
        for part in re.findall(r'(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,"<])+', value):
            found.append(sip.uri_of(re.sub(r'"(?:\\.|[^"\\])*"', "", part)))
    return found


def grant(request, expires):
    """The Contact headers of a registrar's 200."""
    return [("Contact", f"<{uri}>;expires={expires}") for uri in contacts(request)]
