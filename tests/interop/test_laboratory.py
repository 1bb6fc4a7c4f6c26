"""The laboratory itself, without the edge: two phones at one Asterisk call each other."""

from lab.asterisk import Asterisk
from lab.baresip import Baresip
from lab.lab import LabTest, main


class Laboratory(LabTest):
    @classmethod
    def setUpLab(cls):
        cls.asterisk = Asterisk(cls.lab, 10, {"401": "one", "402": "two"})
        registrar = f"{cls.asterisk.address}:5060"
        cls.caller = Baresip(cls.lab, 21, "401", "a.test", "one", registrar)
        cls.callee = Baresip(cls.lab, 22, "402", "a.test", "two", registrar)

    def test_two_phones_register_and_one_calls_the_other(self):
        self.caller.wait_registered()
        self.callee.wait_registered()
        self.asterisk.wait_contact("401")
        self.asterisk.wait_contact("402")
        self.caller.dial("402")
        self.callee.wait_event("CALL_INCOMING")
        self.caller.wait_event("CALL_RINGING")
        self.callee.accept()
        self.caller.wait_event("CALL_ESTABLISHED")
        self.callee.wait_event("CALL_ESTABLISHED")
        self.assertEqual(len(self.asterisk.channels()), 2)
        self.callee.hangup()
        self.caller.wait_event("CALL_CLOSED")
        self.asterisk.wait_no_channels()


if __name__ == "__main__":
    main()
