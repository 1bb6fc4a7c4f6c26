"""Targets that are written as names: SRV, NAPTR, TTL, and a DNS that fails (RFC 3263, RFC 2782)."""

from lab import sip
from lab.dns import Dns
from lab.edge import Edge
from lab.lab import main
from lab.peer import TcpPeer
from lab.scripted import ScriptedTest, contacts
from lab.wait import wait_for


class Names(ScriptedTest):
    TIMERS = {"t1": "100ms", "attempt": "500ms"}

    @classmethod
    def setUpLab(cls):
        cls.dns = Dns(cls.lab, 5)
        cls._host, cls._tenants = 40, 0
        cls.edge = Edge(cls.lab, timers=cls.TIMERS, log_level=cls.LOG_LEVEL,
                        extra=f'[dns]\nservers = ["{cls.dns.address}"]\ntimeout = "200ms"\n')

    def tearDown(self):
        self.dns.mood = "answers"

    def service(self, name, *backends, transport="udp", ttl=3600):
        """SRV records (priority, weight, backend) of a service, each with a host of its own."""
        self.dns.put(f"_sip._{transport}.{name}", "SRV",
                     *[(priority, weight, backend.port, f"h{place}.{name}")
                       for place, (priority, weight, backend) in enumerate(backends)], ttl=ttl)
        for place, (_, _, backend) in enumerate(backends):
            self.dns.put(f"h{place}.{name}", "A", backend.address, ttl=ttl)

    def wait_resolved(self, setid, target, *backends, within=15):
        """Waits until the target's places are these, in any order, and it is up; gives its document."""
        shown = {}
        wanted = sorted(backend.sent_by for backend in backends)

        def resolved():
            shown.update(self.edge.target_of(setid, target))
            return sorted(p["endpoint"] for p in shown["resolved"]) == wanted

        wait_for(resolved, within, lambda: f"it resolves to {wanted}: {shown}")
        self.edge.wait_health(setid, target, "up")
        return shown

    def refused_by(self, backend, caller):
        """A call that reaches this backend, which says busy."""
        call = caller.call("600")
        invite = backend.expect("INVITE", within=5)
        self.busy(call, backend, invite)

    def busy(self, call, backend, invite):
        backend.reply(invite, 100)
        call.phone.peer.expect(100)
        self.decline(call, backend, invite, 486)

    def where(self, *backends, within=3):
        """The one of these that has got something."""
        return wait_for(lambda: next((b for b in backends if not b.empty()), None), within, "one of the backends gets it")

    def test_srv_priority_is_kept_to_and_the_second_serves_when_the_first_fails(self):
        first, second = self.backend(), self.backend()
        self.service("srv.test", (20, 1, second), (10, 1, first))
        domain, setid, (target,) = self.tenant("srv.test")
        shown = self.wait_resolved(setid, target, first, second)
        self.assertEqual(shown["destination"], "sip:srv.test")
        self.assertEqual([(p["endpoint"], p["transport"], p["priority"], p["weight"], p["state"], p["problem"])
                          for p in shown["resolved"]],
                         [(first.sent_by, "udp", 10, 1, "fresh", ""), (second.sent_by, "udp", 20, 1, "fresh", "")])
        self.assertRegex(shown["resolved"][0]["ttl"], r"^(1h|59m)")
        self.assertEqual(shown["resolve_problem"], "")
        caller = self.phone("401", domain)
        for _ in range(3):
            self.refused_by(first, caller)
        # 503 of the first: the next place of the same target.
        call = caller.call("600")
        first.reply(first.expect("INVITE"), 503)
        first.expect("ACK")
        self.busy(call, second, second.expect("INVITE"))
        shown = self.edge.target_of(setid, target)
        self.assertEqual(shown["health"], "up", "its other place serves")
        self.assertEqual([p["problem"] for p in shown["resolved"]], ["answered 503", ""])
        self.refused_by(second, caller)
        self.assertTrue(first.empty())

    def test_a_closed_port_and_a_silent_host_lead_on_to_the_next_place(self):
        closed, silent, third = self.backend(), self.backend(), self.backend()
        self.service("fails.test", (1, 1, closed), (2, 1, silent), (3, 1, third))
        domain, setid, (target,) = self.tenant("fails.test")
        self.wait_resolved(setid, target, closed, silent, third)
        closed.close()
        caller = self.phone("401", domain)
        call = caller.call("600")
        silent.expect("INVITE")
        self.busy(call, third, third.expect("INVITE"))
        self.assertEqual(self.edge.health(setid, target), "up")

    def test_the_weights_are_the_shares(self):
        often, seldom = self.backend(), self.backend()
        self.service("weights.test", (1, 3, often), (1, 1, seldom))
        domain, setid, (target,) = self.tenant("weights.test")
        self.wait_resolved(setid, target, often, seldom)
        caller = self.phone("401", domain)
        share = {often: 0, seldom: 0}
        for _ in range(60):
            call = caller.call("600")
            chosen = self.where(often, seldom)
            share[chosen] += 1
            self.busy(call, chosen, chosen.expect("INVITE"))
        self.assertGreater(share[often], share[seldom], share)
        self.assertGreater(share[seldom], 0)

    def test_a_challenge_and_its_answer_meet_one_endpoint(self):
        backends = self.backend(), self.backend(), self.backend()
        self.service("pairs.test", *[(1, 1, backend) for backend in backends])
        domain, setid, (target,) = self.tenant("pairs.test")
        self.wait_resolved(setid, target, *backends)
        used = set()
        for number in range(12):
            phone = self.phone(str(400 + number), domain)
            phone.send_register()
            chosen = self.where(*backends)
            used.add(chosen)
            chosen.reply(chosen.expect("REGISTER"), 401, headers=[("WWW-Authenticate", 'Digest realm="r", nonce="n"')])
            challenge = phone.peer.expect(401)
            phone.send_register(headers=[("Authorization", sip.digest(challenge["WWW-Authenticate"], phone.user, "x",
                                                                      "REGISTER", f"sip:{domain}"))])
            chosen.reply(chosen.expect("REGISTER"), 403)
            phone.peer.expect(403)
        self.assertGreater(len(used), 1)
        self.assertTrue(all(backend.empty() for backend in backends))

    def test_naptr_chooses_tcp(self):
        backend = TcpPeer(self.lab, self.next_host())
        self.dns.put("naptr.test", "NAPTR", (5, 1, "s", "SIPS+D2T", "_sips._tcp.naptr.test"),
                     (20, 1, "s", "SIP+D2U", "_sip._udp.naptr.test"), (10, 1, "s", "SIP+D2T", "_sip._tcp.naptr.test"))
        self.service("naptr.test", (1, 1, backend), transport="tcp")
        domain, setid, (target,) = self.tenant("naptr.test")
        shown = self.wait_resolved(setid, target, backend)
        self.assertEqual(shown["resolved"][0]["transport"], "tcp")
        self.refused_by(backend, self.phone("401", domain))
        self.assertEqual(self.dns.count("_sips._tcp.naptr.test", "SRV"), 0, "there is no TLS listener")

    def test_a_port_asks_for_no_srv_and_a_transport_for_its_own(self):
        backend = self.backend()
        self.dns.put("plain.test", "A", backend.address)
        domain, setid, (target,) = self.tenant(f"plain.test:{backend.port}")
        self.wait_resolved(setid, target, backend)
        self.assertEqual([kind for name, kind in self.dns.asked if name.endswith("plain.test")].count(33), 0)
        self.refused_by(backend, self.phone("401", domain))
        other = TcpPeer(self.lab, self.next_host(), port=5080)
        self.service("given.test", (1, 1, other), transport="tcp")
        domain, setid, (target,) = self.tenant("given.test;transport=tcp")
        self.wait_resolved(setid, target, other)
        self.assertEqual(self.dns.count("given.test", "NAPTR"), 0)
        self.refused_by(other, self.phone("402", domain))

    def test_when_the_ttl_is_over_the_new_address_gets_the_calls(self):
        old, new = self.backend(), self.backend()
        self.dns.put("moves.test", "A", old.address, ttl=1)
        domain, setid, (target,) = self.tenant("moves.test")
        self.wait_resolved(setid, target, old)
        caller = self.phone("401", domain)
        self.refused_by(old, caller)
        self.dns.put("moves.test", "A", new.address, ttl=1)
        self.wait_resolved(setid, target, new)
        self.refused_by(new, caller)
        self.assertTrue(old.empty())

    def test_a_name_that_is_gone_and_a_server_that_is_dead_keep_the_last_answer(self):
        backend, other = self.backend(), self.backend()
        self.dns.put("kept.test", "A", backend.address, ttl=5)
        domain, setid, (target,) = self.tenant("kept.test")
        self.wait_resolved(setid, target, backend)
        caller = self.phone("401", domain)
        for failure in ("gone", "fails", "silent"):
            since = self.edge.process.mark()
            if failure == "gone":
                self.dns.remove("kept.test", "A")
            else:
                self.dns.mood = failure
            shown = {}

            def kept():
                shown.update(self.edge.target_of(setid, target))
                return [p["state"] for p in shown["resolved"]] == ["kept"]

            wait_for(kept, 20, lambda: f"it is kept: {shown}")
            self.assertEqual(shown["resolved"][0]["endpoint"], backend.sent_by)
            self.assertEqual(shown["resolved"][0]["ttl"], "0s")
            self.assertNotEqual(shown["resolve_problem"], "")
            self.assertEqual(shown["resolved"][0]["reason"], shown["resolve_problem"])
            self.edge.process.wait_log("sip:kept.test: .*its last addresses stay in use", 1, since)
            self.refused_by(backend, caller)
            # Back again.
            self.dns.mood = "answers"
            self.dns.put("kept.test", "A", backend.address, ttl=5)
            wait_for(lambda: self.edge.target_of(setid, target)["resolve_problem"] == "", 30, "it resolves again")
            self.edge.process.wait_log("sip:kept.test resolves again", 1, since)
        self.assertTrue(other.empty())

    def test_a_name_that_does_not_resolve_is_taken_and_says_so(self):
        domain, setid, (target,) = self.tenant("nowhere.test")
        wait_for(lambda: self.edge.target_of(setid, target)["resolve_problem"] == "the name has no address", 5,
                 "it says that there is no address")
        self.assertEqual(self.edge.target_of(setid, target)["resolved"], [])
        caller = self.phone("401", domain)
        call = caller.call("600")
        call.ack_failure(caller.peer.expect(503))

    def test_the_origin_is_recognised_from_every_address(self):
        backends = self.backend(), self.backend()
        self.service("origin.test", *[(place, 1, backend) for place, backend in enumerate(backends)])
        domain, setid, (target,) = self.tenant("origin.test")
        self.wait_resolved(setid, target, *backends)
        phone = self.phone("401", domain)
        request, _ = self.register(phone, backends[0])
        uri = contacts(request)[0]
        for backend in backends:
            backend.send(self.as_backend(backend).request("OPTIONS", uri, f"<{uri}>"), self.edge.address)
            phone.peer.reply(phone.peer.expect("OPTIONS"), 200)
            backend.expect_final("OPTIONS")
        stranger = self.backend()
        stranger.send(self.as_backend(stranger).request("OPTIONS", uri, f"<{uri}>"), self.edge.address)
        phone.peer.silent(1)


if __name__ == "__main__":
    main()
