"""Real calls through a real Asterisk, each with what the edge says of it: why it went as it did, and who said what in which order."""

import re
import xml.etree.ElementTree
from urllib.parse import quote
from urllib.request import urlopen

from lab.asterisk import Asterisk
from lab.baresip import Baresip
from lab.edge import Edge, usher
from lab.explained import CHALLENGED, ExplainedTest, dialled, flow, step
from lab.lab import main
from lab.wait import wait_for

EXTENSIONS = """
; a phone by its bare number, past the token that it has been registered with
exten => 606,1,Dial(PJSIP/403/sip:403@{edge}:5060)
 same => n,Hangup()
"""


class Calls(ExplainedTest):
    @classmethod
    def setUpLab(cls):
        cls.edge = Edge(cls.lab)
        cls.asterisk = Asterisk(cls.lab, 10, {"401": "one", "402": "two", "403": "three"}, extensions=EXTENSIONS.format(edge=cls.edge.ip))
        cls.backend = f"{cls.asterisk.address}:5060"
        cls.target, = cls.edge.tenant("a.test", 10, cls.asterisk.address)
        cls.edge.domain("b.test", 10)
        cls.edge.wait_ready()
        cls.caller, cls.callee = cls.phone(21, "401", "one"), cls.phone(22, "402", "two")
        for phone in (cls.caller, cls.callee):
            phone.wait_registered()
            cls.asterisk.wait_contact(phone.user)

    @classmethod
    def phone(cls, host, user, password, domain="a.test"):
        return Baresip(cls.lab, host, user, domain, password, f"{cls.edge.ip}:5060", name=f"baresip-{host}")

    def setUp(self):
        self.since = {phone: phone.mark() for phone in (self.caller, self.callee)}

    def wait_event(self, phone, kind):
        return phone.wait_event(kind, 10, self.since[phone])

    def over(self):
        self.wait_event(self.caller, "CALL_CLOSED")
        wait_for(lambda: not self.edge.calls(), 5, "the edge has no call left")

    def live(self, side):
        """The one live call that began at a phone, or at the backend."""
        return wait_for(lambda: [call for call in self.edge.calls() if call["origin_side"] == side], 5, f"a call of a {side}")[0]

    def fetch(self, call_id, format):
        with urlopen(f"{self.edge.url}/v1/ladder?call_id={quote(call_id, safe='')}&format={format}", timeout=10) as answer:
            return answer.read().decode()

    def printed(self, call_id):
        """What the command line says of it."""
        done = usher("explain", call_id, "--url", self.edge.url)
        done.check_returncode()
        return done.stdout

    def challenged(self, number):
        """The steps of an INVITE that Asterisk challenges, and of the next one up to its attempt."""
        name = f"target {self.target} (sip:{self.backend})"
        begin = (step("received", method="INVITE", to=f"{number}@a.test", source=f"{self.caller.address}:5060", transport="udp",
                      **{"from": "401@a.test"}),
                 step("origin", why="no backend sends from " + re.escape(self.caller.address), side="phone"),
                 step("domain", domain="a.test", set="10"))
        attempt = (step("attempt", why="INVITE, 1 of 1", destination=self.backend, transport="udp"),
                   step("timer-armed", timer="timer B", destination=self.backend, time="32s"))
        return (*begin, step("candidates", **{name: "chosen"}), *attempt, self.answered("401"),
                step("ended", status="401", answered="no", ended_by="answerer"),
                *begin, step("candidates", why="it challenged", **{name: "chosen"}), *attempt)

    def answered(self, status="200"):
        return step("attempt-ended", why=f"answered {status}", status=status, destination=f"sip:{self.backend}", target=str(self.target))

    def assert_parties(self, ladder, phone):
        """One column for each, at its address."""
        self.assertEqual([(party["role"], party["label"]) for party in ladder.parties],
                         [("phone", f"{phone.address}:5060"), ("usher", "usher"), ("backend", self.backend)])

    def test_answered_and_ended_by_who_called(self):
        call_id = dialled(self.caller, "600")
        self.wait_event(self.caller, "CALL_ESTABLISHED")
        live = self.live("phone")
        self.caller.hangup()
        self.over()
        self.assertEqual(live["origin_call_id"], call_id)
        found = self.explained(call_id, r"^answered, up for [\d.]+m?s, ended by who called$")
        self.assert_steps(found, *self.challenged("600"), step("timer-armed", timer="ring limit", time="3m"), self.answered(),
                          step("answered", target=str(self.target)), step("ended", why="BYE", status="200", answered="yes", ended_by="originator"))
        self.assert_steps(found, self.answered(), step("timer-armed", timer="ACK", destination=f"{self.caller.address}:5060", time="32s"), step("ended"))
        self.assertEqual(found.all("timer-fired") + found.all("local-response"), [], found)
        self.assertEqual(found.last("attempt")["fields"]["call_id"], live["new_call_id"])
        self.assertEqual(self.explained(live["new_call_id"], found.verdict).steps, found.steps, "asked by the other leg")
        self.assertEqual(self.explained(live["key"], found.verdict).steps, found.steps, "asked by the call's key: both INVITEs are of it")

        ladder = self.assert_flow(call_id, CHALLENGED + """
            backend > usher 100 Trying
            backend > usher 200 OK
            usher > phone 200 OK
            phone > usher ACK
            usher > backend ACK
            phone > usher BYE
            usher > backend BYE
            backend > usher 200 OK
            usher > phone 200 OK""")
        self.assert_parties(ladder, self.caller)
        self.assertEqual(self.ladder(live["new_call_id"]).lines(), ladder.lines())
        self.assert_order(ladder, "^backend > usher 100", r"^\* timer-armed: .*timer=ring limit", "^backend > usher 200", r"^\* timer-armed: .*timer=ACK",
                          "^usher > phone 200", "^usher > backend BYE", r"^\* ended: BYE; .*ended_by=originator", "^usher > phone 200 OK$")
        legs = {"phone": {call_id}, "backend": {s["fields"]["call_id"] for s in found.all("attempt")}}
        for item in ladder.messages():
            party, = {ladder.names[item["from"]], ladder.names[item["to"]]} - {"usher"}
            self.assertIn(re.search(r"^Call-ID: (\S+)\r$", item["text"], re.M)[1], legs[party], item["text"])

    def test_answered_and_ended_by_who_was_called(self):
        call_id = dialled(self.caller, "603")
        self.over()
        found = self.explained(call_id, r"^answered, up for [\d.]+m?s, ended by who was called$")
        self.assert_steps(found, *self.challenged("603"), self.answered(), step("answered"),
                          step("ended", why="BYE", status="200", answered="yes", ended_by="answerer"))
        ladder = self.assert_flow(call_id, CHALLENGED + """
            backend > usher 100 Trying
            backend > usher 200 OK
            usher > phone 200 OK
            phone > usher ACK
            usher > backend ACK
            backend > usher BYE
            usher > phone BYE
            phone > usher 200 OK
            usher > backend 200 OK""")

        # As text: an arrow for each message, a line for each note.
        rows = self.fetch(call_id, "text").splitlines()
        arrows = [re.search(r"\|(<?)-+ (.+?) -+(>?)\|", row) for row in rows]
        drawn = [(match[2], bool(match[3])) for match in arrows if match]
        again = {"message": "", "retransmission": " (again)"}
        self.assertEqual(drawn, [(item["label"] + again[item["kind"]], item["to"] > item["from"]) for item in ladder.messages()])
        self.assertEqual(sum(" * " in row for row in rows), len(ladder.items) - len(drawn))
        self.assertEqual(rows[1].split(), [party["label"] for party in ladder.parties])

        # As a picture: the same, from above.
        texts = xml.etree.ElementTree.fromstring(self.fetch(call_id, "svg")).iter("{http://www.w3.org/2000/svg}text")
        shown = iter(["".join(text.itertext()) for text in texts])
        for label in [party["label"] for party in ladder.parties] + [item["label"] for item in ladder.messages()]:
            self.assertTrue(any(text.startswith(label) for text in shown), f"{label} is not in its place in the picture")

    def test_from_phone_to_phone_are_two_calls(self):
        call_id = dialled(self.caller, "402")
        self.wait_event(self.callee, "CALL_INCOMING")
        self.wait_event(self.caller, "CALL_RINGING")
        self.callee.accept()
        for phone in (self.caller, self.callee):
            self.wait_event(phone, "CALL_ESTABLISHED")
        second = self.live("backend")["origin_call_id"]
        self.caller.hangup()
        self.over()

        found = self.explained(call_id, r"^answered, up for [\d.]+m?s, ended by who called$")
        self.assert_steps(found, *self.challenged("402"), step("timer-armed", timer="ring limit"), step("ringing", destination=self.backend),
                          self.answered(), step("answered"), step("ended", ended_by="originator"))
        ladder = self.assert_flow(call_id, CHALLENGED + """
            backend > usher 100 Trying
            backend > usher 180 Ringing
            usher > phone 180 Ringing
            backend > usher 200 OK
            usher > phone 200 OK
            phone > usher ACK
            usher > backend ACK
            phone > usher BYE
            usher > backend BYE
            backend > usher 200 OK
            usher > phone 200 OK""")
        self.assert_parties(ladder, self.caller)

        found = self.explained(second, r"^answered, up for [\d.]+m?s, ended by who called$")
        self.assert_steps(found, step("received", method="INVITE", source=self.backend),
                          step("origin", why=f"{re.escape(self.asterisk.address)} is an address of target {self.target} ", side="backend",
                               target=str(self.target)),
                          step("lookup", why="^402@a.test is meant: by the token", aor="402@a.test", devices="1"),
                          step("attempt", destination=f"{self.callee.address}:5060", transport="udp"),
                          step("ringing", destination=f"{self.callee.address}:5060"), step("attempt-ended", status="200"), step("answered"),
                          step("ended", status="200", answered="yes", ended_by="originator"))
        self.assertEqual(found.all("candidates"), [], "no target is chosen for a phone")
        ladder = self.assert_flow(second, """
            backend > usher INVITE
            usher > phone INVITE
            phone > usher 180 Ringing
            usher > backend 180 Ringing
            phone > usher 200 Answering
            usher > backend 200 Answering
            backend > usher ACK
            usher > phone ACK
            backend > usher BYE
            usher > phone BYE
            phone > usher 200 OK
            usher > backend 200 OK""")
        self.assert_parties(ladder, self.callee)

    def test_the_called_phone_declines(self):
        dialled(self.caller, "402")
        self.wait_event(self.callee, "CALL_INCOMING")
        second = self.live("backend")["origin_call_id"]
        self.callee.hangup()
        self.over()
        where = f"{self.callee.address}:5060"
        self.assert_flow(second, """
            backend > usher INVITE
            usher > phone INVITE
            phone > usher 180 Ringing
            usher > backend 180 Ringing
            phone > usher 486 Rejected
            usher > phone ACK
            usher > backend 486 Rejected
            backend > usher ACK""")
        found = self.explained(second, r"^the 486 is not Usher's: .*answered it .* after the INVITE, and it was passed on$")
        self.assertIn(where, found.verdict)
        self.assert_steps(found, step("attempt", destination=where), step("ringing", destination=where),
                          step("attempt-ended", status="486", provisional="yes"),
                          step("ended", why=re.escape(where) + " refused with 486", status="486", answered="no", ended_by="answerer"))

    def refused(self, number, status, phrase, trying):
        """Asterisk's own word, passed on."""
        call_id = dialled(self.caller, number)
        closed = self.wait_event(self.caller, "CALL_CLOSED")
        self.assertIn(f"{status} {phrase}", closed["param"])
        self.over()
        backend = re.escape(self.backend)
        found = self.explained(call_id, rf"^the {status} is not Usher's: sip:{backend} answered it .* after the INVITE, and it was passed on$")
        self.assert_steps(found, *self.challenged(number), self.answered(str(status)),
                          step("ended", why=f"{backend} refused with {status} {phrase}", status=str(status), answered="no", ended_by="answerer"))
        self.assertEqual(found.all("local-response"), [], "none was made here")
        ladder = self.assert_flow(call_id, CHALLENGED + ("backend > usher 100 Trying" if trying else "") + f"""
            backend > usher {status} {phrase}
            usher > backend ACK
            usher > phone {status} {phrase}
            phone > usher ACK""")
        self.assert_order(ladder, f"^backend > usher {status}", rf"^\* attempt-ended: answered {status}; ", rf"^\* ended: .*{status}",
                          f"^usher > phone {status}")
        said = self.printed(call_id)
        self.assertEqual(said.splitlines()[0], f"call: {found.verdict}")
        shown = re.findall(r"^ +[\d.]+ ms  ([a-z-]+)", said, re.M)
        self.assertEqual(shown, [s["what"] for s in found.steps])

    def test_busy(self):
        self.refused("602", 486, "Busy Here", trying=True)

    def test_an_extension_that_does_not_exist(self):
        self.refused("999", 404, "Not Found", trying=False)

    def test_the_caller_gives_up_while_it_rings(self):
        call_id = dialled(self.caller, "601")
        self.wait_event(self.caller, "CALL_RINGING")
        self.caller.hangup()
        self.over()
        found = self.explained(call_id, r"^the caller gave up after [\d.]+m?s")
        self.assert_steps(found, *self.challenged("601"), step("ringing", destination=self.backend),
                          step("local-response", why="the caller gave up", status="487"),
                          step("attempt-ended", why="given up", cancelled="yes", provisional="yes"),
                          step("ended", status="487", answered="no", ended_by="originator"))
        # Both legs end beside each other.
        self.assert_flow(call_id, "\n".join(line for line in flow(CHALLENGED) if "phone" in line) + """
            usher > phone 180 Ringing
            phone > usher CANCEL
            usher > phone 200 OK
            usher > phone 487 Request Terminated
            phone > usher ACK""", "phone")
        ladder = self.assert_flow(call_id, "\n".join(line for line in flow(CHALLENGED) if "backend" in line) + """
            backend > usher 100 Trying
            backend > usher 180 Ringing
            usher > backend CANCEL
            backend > usher 200 OK
            backend > usher 487 Request Terminated
            usher > backend ACK""", "backend")
        self.assert_order(ladder, "^usher > phone 180", "^phone > usher CANCEL", r"^\* local-response: the caller gave up; status=487",
                          "^usher > backend CANCEL", "^backend > usher 487")

    def test_a_wrong_password(self):
        thief = self.phone(23, "402", "guessed")
        thief.process.wait_log(r"^.*reg: .*401 Unauthorized", 10)  # its event may precede our control connection
        first = self.edge.must("GET", f"/v1/ladder?source={thief.address}")["items"][0]
        call_id = re.search(r"^Call-ID: (\S+)\r$", first["text"], re.M)[1]
        found = self.explained(call_id, "401", kind="registration")
        self.assertGreaterEqual(len(found.all("received")), 2)
        where = step("attempt", destination=self.backend)
        refused = step("attempt-ended", why="answered 401", status="401", destination=f"sip:{self.backend}")
        self.assert_steps(found, step("received", method="REGISTER", to="402@a.test", source=f"{thief.address}:5060"), step("origin", side="phone"),
                          step("domain", domain="a.test"), step("candidates"), where, refused, step("ended", status="401"),
                          step("received", method="REGISTER"), step("candidates", why="it challenged"), where, refused, step("ended", status="401"))
        self.assertEqual(found.all("registered"), [])
        one = flow("""
            phone > usher REGISTER
            usher > backend REGISTER
            backend > usher 401 Unauthorized
            usher > phone 401 Unauthorized""")
        self.assert_flow(call_id, "\n".join(one * len(found.all("received"))))
        self.assertEqual({s["fields"]["source"] for s in found.all("received")}, {f"{thief.address}:5060"}, "the good phone is none of it")
        self.assertRegex(self.printed(call_id), f"(?s)^registration: .*attempt-ended: answered 401  .*destination=sip:{re.escape(self.backend)}")
        # Its last REGISTER had credentials, and they were not taken: that it is asked for them is not the point.
        self.assertRegex(found.verdict, r"(?i)refused|not accepted|wrong|rejected", found)
        self.assertNotIn("as it does of everybody at first", found.verdict)

    def test_a_user_of_two_domains_whom_asterisk_calls_by_the_bare_name(self):
        for host, domain in ((31, "a.test"), (32, "b.test")):
            self.phone(host, "403", "three", domain).wait_registered()
        call_id = dialled(self.caller, "606")
        self.over()
        self.explained(call_id, rf"^the 404 is not Usher's: sip:{re.escape(self.backend)} answered it")
        invite = next(item for item in self.edge.must("GET", f"/v1/ladder?source={self.asterisk.address}&limit=2000")["items"]
                      if item["label"] == "INVITE" and item["text"].startswith(f"INVITE sip:403@{self.edge.ip}"))
        second = re.search(r"^Call-ID: (\S+)\r$", invite["text"], re.M)[1]
        found = self.explained(second, r"^the 485 is Usher's own: .*ambiguous.*403@[ab]\.test and 403@[ab]\.test", death="ambiguous-user")
        self.assertRegex(found.verdict, "never guessed")
        self.assert_steps(found, step("received", method="INVITE", source=self.backend), step("origin", side="backend", target=str(self.target)),
                          step("lookup", ambiguous="yes"), step("local-response", why="ambiguous", status="485"))
        self.assertEqual(found.all("attempt"), [], "no phone was tried")
        ladder = self.assert_flow(second, """
            backend > usher INVITE
            usher > backend 485 Ambiguous
            backend > usher ACK""")
        self.assertEqual(ladder.roles(), ["usher", "backend"])
        self.assert_order(ladder, "^backend > usher INVITE", r"^\* lookup: .*ambiguous", r"^\* local-response: .*485", "^usher > backend 485")


if __name__ == "__main__":
    main()
