"""Calls and bindings outlive the process; SIGTERM lets calls end, SIGHUP reads the configuration again."""

import signal
import time
from datetime import datetime

from lab import sip
from lab.edge import Edge
from lab.lab import main
from lab.peer import CalledLeg, Phone, TcpPeer
from lab.scripted import ScriptedTest, contacts
from lab.sipp import Sipp
from lab.wait import stays, wait_for

CALLS = 20
PHONES = 1000


class Line:
    """One call with both its sides in hand, whoever began it."""

    def __init__(self, test, caller, callee, call, invite, leg):
        self.test, self.caller, self.callee, self.call, self.invite, self.leg = test, caller, callee, call, invite, leg
        # The highest CSeq that each side has seen in a request, by its peer.
        self.seen = {id(caller.peer): 0, id(callee): invite.cseq}

    def got(self, peer, method):
        """The next request at a side: it is the dialog's, and its CSeq is above all earlier ones."""
        request = peer.expect(method, within=5)
        if peer is self.callee:
            self.test.assertEqual(request["Call-ID"], self.invite["Call-ID"])
            self.test.assertEqual(request.tag("From"), self.invite.tag("From"))
            self.test.assertEqual(request.tag("To"), self.leg.answer.tag("To"))
        else:
            self.test.assertEqual(request["Call-ID"], self.call.call_id)
            self.test.assertEqual(request.tag("To"), self.call.tag)
            self.test.assertEqual(request.tag("From"), sip.Message(sip.compose(
                "SIP/2.0 200 OK", [("CSeq", "1 INVITE"), ("To", self.call.to)])).tag("To"))
        self.test.assertGreater(request.cseq, self.seen[id(peer)])
        self.seen[id(peer)] = request.cseq
        return request

    def both(self, from_caller):
        return ((self.call, self.caller.peer, self.callee) if from_caller else
                (self.leg, self.callee, self.caller.peer))

    def reinvite(self, from_caller):
        asker, own, other = self.both(from_caller)
        body = sip.sdp(own.address, 43000, version=2, direction="sendonly")
        asker.send("INVITE", body)
        invite = self.got(other, "INVITE")
        self.test.assertEqual(invite.body.decode(), body)
        contact = ("Contact", f"<sip:x@{other.address}:{other.port}>")
        answer = other.reply(invite, 200, headers=[contact, ("Content-Type", "application/sdp")],
                             body=sip.sdp(other.address, 41000, version=2))
        response = own.take_response(5)
        while response.status == 100:
            response = own.take_response(5)
        self.test.assertEqual((response.status, response.body), (200, answer.body))
        if from_caller:
            asker.ack()
        else:
            self.callee.send(sip.compose(f"ACK {self.invite.contact_uri()} SIP/2.0", [
                ("Via", f"SIP/2.0/{own.transport} {own.address}:{own.port};rport;branch={sip.new_branch()}"),
                ("Max-Forwards", "70"), ("From", self.leg.answer["To"]), ("To", self.invite["From"]),
                ("Call-ID", self.invite["Call-ID"]), ("CSeq", f"{asker.cseq} ACK")]), self.invite.reply_to)
        self.test.assertEqual(other.expect("ACK").cseq, invite.cseq)

    def options(self, from_caller):
        asker, own, other = self.both(from_caller)
        asker.send("OPTIONS")
        other.reply(self.got(other, "OPTIONS"), 200)
        own.expect(200, method="OPTIONS", within=5)

    def bye(self, from_caller):
        asker, own, other = self.both(from_caller)
        asker.send("BYE")
        other.reply(self.got(other, "BYE"), 200)
        own.expect(200, method="BYE", within=5)


class Restart(ScriptedTest):
    @classmethod
    def setUpLab(cls):
        cls._host = 40
        cls._tenants = 0
        cls._edges = 1

    def own_edge(self, **options):
        """Every test kills or ends its edge, so each has its own."""
        type(self)._edges += 1
        options.setdefault("timers", {**self.TIMERS, **options.pop("more", {})})
        edge = Edge(self.lab, host=self._edges, name=f"edge-{self._edges}", **options)
        self.edge = edge
        return edge

    def phone_call(self, phone, backend):
        call, leg = self.establish(phone, backend)
        return Line(self, phone, backend, call, leg.invite, leg)

    def backend_call(self, backend, phone, user):
        """A call of the backend to the token it was given for the phone."""
        caller = self.as_backend(backend)
        call = caller.call(user)
        invite = phone.peer.expect("INVITE")
        answer = phone.peer.reply(invite, 200, headers=[("Contact", phone.contact), ("Content-Type", "application/sdp")],
                                  body=sip.sdp(phone.peer.address, 41000))
        response = backend.take_response()
        while response.status < 200:
            response = backend.take_response()
        self.assertEqual(response.status, 200)
        call.answered(response)
        phone.peer.expect("ACK")
        return Line(self, caller, phone.peer, call, invite, CalledLeg(phone.peer, invite, answer))

    def shown(self, edge):
        """What GET /v1/calls says, without what is new in each process or runs on. Times to a tenth of a second: the
        two clocks of a process are milliseconds apart from those of another."""
        def steady(name, value):
            return round(datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp(), 1) if name == "answered" else value

        return sorted(({k: steady(k, v) for k, v in call.items() if k not in ("id", "duration_s", "started")}
                       for call in edge.calls()), key=lambda call: call["origin_call_id"])

    def saved(self, edge):
        """Everything that was told to the store is in it."""
        wait_for(lambda: edge.status()["counts"]["pending_persists"] == 0, 5, "the store has all")

    def test_kill_9_loses_no_call_and_no_binding(self):
        edge = self.own_edge()
        registrar = Sipp(self.lab, "backend_registrar", 10, trace=False)
        edge.tenant("r.test", 10, self.lab.ip(10))
        Sipp(self.lab, "phone_registers", 11, f"{edge.ip}:5060", calls=PHONES, rate=500, trace=False,
             keys={"domain": "r.test", "prefix": "p"}).wait_all_good(60)
        registrar.stop()

        backend = self.backend()
        domain, setid, targets = self.tenant(backend)
        lines = []
        for number in range(CALLS):
            phone = self.phone(f"7{number:02}", domain)
            request, _ = self.register(phone, backend)
            if number % 2:
                lines.append(self.phone_call(phone, backend))
            else:
                user = contacts(request)[0].split(":")[1].split("@")[0]
                lines.append(self.backend_call(backend, phone, user))
        self.saved(edge)
        before, registered = self.shown(edge), {r["token"] for r in edge.registrations()}
        live = edge.target_of(setid, targets[0])["live_calls"]
        self.assertEqual((len(before), len(registered), live), (CALLS, PHONES + CALLS, CALLS))

        edge.kill9()
        began = time.monotonic()
        edge.start()
        edge.wait_ready()
        took = time.monotonic() - began
        print(f"ready {took:.3f} s after the start, with {CALLS} calls and {len(registered)} bindings")
        self.assertLess(took, 2.0)
        after = self.shown(edge)
        for then, now in zip(before, after):
            self.assertAlmostEqual(now.pop("answered"), then.pop("answered"), delta=0.2)
        self.assertEqual(after, before)
        self.assertEqual({r["token"] for r in edge.registrations()}, registered)
        self.assertEqual(edge.target_of(setid, targets[0])["live_calls"], live)

        for number, line in enumerate(lines):
            line.reinvite(from_caller=number % 4 < 2)
            line.options(from_caller=True)
            line.options(from_caller=False)
        # Once more, at once: what the second process has counted must not come again.
        edge.kill9()
        edge.start()
        for number, line in enumerate(lines):
            line.reinvite(from_caller=number % 4 >= 2)
            line.bye(from_caller=number % 8 < 4)
        wait_for(lambda: not edge.calls(), 5, "no call is left")
        self.assertEqual(edge.target_of(setid, targets[0])["live_calls"], 0)
        edge.wait_quiet()
        self.saved(edge)
        edge.kill9()
        edge.start()
        self.assertEqual(edge.calls(), [])

    def test_a_phone_on_tcp_is_reached_again_when_it_has_registered_again(self):
        edge = self.own_edge()
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        peer = TcpPeer(self.lab, self.next_host())
        phone = Phone(peer, edge.address, "405", domain)
        self.register(phone, backend)
        line = self.phone_call(phone, backend)
        self.saved(edge)
        edge.kill9()
        wait_for(lambda: not peer.connections, 5, "the phone has seen its connection end")
        edge.start()
        line.leg.send("INFO")
        self.assertEqual(backend.expect(503, within=5).method, "INFO")
        self.register(phone, backend)
        line.options(from_caller=False)
        line.reinvite(from_caller=False)
        line.bye(from_caller=False)

    def test_sigterm_takes_nothing_new_and_lets_calls_end(self):
        edge = self.own_edge(more={"drain": "60s"})
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone, other = self.phone("401", domain), self.phone("402", domain)
        self.register(phone, backend)
        line = self.phone_call(phone, backend)
        edge.process.child.send_signal(signal.SIGTERM)
        wait_for(lambda: edge.rest("GET", "/readyz")[0] == 503, 5, "the edge says that it is not ready")
        reasons = edge.rest("GET", "/readyz")[1]["reasons"]
        self.assertTrue(any("shutting down" in reason and "1 call(s)" in reason for reason in reasons), reasons)
        call = other.call("600")
        refused = other.peer.expect(503, method="INVITE")
        self.assertGreater(int(refused["Retry-After"]), 0)
        call.ack_failure(refused)
        other.send_register()
        self.assertGreater(int(other.peer.expect(503, method="REGISTER")["Retry-After"]), 0)
        line.reinvite(from_caller=True)
        self.assertTrue(edge.process.alive())
        line.bye(from_caller=False)
        self.assertEqual(edge.process.wait_exit(2), 0)

    def test_what_is_left_at_the_deadline_goes_on_in_the_next_process(self):
        edge = self.own_edge(more={"drain": "1s"})
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone, ringing = self.phone("401", domain), self.phone("402", domain)
        line = self.phone_call(phone, backend)
        call, invite = self.ring(ringing, backend)
        edge.process.child.send_signal(signal.SIGTERM)
        stays(edge.process.alive, 0.5, "the edge waits for its calls")
        self.assertEqual(edge.process.wait_exit(3), 0)
        # The one that rings would be lost without a word.
        self.assertEqual(backend.expect("CANCEL")["Call-ID"], invite["Call-ID"])
        self.assertEqual(ringing.peer.expect(480, method="INVITE")["CSeq"], "1 INVITE")
        edge.start()
        self.assertEqual(len(edge.calls()), 1)
        line.options(from_caller=False)
        line.bye(from_caller=True)

    def test_a_second_sigterm_or_sigint_ends_it_at_once(self):
        for signals in ([signal.SIGINT], [signal.SIGTERM, signal.SIGTERM], [signal.SIGTERM, signal.SIGINT]):
            with self.subTest(signals=signals):
                edge = self.own_edge(more={"drain": "60s"})
                backend = self.backend()
                domain, _, _ = self.tenant(backend)
                line = self.phone_call(self.phone("401", domain), backend)
                for number, each in enumerate(signals):
                    if number:
                        wait_for(lambda: edge.rest("GET", "/readyz")[0] == 503, 5, "it is draining")
                    edge.process.child.send_signal(each)
                self.assertEqual(edge.process.wait_exit(2), 0)
                edge.start()
                line.bye(from_caller=True)

    def rewrite(self, edge, old, new):
        with open(edge.config) as file:
            text = file.read()
        self.assertIn(old, text)
        with open(edge.config, "w") as file:
            file.write(text.replace(old, new))
        since = edge.process.mark()
        edge.process.child.send_signal(signal.SIGHUP)
        return since

    def test_sighup_takes_over_what_may_change_and_names_the_rest(self):
        edge = self.own_edge(more={"attempt": "2s"}, log_level="info")
        since = self.rewrite(edge, 'attempt = "2s"', 'attempt = "1s"\nring_limit = "10s"\nt2 = "2s"')
        edge.process.wait_log(r"SIGHUP: timers.attempt: 2s -> 1s, timers.ring_limit: 3m -> 10s", 5, since)
        edge.process.wait_log(r"SIGHUP: only a restart changes timers.t2", 5, since)
        timers = edge.must("GET", "/v1/timers")
        self.assertEqual([timers[name]["value"] for name in ("attempt", "ring_limit", "t2")], ["1s", "10s", "4s"])
        since = self.rewrite(edge, 'level = "info"', 'level = "debug"')
        edge.process.wait_log(r"log.sip: info -> debug", 5, since)
        self.assertEqual(edge.must("GET", "/v1/log")["sip"], "debug")
        # It is in force: a silent target is given up after the new time.
        first, second = self.backend(), self.backend()
        domain, _, _ = self.tenant(first, second)
        phone = self.phone("401", domain)
        phone.call("600")
        invite = first.expect("INVITE")
        self.assertLess(second.expect("INVITE", within=5).at - invite.at, 1.5)

    def test_sighup_with_a_bad_file_changes_nothing(self):
        edge = self.own_edge(more={"attempt": "2s"})
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        line = self.phone_call(self.phone("401", domain), backend)
        since = self.rewrite(edge, 'attempt = "2s"', 'attempt = 1\nt9 = "1s"')
        edge.process.wait_log(r"SIGHUP: \S*usher.toml:\d+: timers.attempt: .*1s or 1ms", 5, since)
        edge.process.wait_log(r"SIGHUP: \S*usher.toml:\d+: timers.t9: unknown key", 5, since)
        edge.process.wait_log(r"SIGHUP: \S*usher.toml is refused", 5, since)
        self.assertEqual(edge.must("GET", "/v1/timers")["attempt"]["value"], "2s")
        line.bye(from_caller=True)


if __name__ == "__main__":
    main()
