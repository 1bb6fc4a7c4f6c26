"""A child process with its log in a file, which ends with us."""

import ctypes
import os
import re
import signal
import subprocess

from .wait import Timeout, wait_for

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _end_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """`argv` running in `directory`; both outputs go to `<directory>/<name>.log`."""

    def __init__(self, name, argv, directory, env=None):
        self.name = name
        self.log_path = os.path.join(directory, name.replace(" ", "_") + ".log")
        self._log = open(self.log_path, "ab")
        self._log.write(("$ " + " ".join(argv) + "\n").encode())
        self._log.flush()
        self.child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT, cwd=directory,
            env={**os.environ, **(env or {})}, start_new_session=True, preexec_fn=_end_with_parent)

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        return self.child.poll() is None

    def log(self):
        with open(self.log_path, "r", errors="replace") as file:
            return file.read()

    def mark(self):
        """A place in the log, for `since`."""
        return os.path.getsize(self.log_path)

    def wait_log(self, pattern, within, since=0):
        """The first match of the regular expression in the log after `since`."""
        expression = re.compile(pattern, re.M)

        def seen():
            with open(self.log_path, "rb") as file:
                file.seek(since)
                found = expression.search(file.read().decode(errors="replace"))
            if not found and not self.alive():
                raise Timeout(f"{self.name} ended with {self.child.returncode} before /{pattern}/")
            return found

        return wait_for(seen, within, f"{self.name} says /{pattern}/")

    def wait_exit(self, within):
        """The exit status; Timeout if it runs on."""
        try:
            return self.child.wait(within)
        except subprocess.TimeoutExpired as error:
            raise Timeout(f"{self.name} still runs after {within} s") from error

    def stop(self, within=5.0, how=signal.SIGTERM):
        """Ends it, at once if it does not go by itself within the time. Gives the exit status."""
        if self.alive():
            self.child.send_signal(how)
            try:
                self.child.wait(within)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self._log.close()
        return self.child.returncode

    def kill9(self):
        self.child.kill()
        self.child.wait()
        self._log.close()
