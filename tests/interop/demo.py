"""./dev run --demo: a real Asterisk, the edge and two baresips. One phone calls the other; the call is shown as a
ladder, and everything stays up for a look until Ctrl-C."""

import argparse
import os
import signal
import sys
import time

from lab.asterisk import Asterisk
from lab.asterisk_root import NoAsterisk
from lab.baresip import Baresip
from lab.capture import Capture
from lab.edge import Edge
from lab.ladder import ladder
from lab.lab import Lab
from lab.wait import wait_for

ADMIN_PORT = 8080


def say(text):
    print(f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text, flush=True)


def bring_up(lab):
    capture = Capture(lab)
    edge = Edge(lab, host=1, admin_port=ADMIN_PORT, log_level="info")
    say(f"edge        sip:{edge.ip}:5060 (UDP, TCP), admin http://{edge.admin}")
    asterisk = Asterisk(lab, 10, {"401": "one", "402": "two"}, qualify_frequency=30)
    say(f"Asterisk    {asterisk.address}:5060")
    target = edge.target(10, asterisk.address)
    edge.domain("a.test", 10)
    edge.wait_ready()
    say("domain      a.test → dispatcher set 10 → target " + str(target))
    phones = [Baresip(lab, 21, "401", "a.test", "one", f"{edge.ip}:5060"),
              Baresip(lab, 22, "402", "a.test", "two", f"{edge.ip}:5060")]
    for phone in phones:
        phone.wait_registered()
        asterisk.wait_contact(phone.user)
        say(f"phone {phone.user}   {phone.address}, registered at Asterisk as {asterisk.contacts(phone.user)[0][0]}")
    return capture, edge, asterisk, phones


def call(capture, edge, asterisk, phones, talk):
    caller, callee = phones
    since = capture.mark()
    say("\n401 calls 402")
    caller.dial("402")
    callee.wait_event("CALL_INCOMING")
    caller.wait_event("CALL_RINGING")
    callee.accept()
    for phone in phones:
        phone.wait_event("CALL_ESTABLISHED")
    try:
        callee.wait_event("CALL_CLOSED", within=talk)
    except AssertionError:
        callee.hangup()
    caller.wait_event("CALL_CLOSED")
    asterisk.wait_no_channels()
    wait_for(lambda: not edge.calls(), 5, "the edge has no call left")
    columns = [("401", caller.address), ("edge", edge.ip), ("Asterisk", asterisk.address), ("edge", edge.ip),
               ("402", callee.address)]
    packets = [p for p in capture.packets[since:] if p.message.method not in ("OPTIONS", "REGISTER")]
    print(ladder(packets, columns))


def look(lab, edge, asterisk):
    say("\nAll of it is still running. Look at it:")
    print(f"""
  curl -s {edge.admin}/v1/registrations
  curl -s {edge.admin}/v1/dispatcher/sets/10/targets
  curl -s {edge.admin}/v1/status
  curl -s {edge.admin}/metrics
  chroot {asterisk.root} asterisk -C {asterisk._inner}/etc/asterisk.conf -rvvv
  tail -f {edge.process.log_path}

The phones 401 and 402 are baresips with an open control socket (netstrings of JSON on port 4444 of 127.0.0.21 and .22);
every log is below {lab.directory}. Ctrl-C ends everything.""", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--usher", help="the edge's program", default=None)
    options.add_argument("--talk", type=float, default=2.0, help="seconds the phones talk")
    options.add_argument("--once", action="store_true", help="end after the call")
    options = options.parse_args()
    if os.geteuid() != 0:
        os.execvp("sudo", ["sudo", "-E", sys.executable, *sys.argv])
    if options.usher:
        os.environ["USHER_BINARY"] = os.path.abspath(options.usher)
    lab = Lab("demo", network="127.0.0")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        capture, edge, asterisk, phones = bring_up(lab)
        call(capture, edge, asterisk, phones, options.talk)
        if options.once:
            return
        look(lab, edge, asterisk)
        while edge.process.alive():
            time.sleep(0.5)
        print(f"the edge ended with {edge.process.child.returncode}")
    except KeyboardInterrupt:
        print()
    except NoAsterisk as error:
        sys.exit(f"demo: {error}")
    except AssertionError as error:
        lab.print_logs(30)
        sys.exit(f"demo: {error}")
    finally:
        lab.close()


if __name__ == "__main__":
    main()
