"""What the operating system says of a process and its children, CPU time and memory, and of sockets."""

import math
import os
import statistics

TICK = os.sysconf("SC_CLK_TCK")


def family(pid):
    """The process and all its descendants."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parents[int(entry)] = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue  # it ended meanwhile
    members = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in members} - members
        if not more:
            return members
        members |= more


def cpu_seconds(pid):
    """User and system time of the whole family, from the scheduler's own nanosecond count where there is one."""
    total = 0.0
    for member in family(pid):
        tasks = f"/proc/{member}/task"
        try:
            for task in os.listdir(tasks):
                with open(f"{tasks}/{task}/schedstat") as file:
                    total += int(file.read().split()[0]) / 1e9
        except OSError:
            with open(f"/proc/{member}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def resident_bytes(pid):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError(f"no VmRSS of {pid}")


def udp_socket(ip, port):
    """What the kernel says of the UDP socket (IPv4) that is bound there: {"queued": bytes that wait in it, "dropped": datagrams
    for which there was no room}; None without one."""
    wanted = "".join(f"{int(part):02X}" for part in reversed(ip.split("."))) + f":{port:04X}"
    with open("/proc/net/udp") as file:
        for line in file:
            fields = line.split()
            if fields[1] == wanted:
                return {"queued": int(fields[4].split(":")[1], 16), "dropped": int(fields[-1])}
    return None


def machine():
    """One line that says what the figures were taken on."""
    model = "unknown processor"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} x {model}, Linux {os.uname().release}"


def median(values):
    return statistics.median(values)


def percentile(values, part):
    """The smallest of the values that at least `part` percent of them do not exceed; NaN of none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part / 100) - 1)]
