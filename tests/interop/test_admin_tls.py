"""The administration over TLS: who is refused, certificates that change under open streams, clients that are slow or speak
plain HTTP, and whom the command line believes."""

import os
import signal
import socket
import subprocess
import time

from lab.edge import Edge, usher
from lab.lab import LabTest, main
from lab.tls import Authority, client_context, der_of
from lab.viewer import Viewer
from lab.wait import stays, wait_for

TOKEN = "a-token-of-the-laboratory"
REQUEST_TIME = 15  # seconds that a request has to come, its handshake included


class AdminTlsTest(LabTest):
    """Each test has an edge of its own, whose certificate and key lie in its directory as admin.pem and admin.key."""

    @classmethod
    def setUpLab(cls):
        cls.authority = Authority(cls.lab.make_directory("ca"))
        cls.others = Authority(cls.lab.make_directory("ca"), "others")
        cls._edges = 0

    def new_edge(self, names=None, start=True, credentials=None, **keys):
        type(self)._edges += 1
        name, address = f"edge-{self._edges}", self.lab.ip(self._edges)
        self.first = credentials or self.authority.issue(name, *(names or [address]))
        placed = self.first.put(self.lab.make_directory(name), "admin")
        self.edge = Edge(self.lab, host=self._edges, name=name, token=TOKEN, start=start,
                         secured=client_context(None if names else self.authority.certificate),
                         admin={"certificate": placed.certificate, "key": placed.key, **keys})
        return self.edge

    @property
    def address(self):
        host, port = self.edge.admin.rsplit(":", 1)
        return host, int(port)

    def shown(self):
        """The certificate that the edge shows to a new connection."""
        with socket.create_connection(self.address, timeout=5) as raw:
            with client_context().wrap_socket(raw) as secure:
                return secure.getpeercert(binary_form=True)

    def ended(self, connection):
        """Whether the edge has closed it; what it said before goes."""
        connection.settimeout(5)
        try:
            while connection.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True


class Requests(AdminTlsTest):
    def setUp(self):
        self.new_edge()

    def curl(self, *words):
        return subprocess.run(["curl", "-sS", "-i", "--max-time", "10", "--cacert", self.authority.certificate, *words,
                               "-H", f"Authorization: Bearer {TOKEN}", f"{self.edge.url}/v1/status"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def test_curl_speaks_tls_1_2_and_1_3_with_it(self):
        for words in (["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3"]):
            with self.subTest(words[-1]):
                done = self.curl(*words)
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertRegex(done.stdout, r"^HTTP/1.1 200 ")
                self.assertIn("Strict-Transport-Security: max-age=", done.stdout)

    def test_tls_1_1_and_who_trusts_another_authority_get_nowhere(self):
        self.assertNotEqual(self.curl("--tlsv1.1", "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0").returncode, 0)
        self.assertNotEqual(self.curl("--cacert", self.others.certificate).returncode, 0)
        counters = self.edge.status()["counters"]
        self.assertEqual(counters["http_handshake_failures"], 2)
        metrics = self.edge.must("GET", "/metrics")
        self.assertRegex(metrics, r"(?m)^usher_http_handshake_failures_total 2$")
        self.assertRegex(metrics, r"(?m)^usher_http_connections 1$")

    def test_the_greeting_names_https(self):
        self.assertIn(f"curl -H 'Authorization: Bearer TOKEN' {self.edge.url}/readyz", self.edge.process.log())

    def test_plain_http_and_garbage_do_no_harm(self):
        plain = socket.create_connection(self.address, timeout=5)
        plain.sendall(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n")
        answer = b""
        while data := plain.recv(65536):
            answer += data
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertNotIn(b"uptime", answer)
        plain.close()
        for words in (b"\0" * 300, b"\x16\x03\x01\xff\xff" + os.urandom(300), os.urandom(5000)):
            with socket.create_connection(self.address, timeout=5) as connection:
                connection.sendall(words)
                self.assertTrue(self.ended(connection))
        self.assertEqual(self.edge.rest("GET", "/v1/status")[0], 200)

    def test_a_handshake_that_is_not_finished_is_closed_in_time_and_others_are_served(self):
        begun = time.monotonic()
        waiting = [socket.create_connection(self.address, timeout=5) for _ in range(20)]
        for connection in waiting[10:]:
            connection.sendall(b"\x16\x03\x01\x02\x00")
        self.assertEqual(self.edge.rest("GET", "/v1/status")[0], 200)
        wait_for(lambda: self.edge.status()["counts"]["http_connections"] == 1, REQUEST_TIME + 5, "only the asking one is left")
        self.assertGreater(time.monotonic() - begun, REQUEST_TIME - 2)
        for connection in waiting:
            self.assertTrue(self.ended(connection))
            connection.close()
        self.assertEqual(self.edge.status()["counters"]["http_timeouts"], 20)


class ReadAgain(AdminTlsTest):
    def setUp(self):
        self.new_edge()
        self.viewer = Viewer(self.edge)
        self.addCleanup(self.viewer.close)

    def hup(self):
        self.edge.process.child.send_signal(signal.SIGHUP)

    def stream_goes_on(self):
        self.edge.must("POST", "/v1/bans", {"network": "192.0.2.99"})
        self.viewer.expect("ban-made")

    def test_a_replaced_certificate_holds_for_new_connections_and_an_open_stream_goes_on(self):
        second = self.authority.issue("second", self.edge.ip)
        second.put(self.edge.directory, "admin")
        self.hup()
        wait_for(lambda: self.shown() == der_of(second.certificate), 3, "the edge shows the new certificate")
        self.assertIn("admin: the changed TLS files are in force", self.viewer.expect("certificate")["text"])
        self.stream_goes_on()

    def test_one_that_is_near_its_end_is_an_event(self):
        self.authority.issue("short", self.edge.ip, days=5).put(self.edge.directory, "admin")
        self.hup()
        text = "admin.certificate: the certificate ends in 4 days and 23 hours"
        wait_for(lambda: any(text in event["text"] for event in self.edge.must("GET", "/v1/events?format=json&kind=certificate")["items"]), 5, text)

    def test_it_is_seen_without_a_signal(self):
        second = self.authority.issue("second", self.edge.ip)
        second.put(self.edge.directory, "admin")
        wait_for(lambda: self.shown() == der_of(second.certificate), 30, "the edge shows the new certificate")

    def test_a_bad_replacement_leaves_the_last_good_one_in_force_and_is_told(self):
        since = self.edge.process.mark()
        self.authority.issue("late", self.edge.ip, days=-1).put(self.edge.directory, "admin")
        self.hup()
        self.edge.process.wait_log(r"admin\.certificate.*expired", 5, since)
        stays(lambda: self.shown() == der_of(self.first.certificate), 0.5, "the first certificate is shown")
        self.assertIn("admin.certificate", self.viewer.expect("certificate")["text"])
        self.stream_goes_on()


class RefusedAtStart(AdminTlsTest):
    def refused(self, named, reason, **how):
        edge = self.new_edge(start=False, **how)
        for word in ("check", "run"):
            done = edge.command(word)
            self.assertEqual(done.returncode, 2, f"{word}: {done.stdout}")
            self.assertRegex(done.stdout, rf"(?m)^.*usher\.toml.*{named}.*{reason}", word)

    def test_an_expired_certificate(self):
        self.refused(r"admin\.certificate", "expired", credentials=self.authority.issue("expired", "other.test", days=-1))

    def test_a_key_of_another_certificate(self):
        self.refused(r"admin\.key", "another", key=self.others.issue("another", "other.test").key)

    def test_authorities_that_are_not_there(self):
        self.refused(r"admin\.client_ca", "absent", client_ca=self.lab.path("absent.pem"))


class CommandLine(AdminTlsTest):
    def status(self, *words, **env):
        return usher("status", *words, env={**os.environ, "USHER_TOKEN": TOKEN, **env})

    def told(self, done):
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("usher ", done.stdout)

    def refused(self, done, why):
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, why)

    def test_it_believes_a_named_authority_or_the_systems(self):
        edge = self.new_edge()
        self.told(self.status("--url", edge.url, "--ca", self.authority.certificate))
        self.told(self.status(USHER_URL=edge.url, USHER_CA=self.authority.certificate))
        self.told(self.status("--url", edge.url, SSL_CERT_FILE=self.authority.certificate))

    def test_it_says_nothing_to_others(self):
        edge = self.new_edge()
        before = edge.status()["counters"]["http_requests"]
        self.refused(self.status("--url", edge.url, "--ca", self.others.certificate), "its certificate is refused")
        self.refused(self.status("--url", edge.url), "its certificate is refused")
        self.assertEqual(edge.status()["counters"]["http_requests"], before + 1)
        misnamed = self.new_edge(names=["other.test"])
        self.refused(self.status("--url", misnamed.url, "--ca", self.authority.certificate), "its certificate is refused.*mismatch")

    def test_with_the_configuration_it_believes_the_certificate_that_stands_there(self):
        edge = self.new_edge(names=["other.test"])
        self.told(edge.command("status"))
        self.authority.issue("never-loaded", "other.test").put(edge.directory, "elsewhere")
        with open(edge.config) as file:
            text = file.read().replace("admin.pem", "elsewhere.pem").replace("admin.key", "elsewhere.key")
        with open(edge.config, "w") as file:
            file.write(text)
        self.refused(edge.command("status"), "its certificate is refused")

    def test_it_shows_its_own_certificate_where_one_is_asked_for(self):
        own = self.authority.issue("operator", usage="clientAuth")
        edge = self.new_edge(start=False, client_ca=self.authority.certificate)
        edge.secured = client_context(self.authority.certificate, own)
        edge.start()
        bare = client_context(self.authority.certificate)
        with self.assertRaises(OSError):
            with socket.create_connection(self.address, timeout=5) as raw, bare.wrap_socket(raw, server_hostname=edge.ip) as secure:
                secure.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                if not secure.recv(100):
                    raise ConnectionError("closed")
        self.refused(edge.command("status"), "cannot reach")
        self.told(edge.command("status", "--certificate", own.certificate, "--key", own.key))
        foreign = self.others.issue("foreign", usage="clientAuth")
        self.refused(edge.command("status", "--certificate", foreign.certificate, "--key", foreign.key), "cannot reach")


if __name__ == "__main__":
    main()
