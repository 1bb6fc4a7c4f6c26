"""The Contacts of the operator's notes, backends in all spellings, and requests that come back without a token."""

import re

from lab import sip
from lab.lab import main
from lab.peer import UdpPeer
from lab.scripted import ScriptedTest, contacts

INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'
# (what the phone writes, the URIs that must come back to it byte for byte)
CONTACTS = [
    (f"<sip:H5CCvFpY@10.0.1.200:45891;line=zlpcjjt4>;reg-id=1;q=1.0;{INSTANCE};audio",
     ["sip:H5CCvFpY@10.0.1.200:45891;line=zlpcjjt4"]),
    ("sip:H5CCvFpY@10.0.1.201:5070;q=0.5", ["sip:H5CCvFpY@10.0.1.201:5070"]),
    ('<sip:one@10.0.1.202;x=1>;q=0.9, "Desk, left" <sip:two@10.0.1.203:5062;x=2>',
     ["sip:one@10.0.1.202;x=1", "sip:two@10.0.1.203:5062;x=2"]),
    (r'"a;b, c \"<sip:no@x>\"" <sip:40%31@10.0.1.204:5060;line=q;ob>;q=0.5;x="p;q,r"',
     ["sip:40%31@10.0.1.204:5060;line=q;ob"]),
    ("<sip:401@[2001:db8::5]:5062;ob>", ["sip:401@[2001:db8::5]:5062;ob"]),
    ("<sip:401@10.0.1.206:5060;Line=ABC>;", ["sip:401@10.0.1.206:5060;Line=ABC"]),
]


class Contacts(ScriptedTest):
    def invite_token(self, backend, uri):
        """A call from the backend to a Contact it was given."""
        caller = self.as_backend(backend)
        return caller.request("INVITE", uri, f"<{uri}>", headers=[("Content-Type", "application/sdp")],
                              body=sip.sdp(backend.address, 41000))

    def test_the_request_uri_at_the_phone_is_its_own_contact_to_the_byte(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        for place, (written, uris) in enumerate(CONTACTS):
            with self.subTest(contact=written):
                phone = self.phone(f"42{place}", domain)
                request, response = self.register(phone, backend, written)
                given = contacts(request)
                self.assertEqual(len(given), len(uris))
                self.assertEqual(contacts(response), uris, "the phone sees its own Contact")
                for uri, expected in zip(given, uris):
                    self.assertLessEqual(len(uri), 128)
                    self.assertIn("~", sip.uri_of(uri).split("@")[0])
                    self.assertIn(self.edge.ip, uri)
                    backend.send(self.invite_token(backend, uri), self.edge.address)
                    invite = phone.peer.expect("INVITE")
                    self.assertEqual(invite.uri, expected)
                    phone.peer.reply(invite, 486)
                    final = backend.take()
                    if final.status == 100:
                        final = backend.take()
                    self.assertEqual(final.status, 486)
                    phone.peer.expect("ACK")

    def test_the_token_stays_over_refreshes(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("401", domain)
        first, _ = self.register(phone, backend)
        again, _ = self.register(phone, backend)
        self.assertEqual(contacts(first), contacts(again))
        self.assertEqual(len(self.edge.registrations(domain)), 1)

    def test_a_star_removes_every_binding(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("401", domain)
        self.register(phone, backend, CONTACTS[2][0])
        self.assertEqual(len(self.edge.registrations(domain)), 2)
        phone.send_register("*", expires=0)
        request = backend.expect("REGISTER")
        self.assertEqual(request.all("Contact"), ["*"])
        backend.reply(request, 200)
        phone.peer.expect(200)
        self.assertEqual(self.edge.registrations(domain), [])

    def options(self, backend, uri, to=None):
        """An OPTIONS of the backend."""
        data = self.as_backend(backend).request("OPTIONS", uri, to or f"<{uri}>")
        backend.send(data, self.edge.address)

    def assert_reaches(self, phone, backend):
        arrived = phone.peer.expect("OPTIONS")
        self.assertEqual(arrived.uri, sip.uri_of(phone.contact))
        phone.peer.reply(arrived, 200)
        backend.expect(200, method="OPTIONS")

    def test_a_backend_is_known_in_every_spelling(self):
        for spelling in ("{ip}", "{ip}:5060", "sip:{ip}", "sip:{ip}:5060"):
            with self.subTest(spelling=spelling):
                backend = self.backend()
                domain, _, _ = self.tenant(spelling.format(ip=backend.address))
                phone = self.phone("401", domain)
                request, _ = self.register(phone, backend)
                self.options(backend, contacts(request)[0])
                self.assert_reaches(phone, backend)

    def test_a_backend_is_known_by_its_host_name(self):
        backend = UdpPeer(self.lab, 0, port=0, address="127.0.0.1", name="backend-localhost")
        domain, setid, targets = self.tenant(f"localhost:{backend.port}", health={"interval": "1s", "timeout": "500ms"})
        self.edge.wait_health(setid, targets[0], "up")
        phone = self.phone("401", domain)
        request, _ = self.register(phone, backend)
        self.options(backend, contacts(request)[0])
        self.assert_reaches(phone, backend)

    def test_the_same_destination_in_another_spelling_is_a_conflict(self):
        backend = self.backend()
        _, setid, _ = self.tenant(backend.address)
        status, problem = self.edge.rest("POST", f"/v1/dispatcher/sets/{setid}/targets",
                                         {"destination": f"sip:{backend.address}:5060"})
        self.assertEqual(status, 409, problem)
        self.assertEqual(len(self.edge.targets(setid)), 1)

    def test_a_request_for_a_bare_user_reaches_the_backends_own_tenant(self):
        first, second = self.backend(), self.backend()
        phones = {}
        for backend in (first, second):
            domain, _, _ = self.tenant(backend)
            phones[backend] = self.phone("401", domain)
            self.register(phones[backend], backend)
        for backend, other in ((first, second), (second, first)):
            self.options(backend, f"sip:401@{self.edge.ip}", f"<sip:401@{self.edge.ip}>")
            arrived = phones[backend].peer.expect("OPTIONS")
            self.assertEqual(arrived.uri, sip.uri_of(phones[backend].contact))
            self.assertEqual(len(arrived.all("Via")), 1, "one hop")
            phones[backend].peer.reply(arrived, 200)
            backend.expect(200, method="OPTIONS")
            self.assertTrue(phones[other].peer.empty(), "another tenant's phone heard of it")

    def test_a_bare_user_of_two_tenants_on_one_backend_is_refused_as_ambiguous(self):
        shared = self.backend()
        phones = []
        for _ in range(2):
            domain, _, _ = self.tenant(shared)
            phones.append(self.phone("401", domain))
            self.register(phones[-1], shared)
        since = self.edge.process.mark()
        uri = f"sip:401@{self.edge.ip}"
        shared.send(self.invite_token(shared, uri), self.edge.address)
        final = shared.take()
        if final.status == 100:
            final = shared.take()
        self.assertGreaterEqual(final.status, 400)
        self.edge.process.wait_log(r"(?i)ambiguous|several", 2, since)
        # An OPTIONS is left unanswered: whatever it got, Asterisk would take the phone for available.
        self.options(shared, uri)
        shared.silent(0.5)
        for phone in phones:
            self.assertTrue(phone.peer.empty(), "the first row was taken")

    def test_the_to_with_the_domain_decides_between_tenants_of_one_backend(self):
        shared = self.backend()
        phones = {}
        for _ in range(2):
            domain, _, _ = self.tenant(shared)
            phones[domain] = self.phone("401", domain)
            self.register(phones[domain], shared)
        for domain, phone in phones.items():
            self.options(shared, f"sip:401@{self.edge.ip}", f"<sip:401@{domain}>")
            self.assert_reaches(phone, shared)

    def test_options_to_the_edge_itself_is_answered_by_the_edge(self):
        backend = self.backend()
        self.tenant(backend)
        self.options(backend, f"sip:{self.edge.ip}")
        self.assertEqual(backend.expect(200, method="OPTIONS").source, self.edge.address)

    def test_strangers_get_no_byte(self):
        stranger = self.phone("401", "unknown.test")
        since = self.edge.process.mark()
        stranger.send_register()
        line = self.edge.process.wait_log(r"Door-knock blocked: domain=(\S+) src=(\S+) \(.*\)", 2, since)
        self.assertEqual(line.group(1), "unknown.test")
        self.assertTrue(re.match(re.escape(stranger.peer.address), line.group(2)))
        stranger.peer.silent(0.5)


if __name__ == "__main__":
    main()
