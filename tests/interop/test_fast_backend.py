"""Ten thousand calls to a backend that answers at once: each caller sees 100, 180, 200."""

from lab.lab import main
from lab.scripted import ScriptedTest
from lab.sipp import Sipp


class FastBackend(ScriptedTest):
    TIMERS = None
    LOG_LEVEL = "warning"

    def test_ten_thousand_callers_see_100_180_200_and_no_408(self):
        Sipp(self.lab, "backend_answers_at_once", 12, trace=False)
        self.edge.target(10, self.lab.ip(12))
        self.edge.domain("a.test", 10)
        callers = Sipp(self.lab, "caller_sees_100_180_200", 22, remote=f"{self.edge.ip}:5060", calls=10000, rate=250,
                       trace=False, keys={"domain": "a.test"})
        callers.wait_all_good(90)
        self.edge.wait_quiet(45)


if __name__ == "__main__":
    main()
