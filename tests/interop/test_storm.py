"""All phones register at once while calls go on; and a disk that is slow, then refuses, then recovers."""

import statistics

from lab.disk import Disk
from lab.edge import Edge
from lab.lab import LabTest, main
from lab.scripted import ScriptedTest
from lab.storm import Callers, SlowRegistrar, StormPhones
from lab.wait import wait_for

PHONES, IN_FLIGHT, CALLS = 2000, 16, 100


class Storm(LabTest):
    @classmethod
    def setUpLab(cls):
        cls.edge = Edge(cls.lab, log_level="warning", extra=f"""
[overload]
registers_in_flight = {IN_FLIGHT}
register_wait = "1500ms"
retry_after = "4s"
max_lag = "10s"
""")

    def test_a_storm_of_registrations_delays_no_call_and_ends_with_everybody_registered(self):
        registrar = SlowRegistrar(self.lab, 10, delay=0.03)
        self.edge.set(10, health={"interval": "3600s"})
        target, = self.edge.tenant("a.test", 10, registrar.address)
        self.edge.wait_health(10, target, "up")
        phones = StormPhones(self.lab, 20, self.edge.address, "a.test", PHONES)
        callers = Callers(self.lab, 21, self.edge.address, "a.test", CALLS, per_second=20)
        waited = [0]

        def waiting():
            waited[0] = max(waited[0], self.edge.status()["load"]["queues"]["registers"])
            return waited[0]

        phones.begin()
        wait_for(waiting, 20, "REGISTERs wait for their turn")
        callers.begin()
        wait_for(lambda: len(callers.statuses) == CALLS, 60, lambda: f"all calls are answered: {len(callers.statuses)}")
        waiting()
        wait_for(lambda: len(phones.registered) == PHONES, 150,
                 lambda: f"everybody is registered: {len(phones.registered)}, {len(phones.waiting)} ask")
        status = self.edge.status()
        self.assertEqual(set(callers.statuses), {200}, "no call is refused")
        self.assertLess(statistics.median(callers.took), 0.75, "a call does not wait where a registration does")
        self.assertLessEqual(registrar.most_busy, IN_FLIGHT)
        self.assertGreater(registrar.most_busy, 1)
        self.assertEqual(phones.others, [])
        self.assertGreater(waited[0], IN_FLIGHT)
        self.assertTrue(phones.retry_afters, "so many can't all be served in their time")
        self.assertGreaterEqual(min(phones.retry_afters), 2)
        self.assertLessEqual(max(phones.retry_afters), 6)
        self.assertGreater(len(set(phones.retry_afters)), 2)
        self.assertEqual(status["counts"]["registrations"], PHONES)
        self.assertEqual(status["counters"]["overload_refused"], 0)
        self.assertEqual(status["counters"]["registers_turned_away"], len(phones.retry_afters))
        self.assertEqual(status["load"]["queues"]["registers"], 0)
        self.assertEqual(status["load"]["queues"]["registers_in_flight"], 0)


class BadDisk(ScriptedTest):
    @classmethod
    def setUpLab(cls):
        cls.disk = Disk(cls.lab)
        cls._host, cls._tenants = 40, 0
        cls.edge = Edge(cls.lab, timers=cls.TIMERS, log_level="info", env=cls.disk.env)

    def events(self, kind):
        """Subjects of the events of this kind."""
        return [event["subject"] for event in self.edge.must("GET", f"/v1/events?format=json&kind={kind}")["items"]]

    def health(self):
        return self.edge.must("GET", "/healthz")

    def test_a_disk_that_is_slow_then_broken_then_read_only_loses_nothing_and_delays_no_call(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phones = []

        def register(count):
            for _ in range(count):
                phone = self.phone(str(400 + len(phones)), domain)
                self.register(phone, backend)
                phones.append(phone)

        register(3)
        self.assertEqual(self.health()["status"], "ok")
        self.disk.becomes("slow")
        register(5)
        wait_for(lambda: self.health()["status"] == "degraded", 5, lambda: self.health())
        self.assertGreater(self.edge.status()["counters"]["registers_unstored"], 0)
        self.assertEqual(self.edge.process.log().count("longer than 500 ms"), 1, "told once")
        self.assertEqual(self.events("store-degraded"), ["store"])
        self.disk.becomes("broken")
        register(10)
        wait_for(lambda: not self.edge.status()["store"]["ok"], 5, lambda: self.edge.status()["store"])
        self.assertEqual(self.health()["status"], "degraded")
        ready, document = self.edge.rest("GET", "/readyz")
        self.assertEqual(ready, 200, "a disk takes no edge out of service")
        self.assertTrue(document["degraded"], document)
        for state in ("broken", "read-only"):
            self.disk.becomes(state)
            register(2)
            call, leg = self.establish(phones[-1], backend)
            self.hang_up(call, backend)
        self.assertEqual(len(self.edge.registrations(domain)), len(phones))
        log = self.edge.process.log()
        self.assertEqual(log.count("the store fails"), 1, "told once, not with each write")
        self.disk.becomes("ok")
        wait_for(lambda: self.health()["status"] == "ok", 10, lambda: self.health())
        register(1)
        self.assertEqual(self.edge.process.log().count("the store takes writes again"), 1)
        self.assertEqual(self.events("store-recovered")[-1], "store")
        self.assertEqual(self.edge.status()["store"]["dropped"], 0)
        wait_for(lambda: self.edge.status()["store"]["queued"] == 0, 10, "everything is written")
        self.edge.kill9()
        self.edge.start()
        self.assertEqual(len(self.edge.registrations(domain)), len(phones), "nothing is lost")


if __name__ == "__main__":
    main()
