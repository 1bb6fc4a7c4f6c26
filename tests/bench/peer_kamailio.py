"""Kamailio, the peer of the benchmarks, with one of the configurations of this folder."""

import os

from lab.wait import wait_for
from measure import udp_socket

HERE = os.path.dirname(os.path.abspath(__file__))


def start_kamailio(lab, target, config="kamailio.cfg", **tokens):
    """On the lab's host 2, with `target` ("ip:port") as its backend. `tokens` are filled in for __NAME__ of the configuration.
    Gives the process and its address, "ip:port"."""
    directory = lab.make_directory("kamailio")
    listen = f"{lab.ip(2)}:5060"
    targets, path = os.path.join(directory, "dispatcher.list"), os.path.join(directory, "kamailio.cfg")
    with open(targets, "w") as file:
        file.write(f"10 sip:{target}\n")
    with open(os.path.join(HERE, config)) as file:
        text = file.read()
    for name, value in {"listen": listen, "list": targets, **tokens}.items():
        text = text.replace(f"__{name.upper()}__", value)
    with open(path, "w") as file:
        file.write(text)
    process = lab.start("kamailio", ["kamailio", "-DD", "-E", "-f", path, "-Y", directory, "-m", "256"], directory)
    wait_for(lambda: udp_socket(lab.ip(2), 5060), 10, "Kamailio listens")
    return process, listen
