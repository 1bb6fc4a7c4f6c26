"""A binding is what the backend granted, and what was acknowledged survives."""

from lab import sip
from lab.asterisk import Asterisk
from lab.edge import Edge
from lab.lab import main
from lab.scripted import ScriptedTest, contacts, grant
from lab.wait import wait_for


class Registrations(ScriptedTest):
    @classmethod
    def setUpLab(cls):
        super().setUpLab()
        cls.asterisk = Asterisk(cls.lab, 10, {"401": "secret", "402": "secret"})
        cls.edge.tenant("a.test", 10, cls.asterisk.address)

    def granted(self, phone):
        """The one binding of a phone, without the seconds that run down."""
        found = self.edge.registrations(phone.domain, phone.user)
        self.assertEqual(len(found), 1, found)
        return {key: value for key, value in found[0].items() if key != "expires_in_s"}

    def test_failures_leave_the_binding_alone(self):
        phone = self.phone("401", "a.test")
        self.assertEqual(phone.register().status, 200)
        self.asterisk_answers(phone)
        before = self.granted(phone)
        thief = self.phone("401", "a.test")
        self.assertEqual(thief.register(password="wrong").status, 401)
        self.assertEqual(self.granted(phone), before)
        thief.send_register("*", expires=0, new_call=True)
        self.assertEqual(thief.peer.take().status, 401)
        self.assertEqual(self.granted(phone), before)
        self.assertEqual(len(self.asterisk.contacts("401")), 1)

    def asterisk_answers(self, phone):
        """Asterisk qualifies the new Contact at once, through the edge."""
        options = phone.peer.expect("OPTIONS")
        self.assertEqual(options.uri, sip.uri_of(phone.contact))
        phone.peer.reply(options, 200)
        phone.peer.silent(0.05)

    def test_asterisk_is_given_a_token_and_qualifies_the_phone_through_it(self):
        phone = self.phone("402", "a.test")
        self.assertEqual(phone.register().status, 200)
        self.asterisk_answers(phone)
        uri, _ = self.asterisk.wait_contact("402")[0]
        self.assertRegex(uri, r"^sip:402~[a-z0-9]+@" + self.edge.ip.replace(".", r"\."))

    def test_the_expiry_that_was_granted_counts(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("403", domain)
        _, response = self.register(phone, backend, expires=3600, granted=60)
        self.assertIn("expires=60", response["Contact"])
        seconds = self.edge.registrations(domain)[0]["expires_in_s"]
        self.assertLessEqual(seconds, 60)
        self.assertGreater(seconds, 50)

    def test_a_binding_ends_with_its_expiry(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("404", domain)
        self.register(phone, backend, granted=1)
        wait_for(lambda: not self.edge.registrations(domain), 5, "the binding is gone")

    def test_a_423_passes_and_stores_nothing(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("405", domain)
        phone.send_register(expires=5)
        request = backend.expect("REGISTER")
        backend.reply(request, 423, reason="Interval Too Brief", headers=[("Min-Expires", "60")])
        response = phone.peer.expect(423)
        self.assertEqual(response["Min-Expires"], "60")
        self.assertEqual(self.edge.registrations(domain), [])

    def meet(self, rounds, options_first):
        """Registers phone after phone; the backend sends its OPTIONS right after its 200, or right before."""
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("500", domain)
        caller = self.as_backend(backend)
        for number in range(rounds):
            phone.user = f"5{number:03}"
            phone.aor = f"sip:{phone.user}@{domain}"
            phone.contact = f"<sip:{phone.user}@{phone.peer.address}:{phone.peer.port}>"
            phone.send_register(new_call=True)
            request = backend.expect("REGISTER")
            uri = contacts(request)[0]
            options = caller.request("OPTIONS", uri, f"<{uri}>")
            if options_first:
                backend.send(options, self.edge.address)
            backend.reply(request, 200, headers=grant(request, 600))
            if not options_first:
                backend.send(options, self.edge.address)
            seen = [phone.peer.take(), phone.peer.take()]
            self.assertEqual(sorted(m.what() for m in seen), ["200 to REGISTER", "OPTIONS"])
            phone.peer.reply(next(m for m in seen if not m.is_response), 200)
            backend.expect(200, method="OPTIONS")

    def test_options_in_the_same_millisecond_as_the_200_always_finds_the_phone(self):
        self.meet(1000, options_first=False)

    def test_options_that_overtakes_the_200_finds_the_phone(self):
        # Asterisk qualifies from another thread than the one that answers: its OPTIONS can leave first.
        self.meet(20, options_first=True)

    def test_what_was_acknowledged_survives_kill_9(self):
        edge = Edge(self.lab, host=2, name="edge-killed", timers=self.TIMERS)
        backend, phones = self.backend(), []
        edge.set(10, health={"interval": "3600s"})
        edge.target(10, backend.address)
        edge.domain("k.test", 10)
        uris = {}
        for number in range(20):
            phone = self.phone(f"6{number:02}", "k.test")
            phone.edge = edge.address
            request, _ = self.register(phone, backend)
            uris[phone] = contacts(request)[0]
            phones.append(phone)
        before = {r["contact"]: r for r in edge.registrations()}
        self.assertEqual(len(before), 20)
        edge.kill9()
        edge.start()
        after = {r["contact"]: r for r in edge.registrations()}
        self.assertEqual({c: r["aor"] for c, r in after.items()}, {c: r["aor"] for c, r in before.items()})
        for phone in phones:
            caller = self.as_backend(backend)
            backend.send(caller.request("OPTIONS", uris[phone], f"<{uris[phone]}>"), edge.address)
            options = phone.peer.expect("OPTIONS")
            self.assertEqual(options.uri, sip.uri_of(phone.contact))
            phone.peer.reply(options, 200)
            backend.expect(200, method="OPTIONS")
        # The same device keeps its token.
        request, _ = self.register(phones[0], backend)
        self.assertEqual(contacts(request)[0], uris[phones[0]])


if __name__ == "__main__":
    main()
