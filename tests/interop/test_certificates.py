"""Certificates: bad ones are refused at start, changed ones are read while the edge runs, a backend must show a good one."""

import os
import signal
import socket

from lab.edge import Edge, listener
from lab.lab import main
from lab.peer import Phone
from lab.scripted import ScriptedTest
from lab.secure import Parties, TlsPeer
from lab.tls import Authority, client_context, der_of
from lab.wait import stays, wait_for


class CertificateTest(ScriptedTest):
    """Each test has an edge of its own, on UDP 5060 and TLS 5061, whose files lie in its directory."""

    @classmethod
    def setUpLab(cls):
        cls.authority = Authority(cls.lab.make_directory("ca"))
        cls.others = Authority(cls.lab.make_directory("ca"), "others")
        cls.parties = Parties(cls.lab, cls.authority)
        cls._host, cls._tenants, cls._edges = 40, 0, 0

    def new_edge(self, credentials=None, start=True, tls=None, **keys):
        """`keys` are further ones of the TLS listener, or others than usual."""
        type(self)._edges += 1
        name = f"edge-{self._edges}"
        address = self.lab.ip(self._edges)
        placed = (credentials or self.authority.issue(name, address)).put(self.lab.make_directory(name))
        self.edge = Edge(self.lab, host=self._edges, name=name, timers=self.TIMERS, start=start, tls=tls, listen=[
            ("udp", 5060), listener("tls", 5061, **{"certificate": placed.certificate, "key": placed.key, **keys})])
        return self.edge

    def address(self):
        """Of the edge that is made next."""
        return self.lab.ip(self._edges + 1)


class RefusedAtStart(CertificateTest):
    def assert_refused(self, edge, key, reason):
        """By both words, with the configuration's file, the key and why; nothing is listening afterwards."""
        for word in ("check", "run"):
            done = edge.command(word)
            self.assertEqual(done.returncode, 2, f"{word}: {done.stdout}")
            faults = [line for line in done.stdout.splitlines() if "usher.toml" in line]
            self.assertEqual(len(faults), 1, done.stdout)
            self.assertRegex(faults[0], rf"usher\.toml.*{key}.*{reason}", word)
        with self.assertRaises(OSError):
            edge.rest("GET", "/healthz")

    def test_an_expired_certificate(self):
        edge = self.new_edge(self.authority.issue("expired", self.address(), days=-1), start=False)
        self.assert_refused(edge, r"listen\[1\]\.certificate", "edge.pem.*expired")

    def test_a_key_of_another_certificate(self):
        edge = self.new_edge(start=False, key=self.authority.issue("another", "other.test").key)
        self.assert_refused(edge, r"listen\[1\]\.(key|certificate)", "(match|belong|another)")

    def test_a_certificate_that_is_not_there(self):
        edge = self.new_edge(start=False, certificate=self.lab.path("absent.pem"))
        self.assert_refused(edge, r"listen\[1\]\.certificate", "absent.pem")

    def test_a_key_that_is_no_key(self):
        path = self.lab.path("words.key")
        with open(path, "w") as file:
            file.write("these are words\n")
        self.assert_refused(self.new_edge(start=False, key=path), r"listen\[1\]\.key", "words.key")

    def test_a_key_that_is_a_directory(self):
        edge = self.new_edge(start=False, key=self.lab.directory)
        self.assert_refused(edge, r"listen\[1\]\.key", self.lab.directory)

    def test_client_authorities_that_are_not_there(self):
        edge = self.new_edge(start=False, client_ca=self.lab.path("absent-ca.pem"))
        self.assert_refused(edge, r"listen\[1\]\.client_ca", "absent-ca.pem")

    def test_authorities_of_backends_that_are_none(self):
        path = self.lab.path("empty.pem")
        open(path, "w").close()
        self.assert_refused(self.new_edge(start=False, tls={"ca": path}), r"tls\.ca", "empty.pem")


class Clients(CertificateTest):
    def test_only_a_client_of_the_named_authority_is_let_in(self):
        edge = self.new_edge(client_ca=self.authority.certificate)
        backend = self.parties.backend("udp", self.next_host(), f"backend-{self._host}")
        domain, _, _ = self.tenant(backend)
        for name, credentials in (("none", None), ("foreign", self.others.issue("foreign"))):
            with self.subTest(name):
                peer = TlsPeer(self.lab, self.next_host(), self.authority.certificate, name=f"phone-{name}",
                               credentials=credentials, shows=bool(credentials))
                # TLS 1.3 clients learn of the refusal only after their handshake.
                try:
                    Phone(peer, edge.reach(peer), "401", domain).send_register()
                except OSError:
                    continue
                wait_for(lambda: peer.lost, 2, "the edge has closed the connection")
                self.assertTrue(peer.empty())
        self.assertTrue(backend.empty(), "a stranger's REGISTER went through")
        peer = TlsPeer(self.lab, self.next_host(), self.authority.certificate, name="phone-good",
                       credentials=self.authority.issue("good"), shows=True)
        self.register(Phone(peer, edge.reach(peer), "401", domain), backend)


class ReadAgain(CertificateTest):
    def setUp(self):
        self.first = self.authority.issue(f"first-{self._edges}", self.address())
        self.new_edge(self.first)

    def shown(self):
        """The certificate that the edge shows to a new connection."""
        address = self.edge.listeners["tls", False]
        with socket.create_connection(address, timeout=5) as raw:
            with client_context().wrap_socket(raw) as secure:
                return secure.getpeercert(binary_form=True)

    def test_one_that_is_near_its_end_is_an_event(self):
        self.authority.issue("short", self.edge.ip, days=2).put(self.edge.directory)
        self.edge.process.child.send_signal(signal.SIGHUP)
        text = "the certificate ends in 1 days and 23 hours"
        wait_for(lambda: any(text in event["text"] for event in self.edge.must("GET", "/v1/events?format=json&kind=certificate")["items"]), 5, text)

    def test_a_changed_certificate_is_shown_without_a_signal(self):
        self.assertEqual(self.shown(), der_of(self.first.certificate))
        second = self.authority.issue("second", self.edge.ip)
        second.put(self.edge.directory)
        wait_for(lambda: self.shown() == der_of(second.certificate), 30, "the edge shows the new certificate")

    def test_a_changed_certificate_is_shown_after_sighup_and_calls_go_on(self):
        backend = self.parties.backend("udp", self.next_host(), f"backend-{self._host}")
        domain, _, _ = self.tenant(backend)
        peer = self.parties.phone("tls", self.next_host(), f"phone-{self._host}")
        phone = Phone(peer, self.edge.reach(peer), "401", domain)
        self.register(phone, backend)
        call, leg = self.establish(phone, backend)
        second = self.authority.issue("second", self.edge.ip)
        second.put(self.edge.directory)
        self.edge.process.child.send_signal(signal.SIGHUP)
        wait_for(lambda: self.shown() == der_of(second.certificate), 3, "the edge shows the new certificate")
        leg.send("INFO")
        peer.reply(peer.expect("INFO"), 200)
        backend.expect(200, method="INFO")
        self.hang_up(call, backend)
        self.assertEqual((len(peer.connections), peer.lost), (1, []), "the call's connection is the same")

    def keeps_the_last_good_one(self, credentials, reason):
        since = self.edge.process.mark()
        credentials.put(self.edge.directory)
        self.edge.process.child.send_signal(signal.SIGHUP)
        self.edge.process.wait_log(rf"listen\[1\]\.(certificate|key).*{reason}", 5, since)
        stays(lambda: self.shown() == der_of(self.first.certificate), 0.5, "the first certificate is shown")
        self.assertEqual(self.edge.rest("GET", "/healthz")[0], 200)

    def test_an_expired_one_leaves_the_last_good_one_in_force_and_is_told(self):
        self.keeps_the_last_good_one(self.authority.issue("late", self.edge.ip, days=-1), "expired")

    def test_a_key_that_does_not_fit_leaves_the_last_good_one_in_force_and_is_told(self):
        bad = self.authority.issue("bad", self.edge.ip)
        bad.key = self.authority.issue("another", "other.test").key
        self.keeps_the_last_good_one(bad, "edge\\.")

    def test_files_that_are_gone_leave_the_last_good_one_in_force(self):
        since = self.edge.process.mark()
        os.remove(os.path.join(self.edge.directory, "edge.pem"))
        self.edge.process.child.send_signal(signal.SIGHUP)
        self.edge.process.wait_log(r"listen\[1\]\.certificate.*edge\.pem", 5, since)
        self.assertEqual(self.shown(), der_of(self.first.certificate))


class Backends(CertificateTest):
    HEALTH = {"health": {"interval": "1s", "timeout": "500ms", "up_after": 1, "down_after": 1}}

    def setUp(self):
        self.new_edge(tls={"ca": self.authority.certificate})

    def target(self, issue=None, **options):
        """A backend on TLS with its tenant; `issue` makes its credentials for an address."""
        host = self.next_host()
        credentials = issue(self.lab.ip(host)) if issue else None
        backend = self.parties.backend("tls", host, f"backend-{host}", credentials=credentials, **options)
        return backend, *self.tenant(backend, **self.HEALTH)

    def is_not_used(self, issue, reason):
        backend, domain, setid, targets = self.target(issue)
        self.edge.wait_health(setid, targets[0], "down")
        self.assertRegex(self.edge.target_of(setid, targets[0])["reason"], rf"(?i){reason}")
        phone = self.phone("401", domain)
        phone.send_register()
        self.assertEqual(phone.peer.expect_final("REGISTER").status, 503)
        self.assertEqual((backend.all_received, backend.probed), ([], 0), "no SIP went to a backend that nobody vouches for")
        self.assertEqual(self.edge.registrations(domain), [])

    def test_one_with_an_expired_certificate_is_not_used(self):
        self.is_not_used(lambda ip: self.authority.issue("expired", ip, days=-1), "expired")

    def test_one_with_a_certificate_for_another_name_is_not_used(self):
        self.is_not_used(lambda ip: self.authority.issue("misnamed", "other.test", "192.0.2.1"), "(mismatch|match|not for|name)")

    def test_one_of_another_authority_is_not_used(self):
        self.is_not_used(lambda ip: self.others.issue("foreign", ip), "(issuer|authority|trust|verif)")

    def test_one_that_speaks_no_tls_is_not_used(self):
        backend = self.parties.backend("tcp", self.next_host(), f"backend-plain-{self._host}")
        _, setid, targets = self.tenant(f"sips:{backend.sent_by}", **self.HEALTH)
        self.edge.wait_health(setid, targets[0], "down")
        self.assertTrue(self.edge.target_of(setid, targets[0])["reason"])

    def test_the_next_target_is_used_instead(self):
        host = self.next_host()
        bad = self.parties.backend("tls", host, f"backend-bad-{host}",
                                   credentials=self.others.issue("foreign", self.lab.ip(host)))
        good = self.parties.backend("tls", self.next_host(), f"backend-good-{self._host}")
        domain, _, _ = self.tenant(bad, good)
        self.register(self.phone("401", domain), good)

    def test_it_is_up_again_with_a_good_certificate_without_a_restart(self):
        host = self.next_host()
        address = self.lab.ip(host)
        backend = self.parties.backend("tls", host, f"backend-{host}", credentials=self.others.issue("foreign", address))
        domain, setid, targets = self.tenant(backend, **self.HEALTH)
        self.edge.wait_health(setid, targets[0], "down")
        backend.close()
        backend = self.parties.backend("tls", host, f"backend-again-{host}")
        self.edge.wait_health(setid, targets[0], "up")
        self.register(self.phone("401", domain), backend)

    def test_a_backend_named_by_a_host_name_must_have_that_name(self):
        for name, health in (("localhost", "up"), ("other.test", "down")):
            with self.subTest(name):
                backend = TlsPeer(self.lab, 0, self.authority.certificate, port=0, address="127.0.0.1", name=f"backend-{name}",
                                  credentials=self.authority.issue(f"named-{name}", name))
                _, setid, targets = self.tenant(f"sips:localhost:{backend.port}", **self.HEALTH)
                self.edge.wait_health(setid, targets[0], health)

    def test_the_edge_shows_its_own_certificate_where_one_is_demanded(self):
        own = self.authority.issue("edge-client", self.address(), usage="clientAuth")
        placed = own.put(self.lab.make_directory(f"edge-{self._edges + 1}"), "client")
        self.new_edge(tls={"ca": self.authority.certificate, "certificate": placed.certificate, "key": placed.key})
        backend, domain, setid, targets = self.target(demands=True)
        self.edge.wait_health(setid, targets[0], "up")
        self.register(self.phone("401", domain), backend)
        self.assertEqual(set(backend.shown), {der_of(own.certificate)})


if __name__ == "__main__":
    main()
