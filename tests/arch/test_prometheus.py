#!/usr/bin/env python3
"""The alert rules and the dashboard in packaging/: promtool checks the rules and runs their tests, the dashboard is whole.
That each metric they name exists is held against a running edge by interop.metrics. Run by ctest as arch.prometheus."""

import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
RULES = PACKAGING / "prometheus" / "usher.rules.yml"
RULE_TESTS = PACKAGING / "prometheus" / "usher.rules.test.yml"
DASHBOARD = PACKAGING / "grafana" / "usher.json"


class Prometheus(unittest.TestCase):
    def promtool(self, *arguments):
        done = subprocess.run(["promtool", *arguments], cwd=RULES.parent, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_rules_are_sound(self):
        self.promtool("check", "rules", str(RULES))

    def test_the_rules_raise_what_they_should_and_nothing_else(self):
        self.promtool("test", "rules", str(RULE_TESTS))

    def test_each_alert_is_tested_with_labels_and_text(self):
        alerts = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
        tested = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts:", RULE_TESTS.read_text()))
        self.assertEqual(alerts, tested)

    def test_each_expression_of_the_dashboard_can_be_read(self):
        panels = json.loads(DASHBOARD.read_text())["panels"]
        expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
        self.assertGreater(len(expressions), 20)
        rules = [{"record": f"panel:expression:{number}", "expr": re.sub(r"\$\w+", lambda name: "1m" if "interval" in name[0] else "x", expression)}
                 for number, expression in enumerate(expressions)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "dashboard.json")  # JSON is YAML
            path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
            self.promtool("check", "rules", str(path))

    def test_the_dashboard_has_titles_units_and_no_panel_over_another(self):
        panels = json.loads(DASHBOARD.read_text())["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken = {}
        for panel in panels:
            place = panel["gridPos"]
            self.assertTrue(panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24)
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((x, y), taken, f"{panel['title']} lies over {taken.get((x, y))}")
                    taken[x, y] = panel["title"]
            if panel["type"] != "row":
                self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                self.assertTrue(all(target["expr"] for target in panel["targets"]))


if __name__ == "__main__":
    sys.exit(unittest.main())
