"""A backend that stops answering, comes back, is drained with live calls, is deleted while used."""

from lab.lab import main
from lab.scripted import ScriptedTest
from lab.wait import wait_for

HEALTH = {"interval": "1s", "timeout": "300ms", "down_after": 2, "up_after": 2}


class Health(ScriptedTest):
    def test_down_within_two_probes_and_up_after_two(self):
        backend, other = self.backend(), self.backend()
        domain, setid, (target, _) = self.tenant(backend, other, health=HEALTH)
        self.edge.wait_health(setid, target, "up", within=5)
        backend.probes = None
        before = backend.probed
        self.edge.wait_health(setid, target, "down", within=5)
        self.assertLessEqual(backend.probed - before, 3, "two probes are enough")
        # A call goes past it at once.
        caller = self.phone("401", domain)
        call = caller.call("600")
        invite = other.expect("INVITE", within=0.3)
        self.assertTrue(backend.empty())
        other.reply(invite, 100)
        caller.peer.expect(100)
        self.decline(call, other, invite, 486)
        backend.probes = 200
        before = backend.probed
        self.edge.wait_health(setid, target, "up", within=5)
        self.assertGreaterEqual(backend.probed - before, 2)
        call = caller.call("600")
        invite = backend.expect("INVITE", within=1)
        backend.reply(invite, 100)
        caller.peer.expect(100)
        self.decline(call, backend, invite, 486)

    def test_any_answer_but_503_counts_as_alive(self):
        backend = self.backend(probes=404)
        _, setid, (target,) = self.tenant(backend, health=HEALTH)
        self.edge.wait_health(setid, target, "up", within=5)

    def test_the_round_trip_time_is_shown(self):
        backend = self.backend()
        _, setid, (target,) = self.tenant(backend, health=HEALTH)
        self.edge.wait_health(setid, target, "up", within=5)
        self.assertGreater(self.edge.target_of(setid, target)["rtt_ms"], 0)

    def test_a_set_without_a_live_target_answers_503_with_retry_after(self):
        backend = self.backend(probes=None)
        domain, setid, (target,) = self.tenant(backend, health=HEALTH)
        self.edge.wait_health(setid, target, "down", within=5)
        caller = self.phone("401", domain)
        call = caller.call("600")
        final = caller.peer.take(1)
        if final.status == 100:
            final = caller.peer.take(1)
        self.assertEqual(final.status, 503)
        self.assertIsNotNone(final.get("Retry-After"))
        call.ack_failure(final)

    def state(self, setid, target, state):
        self.edge.must("PATCH", f"/v1/dispatcher/sets/{setid}/targets/{target}", {"state": state})

    def live_calls(self, setid, target):
        return self.edge.target_of(setid, target)["live_calls"]

    def test_draining_keeps_calls_and_takes_no_new_ones_and_a_used_target_is_not_deleted(self):
        first, second = self.backend(), self.backend()
        domain, setid, (target, _) = self.tenant(first, second)
        caller = self.phone("401", domain)
        call, leg = self.establish(caller, first)
        self.assertEqual(self.live_calls(setid, target), 1)
        self.state(setid, target, "draining")
        other = self.phone("402", domain)
        another, invite = self.ring(other, second)
        self.decline(another, second, invite, 486)
        self.assertTrue(first.empty())
        path = f"/v1/dispatcher/sets/{setid}/targets/{target}"
        status, problem = self.edge.rest("DELETE", path)
        self.assertEqual(status, 409, problem)
        leg.send("INFO")
        info = caller.peer.expect("INFO")
        caller.peer.reply(info, 200)
        first.expect(200, method="INFO")
        self.hang_up(call, first)
        wait_for(lambda: self.live_calls(setid, target) == 0, 5, "it is drained")
        self.assertIn(self.edge.rest("DELETE", path)[0], (200, 204))
        self.assertEqual(self.edge.rest("GET", path)[0], 404)

    def test_a_target_without_health_yet_is_used(self):
        backend = self.backend(probes=None)
        domain, _, _ = self.tenant(backend)
        caller = self.phone("401", domain)
        call, invite = self.ring(caller, backend)
        self.decline(call, backend, invite, 486)


if __name__ == "__main__":
    main()
