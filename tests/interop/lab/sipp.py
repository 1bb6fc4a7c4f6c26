"""SIPp with the scenarios of tests/interop/sipp."""

import os
import socket

from lab.wait import wait_for

SCENARIOS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sipp")


def socket_line(ip, port):
    """How the kernel's tables write a local address."""
    return f": {socket.inet_aton(ip)[::-1].hex().upper()}:{port:04X} "


def open_text(path, limit=-1):
    with open(path, errors="replace") as file:
        return file.read(limit)


class Sipp:
    """Runs a scenario; `remote` is "ip:port" for a calling one, None for an answering one."""

    def __init__(self, lab, scenario, host, remote=None, calls=1, rate=10, port=5060, trace=True, transport="u1",
                 keys=None):
        self.name = f"sipp-{scenario}-{host}"
        self.directory = lab.make_directory(self.name)
        self.calls = calls
        arguments = ["sipp", "-sf", os.path.join(SCENARIOS, f"{scenario}.xml"), "-i", lab.ip(host), "-p", str(port),
                     "-t", transport, "-nostdin", "-trace_err", "-error_file", f"{self.directory}/errors.log",
                     "-trace_screen", "-screen_file", f"{self.directory}/screen.log"]
        if trace:
            arguments += ["-trace_msg", "-message_file", f"{self.directory}/messages.log"]
        if remote:
            arguments += ["-m", str(calls), "-r", str(rate), remote]
        for key, value in (keys or {}).items():
            arguments[1:1] = ["-key", key, str(value)]
        self.process = lab.start(self.name, arguments, self.directory, env={"TERM": "dumb"})
        if not remote:
            table = "/proc/net/udp" if transport.startswith("u") else "/proc/net/tcp"
            wait_for(lambda: socket_line(lab.ip(host), port) in open_text(table), 10, f"{self.name} has its port")

    def wait_all_good(self, within):
        """All calls went as the scenario says."""
        status = self.process.wait_exit(within)
        if status != 0:
            errors = f"{self.directory}/errors.log"
            text = open_text(errors, 4000) if os.path.exists(errors) else ""
            raise AssertionError(f"{self.name} ended with {status}\n{text}")

    def stop(self):
        return self.process.stop()
