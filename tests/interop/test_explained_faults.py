"""Real calls that went wrong, each in its own way, with what the edge says of it: which timer ran out on whom, who was tried, what was said again."""

import collections
import re
import signal

from lab import sip
from lab.asterisk import Asterisk
from lab.baresip import Baresip
from lab.edge import Edge
from lab.explained import CHALLENGED, ExplainedTest, dialled, flow, step
from lab.lab import main
from lab.peer import Phone, UdpPeer
from lab.sipp import Sipp
from lab.wait import wait_for

T1 = 100  # ms
CALLERS = ("failover", "silent", "refusing", "ringing", "killed", "frozen", "patient")


def leg(text, party):
    """The lines of a flow in which the party is."""
    return "\n".join(line for line in flow(text) if party in line)


class Faults(ExplainedTest):
    """All of them at once, since most take their time."""

    @classmethod
    def setUpLab(cls):
        cls.edge = Edge(cls.lab, timers={"t1": f"{T1}ms", "attempt": "2s", "ring_limit": "10s"})
        users = {"401": "one", **{name: "one" for name in CALLERS}}
        cls.asterisk, cls.other = Asterisk(cls.lab, 10, users), Asterisk(cls.lab, 11, users)
        cls.edge.tenant("a.test", 10, cls.asterisk.address)
        cls.edge.wait_ready()
        cls.dead, *cls.silent = [UdpPeer(cls.lab, host, name=f"silent-{host}") for host in (50, 51, 52, 53)]
        cls.failover = cls.tenant("failover.test", 20, cls.dead.destination(), cls.silent[0].destination(), f"sip:{cls.asterisk.address}:5060")
        cls.failover.append(cls.edge.target(20, f"sip:{cls.lab.ip(54)}:5060", state="disabled"))
        cls.tenant("silent.test", 21, *(peer.destination() for peer in cls.silent[1:]))
        Sipp(cls.lab, "backend_answers_408", 55)
        cls.tenant("refusing.test", 22, f"sip:{cls.lab.ip(55)}:5060")
        Sipp(cls.lab, "backend_takes_its_time", 56)
        cls.tenant("patient.test", 24, f"sip:{cls.lab.ip(56)}:5060")
        cls.pair = cls.tenant("pair.test", 23, f"sip:{cls.asterisk.address}:5060", f"sip:{cls.other.address}:5060")
        for setid, target in ((20, cls.failover[0]), (20, cls.failover[1]), (20, cls.failover[2]), (23, cls.pair[0]), (23, cls.pair[1])):
            cls.edge.wait_health(setid, target, "up")
        cls.dead.close()  # from now on a closed port, and nobody probes it
        cls.phones = {name: cls.phone(30 + number, name) for number, name in enumerate(CALLERS)}
        cls.begin()

    @classmethod
    def tenant(cls, domain, setid, *destinations):
        """The targets' ids, in their order. How they do is found out once; from then on one failure is enough."""
        cls.edge.set(setid, algorithm="priority", health={"interval": "3600s", "down_after": 1})
        targets = [cls.edge.target(setid, destination, priority=place) for place, destination in enumerate(destinations)]
        cls.edge.domain(domain, setid)
        return targets

    @classmethod
    def phone(cls, host, user):
        """One that calls and does not register."""
        domain = f"{user}.test" if user in ("failover", "silent", "refusing", "patient") else "a.test"
        return Baresip(cls.lab, host, user, domain, "one", f"{cls.edge.ip}:5060", expires=0, name=f"baresip-{user}")

    @classmethod
    def begin(cls):
        """The calls whose timers have to run out, and those that lose a phone."""
        cls.calls = {"silent": dialled(cls.phones["silent"], "600"), "ringing": dialled(cls.phones["ringing"], "601"),
                     "patient": dialled(cls.phones["patient"], "600")}
        Sipp(cls.lab, "caller_never_acks", 40, f"{cls.edge.ip}:5060", keys={"domain": "a.test"})
        for name in ("killed", "frozen"):
            cls.calls[name] = cls.established(cls.phones[name], "600")
        cls.phones["killed"].kill9()
        frozen = cls.phones["frozen"].process.child
        frozen.send_signal(signal.SIGSTOP)
        cls.lab.on_close(frozen.kill)  # it would not hear a request to end
        for name in ("killed", "frozen"):
            channel = next(channel for channel in cls.asterisk.channels() if channel.startswith(f"PJSIP/{name}-"))
            cls.asterisk.command(f"channel request hangup {channel}")

    @classmethod
    def established(cls, phone, number):
        """The Call-ID of a call of this phone that has been answered, and acknowledged."""
        call_id = dialled(phone, number)
        wait_for(lambda: any(call["origin_call_id"] == call_id and call["state"] == "confirmed" for call in cls.edge.calls()), 10, f"{phone.name} talks")
        return call_id

    def explained(self, *words, within=25, **more):
        return super().explained(*words, within=within, **more)

    def call_id_of(self, address):
        """Of the INVITEs that come from there."""

        def invite():
            items = self.edge.must("GET", f"/v1/ladder?source={address}")["items"]
            return next((item["text"] for item in items if item["label"] == "INVITE"), None)

        return re.search(r"^Call-ID: (\S+)\r$", wait_for(invite, 10, f"an INVITE comes from {address}"), re.M)[1]

    def place(self, host):
        return f"{self.lab.ip(host)}:5060"

    def assert_repeated(self, ladder, line):
        """Said again after T1, 3·T1, 7·T1 … and never before, for 64·T1 (RFC 3261 §17.1.1.2, §17.1.2.2, §13.3.1.4)."""
        first = ladder.offsets(line)[-1]
        again = [at - first for at in ladder.offsets(line + " (again)")]
        self.assertIn(len(again), range(3, 7), ladder)
        for number, at in enumerate(again, 1):
            self.assertGreaterEqual(at, (2 ** number - 1) * T1 - 1, ladder)

    def test_failover_from_a_closed_port_and_a_silent_target_to_asterisk(self):
        phone = self.phones["failover"]
        call_id = dialled(phone, "600")
        phone.wait_event("CALL_ESTABLISHED", 20)
        phone.hangup()
        found = self.explained(call_id, r"^answered, up for [\d.]+m?s, ended by who called$")
        places = [f"sip:{place}" for place in (self.place(50), self.place(51), self.place(10), self.place(54))]
        dead, silent, live, disabled = [f"target {target} ({place})" for target, place in zip(self.failover, places)]
        self.assert_steps(
            found, step("domain", domain="failover.test", set="20"),
            step("candidates", why="priority of set 20",
                 **{dead: "chosen", silent: "in reserve, number 2", live: "in reserve, number 3", disabled: "disabled"}),
            step("attempt", why="INVITE, 1 of 3", destination=self.place(50)),
            step("attempt-ended", why="ICMP", destination=places[0], provisional="no"), step("failover", target=str(self.failover[1])),
            step("attempt", why="INVITE, 2 of 3", destination=self.place(51)), step("timer-armed", timer="attempt", time="2s"),
            step("timer-fired", timer="attempt", time="2s"),
            step("attempt-ended", why="no response within the attempt time", destination=places[1], timed_out="yes", provisional="no"),
            step("failover", target=str(self.failover[2])), step("attempt", why="INVITE, 3 of 3", destination=self.place(10)),
            step("attempt-ended", destination=places[2], status="401"), step("ended", status="401"),
            # The challenge is answered to who made it; how the others do is known by now.
            step("candidates", why="it challenged", **{live: "chosen", dead: "down", silent: "down", disabled: "disabled"}),
            step("attempt", why="INVITE, 1 of 1", destination=self.place(10)), step("attempt-ended", destination=places[2], status="200"), step("answered"),
            step("ended", status="200", ended_by="originator"))
        ladder = self.assert_flow(call_id, """
            phone > usher INVITE
            usher > backend 1 INVITE
            usher > backend 2 INVITE
            usher > backend 3 INVITE
            backend 3 > usher 401 Unauthorized
            usher > backend 3 ACK
            usher > phone 401 Unauthorized
            phone > usher ACK
            phone > usher INVITE
            usher > backend 3 INVITE
            backend 3 > usher 100 Trying
            backend 3 > usher 200 OK
            usher > phone 200 OK
            phone > usher ACK
            usher > backend 3 ACK
            phone > usher BYE
            usher > backend 3 BYE
            backend 3 > usher 200 OK
            usher > phone 200 OK""")
        self.assertEqual([party["label"] for party in ladder.parties], [f"{phone.address}:5060", "usher", self.place(50), self.place(51), self.place(10)])
        self.assertEqual(ladder.offsets("usher > backend 1 INVITE (again)"), [], "a closed port is not asked again")
        self.assert_order(ladder, "^usher > backend 1 INVITE$", r"^\* attempt-ended: ICMP", r"^\* failover: ", "^usher > backend 2 INVITE$",
                          r"^usher > backend 2 INVITE \(again\)", "^usher > phone 100 Trying", r"^\* timer-fired: .*timer=attempt",
                          r"^\* attempt-ended: no response within the attempt time", r"^\* failover: ", "^usher > backend 3 INVITE$")
        self.assert_leads_to(ladder, "timer-fired: .*timer=attempt", "usher > backend 3 INVITE")
        self.assertGreaterEqual(ladder.offsets("usher > backend 3 INVITE")[0] - ladder.offsets("usher > backend 2 INVITE")[0], 1999)

    def test_a_backend_that_has_said_100_has_its_time(self):
        """No 408, though nothing comes for longer than 64·T1 after its 100."""
        phone, call_id, backend = self.phones["patient"], self.calls["patient"], self.place(56)
        phone.wait_event("CALL_ESTABLISHED", 20)
        phone.hangup()
        found = self.explained(call_id, "^answered, up for .*, ended by who called$")
        self.assert_steps(found, step("timer-armed", timer="timer B", destination=backend), step("timer-armed", why="disarms timer B", timer="ring limit"),
                          step("answered"), step("ended", status="200", answered="yes", ended_by="originator"))
        self.assertEqual(found.all("timer-fired"), [], found)
        ladder = self.assert_flow(call_id, """
            phone > usher INVITE
            usher > backend INVITE
            backend > usher 100 Trying
            backend > usher 200 OK
            usher > phone 200 OK
            phone > usher ACK
            usher > backend ACK
            phone > usher BYE
            usher > backend BYE
            backend > usher 200 OK
            usher > phone 200 OK""")
        trying, answered = ladder.offsets("backend > usher 100 Trying")[0], ladder.offsets("backend > usher 200 OK")[0]
        self.assertGreater(answered - trying, 64 * T1)
        self.assert_order(ladder, "^backend > usher 100 Trying$", "^usher > phone 100 Trying$", "^backend > usher 200 OK$")

    def test_what_the_metrics_count_are_the_records(self):
        """However the calls ended: answered, challenged, refused by either side, without an ACK, with a BYE that nobody heard."""
        wait_for(lambda: not self.edge.calls(), 30, "no call is left")

        def agreed():
            text = self.edge.must("GET", "/metrics")
            counted = {int(status): int(float(n)) for status, n in re.findall(r'^usher_calls_ended_total\{status="(\d+)"\} (\S+)$', text, re.M)}
            return counted if counted == collections.Counter(record["status"] for record in self.edge.items("/v1/cdrs")) else None

        counted = wait_for(agreed, 10, "the counters and the records agree")
        self.assertGreaterEqual(counted[408], 2)
        self.assertGreaterEqual(counted[200], 3)

    def test_nobody_answers_and_the_408_is_ours(self):
        call_id, places = self.calls["silent"], [self.place(52), self.place(53)]
        found = self.explained(call_id, r"^the 408 is Usher's own: .*[Tt]imer B .*no response in \d+ ms", death="silent-targets")
        self.assertGreaterEqual(int(re.search(r"no response in (\d+) ms", found.verdict)[1]), 64 * T1)
        for place in places:
            self.assertIn(place, found.verdict, "who was tried")
        self.assert_steps(
            found, step("origin", side="phone"), step("domain", domain="silent.test"), step("candidates"), step("attempt", destination=places[0]),
            step("timer-armed", timer="timer B", destination=places[0]), step("timer-armed", timer="attempt"), step("timer-fired", timer="attempt"),
            step("attempt-ended", destination=f"sip:{places[0]}", timed_out="yes", provisional="no"), step("failover"),
            step("attempt", destination=places[1]), step("timer-armed", timer="timer B", destination=places[1], time=f"{64 * T1}ms"),
            step("timer-fired", timer="timer B", destination=places[1]),
            step("attempt-ended", why="[Tt]imer B", destination=f"sip:{places[1]}", timed_out="yes", provisional="no"),
            step("local-response", why="[Tt]imer B", status="408"), step("ended", status="408", answered="no", ended_by="edge"))
        ladder = self.assert_flow(call_id, """
            phone > usher INVITE
            usher > backend 1 INVITE
            usher > backend 2 INVITE
            usher > phone 408 Request Timeout
            phone > usher ACK""")
        for number in (1, 2):
            self.assert_repeated(ladder, f"usher > backend {number} INVITE")
        self.assert_order(ladder, "^phone > usher INVITE", r"^usher > backend 1 INVITE \(again\)", "^usher > phone 100 Trying",
                          r"^\* timer-fired: .*timer=attempt", r"^\* attempt-ended: .*attempt time", r"^\* failover: ", "^usher > backend 2 INVITE$",
                          r"^usher > backend 2 INVITE \(again\)", r"^\* timer-fired: .*timer=timer B", r"^\* local-response: .*[Tt]imer B.*status=408",
                          "^usher > phone 408", "^phone > usher ACK")
        self.assert_leads_to(ladder, "timer-fired: .*timer=timer B", "usher > phone 408 Request Timeout")
        lines = ladder.lines()
        self.assertFalse([line for line in lines[lines.index("usher > phone 408 Request Timeout"):] if "INVITE" in line], "asked on when it was over")
        sent, = ladder.offsets("usher > backend 2 INVITE")
        over, = ladder.offsets("usher > phone 408 Request Timeout")
        self.assertGreaterEqual(over - sent, 64 * T1 - 1)

    def test_a_408_that_the_backend_says_itself(self):
        call_id, backend = dialled(self.phones["refusing"], "600"), self.place(55)
        found = self.explained(call_id, rf"^the 408 is not Usher's: sip:{re.escape(backend)} answered it .* after the INVITE, and it was passed on; "
                                        "no timer of Usher's made it$")
        self.assert_steps(found, step("attempt", destination=backend), step("attempt-ended", status="408", destination=f"sip:{backend}", provisional="yes"),
                          step("ended", status="408", answered="no", ended_by="answerer"))
        self.assertEqual(found.all("local-response") + found.all("timer-fired"), [], found)
        ladder = self.assert_flow(call_id, """
            phone > usher INVITE
            usher > backend INVITE
            backend > usher 100 Trying
            backend > usher 408 Request Timeout
            usher > backend ACK
            usher > phone 408 Request Timeout
            phone > usher ACK""")
        self.assertEqual(ladder.label("backend"), backend)
        passed_on = next(item["text"] for item in ladder.items if ladder.line(item) == "usher > phone 408 Request Timeout")
        self.assertNotRegex(passed_on, "(?m)^Reason:", "Usher's own would give its reason")

    def test_the_ring_limit(self):
        call_id, backend = self.calls["ringing"], self.place(10)
        found = self.explained(call_id, r"^the 408 is Usher's own: the ring limit of 10 s ran out.*timers\.ring_limit", death="ring-limit")
        self.assert_steps(found, step("timer-armed", timer="ring limit", time="10s"), step("ringing", destination=backend),
                          step("timer-fired", timer="ring limit", time="10s"), step("local-response", why="ring limit", status="408"), 
                          step("attempt-ended", why="ring limit", cancelled="yes", provisional="yes"),
                          step("ended", why="ring limit", status="408", answered="no", ended_by="edge"))
        ended = CHALLENGED + """
            backend > usher 100 Trying
            backend > usher 180 Ringing
            usher > phone 180 Ringing
            usher > phone 408 Request Timeout
            phone > usher ACK
            usher > backend CANCEL
            backend > usher 200 OK
            backend > usher 487 Request Terminated
            usher > backend ACK"""
        self.assert_flow(call_id, leg(ended, "phone"), "phone")
        ladder = self.assert_flow(call_id, leg(ended, "backend"), "backend")
        self.assertEqual(ladder.label("backend"), backend)
        self.assert_order(ladder, "^backend > usher 180", r"^\* timer-armed: .*timer=ring limit; time=10s", "^usher > phone 180",
                          r"^\* timer-fired: .*timer=ring limit", r"^\* local-response: the ring limit", "^usher > backend CANCEL", "^backend > usher 487")
        self.assert_leads_to(ladder, "timer-fired: .*timer=ring limit", "usher > phone 408 Request Timeout")
        self.assert_order(ladder, r"^\* local-response: the ring limit", "^usher > phone 408", "^phone > usher ACK")
        rang, = ladder.offsets("backend > usher 180 Ringing")
        cancelled = ladder.offsets("usher > backend CANCEL")[0]
        self.assertGreaterEqual(cancelled - rang, 9999)

    def test_a_caller_who_never_acknowledges_the_answer(self):
        call_id = self.call_id_of(self.lab.ip(40))
        found = self.explained(call_id, "^answered, but the caller never acknowledged it: ", death="no-ack")
        self.assert_steps(found, step("received", source=self.place(40)), step("attempt-ended", status="200", destination=f"sip:{self.place(10)}"),
                          step("timer-armed", timer="ACK", destination=self.place(40), time=f"{64 * T1}ms"),
                          step("timer-fired", timer="ACK", destination=self.place(40)),
                          step("ended", why="no ACK", status="200", answered="yes", ended_by="edge"))
        ended = CHALLENGED + """
            backend > usher 100 Trying
            backend > usher 200 OK
            usher > phone 200 OK
            usher > backend ACK
            usher > backend BYE
            backend > usher 200 OK
            usher > phone BYE
            phone > usher 200 OK"""
        self.assert_flow(call_id, leg(ended, "phone"), "phone")
        ladder = self.assert_flow(call_id, leg(ended, "backend"), "backend")
        self.assert_repeated(ladder, "usher > phone 200 OK")
        self.assertTrue(ladder.offsets("backend > usher 200 OK (again)"), "Asterisk, which gets no ACK either, repeats itself")
        for last in ("^usher > phone BYE$", "^usher > backend BYE$"):
            self.assert_order(ladder, r"^\* timer-armed: .*timer=ACK", "^usher > phone 200 OK$", r"^usher > phone 200 OK \(again\)",
                              r"^\* timer-fired: .*timer=ACK", r"^\* ended: no ACK", last)
        self.assert_leads_to(ladder, "timer-fired: .*timer=ACK", "usher > backend ACK")
        lines = ladder.lines()
        over = next(place for place, line in enumerate(lines) if line.startswith("* ended: no ACK"))
        self.assertNotIn("usher > phone 200 OK (again)", lines[over:], "repeated when it was over")

    def lost(self, name, how):
        """Asterisk has hung up on a phone that is gone. Gives (explanation, Call-ID)."""
        address, call_id = self.phones[name].address, self.calls[name]
        found = self.explained(call_id, rf"^the call was up for [\d.]+m?s and ended \(BYE\), but {re.escape(address)}:5060 never answered the BYE \(.*{how}",
                               death="bye-undeliverable")
        self.assert_steps(found, step("answered"), step("bye-undeliverable", why=how, destination=f"{address}:5060"))
        self.assertEqual(found.last("ended")["fields"]["ended_by"], "answerer")
        return found, call_id

    def test_a_phone_that_was_killed_gets_no_bye(self):
        _, call_id = self.lost("killed", "ICMP")
        ladder = self.assert_flow(call_id, CHALLENGED + """
            backend > usher 100 Trying
            backend > usher 200 OK
            usher > phone 200 OK
            phone > usher ACK
            usher > backend ACK
            backend > usher BYE
            usher > phone BYE
            usher > backend 200 OK""")
        self.assert_order(ladder, "^backend > usher BYE$", "^usher > phone BYE$", r"^\* bye-undeliverable: ICMP", "^usher > backend 200 OK")

    def test_a_phone_that_hangs_gets_the_bye_again_and_again(self):
        found, call_id = self.lost("frozen", "[Tt]imer F")
        self.assert_steps(found, step("timer-armed", timer="BYE", time="2s"), step("timer-fired", why="confirmed here", timer="BYE"),
                          step("ended", why="BYE", ended_by="answerer"), step("bye-undeliverable"))
        ladder = self.assert_flow(call_id, CHALLENGED + """
            backend > usher 100 Trying
            backend > usher 200 OK
            usher > phone 200 OK
            phone > usher ACK
            usher > backend ACK
            backend > usher BYE
            usher > phone BYE
            usher > backend 200 OK""")
        self.assert_repeated(ladder, "usher > phone BYE")
        # Asterisk has its 200 long before the phone is given up.
        self.assert_order(ladder, "^usher > phone BYE$", r"^usher > phone BYE \(again\)", r"^\* timer-fired: .*timer=BYE", "^usher > backend 200 OK$",
                          r"^usher > phone BYE \(again\)", r"^\* bye-undeliverable: .*[Tt]imer F")
        lines = ladder.lines()
        lost = next(place for place, line in enumerate(lines) if line.startswith("* bye-undeliverable"))
        self.assertNotIn("usher > phone BYE (again)", lines[lost:], "repeated when it was given up")

    def test_a_nonce_that_met_the_other_asterisk(self):
        # A phone by hand: the target that has challenged it is drained before it answers the challenge.
        peer = UdpPeer(self.lab, 41)
        phone = Phone(peer, self.edge.address, "401", "pair.test", "one")
        call = phone.call("600")
        challenge = peer.expect_final("INVITE")
        call.ack_failure(challenge)
        self.edge.must("PATCH", f"/v1/dispatcher/sets/23/targets/{self.pair[0]}", {"state": "draining"})
        call.branch, call.cseq = sip.new_branch(), 2
        answer = sip.digest(challenge["WWW-Authenticate"], "401", "one", "INVITE", call.uri)
        peer.send(phone.request("INVITE", call.uri, call.to, call.call_id, call.cseq, call.tag,
                                [("Authorization", answer), ("Content-Type", "application/sdp")], sip.sdp(peer.address), call.branch), self.edge.address)
        refused = peer.expect_final("INVITE")
        call.ack_failure(refused)
        self.assertEqual((refused.status, refused.cseq), (401, 2))

        first, second = self.place(10), self.place(11)
        found = self.explained(call.call_id, rf"nonce that {re.escape(first)} had given was shown to {re.escape(second)}.*answered 401",
                               death="nonce-met-another-backend")
        names = [f"target {target} (sip:{place})" for target, place in zip(self.pair, (first, second))]
        self.assert_steps(found, step("candidates", **{names[0]: "chosen", names[1]: "in reserve, number 2"}), step("attempt", destination=first),
                          step("attempt-ended", status="401", destination=f"sip:{first}"), step("candidates", **{names[1]: "chosen", names[0]: "draining"}),
                          step("attempt", destination=second), step("attempt-ended", status="401", destination=f"sip:{second}"), step("ended", status="401"))
        ladder = self.assert_flow(call.call_id, """
            phone > usher INVITE
            usher > backend 1 INVITE
            backend 1 > usher 401 Unauthorized
            usher > backend 1 ACK
            usher > phone 401 Unauthorized
            phone > usher ACK
            phone > usher INVITE
            usher > backend 2 INVITE
            backend 2 > usher 401 Unauthorized
            usher > backend 2 ACK
            usher > phone 401 Unauthorized
            phone > usher ACK""")
        self.assertEqual((ladder.label("backend 1"), ladder.label("backend 2")), (first, second))


if __name__ == "__main__":
    main()
