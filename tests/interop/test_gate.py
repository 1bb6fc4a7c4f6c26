"""The gate: backends are never limited, a site with one bad password keeps its phones, strangers get no byte, bans are
made, enforced and lifted."""

import os
import re
import socket
import subprocess
import time

from lab import sip
from lab.lab import main
from lab.peer import Phone, UdpPeer
from lab.scripted import ScriptedTest, grant
from lab.wait import stays, wait_for

OPTIONS_PER_SECOND = 500
DATAGRAMS = 300
PACKAGED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../packaging/nftables/usher.nft")


class Registrar(UdpPeer):
    """A backend that challenges each REGISTER and knows one wrong password. `qualified` are statuses of its OPTIONS."""

    def __init__(self, lab, host, **more):
        self.qualified, self.nonces = [], 0
        super().__init__(lab, host, **more)

    def _arrived(self, data, source, reply_to):
        message = sip.Message(data, source, reply_to)
        if message.is_response:
            if message.method == "OPTIONS":
                self.qualified.append(message.status)
            return
        if message.method == "REGISTER":
            if message.get("Authorization") is None or 'username="bad"' in message["Authorization"]:
                self.nonces += 1
                challenge = f'Digest realm="gate", nonce="{self.nonces:08x}", algorithm=MD5'
                self.reply(message, 401, headers=[("WWW-Authenticate", challenge)])
            else:
                self.reply(message, 200, headers=grant(message, 3600))
        elif message.method == "OPTIONS":
            self.reply(message, 200)


class Gate(ScriptedTest):
    LOG_LEVEL = "info"

    def setUp(self):
        self.backend_ = Registrar(self.lab, self.next_host(), name=f"registrar-{self._host}")
        self.domain, self.setid, _ = self.tenant(self.backend_)
        self.mode("enforce")

    def tearDown(self):
        self.mode("dry-run")
        for ban in self.edge.items("/v1/bans"):
            self.edge.must("DELETE", "/v1/bans/" + ban["network"].replace("/", "%2F"))

    def mode(self, mode, **more):
        self.edge.must("PUT", "/v1/gate", {"mode": mode, **more})

    def phone_at(self, host, port, user):
        peer = UdpPeer(self.lab, host, port=port, name=f"phone-{user}-{host}-{port}")
        return Phone(peer, self.edge.address, user, self.domain)

    def bans(self):
        return {ban["network"]: ban for ban in self.edge.items("/v1/bans")}

    def test_a_backend_at_500_options_per_second_is_never_limited(self):
        tight = {"per_second": 1, "burst": 1}
        self.mode("enforce", limits={"source": tight, "user": tight, "domain": tight, "method": tight})
        asks = Phone(self.backend_, self.edge.address, "asterisk", self.backend_.address)
        count, begun = 2 * OPTIONS_PER_SECOND, time.monotonic()
        for number in range(count):
            self.backend_.send_bytes(asks.request("OPTIONS", f"sip:{self.edge.ip}", f"<sip:{self.edge.ip}>"),
                                     self.edge.address)
            wait_for(lambda: time.monotonic() - begun >= number / OPTIONS_PER_SECOND, 5, "its turn")
        wait_for(lambda: len(self.backend_.qualified) == count, 3,
                 lambda: f"all are answered: {len(self.backend_.qualified)} of {count}")
        self.assertEqual(set(self.backend_.qualified), {200})
        self.assertEqual(self.bans(), {})

    def test_a_site_with_twenty_phones_and_one_bad_password_keeps_its_twenty(self):
        site = self.next_host()
        good = [self.phone_at(site, 6000 + i, str(500 + i)) for i in range(20)]
        for phone in good:
            self.assertEqual(phone.register().status, 200)
        bad = self.phone_at(site, 7000, "bad")
        since = self.edge.process.mark()
        for _ in range(10):
            self.assertEqual(bad.register(new_call=False).status, 401)
        self.edge.process.wait_log(r"bad@\S+ at \S+ gets silence for 10m: 10 failed authentications", 2, since)
        for _ in range(5):
            bad.send_register()
        bad.peer.silent(0.5)
        self.assertEqual(self.bans(), {})
        for phone in good:
            self.assertEqual(phone.register().status, 200)
        self.assertEqual(len(self.edge.registrations(domain=self.domain)), 20)

    def test_who_only_guesses_is_banned_until_the_ban_is_lifted_also_over_a_restart(self):
        guesser = self.phone_at(self.next_host(), 5060, "bad")
        for _ in range(10):
            self.assertEqual(guesser.register().status, 401)
        ban = self.bans()[guesser.peer.address]
        self.assertEqual((ban["made_by"], ban["enforced"]), ("failed-registrations", True))
        guesser.send_register()
        guesser.peer.silent(0.3)
        told = self.edge.items(f"/v1/requests?kind=drop&source={guesser.peer.address}")
        self.assertEqual(len(told), 1)
        self.assertIn(f"silence: {guesser.peer.address} is banned until {ban['until']}; packet 1 of this ban", told[0]["verdict"])
        self.assertIn("failed-registrations: 10 failed authentications", told[0]["verdict"])
        self.assertRegex(self.edge.must("GET", f"/v1/ladder?key={told[0]['id']}&format=text"), "-- REGISTER -+X")
        self.assertEqual(self.edge.rest("GET", "/v1/bans/export?format=plain")[1].strip(), guesser.peer.address)
        self.edge.kill9()
        self.edge.start()
        guesser.send_register()
        guesser.peer.silent(0.3)
        self.edge.must("DELETE", f"/v1/bans/{guesser.peer.address}")
        self.assertEqual(guesser.register().status, 401)

    def test_the_export_for_nftables_stands_beside_the_packaged_ruleset(self):
        self.edge.must("POST", "/v1/bans", {"network": "192.0.2.0/24", "ttl": "1h"})
        exported = self.lab.path("bans.nft")
        with open(exported, "w") as file:
            file.write(self.edge.must("GET", "/v1/bans/export?format=nftables"))
        # In a network namespace of its own: the machine's rules are left alone.
        done = subprocess.run(
            ["unshare", "-n", "sh", "-ec", 'for file in "$0" "$1" "$1"; do nft -f "$file"; done; nft list ruleset', PACKAGED, exported],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False,
            env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin"})
        if "unshare" in done.stdout or "cache initialization failed" in done.stdout:
            self.skipTest(f"no nftables here: {done.stdout}")
        self.assertEqual(done.returncode, 0, done.stdout)
        tables = dict(re.findall(r"^table inet (\S+) {\n(.*?)^}", done.stdout, re.M | re.S))
        self.assertEqual(set(tables), {"usher", "usher_bans"}, done.stdout)
        self.assertIn("jump judge", tables["usher"])
        self.assertIn("elements = { 192.0.2.0/24 }", tables["usher_bans"])

    def test_dry_run_says_so_and_does_nothing(self):
        self.mode("dry-run")
        guesser = self.phone_at(self.next_host(), 5060, "bad")
        since = self.edge.process.mark()
        for _ in range(12):
            self.assertEqual(guesser.register().status, 401)
        self.edge.process.wait_log(r"would have banned \S+ for 10m \(failed-registrations\)", 2, since)
        self.assertFalse(self.bans()[guesser.peer.address]["enforced"])

    def test_strangers_get_no_byte_and_are_banned(self):
        stranger = UdpPeer(self.lab, self.next_host(), name=f"stranger-{self._host}")
        phone = Phone(stranger, self.edge.address, "100", "nowhere.test")
        since = self.edge.process.mark()
        for _ in range(DATAGRAMS):
            stranger.send_bytes(os.urandom(200), self.edge.address)
            for method in ("OPTIONS", "REGISTER", "INVITE"):
                stranger.send_bytes(phone.request(method, "sip:100@nowhere.test", "<sip:100@nowhere.test>"),
                                    self.edge.address)
        self.edge.process.wait_log(rf"Door-knock blocked: domain=nowhere\.test src={stranger.address} \(not found\)", 2, since)
        wait_for(lambda: stranger.address in self.bans(), 2, "it is banned")
        stays(stranger.empty, 1, "it has got nothing")
        hits = lambda: self.bans()[stranger.address]["hits"]
        knocks = [k for k in self.edge.items("/v1/door-knocks") if k["source"].startswith(stranger.address)]
        self.assertEqual({k["reason"] for k in knocks}, {"not found", "malformed"})
        wait_for(lambda: hits() + sum(k["count"] for k in knocks) == 4 * DATAGRAMS, 2,
                 lambda: f"each is counted: {hits()} and {knocks}")

    def test_the_operators_ban_holds_in_any_mode_and_no_backend_can_be_banned(self):
        self.mode("dry-run")
        phone = self.phone_at(self.next_host(), 5060, "401")
        self.assertEqual(phone.register().status, 200)
        self.edge.must("POST", "/v1/bans", {"network": phone.peer.address, "ttl": "1h", "reason": "test"})
        phone.send_register()
        phone.peer.silent(0.3)
        self.edge.must("DELETE", f"/v1/bans/{phone.peer.address}")
        self.assertEqual(phone.register().status, 200)
        status, problem = self.edge.rest("POST", "/v1/bans", {"network": self.backend_.address})
        self.assertEqual((status, problem["field"]), (409, "network"))
        self.assertIn(f"(sip:{self.backend_.address}:5060, set {self.setid})", problem["detail"])

    def test_garbage_on_tcp_is_cut_off(self):
        with socket.create_connection(self.edge.address, timeout=3) as connection:
            connection.sendall(os.urandom(65536))
            connection.settimeout(3)
            try:
                self.assertEqual(connection.recv(100), b"")
            except ConnectionError:
                pass
        self.assertEqual(self.edge.rest("GET", "/healthz")[0], 200)


if __name__ == "__main__":
    main()
