"""What happened to this call? A real call's ladder, its capture as tshark reads it, and the verdicts of calls that died."""

import json
import re
import subprocess
import xml.etree.ElementTree
from urllib.parse import quote
from urllib.request import urlopen

from lab.asterisk import Asterisk
from lab.baresip import Baresip
from lab.edge import Edge, usher
from lab.lab import LabTest, main
from lab.real_call import RealCall
from lab.scripted import ScriptedTest, contact_of
from lab.wait import wait_for


def fetch(edge, path):
    """(content type, body) of a GET."""
    with urlopen(f"http://{edge.admin}{path}", timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read()


def printed(edge, *words):
    """What the command line says."""
    done = usher(*words, "--url", f"http://{edge.admin}")
    done.check_returncode()
    return done.stdout


def messages(ladder):
    return [item for item in ladder["items"] if item["kind"] != "note"]


class ARealCall(LabTest):
    """Recorded, its ladder looked at while it was up."""

    @classmethod
    def setUpLab(cls):
        call = RealCall(cls.lab, lambda edge, call: edge.must("GET", f"/v1/calls/{call['id']}/ladder"))
        cls.edge, cls.asterisk, cls.call_ids, cls.key, cls.live = call.edge, call.asterisk, call.call_ids, call.key, call.live

    def path(self, call_id, more=""):
        return f"/v1/ladder?call_id={quote(call_id, safe='')}{more}"

    def test_both_legs_are_in_one_ladder_by_either_call_id(self):
        ladder = self.edge.must("GET", self.path(self.call_ids[0]))
        self.assertEqual(ladder, self.edge.must("GET", self.path(self.call_ids[1])))
        self.assertEqual([party["role"] for party in ladder["parties"]], ["phone", "usher", "backend"])
        # The phone's INVITE, challenged and again, and ours to Asterisk.
        invites = [(item["from"], item["to"]) for item in messages(ladder) if item["label"] == "INVITE"]
        self.assertEqual(sorted(set(invites)), [(0, 1), (1, 2)])
        byes = [(item["from"], item["to"]) for item in messages(ladder) if item["label"] == "BYE"]
        self.assertEqual(byes, [(2, 1), (1, 0)])
        texts = [item["text"] for item in messages(ladder)]
        for call_id in self.call_ids:
            self.assertTrue(any(f"Call-ID: {call_id}" in text for text in texts))
        self.assertGreater(len(messages(ladder)), len(messages(self.live)), "the live one had no BYE yet")

    def test_no_digest_is_shown(self):
        _, ladder = fetch(self.edge, f"/v1/ladder?source={self.caller_ip()}")
        text = ladder.decode()
        self.assertIn("Authorization: Digest username=\\\"401\\\"", text)
        self.assertNotRegex(text, r"response=\\\"[0-9a-f]")
        self.assertRegex(text, r"response=\*+")

    def caller_ip(self):
        return self.live["parties"][0]["label"].rsplit(":", 1)[0]

    def test_text_and_picture(self):
        kind, text = fetch(self.edge, self.path(self.call_ids[0], "&format=text"))
        self.assertEqual(kind, "text/plain; charset=utf-8")
        self.assertIn("-- INVITE -", text.decode())
        self.assertIn("- 200 OK -", text.decode())
        kind, svg = fetch(self.edge, self.path(self.call_ids[0], "&format=svg"))
        self.assertEqual(kind, "image/svg+xml")
        picture = xml.etree.ElementTree.fromstring(svg)
        labels = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
        self.assertIn("INVITE", labels)

    def test_tshark_reads_the_capture_and_finds_both_legs(self):
        kind, capture = fetch(self.edge, "/v1/pcap?aor=401@a.test")
        self.assertEqual(kind, "application/vnd.tcpdump.pcap")
        path = self.lab.path("call.pcapng")
        with open(path, "wb") as file:
            file.write(capture)
        fields = ("ip.src", "ip.dst", "sip.Method", "sip.Call-ID", "ip.checksum.status", "udp.checksum.status", "_ws.malformed")
        out = subprocess.run(["tshark", "-r", path, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-T", "fields",
                              *(word for field in fields for word in ("-e", field))],
                             check=True, capture_output=True, text=True, timeout=60).stdout
        rows = [line.split("\t") for line in out.splitlines()]
        self.assertTrue(rows and all(row[3] for row in rows), "each packet is SIP:\n" + out)
        # 1: good, 3: there is none, as UDP allows over IPv4 (RFC 768).
        self.assertEqual({(row[4], row[5]) for row in rows}, {("1", "3")}, "checksums:\n" + out)
        self.assertFalse(any(row[6] for row in rows), "none is malformed:\n" + out)
        invites = {(row[0], row[1], row[3]) for row in rows if row[2] == "INVITE"}
        self.assertIn((self.caller_ip(), self.edge.ip, self.call_ids[0]), invites)
        self.assertIn((self.edge.ip, self.asterisk.address, self.call_ids[1]), invites)

    def test_it_is_explained(self):
        by_key = self.edge.must("GET", f"/v1/explain/{self.key}")
        self.assertEqual(by_key["kind"], "call")
        self.assertRegex(by_key["verdict"], r"answered, up for [\d.]+m?s, ended by who was called")
        self.assertIsNone(by_key["known_death"])
        steps = [step["what"] for step in by_key["steps"]]
        for what in ("received", "origin", "domain", "candidates", "attempt", "answered", "ended"):
            self.assertIn(what, steps)
        self.assertIn("answered, up for", printed(self.edge, "explain", self.call_ids[1]))

    def test_a_route_test_agrees_with_what_happened(self):
        asked = self.edge.status()["counters"]
        answer = self.edge.must("POST", "/v1/route-test", {
            "method": "INVITE", "request_uri": "sip:603@a.test", "from": "sip:401@a.test", "source": self.caller_ip()})
        self.assertEqual(answer["outcome"], "relayed")
        self.assertEqual(answer["candidates"][0]["destination"], f"sip:{self.asterisk.address}:5060")
        self.assertEqual(asked["requests"], self.edge.status()["counters"]["requests"])
        said = printed(self.edge, "route-test", "INVITE", "sip:603@nowhere.test", self.caller_ip())
        self.assertTrue(said.startswith("dropped: not found"), said)


class Verdicts(ScriptedTest):
    TIMERS = {"t1": "100ms", "ring_limit": "10s"}

    def setUp(self):
        self.upstream = self.backend()
        self.domain, self.setid, _ = self.tenant(self.upstream)
        self.caller = self.phone("401", self.domain)

    def explained(self, request):
        return self.edge.must("GET", f"/v1/explain/{quote(request['Call-ID'], safe='')}")

    def wait_verdict(self, request, known_death, within):
        return wait_for(lambda: (found := self.explained(request))["known_death"] == known_death and found, within,
                        lambda: json.dumps(self.explained(request), indent=1))

    def test_a_backends_408_is_the_backends_and_ours_is_ours(self):
        call, invite = self.ring(self.caller, self.upstream)
        self.decline(call, self.upstream, invite, 408)
        found = self.explained(invite)
        self.assertIn("the 408 is not Usher's", found["verdict"])
        self.assertIn(self.upstream.address, found["verdict"])

        silent = self.phone("402", self.domain)
        call = silent.call("600")
        invite = self.upstream.expect("INVITE")
        silent.peer.expect(100)
        call.ack_failure(silent.peer.expect(408, within=8))
        found = self.explained(invite)
        self.assertEqual(found["known_death"], "silent-targets")
        self.assertRegex(found["verdict"], r"the 408 is Usher's own: Timer B fired in Calling: no response in \d+ ms")
        waited = int(re.search(r"no response in (\d+) ms", found["verdict"])[1])
        self.assertGreaterEqual(waited, 6400)  # 64*T1; and how late the process was on a busy machine

    def test_the_ring_limit(self):
        call, invite = self.ring(self.caller, self.upstream)
        cancel = self.upstream.expect("CANCEL", within=12)
        self.upstream.reply(cancel, 200)
        self.upstream.reply(invite, 487)
        self.upstream.expect("ACK")
        call.ack_failure(self.caller.peer.expect(408))
        self.assertEqual(self.explained(invite)["known_death"], "ring-limit")

    def test_no_ack(self):
        call, invite = self.ring(self.caller, self.upstream)
        self.upstream.reply(invite, 200, headers=[contact_of(self.upstream)])
        self.wait_verdict(invite, "no-ack", 10)

    def test_a_bye_that_nobody_answers(self):
        call, _ = self.establish(self.caller, self.upstream)
        call.send("BYE")
        bye = self.upstream.expect("BYE")
        found = self.wait_verdict(bye, "bye-undeliverable", 10)
        self.assertIn("timer F", found["verdict"])

    def test_a_stranger_and_the_id_in_the_log(self):
        stranger = self.phone("1", "nowhere.test")
        stranger.call("2")
        line = self.edge.process.wait_log(r"gate call=(\w+) Door-knock blocked: domain=nowhere.test", 2)
        found = self.edge.must("GET", f"/v1/explain/{line.group(1)}")
        self.assertEqual(found["kind"], "drop")
        self.assertIn("is none of ours", found["verdict"])

    def test_switched_off_and_on_while_it_runs(self):
        self.assertTrue(self.edge.must("GET", "/v1/recorder")["enabled"])
        off = self.edge.must("PUT", "/v1/recorder", {"enabled": False})
        self.assertEqual((off["enabled"], off["messages"], off["steps"]), (False, 0, 0))
        call, invite = self.ring(self.caller, self.upstream)
        self.decline(call, self.upstream, invite, 486)
        self.assertEqual(self.edge.rest("GET", f"/v1/explain/{quote(invite['Call-ID'], safe='')}")[0], 404)
        self.assertTrue(self.edge.must("PUT", "/v1/recorder", {"enabled": True})["enabled"])
        call, invite = self.ring(self.caller, self.upstream)
        self.decline(call, self.upstream, invite, 486)
        self.assertIn("the 486 is not Usher's", self.explained(invite)["verdict"])


if __name__ == "__main__":
    main()
