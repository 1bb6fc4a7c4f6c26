"""A wrong configuration is refused with file, key and reason, before anything is started."""

import socket

from lab.edge import Edge
from lab.lab import LabTest, main


class Configuration(LabTest):
    def setUp(self):
        self.count = getattr(type(self), "_count", 0) + 1
        type(self)._count = self.count

    def edge(self, extra, timers=None):
        return Edge(self.lab, host=self.count, name=f"edge-{self.count}", timers=timers, start=False, extra=extra)

    def assert_refused(self, edge, *words):
        for word in ("check", "run"):
            done = edge.command(word)
            self.assertEqual(done.returncode, 2, f"{word}: {done.stdout}")
            for wanted in ("usher.toml", *words):
                self.assertIn(wanted, done.stdout, word)
        return done.stdout

    def test_a_duration_without_a_unit_is_refused_with_both_readings(self):
        self.assert_refused(self.edge("[timers]\nring_limit = 30\n"), "ring_limit", "30s", "30ms")

    def test_a_ring_limit_in_milliseconds_is_refused_as_too_short(self):
        self.assert_refused(self.edge('[timers]\nring_limit = "30ms"\n'), "ring_limit", "10s")

    def test_a_ring_limit_of_30_s_runs_and_says_so(self):
        edge = self.edge("", timers={"ring_limit": "30s"})
        edge.start()
        self.assertEqual(edge.must("GET", "/v1/timers")["ring_limit"]["value"], "30s")
        edge.process.wait_log(r"ring.limit.*\b30s", 2)
        self.assertEqual(edge.stop(), 0)

    def test_t1_out_of_bounds_is_refused(self):
        self.assert_refused(self.edge('[timers]\nt1 = "30ms"\n'), "t1", "100ms")

    def test_an_unknown_key_and_a_wrong_type_are_both_told_at_once(self):
        self.assert_refused(self.edge("[timers]\nring_limt = \"30s\"\nt1 = true\n"), "ring_limt", "t1")

    def test_a_wildcard_without_an_advertised_address_is_refused(self):
        self.assert_refused(self.edge('[[listen]]\ntransport = "udp"\nbind = "0.0.0.0:5070"\n'), "advertise")

    def test_admin_off_loopback_without_a_token_is_refused(self):
        edge = self.edge("")
        with open(edge.config) as file:
            text = file.read().replace(f'bind = "{edge.admin}"', 'bind = "192.0.2.1:8080"')
        with open(edge.config, "w") as file:
            file.write(text)
        self.assert_refused(edge, "admin", "token")

    def test_a_port_in_use_is_refused_and_nothing_is_half_started(self):
        edge = self.edge("")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind((edge.ip, 5060))
            done = edge.command("run")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn(f"{edge.ip}:5060", done.stdout)
        with self.assertRaises(OSError):
            edge.rest("GET", "/healthz")

    def test_a_missing_file_is_refused(self):
        edge = self.edge("")
        edge.config = edge.directory + "/absent.toml"
        done = edge.command("run")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("absent.toml", done.stdout)

    def test_a_database_that_is_none_is_refused_and_left_alone(self):
        edge = self.edge("")
        path = edge.directory + "/usher.db"
        with open(path, "w") as file:
            file.write("this is no database\n" * 100)
        done = edge.command("run")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("usher.db", done.stdout)
        with open(path) as file:
            self.assertEqual(file.read(), "this is no database\n" * 100)


if __name__ == "__main__":
    main()
