"""Phones behind a NAT (lab/shim.py) of an edge with a real Asterisk."""

from . import sip
from .asterisk import Asterisk
from .edge import Edge
from .handset import Handset
from .lab import LabTest
from .shim import Shim
from .wait import wait_for

PRIVATE = "192.168.1.10:5060"


class PrivateHandset(Handset):
    """It writes its private address everywhere, and asks for no rport."""

    rport = ""

    def __init__(self, lab, host, edge, user, password, domain):
        super().__init__(lab, host, edge, user, password, domain)
        self.sent_by = PRIVATE
        self.sip.contact = f"<{self.uri(user)};line=q7>;q=0.7"

    def own_uri(self):
        return sip.uri_of(self.sip.contact)


class NatTest(LabTest):
    @classmethod
    def setUpLab(cls):
        cls.edge = Edge(cls.lab, timers={"t1": "100ms"})
        users = {str(number): f"secret{number}" for number in range(401, 410)}
        cls.asterisk = Asterisk(cls.lab, 10, users)
        cls.edge.tenant("a.test", 10, cls.asterisk.address)
        cls.users = iter(users)
        cls.hosts = iter(range(30, 250, 3))

    def behind_nat(self):
        """A registered phone and its NAT."""
        user, host = next(self.users), next(self.hosts)
        shim = Shim(self.lab, host, host + 1, self.edge.address)
        phone = PrivateHandset(self.lab, host + 2, shim.address, user, f"secret{user}", "a.test")
        self.register(phone)
        return phone, shim

    def register(self, phone):
        """The phone sees its own Contact in the 200, to the byte."""
        response = phone.sip.register()
        self.assertEqual(response.status, 200, response)
        self.assertIn(phone.own_uri(), [sip.uri_of(value) for value in response.all("Contact")])
        self.assertEqual(len(response.all("Contact")), 1)

    def outer(self, phone, shim):
        return shim.outer((phone.address, phone.port))

    def wait_options(self, phone, since=0, within=5):
        """Asterisk's qualify reaches the phone after so many of them."""
        wait_for(lambda: len(phone.requests("OPTIONS")) > since, within, f"{phone.name} is qualified")
        self.assertEqual(phone.requests("OPTIONS")[-1].uri, phone.own_uri())

    def binding(self, phone):
        found = self.edge.registrations("a.test", phone.sip.user)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def call_from_asterisk(self, phone):
        """A call that the phone answers; gives the INVITE."""
        self.asterisk.command(f"channel originate PJSIP/{phone.sip.user} extension 600@phones")
        invite = wait_for(lambda: [m for m in phone.requests("INVITE") if m["Call-ID"] not in self.ended(phone)], 5,
                          f"{phone.name} is called")[0]
        self.assertEqual(invite.uri, phone.own_uri())
        phone.wait_request("ACK", invite["Call-ID"])
        return invite

    def ended(self, phone):
        return {m["Call-ID"] for m in phone.requests("BYE")}

    def hang_up_at_asterisk(self, phone, call_id):
        for channel in self.asterisk.channels():
            if f"/{phone.sip.user}-" in channel:
                self.asterisk.command(f"channel request hangup {channel}")
        phone.wait_request("BYE", call_id)
        self.asterisk.wait_no_channels()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45, only=("calls", "legs", "relays"))
        finally:
            super().tearDownClass()
