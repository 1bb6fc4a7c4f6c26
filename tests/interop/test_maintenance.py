"""Maintenance windows: a target is drained by itself, comes back by itself, and a restart goes on with it."""

import datetime

from lab.lab import main
from lab.scripted import ScriptedTest
from lab.viewer import Viewer


def moment(seconds):
    """The calendar time in so many seconds."""
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Maintenance(ScriptedTest):
    def maintain(self, setid, target, window):
        return self.edge.must("PATCH", f"/v1/dispatcher/sets/{setid}/targets/{target}", {"maintenance": [window]})["maintenance"][0]

    def test_a_target_is_drained_in_its_window_and_comes_back(self):
        first, second = self.backend(), self.backend()
        domain, setid, (target, _) = self.tenant(first, second)
        phone, other = self.phone("401", domain), self.phone("402", domain)
        call, _ = self.establish(phone, first)
        viewer = Viewer(self.edge, "?kind=maintenance-began,maintenance-ended")
        wanted = self.maintain(setid, target, {"from": moment(1), "until": moment(3600), "comment": "new disk"})

        began = viewer.expect("maintenance-began")
        self.assertIn(first.address, began["subject"])
        self.assertIn("new disk", began["text"])
        during, _ = self.establish(other, second)
        self.hang_up(during, second)
        shown = self.edge.target_of(setid, target)
        self.assertEqual((shown["state"], shown["maintenance_until"]), ("active", wanted["until"]))
        self.hang_up(call, first)  # what was up has gone on

        wanted = self.maintain(setid, target, {**wanted, "until": moment(1)})
        ended = viewer.expect("maintenance-ended")
        self.assertGreaterEqual(ended["at"], wanted["until"])
        again, _ = self.establish(phone, first)
        self.hang_up(again, first)
        shown = self.edge.target_of(setid, target)
        self.assertEqual((shown["maintenance"], shown["maintenance_until"]), ([], None))
        viewer.close()

    def test_a_window_survives_a_crash(self):
        first, second = self.backend(), self.backend()
        domain, setid, (target, _) = self.tenant(first, second)
        wanted = self.maintain(setid, target, {"from": moment(-10), "until": moment(3600)})
        self.edge.kill9()
        self.edge.start()
        shown = self.edge.target_of(setid, target)
        self.assertEqual((shown["maintenance"], shown["maintenance_until"]), ([wanted], wanted["until"]))
        phone = self.phone("401", domain)
        call, _ = self.establish(phone, second)
        self.hang_up(call, second)
        self.edge.must("PATCH", f"/v1/dispatcher/sets/{setid}/targets/{target}", {"maintenance": []})
        call, _ = self.establish(phone, first)
        self.hang_up(call, first)


if __name__ == "__main__":
    main()
