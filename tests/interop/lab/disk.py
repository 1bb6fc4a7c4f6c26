"""A disk that a test puts into bad states, for a process that tests/support/slow_disk.c is preloaded into."""

import os
import subprocess

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support/slow_disk.c")


class Disk:
    """`env` goes into the process's environment; the states are slow_disk.c's."""

    def __init__(self, lab):
        library = lab.path("slow_disk.so")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
        self._path = lab.path("disk")
        self.env = {"LD_PRELOAD": library, "SLOW_DISK": self._path}
        self.becomes("ok")

    def becomes(self, state):
        with open(self._path + ".new", "w") as file:
            file.write(state)
        os.rename(self._path + ".new", self._path)
