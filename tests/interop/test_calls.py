"""Two baresips call each other through the edge and a real Asterisk; every packet is looked at."""

from lab.apart import assert_legs_are_apart, assert_no_backend_in_headers
from lab.asterisk import Asterisk
from lab.baresip import Baresip
from lab.capture import Capture
from lab.edge import Edge
from lab.lab import LabTest, main
from lab.wait import wait_for


class Calls(LabTest):
    TRANSPORT = "udp"

    @classmethod
    def setUpLab(cls):
        cls.capture = Capture(cls.lab)
        cls.edge = Edge(cls.lab)
        cls.asterisk = Asterisk(cls.lab, 10, {"401": "one", "402": "two"}, rewrite_contact=True)
        cls.edge.tenant("a.test", 10, cls.asterisk.address)
        cls.edge.wait_ready()
        registrar = f"{cls.edge.ip}:5060"
        cls.caller = Baresip(cls.lab, 21, "401", "a.test", "one", registrar, cls.TRANSPORT)
        cls.callee = Baresip(cls.lab, 22, "402", "a.test", "two", registrar, cls.TRANSPORT)
        for phone in (cls.caller, cls.callee):
            phone.wait_registered()
            cls.asterisk.wait_contact(phone.user)

    def setUp(self):
        self.since = self.capture.mark()
        self.events = {phone: phone.mark() for phone in (self.caller, self.callee)}

    def wait_event(self, phone, kind, within=10):
        return phone.wait_event(kind, within, self.events[phone])

    def talk(self):
        """A call from 401 to 402, up to audio at both ends."""
        self.caller.dial("402")
        self.wait_event(self.callee, "CALL_INCOMING")
        self.wait_event(self.caller, "CALL_RINGING")
        self.callee.accept()
        for phone in (self.caller, self.callee):
            self.wait_event(phone, "CALL_ESTABLISHED")
            self.wait_event(phone, "CALL_RTPESTAB")

    def over(self, ended_by, other):
        ended_by.hangup()
        self.wait_event(other, "CALL_CLOSED")
        self.asterisk.wait_no_channels()
        wait_for(lambda: not self.edge.calls(), 5, "the edge has no call left")

    def direction_after(self, phone, command):
        """Holds or resumes; gives the direction in the SDP offer that reached Asterisk."""
        before = self.capture.mark()
        command()
        offer = self.capture.wait(
            lambda p: p.target[0] == self.asterisk.address and p.message.method == "INVITE"
            and not p.message.is_response and p.message.body, 5, before, f"a re-INVITE of {phone.name} at Asterisk")
        call_id = offer.message["Call-ID"]
        self.capture.wait(lambda p: p.target[0] == self.asterisk.address and p.message.method == "ACK"
                          and p.message["Call-ID"] == call_id, 5, before, "its ACK")
        lines = offer.message.body.decode().split("\r\n")
        return next(line[2:] for line in lines if line in ("a=sendrecv", "a=sendonly", "a=inactive", "a=recvonly"))

    def packets(self):
        return self.capture.packets[self.since:]

    def assert_legs_are_apart(self):
        assert_legs_are_apart(self, self.packets(), self.edge.ip, self.asterisk.address)

    def assert_no_backend_in_headers(self):
        assert_no_backend_in_headers(self, self.packets(), self.asterisk.address)

    def test_401_calls_402_talks_and_hangs_up(self):
        self.talk()
        self.assertEqual(len(self.edge.calls()), 2)
        self.over(self.caller, self.callee)
        self.assert_legs_are_apart()

    def test_the_called_phone_hangs_up(self):
        self.talk()
        self.over(self.callee, self.caller)
        self.assert_legs_are_apart()

    def test_hold_and_resume_from_both_sides(self):
        self.talk()
        for phone in (self.caller, self.callee):
            self.assertIn(self.direction_after(phone, phone.hold), ("sendonly", "inactive"))
            self.assertEqual(self.direction_after(phone, phone.resume), "sendrecv")
        self.over(self.callee, self.caller)
        self.assert_legs_are_apart()

    def test_asterisk_hangs_up(self):
        self.caller.dial("603")
        self.wait_event(self.caller, "CALL_ESTABLISHED")
        self.wait_event(self.caller, "CALL_CLOSED")
        self.asterisk.wait_no_channels()
        self.assert_legs_are_apart()

    def test_a_busy_extension_is_busy_at_the_phone(self):
        self.caller.dial("602")
        closed = self.wait_event(self.caller, "CALL_CLOSED")
        self.assertIn("486", closed["param"])

    def test_the_caller_gives_up_while_it_rings(self):
        self.caller.dial("402")
        self.wait_event(self.callee, "CALL_INCOMING")
        self.wait_event(self.caller, "CALL_RINGING")
        self.over(self.caller, self.callee)
        self.assert_no_backend_in_headers()

    def test_the_callee_declines(self):
        self.caller.dial("402")
        self.wait_event(self.callee, "CALL_INCOMING")
        self.over(self.callee, self.caller)
        self.assert_no_backend_in_headers()

    def test_zz_nothing_is_left_and_a_killed_phone_is_unavailable(self):
        # Runs last: it ends a phone.
        self.edge.wait_quiet(45, only=("calls", "legs", "transactions.invite_client", "transactions.invite_server"))
        self.callee.kill9()
        self.asterisk.wait_contact("402", "Unavail", within=10)
        self.assertEqual(self.asterisk.contacts("401")[0][1], "Avail")
        self.callee.start()
        self.callee.wait_registered()
        self.asterisk.wait_contact("402", "Avail")


if __name__ == "__main__":
    main()
