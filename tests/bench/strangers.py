"""Strangers' packets in number: tests/bench/flood.cpp, built beside the edge."""

import json
import os

BANNED = "127.254.254.1"  # the only source of a flood of "one"


def program():
    found = os.path.join(os.path.dirname(os.path.abspath(os.environ["USHER_BINARY"])), "tests/bench/flood")
    if not os.access(found, os.X_OK):
        raise SystemExit(f"no sender of strangers' packets at {found}: build the target flood of the preset bench")
    return found


class Flood:
    """Packets to `remote` ("ip:port"), `rate` a second (0: as many as the machine can), from one source or each from a new one."""

    def __init__(self, lab, remote, sources, rate, seconds):
        self.seconds = seconds
        directory = lab.make_directory("flood")
        self.process = lab.start("flood", [program(), *remote.split(":"), sources, str(rate), str(seconds)], directory)

    def result(self):
        """When its time is over: {"sent": packets, "seconds": how long it took}."""
        status = self.process.wait_exit(self.seconds + 30)
        with open(self.process.log_path) as file:
            lines = [line for line in file if line.startswith("{")]
        if status != 0 or not lines:
            raise AssertionError(f"flood ended with {status}:\n{self.process.log()}")
        return json.loads(lines[-1])
