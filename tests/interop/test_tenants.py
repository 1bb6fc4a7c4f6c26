"""Four tenants with a phone 401 each, on two backends of which one serves three of them: no phone ever hears what is
another one's."""

import random
import re
import threading

from lab import sip
from lab.handset import Handset
from lab.lab import main
from lab.scripted import ScriptedTest, contacts, grant
from lab.wait import stays, wait_for

EVENTS = 1000
AT_ONCE = 40
TEXT = "Messages-Waiting: yes\r\n"


class Party(Handset):
    """A phone, or a backend that registers whoever comes. A call that it has made it ends as soon as it is answered."""

    def __init__(self, test, user, domain):
        self.making = threading.Lock()
        self.made = {}  # Call-ID: Call
        self.over = {}  # Call-ID: the status that its last request got
        self.given = {}  # AoR: the Contact that was registered for it
        super().__init__(test.lab, test.next_host(), test.edge.address, user, "secret", domain)

    def answer(self, message):
        if message.is_response:
            return self.final(message) if message.status >= 200 else None
        if message.method == "REGISTER":
            self.given[sip.uri_of(message["To"])] = contacts(message)[0]
            return self.reply(message, 200, headers=grant(message, 3600))
        if message.method == "OPTIONS" and "@" not in message.uri:
            return None  # a probe
        return super().answer(message)

    def final(self, response):
        call_id = response["Call-ID"]
        with self.making:
            call = self.made.get(call_id)
        if response.method != "INVITE":
            self.over[call_id] = response.status
        elif response.status != 200:
            call.ack_failure(response)
            self.over[call_id] = response.status
        elif response.cseq == call.cseq:
            call.answered(response)
            call.send("BYE")

    def begin(self, method, uri, headers):
        """A request outside dialogs; gives its Call-ID."""
        if method == "INVITE":
            user, host = uri[4:].split("@")
            self.sip.domain = host
            with self.making:  # its answer may be here before we know that we have asked
                call = self.sip.call(user, headers=headers)
                self.made[call.call_id] = call
            return call.call_id
        call_id = sip.new_call_id()
        if method == "NOTIFY":
            headers = [*headers, ("Event", "message-summary"), ("Subscription-State", "active;expires=600"),
                       ("Content-Type", "application/simple-message-summary")]
        self.send(self.sip.request(method, uri, f"<{uri}>", call_id, headers=headers,
                                   body=TEXT if method == "NOTIFY" else b""), self.sip.edge)
        return call_id

    def heard(self):
        """What began here: the requests outside dialogs."""
        return [m for m in list(self.all_received) if not m.is_response and m.tag("To") is None
                and m.method in ("INVITE", "NOTIFY", "OPTIONS")]


class Tenants(ScriptedTest):
    LOG_LEVEL = "info"

    @classmethod
    def setUpLab(cls):
        super().setUpLab()
        cls.first, cls.second = Party(cls, "asterisk", "first"), Party(cls, "asterisk", "second")
        cls.targets = {}
        for setid, backends in ((10, [cls.first]), (20, [cls.second]), (30, [cls.first, cls.second])):
            cls.edge.set(setid, algorithm="priority", health={"interval": "3600s"})
            for place, backend in enumerate(backends):
                cls.targets[setid, backend] = cls.edge.target(setid, backend.address, priority=place)
        for domain, setid in (("a.test", 10), ("b.test", 20), ("c.test", 30), ("d.test", 30)):
            cls.edge.domain(domain, setid)
        cls.phones = {domain: cls.enrol("401", domain) for domain in ("a.test", "b.test", "c.test", "d.test")}
        cls.home = {domain: cls.second if domain == "b.test" else cls.first for domain in cls.phones}

    @classmethod
    def enrol(cls, user, domain):
        phone = Party(cls, user, domain)
        assert phone.sip.register().status == 200
        return phone

    def setUp(self):
        for party in (*self.phones.values(), self.first, self.second):
            with party._lock:
                party.all_received.clear()

    def assert_nobody_hears(self, but=None):
        for domain, phone in self.phones.items():
            if domain != but:
                self.assertEqual([str(m) for m in phone.heard()], [], domain)

    def test_a_user_a_domain_and_a_source_have_log_levels_of_their_own(self):
        homes = [(backend, self.tenant(backend)[0]) for backend in (self.backend() for _ in range(4))]
        phones = [self.phone("401", domain) for _, domain in homes]
        loud, silent, quiet, usual = (domain for _, domain in homes)
        source = phones[2].peer.address
        own = {f"401@{loud}": "debug", silent: "off", source: "error"}
        self.assertEqual(self.edge.must("PUT", "/v1/log", {"watch": own})["watch"], own)
        self.addCleanup(self.edge.must, "PUT", "/v1/log", {"watch": {}})
        since = self.edge.process.mark()
        for phone, (backend, _) in zip(phones, homes):
            self.register(phone, backend)
            call, _ = self.establish(phone, backend)
            self.hang_up(call, backend)
        self.edge.process.wait_log(f"INVITE 401@{usual}.*ended", 3, since)
        with open(self.edge.process.log_path, "rb") as file:
            file.seek(since)
            lines = file.read().decode().splitlines()
        said = re.compile(r"^\S+ (\w+) \w+ call=(\w+) (.*)")
        keys = {found[2]: domain for found in map(said.match, lines) for _, domain in homes if found and f"401@{domain}" in found[3]}
        levels = {domain: {found[1] for found in map(said.match, lines) if found and keys.get(found[2]) == domain} for _, domain in homes}
        # Nor is a line of theirs left that names nobody.
        self.assertEqual({found[2] for found in map(said.match, lines) if found} - set(keys), set(), lines)
        self.assertEqual(levels, {loud: {"debug", "info"}, silent: set(), quiet: set(), usual: {"info"}}, lines)

    def test_each_registered_at_its_own_backend(self):
        for domain, backend in self.home.items():
            self.assertIn(f"sip:401@{domain}", backend.given)
        self.assertEqual(set(self.second.given), {"sip:401@b.test"})
        self.assertEqual(len(set([*self.first.given.values(), *self.second.given.values()])), 4)

    def test_a_thousand_random_events_reach_whom_they_are_for_and_nobody_else(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        chance = random.Random(seed)
        expected, running = {}, {}

        def ended():
            for call_id in [c for c, party in running.items() if c in party.over]:
                self.assertEqual(running.pop(call_id).over[call_id], 200)
            return len(running) < AT_ONCE

        for number in range(EVENTS):
            wait_for(ended, 10, lambda: f"what runs ends: {len(running)}")
            domain = chance.choice(list(self.phones))
            phone, mark = self.phones[domain], [("X-Event", str(number))]
            # The tenants of the shared set belong to both backends.
            backend = chance.choice([self.first, self.second]) if domain in ("c.test", "d.test") else self.home[domain]
            kind = chance.choice(["INVITE", "INVITE", "NOTIFY", "OPTIONS", "outgoing"])
            if kind == "outgoing":
                call_id = phone.begin("INVITE", f"sip:600@{domain}", mark)
                running[call_id], expected[str(number)] = phone, (self.home[domain], "INVITE")
            else:
                uri = chance.choice([self.home[domain].given[f"sip:401@{domain}"], f"sip:401@{domain}"])
                running[backend.begin(kind, uri, mark)] = backend
                expected[str(number)] = (phone, kind)
        wait_for(lambda: ended() and not running, 20, lambda: f"all have ended but {len(running)}")

        parties = (*self.phones.values(), self.first, self.second)
        wait_for(lambda: sum(len(party.heard()) for party in parties) >= EVENTS, 5, "all have been noted")
        heard = [(m["X-Event"], (party, m.method)) for party in parties for m in party.heard()]
        self.assertEqual(len(heard), EVENTS)
        self.assertEqual(dict(heard), expected)
        for domain, phone in self.phones.items():
            for message in phone.heard():
                self.assertEqual(message.uri, sip.uri_of(phone.sip.contact))
        for backend in (self.first, self.second):
            for message in backend.heard():
                domain = sip.uri_of(message["From"]).split("@")[1]
                self.assertIs(self.home[domain], backend)
        wait_for(lambda: not self.edge.calls(), 5, "no call is left")
        self.assertEqual(self.edge.items("/v1/door-knocks"), [])

    def test_without_a_token_the_shared_backend_is_refused(self):
        uri = f"sip:401@{self.edge.ip}"
        since = self.edge.process.mark()
        call_id = self.first.begin("INVITE", uri, [])
        wait_for(lambda: call_id in self.first.over, 3, "it is refused")
        self.assertEqual(self.first.over[call_id], 485)
        self.edge.process.wait_log(r"is ambiguous: 401@\w\.test and 401@\w\.test", 2, since)
        # Neither is answered: any answer would say that the phone is there.
        asked = [self.first.begin(method, uri, []) for method in ("OPTIONS", "NOTIFY")]
        stays(lambda: not set(asked) & set(self.first.over), 0.5, "neither gets a final response")
        self.assert_nobody_hears()

    def test_without_a_token_a_backend_that_has_one_such_user_reaches_him(self):
        own = {domain: self.enrol("405", domain) for domain in ("a.test", "b.test")}
        for domain, backend in (("a.test", self.first), ("b.test", self.second)):
            for method in ("INVITE", "OPTIONS", "NOTIFY"):
                call_id = backend.begin(method, f"sip:405@{self.edge.ip}", [])
                wait_for(lambda: call_id in backend.over, 3, "it is answered")
                self.assertEqual(backend.over[call_id], 200)
            # It answers first and takes note then.
            wait_for(lambda: len(own[domain].heard()) == 3, 2, "it has noted all")
            self.assertEqual([m.method for m in own[domain].heard()], ["INVITE", "OPTIONS", "NOTIFY"])
            own[domain].all_received.clear()
            self.assertEqual(own["a.test"].heard() + own["b.test"].heard(), [])
        self.assert_nobody_hears()

    def test_without_a_token_a_backend_reaches_the_one_of_several_namesakes_that_it_has_registered(self):
        for method in ("INVITE", "OPTIONS", "NOTIFY"):
            call_id = self.second.begin(method, f"sip:401@{self.edge.ip}", [])
            wait_for(lambda: call_id in self.second.over, 3, "it is answered")
            self.assertEqual(self.second.over[call_id], 200)
        wait_for(lambda: len(self.phones["b.test"].heard()) == 3, 2, "it has noted all")
        self.assert_nobody_hears("b.test")

    def test_a_backend_does_not_reach_another_ones_tenant_by_its_domain_or_token(self):
        for backend, domain in ((self.first, "b.test"), (self.second, "a.test")):
            for uri in (f"sip:401@{domain}", self.home[domain].given[f"sip:401@{domain}"]):
                call_id = backend.begin("INVITE", uri, [])
                wait_for(lambda: call_id in backend.over, 3, "it is refused")
                self.assertGreaterEqual(backend.over[call_id], 400)
        self.assert_nobody_hears()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45)
        finally:
            super().tearDownClass()


if __name__ == "__main__":
    main()
