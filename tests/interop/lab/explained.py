"""What the edge says of a call: its explanation, and its ladder as lines that a test can compare."""

import re
from collections import Counter
from urllib.parse import quote

from .lab import LabTest
from .wait import Timeout, wait_for


class Explanation:
    """What /v1/explain answered: `kind`, `verdict`, `death`, `steps`."""

    def __init__(self, answer):
        self.kind, self.verdict, self.death, self.steps = (answer[name] for name in ("kind", "verdict", "known_death", "steps"))

    def all(self, what):
        return [step for step in self.steps if step["what"] == what]

    def last(self, what):
        return self.all(what)[-1]

    def __str__(self):
        return "\n".join([f"{self.kind}: {self.verdict} ({self.death})",
                          *(f"{step['what']}: {step['why']} {step['fields']}" for step in self.steps)])


class Ladder:
    """What /v1/ladder answered. A party goes by its role; several of one role have numbers, from left to right."""

    def __init__(self, answer):
        self.items, self.parties = answer["items"], answer["parties"]
        count, seen, self.names = Counter(self.roles()), Counter(), []
        for role in self.roles():
            seen[role] += 1
            self.names.append(f"{role} {seen[role]}" if count[role] > 1 else role)

    def roles(self):
        return [party["role"] for party in self.parties]

    def label(self, name):
        """The address of the party of this name."""
        return self.parties[self.names.index(name)]["label"]

    def line(self, item):
        """"phone > usher INVITE", with " (again)" of a repetition; "* ended: BYE; status=200" of a note."""
        if item["kind"] == "note":
            return f"* {item['label']}: {item['detail']}"
        again = {"message": "", "retransmission": " (again)"}.get(item["kind"], f" ({item['kind']})")
        return f"{self.names[item['from']]} > {self.names[item['to']]} {item['label']}{again}"

    def lines(self):
        return [self.line(item) for item in self.items]

    def messages(self):
        return [item for item in self.items if item["kind"] != "note"]

    def flow(self, party=None):
        """The messages (of this party), without what depends on the machine's speed: repetitions, and each 100 of the edge, which makes one by itself
        when the backend's is late."""
        found = []
        for item in self.messages():
            ends = self.names[item["from"]], self.names[item["to"]]
            own_trying = ends[0] == "usher" and item["label"].startswith("100 ")
            if item["kind"] != "retransmission" and not own_trying and (party is None or party in ends):
                found.append(self.line(item))
        return found

    def offsets(self, line):
        """When these lines were, in ms."""
        return [item["offset_ms"] for item in self.items if self.line(item) == line]

    def __str__(self):
        return "\n".join(f"{item['offset_ms']:9.1f} {self.line(item)}" for item in self.items)


def flow(text):
    """The lines of an expected flow."""
    return [line.strip() for line in text.splitlines() if line.strip()]


# How each INVITE that Asterisk challenges begins, up to the one with credentials at Asterisk.
CHALLENGED = """
    phone > usher INVITE
    usher > backend INVITE
    backend > usher 401 Unauthorized
    usher > backend ACK
    usher > phone 401 Unauthorized
    phone > usher ACK
    phone > usher INVITE
    usher > backend INVITE
"""


def step(what, **fields):
    """A step that is expected; `why` is a regular expression, the others are fields."""
    return what, fields.pop("why", ""), fields


class ExplainedTest(LabTest):
    """`edge` is a class's own. Each test asks by the Call-ID of a call that is over."""

    def explained(self, call_id, verdict, kind="call", death=None, within=5):
        """The explanation, as soon as it has the verdict (a regular expression)."""

        def ask():
            status, answer = self.edge.rest("GET", f"/v1/explain/{quote(call_id, safe='')}")
            return Explanation(answer) if status == 200 else None

        try:
            found = wait_for(lambda: (e := ask()) and re.search(verdict, e.verdict) and e.death == death and e, within, "the verdict")
        except Timeout:
            found = ask()
            self.assertIsNotNone(found, f"nothing is known of {call_id}")
            self.assertRegex(found.verdict, verdict, found)
            self.assertEqual(found.death, death, found)
        self.assertEqual(found.kind, kind, found)
        return found

    def assert_steps(self, found, *expected):
        """These are among the steps, in this order."""
        steps = iter(found.steps)
        for what, why, fields in expected:
            if not any(s["what"] == what and re.search(why, s["why"]) and fields.items() <= s["fields"].items() for s in steps):
                self.fail(f"no {what} /{why}/ {fields} in its place in:\n{found}")

    def ladder(self, call_id, more=""):
        found = Ladder(self.edge.must("GET", f"/v1/ladder?call_id={quote(call_id, safe='')}{more}"))
        seen = set()
        for item in found.messages():  # a repetition is one of the same bytes between the same two, and nothing else is
            what = item["from"], item["to"], item["text"]
            self.assertEqual("retransmission" if what in seen else "message", item["kind"], found.line(item))
            seen.add(what)
        return found

    def assert_flow(self, call_id, text, party=None):
        """The ladder's messages (of this party) are these; the last one may be under way still. Gives the ladder."""
        expected = flow(text)
        try:
            wait_for(lambda: self.ladder(call_id).flow(party) == expected, 5, "the flow")
        except Timeout:
            ladder = self.ladder(call_id)
            self.assertEqual(ladder.flow(party), expected, ladder)
        return self.ladder(call_id)

    def assert_order(self, ladder, *patterns):
        """Lines that match these are in the ladder, each after the one before."""
        lines = iter(ladder.lines())
        for pattern in patterns:
            if not any(re.search(pattern, line) for line in lines):
                self.fail(f"no /{pattern}/ in its place in:\n{ladder}")

    def assert_leads_to(self, ladder, note, line):
        """The first message after each note that matches is this one, repetitions apart."""
        lines = [text for text in ladder.lines() if not text.endswith(" (again)")]
        notes = [place for place, text in enumerate(lines) if text.startswith("* ") and re.search(note, text)]
        self.assertTrue(notes, f"no /{note}/ in:\n{ladder}")
        for place in notes:
            self.assertEqual(next((text for text in lines[place:] if not text.startswith("* ")), None), line, ladder)


def dialled(phone, number):
    """The Call-ID of a baresip's call that begins now, as it stands in its own trace."""
    since = phone.process.mark()
    phone.dial(number)
    return phone.process.wait_log(rf"^INVITE sip:{number}@.*\n(?:[A-Z].*\n)*?Call-ID: (\S+)\s", 10, since)[1]
