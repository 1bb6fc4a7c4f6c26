"""One laboratory: a loopback /24 of its own, a directory, and everything that was started in it."""

import fcntl
import os
import random
import shutil
import socket
import sys
import tempfile
import unittest

from .process import Process


class Lab:
    """Addresses are 127.N.0.x with an N that no other laboratory on this machine uses at the same time,
    so that tests run side by side and every party can have port 5060."""

    def __init__(self, name, network=None):
        self.directory = tempfile.mkdtemp(prefix=f"usher-lab-{name}-")
        self._reservation = None
        self.network = network or self._reserve()
        self._closers = []
        self.processes = []

    def _reserve(self):
        numbers = list(range(1, 255))
        random.shuffle(numbers)
        for number in numbers:
            reservation = open(os.path.join(tempfile.gettempdir(), f"usher-lab-127.{number}.lock"), "w")
            try:
                fcntl.flock(reservation, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                reservation.close()
                continue
            self._reservation = reservation
            return f"127.{number}.0"
        raise RuntimeError("no loopback network is free")

    def ip(self, host):
        return f"{self.network}.{host}"

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def make_directory(self, name):
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        return path

    def start(self, name, argv, directory=None, env=None):
        process = Process(name, argv, directory or self.directory, env)
        self.processes.append(process)
        self.on_close(process.stop)
        return process

    def on_close(self, closer):
        """Called at the end, last one first."""
        self._closers.append(closer)

    def close(self, keep=False):
        for closer in reversed(self._closers):
            try:
                closer()
            except Exception as error:  # the rest must be ended too
                print(f"lab: while closing: {error!r}", file=sys.stderr)
        self._closers.clear()
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)
        if self._reservation:
            self._reservation.close()

    def print_logs(self, lines=80):
        """The end of every log file, for the report of a failed test."""
        for folder, _, files in sorted(os.walk(self.directory)):
            for file in sorted(files):
                if not file.endswith(".log"):
                    continue
                with open(os.path.join(folder, file), "r", errors="replace") as log:
                    tail = log.read().splitlines()[-lines:]
                print(f"---- {os.path.relpath(os.path.join(folder, file), self.directory)}", file=sys.stderr)
                print("\n".join(tail), file=sys.stderr)


class LabTest(unittest.TestCase):
    """A test class with one laboratory, `self.lab`, for all its tests. setUpLab() fills it."""

    lab: Lab

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(cls.__name__)
        try:
            cls.setUpLab()
        except BaseException:
            cls.lab.print_logs()
            cls.lab.close()
            raise

    @classmethod
    def setUpLab(cls):
        """Starts what all tests of the class share."""

    @classmethod
    def tearDownClass(cls):
        cls.lab.close(keep=bool(os.environ.get("USHER_LAB_KEEP")))

    def run(self, result=None):
        result = result if result is not None else self.defaultTestResult()
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            print(f"==== logs after {self.id()}", file=sys.stderr)
            self.lab.print_logs()
        return result


def free_port(address, kind=socket.SOCK_DGRAM):
    """A port nobody has at this moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def main():
    """Runs the file's tests; as root, because of the chroot and the packet capture."""
    if os.geteuid() != 0 and shutil.which("sudo"):
        os.execvp("sudo", ["sudo", "-n", "-E", sys.executable, *sys.argv])
    unittest.main(verbosity=2)
