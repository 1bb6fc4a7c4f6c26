"""Every method but the call's own crosses within calls and outside of them, both ways, with whatever is said to it: the
edge judges none of them, and takes none for an attack."""

from lab import sip
from lab.asterisk import Asterisk
from lab.handset import Handset
from lab.lab import main
from lab.scripted import ScriptedTest, contact_of
from lab.wait import wait_for

TEXT = ("Content-Type", "text/plain")
# (method, its header fields, its body)
METHODS = [
    ("MESSAGE", [TEXT], "Hello, \u00fc and  two spaces\r\n"),
    ("PUBLISH", [("Event", "presence"), ("SIP-If-Match", "dx200xyz"), ("Expires", "600"), TEXT], "open"),
    ("INFO", [("Info-Package", "lab"), ("Content-Disposition", "Info-Package"), TEXT], "Signal=5"),
    ("OPTIONS", [("Accept", "application/sdp")], ""),
    ("FROBNICATE", [("X-How", "a;b=\"c,d\""), TEXT], "as you like"),
]
# What somebody may say to them: all of it goes back as it is.
ANSWERS = [(200, [], "done"), (202, [("X-Answer", "ok; a=b")], ""), (404, [], ""),
           (405, [("Allow", "INVITE, ACK, BYE")], ""), (412, [], ""), (415, [("Accept", "application/sdp")], ""),
           (489, [("Allow-Events", "dialog")], ""), (501, [], ""), (603, [], "")]


class Methods(ScriptedTest):
    @classmethod
    def setUpLab(cls):
        super().setUpLab()
        cls.asterisk = Asterisk(cls.lab, 10, {"411": "secret", "412": "secret"}, qualify_frequency=0, extensions="""
; passes a text on to 412
exten => 640,1,MessageSend(pjsip:412,${MESSAGE(from)})
 same => n,Hangup()
""")
        cls.edge.tenant("a.test", 10, cls.asterisk.address)
        cls.edge.wait_ready()
        cls.handsets = [Handset(cls.lab, cls.next_host(), cls.edge.address, user, "secret", "a.test")
                        for user in ("411", "412")]
        for handset in cls.handsets:
            assert handset.sip.register().status == 200

    def setUp(self):
        self.upstream = self.backend()
        self.domain, _, _ = self.tenant(self.upstream)
        self.desk = self.phone("401", self.domain)
        self.registered, _ = self.register(self.desk, self.upstream)
        self.caller = self.as_backend(self.upstream)

    def tearDown(self):
        self.assertEqual(self.edge.items("/v1/door-knocks"), [], "taken for an attack")
        wait_for(lambda: not self.edge.calls(), 5, "no call is left")

    def assert_crosses(self, sent, arrived):
        """The fields that the sender chose, and the body, are the same to the byte."""
        sent = sip.Message(sent)
        self.assertEqual(arrived.body, sent.body)
        own = {"via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "content-length", "route"}
        fields = [[(n, v) for n, v in m.headers if n.lower() not in own] for m in (sent, arrived)]
        self.assertEqual(fields[1], fields[0])
        self.assertEqual(int(arrived["Max-Forwards"]), int(sent["Max-Forwards"]) - 1)
        self.assertNotEqual(arrived["Call-ID"], sent["Call-ID"])

    def answered(self, asker, answerer, request, status, headers=(), body=""):
        """The answer comes back as it was given."""
        content = [TEXT] if body else []
        answerer.reply(request, status, headers=[*headers, *content], body=body)
        response = asker.expect(status, method=request.method)
        self.assertEqual(response.body.decode(), body)
        for name, value in headers:
            self.assertEqual(response[name], value)
        if asker is self.desk.peer:
            self.assertNotIn(self.upstream.address, response.raw.split(b"\r\n\r\n")[0].decode())

    def outside(self, method, headers, body, from_phone):
        """A request outside of calls. Gives (its bytes, it where it arrived, asker, answerer)."""
        if from_phone:
            uri = f"sip:402@{self.domain}"
            data = self.desk.request(method, uri, f"<{uri}>", headers=headers, body=body)
            asker, answerer = self.desk.peer, self.upstream
        else:
            uri = self.registered.contact_uri()
            data = self.caller.request(method, uri, f"<{uri}>", headers=headers, body=body)
            asker, answerer = self.upstream, self.desk.peer
        asker.send(data, self.edge.address)
        return data, answerer.expect(method), asker, answerer

    def test_outside_of_calls_every_method_crosses_both_ways(self):
        for from_phone in (True, False):
            for method, headers, body in METHODS:
                with self.subTest(method=method, from_phone=from_phone):
                    data, request, asker, answerer = self.outside(method, headers, body, from_phone)
                    self.assert_crosses(data, request)
                    if not from_phone:
                        self.assertEqual(request.uri, sip.uri_of(self.desk.contact))
                    self.answered(asker, answerer, request, 200, [("X-Answer", "a ; b")], "done")

    def test_outside_of_calls_every_answer_goes_back(self):
        for from_phone in (True, False):
            for status, headers, body in ANSWERS:
                with self.subTest(status=status, from_phone=from_phone):
                    _, request, asker, answerer = self.outside("FROBNICATE", [TEXT], "?", from_phone)
                    self.answered(asker, answerer, request, status, headers, body)

    def test_a_challenge_goes_back_and_its_answer_crosses(self):
        for method, headers, body in METHODS:
            with self.subTest(method=method):
                challenge = 'Digest realm="lab", nonce="n0", qop="auth"'
                _, request, asker, answerer = self.outside(method, headers, body, True)
                self.answered(asker, answerer, request, 401, [("WWW-Authenticate", challenge)])
                word = sip.digest(challenge, "401", "secret", method, f"sip:402@{self.domain}")
                _, request, asker, answerer = self.outside(method, [*headers, ("Authorization", word)], body, True)
                self.assertEqual(request["Authorization"], word)
                self.answered(asker, answerer, request, 200)

    def test_a_request_that_comes_again_is_one_request(self):
        for method, headers, body in METHODS:
            with self.subTest(method=method):
                data, request, asker, answerer = self.outside(method, headers, body, True)
                asker.send(data, self.edge.address)
                self.answered(asker, answerer, request, 200)
                asker.send(data, self.edge.address)
                wait_for(lambda: asker.repeats, 2, "the same answer comes again")
                asker.repeats.clear()
                self.assertTrue(answerer.empty(), "it arrived twice")

    def test_within_a_call_every_method_crosses_both_ways(self):
        call, leg = self.establish(self.desk, self.upstream)
        for asking, asker, answerer in ((call, self.desk.peer, self.upstream), (leg, self.upstream, self.desk.peer)):
            for method, headers, body in METHODS:
                with self.subTest(method=method, asker=asker.name):
                    # A body within a call is application/sdp here.
                    own = [(n, v) for n, v in headers if n != "Content-Type"]
                    asking.send(method, body, own)
                    request = answerer.expect(method)
                    self.assert_crosses(asker.sent[-1], request)
                    self.assertEqual(request["Call-ID"], leg.invite["Call-ID"] if asking is call else call.call_id)
                    self.answered(asker, answerer, request, 200, [("X-Answer", "a ; b")], "done")
        for status, headers, body in ANSWERS:
            with self.subTest(status=status):
                call.send("FROBNICATE")
                self.answered(self.desk.peer, self.upstream, self.upstream.expect("FROBNICATE"), status, headers, body)
                leg.send("FROBNICATE")
                self.answered(self.upstream, self.desk.peer, self.desk.peer.expect("FROBNICATE"), status, headers, body)
        self.assertEqual(len(self.edge.calls()), 1, "a refusal has ended the call")
        self.hang_up(call, self.upstream)

    def test_within_a_call_that_rings(self):
        call, invite = self.ring(self.desk, self.upstream)
        response = next(m for m in self.desk.peer.all_received if m.status == 180)
        call.to, call.remote = response["To"], response.contact_uri()
        for method in ("INFO", "MESSAGE", "FROBNICATE"):
            call.send(method)
            self.answered(self.desk.peer, self.upstream, self.upstream.expect(method), 200)
        call.cseq = 1
        self.answer(call, self.upstream, invite)
        call.cseq = 10
        self.hang_up(call, self.upstream)

    def test_a_refer_outside_of_calls_crosses_both_ways(self):
        """With norefersub (RFC 4488) nothing is left of it; with a subscription its end is told."""
        for from_phone in (True, False):
            for keeps in (False, True):
                with self.subTest(from_phone=from_phone, keeps=keeps):
                    headers = [("Refer-To", f"<sip:403@{self.domain}>"), ("Referred-By", f"<{self.desk.aor}>")]
                    if not keeps:
                        headers += [("Refer-Sub", "false"), ("Supported", "norefersub")]
                    data, request, asker, answerer = self.outside("REFER", headers, "", from_phone)
                    self.assert_crosses(data, request)
                    answer = answerer.reply(request, 202, reason="Accepted", headers=[
                        contact_of(answerer), *([] if keeps else [("Refer-Sub", "false")])])
                    asker.expect(202, method="REFER")
                    if keeps:
                        answerer.send(sip.compose(f"NOTIFY {request.contact_uri()} SIP/2.0", [
                            ("Via", f"SIP/2.0/UDP {answerer.address}:{answerer.port};rport;branch={sip.new_branch()}"),
                            ("Max-Forwards", "70"), ("From", answer["To"]), ("To", request["From"]),
                            ("Call-ID", request["Call-ID"]), ("CSeq", "1 NOTIFY"), contact_of(answerer),
                            ("Event", "refer"), ("Subscription-State", "terminated;reason=noresource"),
                            ("Content-Type", "message/sipfrag")], "SIP/2.0 200 OK"), request.reply_to)
                        notify = asker.expect("NOTIFY")
                        self.assertEqual(notify["Call-ID"], sip.Message(data)["Call-ID"])
                        self.assertEqual(notify.body, b"SIP/2.0 200 OK")
                        asker.reply(notify, 200)
                        answerer.expect(200, method="NOTIFY")
                    wait_for(lambda: self.edge.status()["counts"]["subscriptions"] == 0, 5, "nothing is left of it")

    def test_a_refused_refer_leaves_nothing(self):
        for from_phone in (True, False):
            for status in (405, 501, 603):
                _, request, asker, answerer = self.outside("REFER", [("Refer-To", f"<sip:403@{self.domain}>")], "",
                                                           from_phone)
                self.answered(asker, answerer, request, status)
        wait_for(lambda: self.edge.status()["counts"]["subscriptions"] == 0, 5, "nothing is left")

    # With a real Asterisk.

    def asked(self, method, number, headers=(), body=""):
        """What Asterisk says to a request outside of calls, after its challenge. Gives the response."""
        sender = self.handsets[0]
        uri, call_id, tag, extra = f"sip:{number}@a.test", sip.new_call_id(), sip.new_tag(), []
        for cseq in (1, 2):
            sender.send(sender.sip.request(method, uri, f"<{uri}>", call_id, cseq, tag, [*headers, *extra], body),
                        self.edge.address)
            response = wait_for(lambda: next((m for m in list(sender.all_received) if m.is_response and m.status >= 200
                                              and (m["Call-ID"], m.cseq) == (call_id, cseq)), None), 8,
                                f"Asterisk answers {method}")
            self.assertEqual(response["Server"], "Asterisk lab")
            if response.status != 401:
                return response
            extra = [("Authorization", sip.digest(response["WWW-Authenticate"], "411", "secret", method, uri))]
        return response

    def test_a_text_goes_through_asterisk_to_another_phone(self):
        receiver = self.handsets[1]
        self.assertEqual(self.asked("MESSAGE", "640", [TEXT], "Hello 412").status, 202)
        message = wait_for(lambda: receiver.requests("MESSAGE"), 8, "412 gets it")[0]
        self.assertEqual(message.body, b"Hello 412")
        self.assertEqual(message.uri, sip.uri_of(receiver.sip.contact))
        self.assertNotIn(self.asterisk.address, message.raw.split(b"\r\n\r\n")[0].decode())

    def test_what_asterisk_does_not_do_it_says_itself(self):
        said = {method: self.asked(method, "402", headers, body).status for method, headers, body in METHODS}
        said["REFER"] = self.asked("REFER", "402", [("Refer-To", "<sip:412@a.test>")]).status
        print(said)
        for method, status in said.items():
            self.assertNotIn(status, (408, 503), method)
        self.assertGreaterEqual(said["FROBNICATE"], 400)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.edge.wait_quiet(45)
        finally:
            super().tearDownClass()


if __name__ == "__main__":
    main()
