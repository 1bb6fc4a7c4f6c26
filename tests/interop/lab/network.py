"""A network of the program's own, with more IPv6 addresses than the one that a machine's loopback has."""

import os
import subprocess
import sys

_INSIDE = "USHER_LAB_OWN_NETWORK"


def enter_own_network(*addresses):
    """Runs this program again where nothing but a loopback interface is, which has these addresses as well; nobody outside sees it, and it is gone
    with the program. Returns where it cannot be made, which inside_own_network() tells."""
    if inside_own_network():
        for command in (["link", "set", "lo", "up"], *(["-6", "address", "add", f"{address}/128", "dev", "lo", "nodad"] for address in addresses)):
            subprocess.run(["ip", *command], check=True)
    elif subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0:
        os.execvpe("unshare", ["unshare", "-rn", sys.executable, *sys.argv], {**os.environ, _INSIDE: "1"})


def inside_own_network():
    return _INSIDE in os.environ
