"""Session timers (RFC 4028) through the edge: either side refreshes, 422, and a refresher that dies.

The shortest session is 90 s long (RFC 4028 §4), so all cases run side by side, each in a thread of its own, and the
tests look at how they ended.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from lab import sip
from lab.asterisk import Asterisk
from lab.capture import Capture
from lab.handset import Handset
from lab.lab import main
from lab.scripted import ScriptedTest, contact_of
from lab.wait import pause, wait_for

SESSION = 90.0
TIMER = ("Supported", "timer")
UPDATES = ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE")


def expires(seconds, refresher=None):
    return ("Session-Expires", f"{seconds};refresher={refresher}" if refresher else str(seconds))


class TimedPhone(Handset):
    """Takes the role that it is asked for, or `role` where nobody asks (RFC 4028 §9); refuses below `least`."""

    role, least, updates = "uac", 90, [UPDATES]

    def answer(self, request):
        asked = None if request.is_response else request.get("Session-Expires")
        if not self.dead and request.method == "INVITE" and asked and int(asked.split(";")[0]) < self.least:
            self.reply(request, 422, reason="Session Interval Too Small", headers=[("Min-SE", str(self.least))])
            return
        super().answer(request)

    def session(self, request):
        asked = request.get("Session-Expires")
        if asked is None:
            return [TIMER, *self.updates]
        value = asked if "refresher=" in asked else f"{asked};refresher={self.role}"
        return [TIMER, *self.updates, ("Require", "timer"), ("Session-Expires", value)]

    def timed(self, number, refresher):
        """A call that is answered with this refresher. Gives it with the moment of the answer."""
        call = self.dial(number, [TIMER, *self.updates, expires(90, refresher)])
        response = self.final(call, call.cseq)
        assert response["Session-Expires"].replace(" ", "") == f"90;refresher={refresher}", response
        call.answered_at = response.at
        return call

    def called(self, within=8):
        """The INVITE of a call that came here and was answered, with the moment of its answer's ACK."""
        invite = wait_for(lambda: [m for m in self.requests("INVITE") if m.tag("To") is None], within,
                          f"{self.name} is called")[-1]
        ack = self.wait_request("ACK", invite["Call-ID"], within)
        return invite, ack.at

    def refreshes(self, call_id, since):
        """UPDATEs and re-INVITEs that came within the dialog, each with its Session-Expires."""
        return [m for m in self.requests("UPDATE", call_id) + self.requests("INVITE", call_id)
                if m.tag("To") and m.at > since and m.get("Session-Expires")]


class SessionTimers(ScriptedTest):
    LOG_LEVEL = "info"
    CASES = ("asterisk_refreshes_as_the_called_one", "asterisk_refreshes_as_the_caller", "asterisk_refreshes_by_re_invite",
             "the_phone_refreshes_as_the_caller", "the_phone_refreshes_as_the_called_one",
             "nobody_refreshes", "a_refresh_without_a_time_ends_the_watch", "the_phone_that_refreshes_dies",
             "the_asterisk_that_refreshes_is_killed", "the_backend_says_422", "asterisk_says_422_to_a_refresh",
             "the_phone_says_422", "asterisk_requires_a_timer")

    @classmethod
    def setUpLab(cls):
        super().setUpLab()
        cls.capture = Capture(cls.lab)
        timers = {"timers_sess_expires": 90, "timers_min_se": 90}
        users = {str(number): "secret" for number in (*range(401, 409), 410)}
        cls.asterisk = Asterisk(cls.lab, 10, users, qualify_frequency=0, endpoints={
            "401": timers, "402": timers, "403": {"timers": "always", **timers}, "404": {"timers": "always", **timers},
            "405": {"timers_sess_expires": 120, "timers_min_se": 120}, "406": {"timers": "always", **timers},
            "407": timers, "408": {"timers": "required", **timers}, "410": timers})
        cls.mortal = Asterisk(cls.lab, 11, {"409": "secret"}, qualify_frequency=0, rtp_start=22000,
                              endpoints={"409": timers})
        cls.edge.tenant("a.test", 10, cls.asterisk.address)
        cls.edge.tenant("m.test", 20, cls.mortal.address)
        cls.edge.wait_ready()
        cls.phones = {}
        for user in (*users, "409"):
            phone = TimedPhone(cls.lab, cls.next_host(), cls.edge.address, user, "secret",
                               "m.test" if user == "409" else "a.test")
            assert phone.sip.register().status == 200
            cls.phones[user] = phone
        runner = cls("nothing")
        cls.pool = ThreadPoolExecutor(len(cls.CASES))
        # What both need is made here; hosts and tenants are numbered one after the other.
        cls.pairs = {name: cls.pair(runner) for name in ("nobody_refreshes", "a_refresh_without_a_time_ends_the_watch",
                                                         "the_backend_says_422")}
        cls.running = {name: cls.pool.submit(getattr(runner, name)) for name in cls.CASES}

    def nothing(self):
        """What the cases run on has to be named after some test."""

    def pair(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        return self.phone("401", domain), backend

    # What the cases look at.

    def alive(self, call_id):
        return [call for call in self.edge.calls() if call_id in (call["origin_call_id"], call["new_call_id"])]

    def outlives_its_first_interval(self, phone, call_id, began):
        pause(began + SESSION + 2 - time.monotonic())
        self.assertTrue(self.alive(call_id), "the call has ended")
        self.assertEqual(phone.requests("BYE", call_id), [])

    def same_on_both_legs(self, phone, refresh, asterisk):
        """The refresh has crossed with its header field byte for byte, so the roles are those of its sender."""
        value = refresh["Session-Expires"]
        self.capture.wait(lambda p: p.source[0] == asterisk.address and not p.message.is_response
                          and p.message.method == refresh.method and p.message.get("Session-Expires") == value
                          and p.message["Call-ID"] != refresh["Call-ID"],
                          what=f"Asterisk sends a {refresh.method} with {value}")

    def ends_when_the_session_expires(self, call, *ended):
        """The edge has sent these BYEs [(peer, BYE)] one session after the 200. Moments are the kernel's."""
        def first(address, call_id, method, status=None):
            return self.capture.wait(lambda p: p.target[0] == address and p.message.method == method
                                     and p.message.status == status and p.message["Call-ID"] == call_id).at

        answered = first(call.phone.peer.address, call.call_id, "INVITE", 200)
        for peer, bye in ended:
            took = first(peer.address, bye["Call-ID"], "BYE") - answered
            self.assertGreaterEqual(took, SESSION - 0.01)
            self.assertLess(took, SESSION + 2)
            self.assertIn("session expired", bye["Reason"])
        self.assertEqual(self.alive(call.call_id), [])

    def asterisk_hangs_up(self, user):
        for channel in self.asterisk.channels():
            if channel.startswith(f"PJSIP/{user}-"):
                self.asterisk.command(f"channel request hangup {channel}")

    # The cases.

    def asterisk_refreshes_as_the_called_one(self):
        phone = self.phones["401"]
        call = phone.timed("600", "uas")
        self.refreshed_by_asterisk(phone, call.call_id, call.answered_at)
        call.send("BYE")
        phone.wait_response("BYE", call.call_id)

    def asterisk_refreshes_by_re_invite(self):
        """A phone that does not say that it knows UPDATE is sent an INVITE (RFC 4028 §7.4)."""
        phone = self.phones["410"]
        phone.updates = []
        call = phone.timed("600", "uas")
        refresh = self.refreshed_by_asterisk(phone, call.call_id, call.answered_at)
        self.assertEqual(refresh.method, "INVITE")
        call.send("BYE")
        phone.wait_response("BYE", call.call_id)

    def asterisk_refreshes_as_the_caller(self):
        phone = self.phones["403"]
        phone.role = "uac"
        self.asterisk.command("channel originate PJSIP/403 application Wait 300")
        invite, at = phone.called()
        self.assertIn("timer", invite["Supported"])
        self.assertEqual(invite["Session-Expires"].split(";")[0], "90")
        self.refreshed_by_asterisk(phone, invite["Call-ID"], at)
        self.asterisk_hangs_up("403")

    def refreshed_by_asterisk(self, phone, call_id, answered):
        refresh = wait_for(lambda: phone.refreshes(call_id, answered), 60, "Asterisk refreshes")[0]
        self.assertGreater(refresh.at - answered, 30)
        self.assertIn("refresher=uac", refresh["Session-Expires"], "the sender of a refresh goes on with it")
        self.same_on_both_legs(phone, refresh, self.asterisk)
        self.outlives_its_first_interval(phone, call_id, answered)
        return refresh

    def the_phone_refreshes_as_the_caller(self):
        phone = self.phones["402"]
        call = phone.timed("600", "uac")
        pause(call.answered_at + 40 - time.monotonic())
        self.assertEqual(phone.refreshes(call.call_id, call.answered_at), [], "Asterisk refreshes, too")
        call.send("INVITE", sip.sdp(phone.address), [TIMER, UPDATES, expires(90, "uac")])
        response = phone.final(call, call.cseq)
        self.assertEqual(response.status, 200)
        self.assertIn("refresher=uac", response["Session-Expires"])
        call.ack()
        pause(10)
        call.send("UPDATE", headers=[TIMER, expires(90, "uac")])
        response = phone.wait_response("UPDATE", call.call_id)
        self.assertEqual(response.status, 200)
        self.assertIn("refresher=uac", response["Session-Expires"])
        self.outlives_its_first_interval(phone, call.call_id, call.answered_at)
        call.send("BYE")
        phone.wait_response("BYE", call.call_id)

    def the_phone_refreshes_as_the_called_one(self):
        phone = self.phones["404"]
        phone.role = "uas"
        self.asterisk.command("channel originate PJSIP/404 application Wait 300")
        invite, at = phone.called()
        pause(at + 45 - time.monotonic())
        self.assertEqual(phone.refreshes(invite["Call-ID"], at), [], "Asterisk refreshes, too")
        tag = phone.rung[invite["Call-ID"]][1]
        phone.send(sip.compose(f"UPDATE {invite.contact_uri()} SIP/2.0", [
            ("Via", phone.sip.via()), ("Max-Forwards", "70"), ("From", f"{invite['To']};tag={tag}"),
            ("To", invite["From"]), ("Call-ID", invite["Call-ID"]), ("CSeq", "7 UPDATE"),
            ("Contact", phone.sip.contact), TIMER, expires(90, "uac")]), phone.sip.edge)
        response = phone.wait_response("UPDATE", invite["Call-ID"])
        self.assertEqual(response.status, 200)
        self.assertIn("refresher=uac", response["Session-Expires"])
        self.outlives_its_first_interval(phone, invite["Call-ID"], at)
        self.asterisk_hangs_up("404")

    def final(self, phone):
        response = phone.peer.take_response()
        while response.status == 100:
            response = phone.peer.take_response()
        return response

    def begin(self, phone, backend):
        """A scripted call with a session of 90 s that the phone shall refresh. Gives (call, INVITE at the backend)."""
        call = phone.call("600", headers=[TIMER, UPDATES, expires(90, "uac")])
        invite = backend.expect("INVITE")
        self.assertEqual(invite["Session-Expires"], "90;refresher=uac")
        headers = [contact_of(backend), ("Content-Type", "application/sdp"), ("Require", "timer"), expires(90, "uac")]
        backend.reply(invite, 200, headers=headers, body=sip.sdp(backend.address))
        response = self.final(phone)
        self.assertEqual((response.status, response["Session-Expires"], response["Require"]),
                         (200, "90;refresher=uac", "timer"))
        call.answered(response)
        backend.expect("ACK")
        call.answered_at = response.at
        return call, invite

    def nobody_refreshes(self):
        phone, backend = self.pairs["nobody_refreshes"]
        call, invite = self.begin(phone, backend)
        byes = [(peer, peer.expect("BYE", within=SESSION + 5)) for peer in (backend, phone.peer)]
        for peer, bye in byes:
            peer.reply(bye, 200)
        self.assertEqual([bye["Call-ID"] for _, bye in byes], [invite["Call-ID"], call.call_id])
        self.ends_when_the_session_expires(call, *byes)

    def a_refresh_without_a_time_ends_the_watch(self):
        phone, backend = self.pairs["a_refresh_without_a_time_ends_the_watch"]
        call, _ = self.begin(phone, backend)
        call.send("UPDATE")
        backend.reply(backend.expect("UPDATE"), 200, headers=[contact_of(backend)])
        phone.peer.expect(200, method="UPDATE")
        pause(call.answered_at + SESSION + 2 - time.monotonic())
        self.assertTrue(phone.peer.empty() and backend.empty(), "the call was ended")
        self.hang_up(call, backend)

    def the_phone_that_refreshes_dies(self):
        """Asterisk may hang up shortly before the session expires (RFC 4028 §10); if it does not, the edge does."""
        phone = self.phones["407"]
        call = phone.timed("600", "uac")
        phone.dead = True
        pause(call.answered_at + 50 - time.monotonic())
        self.assertTrue(self.alive(call.call_id), "it was ended too early")
        wait_for(lambda: not self.alive(call.call_id), call.answered_at + SESSION + 2 - time.monotonic(),
                 "the call is over")
        wait_for(lambda: not any("407" in channel for channel in self.asterisk.channels()), 5, "Asterisk has hung up")
        self.assertTrue(phone.requests("BYE", call.call_id))

    def the_asterisk_that_refreshes_is_killed(self):
        phone = self.phones["409"]
        call = phone.timed("600", "uas")
        self.mortal.process.kill9()
        bye = phone.wait_request("BYE", call.call_id, SESSION + 5)
        self.ends_when_the_session_expires(call, (phone, bye))

    def the_backend_says_422(self):
        phone, backend = self.pairs["the_backend_says_422"]
        call = phone.call("600", headers=[TIMER, expires(90), ("Min-SE", "90")])
        invite = backend.expect("INVITE")
        self.assertEqual((invite["Session-Expires"], invite["Min-SE"]), ("90", "90"))
        backend.reply(invite, 422, reason="Session Interval Too Small", headers=[("Min-SE", "120")])
        backend.expect("ACK")
        refused = self.final(phone)
        self.assertEqual((refused.status, refused["Min-SE"]), (422, "120"))
        call.ack_failure(refused)
        call = phone.call("600", headers=[TIMER, expires(120), ("Min-SE", "120")])
        invite = backend.expect("INVITE")
        self.assertEqual((invite["Session-Expires"], invite["Min-SE"]), ("120", "120"))
        backend.reply(invite, 200, headers=[contact_of(backend), ("Require", "timer"), expires(120, "uac")])
        response = self.final(phone)
        self.assertEqual((response.status, response["Session-Expires"]), (200, "120;refresher=uac"))
        call.answered(response)
        backend.expect("ACK")
        self.hang_up(call, backend)

    def asterisk_says_422_to_a_refresh(self):
        """Asterisk 16 leaves a first INVITE with too short a time without any answer; a refresh it refuses."""
        phone = self.phones["405"]
        call = phone.dial("600", [TIMER, UPDATES, expires(120, "uac"), ("Min-SE", "120")])
        for seconds, status in ((90, 422), (150, 200)):
            call.send("UPDATE", headers=[TIMER, expires(seconds, "uac")])
            response = wait_for(lambda: next((m for m in list(phone.all_received) if m.is_response
                                              and m.cseq == call.cseq and m.method == "UPDATE"), None), 8, "its answer")
            self.assertEqual(response.status, status)
            if status == 422:
                self.assertEqual(response["Min-SE"], "120")
            else:
                self.assertEqual(response["Session-Expires"], f"{seconds};refresher=uac")
        self.assertTrue(self.alive(call.call_id))
        call.send("BYE")
        phone.wait_response("BYE", call.call_id)

    def the_phone_says_422(self):
        phone = self.phones["406"]
        phone.least = 180
        self.asterisk.command("channel originate PJSIP/406 application Wait 300")
        invites = wait_for(lambda: (found := phone.requests("INVITE"))[1:] and found, 8, "Asterisk tries again")
        self.assertEqual(invites[0]["Session-Expires"].split(";")[0], "90")
        self.assertEqual(invites[1]["Session-Expires"].split(";")[0], "180")
        self.assertEqual(invites[1]["Min-SE"], "180")
        phone.wait_request("ACK", invites[1]["Call-ID"])
        wait_for(lambda: self.alive(invites[1]["Call-ID"]), 5, "the call is up")
        self.asterisk_hangs_up("406")
        phone.wait_request("BYE", invites[1]["Call-ID"])

    def asterisk_requires_a_timer(self):
        phone = self.phones["408"]
        call = phone.send_invite("600")
        refused = phone.final(call, call.cseq)
        self.assertEqual((refused.status, refused["Require"]), (421, "timer"))
        call.ack_failure(refused)
        call = phone.timed("600", "uas")
        call.send("BYE")
        phone.wait_response("BYE", call.call_id)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.pool.shutdown()
            cls.edge.wait_quiet(20)
        finally:
            super().tearDownClass()


def outcome(name):
    def test(self):
        self.running[name].result(SESSION + 15)

    return test


for case in SessionTimers.CASES:
    setattr(SessionTimers, f"test_{case}", outcome(case))


if __name__ == "__main__":
    main()
