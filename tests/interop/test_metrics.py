"""/metrics of an edge that has carried calls: promtool finds nothing to say, every metric that the dashboard and the rules name
is there, and the counts are what happened."""

import json
import os
import re
import subprocess
import time

from lab.edge import Edge
from lab.lab import LabTest, main
from lab.records import Callee
from lab.sipp import Sipp
from lab.wait import wait_for

PACKAGING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../packaging")
CALLS = 40
NAME = re.compile(r"\b(?:usher|process)_[a-z0-9_]+")


def names_in(text):
    return set(NAME.findall(text))


class Metrics(LabTest):
    @classmethod
    def setUpLab(cls):
        cls.edge = Edge(cls.lab, timers={"t1": "100ms"}, log_level="warning")
        callee = Callee(cls.lab, 10)
        cls.lab.on_close(callee.close)
        cls.targets = cls.edge.tenant("a.test", 10, cls.lab.ip(10))
        cls.edge.wait_ready()
        Sipp(cls.lab, "caller_talks", 21, f"{cls.edge.ip}:5060", calls=CALLS, rate=20,
             keys={"domain": "a.test"}).wait_all_good(60)
        wait_for(lambda: not cls.edge.calls(), 10, "no call is left")
        cls.text = cls.edge.must("GET", "/metrics")
        cls.families = set(re.findall(r"^# TYPE (\S+)", cls.text, re.M))

    def value(self, sample):
        found = re.search(rf"^{re.escape(sample)} (\S+)$", self.text, re.M)
        self.assertTrue(found, f"no {sample} in\n{self.text}")
        return float(found.group(1))

    def test_promtool_has_nothing_to_say(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.text, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_each_metric_of_the_dashboard_and_the_rules_exists(self):
        with open(f"{PACKAGING}/grafana/usher.json") as file:
            board = json.load(file)
        expressions = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
        expressions += [variable["query"] for variable in board["templating"]["list"]]
        expressions += [annotation["expr"] for annotation in board["annotations"]["list"]]
        with open(f"{PACKAGING}/prometheus/usher.rules.yml") as file:
            expressions.append(file.read())
        named = set().union(*map(names_in, expressions))
        self.assertGreater(len(named), 25)
        known = self.families | {f"{family}_{part}" for family in self.families for part in ("bucket", "sum", "count")}
        self.assertEqual(named - known, set())

    def test_requests_and_responses_are_counted_on_both_sides(self):
        def sent(kind, method, side, direction, code=None):
            code = f'code="{code}",' if code else ""
            return self.value(f'usher_sip_{kind}_total{{method="{method}",{code}side="{side}",direction="{direction}"}}')

        self.assertGreaterEqual(sent("requests", "INVITE", "phone", "in"), CALLS)
        self.assertGreaterEqual(sent("requests", "INVITE", "backend", "out"), CALLS)
        ok = sent("responses", "INVITE", "backend", "in", 200)
        busy = sent("responses", "INVITE", "backend", "in", 486)
        self.assertGreaterEqual(ok + busy, CALLS)
        self.assertEqual(self.value('usher_calls_ended_total{status="486"}'), CALLS / 4)
        self.assertGreaterEqual(sent("responses", "INVITE", "phone", "out", 486), CALLS / 4)
        self.assertGreaterEqual(sent("requests", "BYE", "backend", "out"), CALLS * 3 / 4)
        answered = self.value('usher_sip_transaction_duration_seconds_count{method="INVITE",side="backend"}')
        self.assertEqual(answered, CALLS)
        self.assertGreater(self.value('usher_sip_transaction_duration_seconds_count{method="OPTIONS",side="backend"}'), 0)

    def test_the_process_says_what_it_uses(self):
        self.assertAlmostEqual(self.value("process_start_time_seconds"), time.time(), delta=120)
        self.assertGreater(self.value("process_resident_memory_bytes"), 1e6)
        self.assertGreater(self.value("process_cpu_seconds_total"), 0)
        self.assertGreater(self.value("process_open_fds"), 5)
        self.assertGreater(self.value("process_max_fds"), self.value("process_open_fds"))
        self.assertGreater(self.value("usher_store_commit_duration_seconds_count"), 0)

    def test_a_target_has_its_figures(self):
        labels = f'setid="10",target="{self.targets[0]}",destination="{self.lab.ip(10)}"'
        rest = self.edge.target_of(10, self.targets[0])
        labels = labels.replace(self.lab.ip(10), rest["destination"])
        self.assertEqual(self.value(f"usher_target_up{{{labels}}}"), 1)
        self.assertEqual(self.value(f"usher_target_calls{{{labels}}}"), 0)
        self.assertEqual(self.value(f"usher_target_attempts_total{{{labels}}}"), rest["attempts"])
        self.assertEqual(self.value(f"usher_target_failures_total{{{labels}}}"), 0)


if __name__ == "__main__":
    main()
