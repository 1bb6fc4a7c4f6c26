"""Calls under kill -9, and what their records say: for interop.records and tests/bench/run_records."""

import collections
import csv
import io
import itertools
import re
import urllib.request

from . import sip
from .sipp import Sipp
from .storm import Loop
from .wait import pause, wait_for

MESSAGE = re.compile(r"^-{20,}.*?message (sent|received)[^\n]*:\n\n(.*?)(?=^-{20,}|\Z)", re.S | re.M)


class Callee(Loop):
    """A backend that answers every call, some after ringing, and is busy for one in four; it survives the edge. Asked for a call that
    is over it says so (481): the edge may have been killed before it had written that down."""

    def __init__(self, lab, host):
        super().__init__(lab, host, 5060)
        self.answers, self.count, self.over = {}, itertools.count(), set()
        self.begin()

    def received(self, m):
        if m.is_response or m.method == "ACK":
            return
        key = (m.branch(), m.method)
        if key in self.answers:
            if self.answers[key]:
                self.send(self.answers[key], m.source)
        elif m.method != "INVITE":
            self._answer(m, key, 481 if m["Call-ID"] in self.over else 200)
            if m.method == "BYE":
                self.over.add(m["Call-ID"])
        else:
            number = next(self.count)
            self.answers[key] = None
            if number % 4 == 3:
                return self._answer(m, key, 486)
            tag = sip.new_tag()
            if number % 4 == 0:
                return self._answer(m, key, 200, tag)
            self.send(sip.respond(m, 180, tag=tag, headers=self._contact()), m.source)
            self.after(0.05 * (number % 11), lambda: self._answer(m, key, 200, tag))

    def _contact(self):
        return [("Contact", f"<sip:callee@{self.address}:{self.port}>")]

    def _answer(self, m, key, status, tag=None):
        self.answers[key] = sip.respond(m, status, tag=tag or sip.new_tag(),
                                        headers=self._contact() if m.method == "INVITE" else [])
        self.send(self.answers[key], m.source)


def calls_seen(path):
    """What SIPp sent and received: {Call-ID: the set of final and 18x statuses it got to its INVITE}."""
    seen = collections.defaultdict(set)
    with open(path, errors="replace") as file:
        text = file.read()
    for direction, message in MESSAGE.findall(text):
        call_id = re.search(r"^Call-ID:\s*(\S+)", message, re.M | re.I)
        if not call_id:
            continue
        seen[call_id.group(1)]
        status = re.match(r"SIP/2\.0 (\d+)", message)
        if direction == "received" and status and re.search(r"^CSeq:\s*\d+ INVITE", message, re.M | re.I):
            if int(status.group(1)) >= 180:
                seen[call_id.group(1)].add(int(status.group(1)))
    return seen


def file_ids(path):
    """Lines of the file of records, by id. A killed writer may leave half a line, never within another."""
    with open(path, newline="") as file:
        return collections.Counter(row["id"] for row in csv.DictReader(file))


def records(edge, query=""):
    """All records, by REST, page by page."""
    return edge.items("/v1/cdrs?limit=1000" + query)


def records_csv(edge):
    """The same as CSV: rows as dictionaries, following the Link header."""
    found, path = [], "/v1/cdrs?format=csv&limit=500"
    while path:
        with urllib.request.urlopen(f"http://{edge.admin}{path}", timeout=10) as answer:
            found += csv.DictReader(io.StringIO(answer.read().decode(), newline=""))
            link = answer.headers["Link"]
        path = re.match(r"<(.*)>; rel=\"next\"", link).group(1) if link else None
    return found


def storm(lab, edge, calls, rate, kills):
    """`calls` calls while the edge is killed and started again `kills` times. Gives what SIPp saw."""
    callee = Callee(lab, 10)
    lab.on_close(callee.close)
    edge.tenant("a.test", 10, lab.ip(10))
    edge.wait_ready()
    caller = Sipp(lab, "caller_talks", 21, f"{edge.ip}:5060", calls=calls, rate=rate, keys={"domain": "a.test"})
    took = calls / rate
    for _ in range(kills):
        pause(took / (kills + 1))
        edge.kill9()
        edge.start()
    caller.process.wait_exit(took + 90)
    wait_for(lambda: not edge.calls(), 150, "no call is left: who is gone is asked three times")
    wait_for(lambda: edge.status()["counts"]["pending_persists"] == 0, 10, "the store has all")
    return calls_seen(f"{caller.directory}/messages.log")


def judge(seen, found):
    """(calls that got an answer or rang, of these without a record, call ids with more than one, records of nobody). Who was only
    told 503 may have been turned away by an overload, without state and so without a record; he is owed none."""
    by_call = collections.Counter(record["origin_call_id"] for record in found)
    ids = collections.Counter(record["id"] for record in found)
    owed = {call for call, statuses in seen.items() if statuses and (statuses != {503} or by_call[call])}
    missing = sorted(owed - set(by_call))
    double = sorted(call for call, count in by_call.items() if count > 1) + [i for i, n in ids.items() if n > 1]
    strangers = sorted(set(by_call) - set(seen))
    return owed, missing, double, strangers
