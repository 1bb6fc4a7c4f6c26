#!/usr/bin/env python3
"""What is in packaging/: the unit is valid and shuts everything that the edge does not need, the filter reads the lines
that the edge writes, the ruleset is one that the kernel takes. Run by ctest as arch.packaging."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
# fail2ban's own meaning of <ADDR>: a written IPv4 or IPv6 address.
ADDRESS = r"(?P<addr>(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]+)"


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, env={**os.environ, "SYSTEMD_PAGER": "", "LC_ALL": "C"})


def ini(path):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read(PACKAGING / path)
    return parser


class Unit(unittest.TestCase):
    def setUp(self):
        self.assertTrue(shutil.which("systemd-analyze"), "systemd-analyze is missing: ./dev test installs systemd")
        self.text = (PACKAGING / "usher.service").read_text()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        # The program need not be installed where tests run.
        self.copy = Path(directory.name) / "usher.service"
        self.copy.write_text(self.text.replace("/usr/local/bin/usher", sys.executable))

    def value(self, key):
        return re.search(rf"^{key}=(.*)$", self.text, re.M).group(1)

    def test_the_unit_is_valid(self):
        done = run("systemd-analyze", "verify", str(self.copy))
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_hardly_anything_is_exposed(self):
        # In tenths. What is left: it uses the network, and the host's file system (read only).
        done = run("systemd-analyze", "security", "--offline=true", "--threshold=15", str(self.copy))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_it_is_stopped_later_than_the_drain_and_reloaded_by_sighup(self):
        config = (ROOT / "core/config.hpp").read_text()
        drain = int(re.search(r"drain = std::chrono::seconds\((\d+)\)", config).group(1))
        self.assertGreater(int(self.value("TimeoutStopSec").rstrip("s")), drain)
        self.assertEqual(self.value("ExecReload"), "/bin/kill -HUP $MAINPID")

    def test_it_may_open_as_many_files_as_its_limits_allow(self):
        limits = (ROOT / "core/limits.hpp").read_text()

        def limit(name):
            return int(re.search(rf"{name} = ([\d']+)", limits).group(1).replace("'", ""))

        self.assertGreater(int(self.value("LimitNOFILE")), limit("kConnections") + limit("kHttpConnections") + 100)

    def test_its_sockets_may_be_as_large_as_they_ask_for(self):
        asked = re.search(r"kBufferBytes = (\d+) << (\d+);", (ROOT / "core/net/udp.cpp").read_text())
        for name in ("rmem_max", "wmem_max"):
            allowed = re.search(rf"^net\.core\.{name} = (\d+)$", (PACKAGING / "usher.sysctl.conf").read_text(), re.M)
            self.assertEqual(int(allowed.group(1)), int(asked.group(1)) << int(asked.group(2)))

    def test_its_user_is_made(self):
        self.assertIn(f"u {self.value('User')} ", (PACKAGING / "usher.sysusers.conf").read_text())


class Fail2ban(unittest.TestCase):
    def setUp(self):
        filters = ini("fail2ban/filter.d/usher.conf")["Definition"]
        self.fail = re.compile(filters["failregex"].replace("<ADDR>", ADDRESS))
        self.assertEqual(filters["ignoreregex"], "")

    def banned(self, line):
        """The address that a line speaks against, as fail2ban reads it."""
        found = self.fail.search(line)
        return found and found.group("addr")

    # fail2ban cuts the time off a file's lines, and keeps what the journal puts before the message.
    def lines(self, knock, level="warning"):
        entry = f"2026-11-23T11:40:54.959Z {level} gate {knock}"
        return [entry, entry.split("Z", 1)[1], f"edge1 usher[77]: {entry}"]

    def test_strangers_are_found(self):
        for domain, address, reason in (("unknown.test", "203.0.113.9", "not found"), ("-", "2001:db8::9", "scanner"),
                                        ("[2001:db8::1]", "203.0.113.7", "scanner")):
            for line in self.lines(f"Door-knock blocked: domain={domain} src={address} ({reason})"):
                self.assertEqual(self.banned(line), address, line)

    def test_those_who_may_be_phones_are_let_be(self):
        for reason in ("disabled", "tls: no message within 20s", "tcp: too many connections"):
            for line in self.lines(f"Door-knock blocked: domain=- src=203.0.113.9 ({reason})"):
                self.assertIsNone(self.banned(line), line)

    def test_nobody_can_have_another_banned(self):
        for line in self.lines("Door-knock blocked: domain=x)src=203.0.113.66(scanner)src=203.0.113.66 src=203.0.113.9 (scanner)"):
            self.assertEqual(self.banned(line), "203.0.113.9", line)
        for other in ("2026-11-23T11:40:54.959Z info sip 500 Door-knock blocked: domain=x src=203.0.113.66 (scanner)",
                      "2026-11-23T11:40:54.959Z info gate said Door-knock blocked: domain=x src=203.0.113.66 (scanner)",
                      "2026-11-23T11:40:54.959Z info gate Door-knock blocked: domain=x src=203.0.113.66 (scanner) and more"):
            self.assertIsNone(self.banned(other), other)

    def test_the_line_is_the_edges_own(self):
        code = (ROOT / "routing/knocks.cpp").read_text()
        for part in ('"Door-knock blocked: domain="', '" src="', '" ("', '")"'):
            self.assertIn(part, code)
        gate = (ROOT / "routing/gate.cpp").read_text()
        for reason in ("scanner", "not found"):
            self.assertIn(f'return "{reason}";', gate)

    def test_the_action_speaks_of_sets_that_the_ruleset_has(self):
        action = ini("fail2ban/action.d/usher-nft.conf")
        rules = (PACKAGING / "nftables/usher.nft").read_text()
        for section, kind in (("Init", "ipv4_addr"), ("Init?family=inet6", "ipv6_addr")):
            self.assertRegex(rules, rf"set {action[section]['set']} {{\s+type {kind}\s+flags timeout")
        self.assertEqual(ini("fail2ban/jail.d/usher.conf")["usher"]["banaction"], "usher-nft")


class Nftables(unittest.TestCase):
    def test_the_ruleset_is_one_that_the_kernel_takes(self):
        self.assertTrue(shutil.which("nft") or Path("/usr/sbin/nft").exists(), "nft is missing: ./dev test installs nftables")
        # In a network namespace of its own: nothing is changed, and nobody need be root.
        done = run("unshare", "-rn", "/usr/sbin/nft", "-c", "-f", str(PACKAGING / "nftables/usher.nft"))
        if "unshare" in done.stdout or "cache initialization failed" in done.stdout:
            self.skipTest(f"no nftables here: {done.stdout}")
        self.assertEqual((done.returncode, done.stdout), (0, ""))


if __name__ == "__main__":
    sys.exit(unittest.main())
