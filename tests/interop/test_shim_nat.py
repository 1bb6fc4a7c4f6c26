"""Phones behind a NAT, with a real Asterisk: responses and calls follow the flow, whatever Via and Contact say; phones that
are killed and come back."""

from lab import sip
from lab.baresip import Baresip
from lab.end import end_of_callee, end_of_caller
from lab.lab import main
from lab.nat import NatTest
from lab.shim import TO_EDGE, TO_PHONE
from lab.wait import wait_for


class Nat(NatTest):
    def test_a_private_contact_without_rport_registers_is_qualified_calls_and_is_called(self):
        phone, shim = self.behind_nat()
        address, port = self.outer(phone, shim)
        self.assertIn(f"{address}:{port}", str(self.binding(phone)), "the flow is the NAT's")
        self.wait_options(phone)
        self.asterisk.wait_contact(phone.sip.user)
        call = phone.dial("600")
        end_of_caller(call).send("BYE")
        phone.wait_response("BYE", call.call_id)
        self.asterisk.wait_no_channels()
        invite = self.call_from_asterisk(phone)
        end_of_callee(phone, self.with_tag(phone, invite)).send("BYE")
        self.asterisk.wait_no_channels()

    def with_tag(self, phone, invite):
        invite.own_tag = phone.rung[invite["Call-ID"]][1]
        return invite

    def test_after_a_new_port_the_phones_next_register_moves_its_binding(self):
        phone, shim = self.behind_nat()
        before, old = self.binding(phone), self.outer(phone, shim)
        token = self.asterisk.contacts(phone.sip.user)
        shim.change_ports()
        new = self.outer(phone, shim)
        self.assertNotEqual(new, old)
        self.register(phone)
        after = self.binding(phone)
        self.assertEqual(after["contact"], before["contact"])
        self.assertIn(f"{new[0]}:{new[1]}", str(after))
        self.assertNotIn(f"{old[0]}:{old[1]}", str(after))
        self.assertEqual([uri for uri, _ in self.asterisk.contacts(phone.sip.user)], [uri for uri, _ in token],
                         "it is the same device to Asterisk")
        self.wait_options(phone, len(phone.requests("OPTIONS")))
        invite = self.call_from_asterisk(phone)
        self.hang_up_at_asterisk(phone, invite["Call-ID"])

    def test_a_new_port_in_the_middle_of_a_call_is_followed_from_the_phones_next_request_on(self):
        phone, shim = self.behind_nat()
        call = phone.dial("600")
        shim.change_ports()
        end = end_of_caller(call)
        end.send("INVITE", sip.sdp(phone.address, version=2, direction="sendonly"))
        response = phone.final(call, end.cseq)
        self.assertEqual(response.status, 200, response)
        end.ack()
        # And so does what the backend sends in the call.
        self.hang_up_at_asterisk(phone, call.call_id)

    def test_a_phone_whose_mapping_is_gone_is_unavailable_until_it_sends_again(self):
        phone, shim = self.behind_nat()
        self.asterisk.wait_contact(phone.sip.user)
        shim.silence()
        self.asterisk.wait_contact(phone.sip.user, "Unavail", within=5)
        self.register(phone)
        self.asterisk.wait_contact(phone.sip.user, within=3)

    def test_a_bad_network_loses_no_call(self):
        phone, shim = self.behind_nat()
        lost = [shim.drop(TO_PHONE, 200, method="INVITE", count=2), shim.drop(TO_EDGE, "ACK", count=2),
                shim.drop(TO_EDGE, "BYE"), shim.drop(TO_PHONE, 200, method="BYE")]
        twice = [shim.repeat(TO_EDGE, "INVITE", 3, first=2), shim.delay(TO_PHONE, 100, 0.3, method="INVITE")]
        call = phone.dial("600")
        for _ in range(3):  # a 2xx is repeated until its ACK comes (RFC 3261 §13.3.1.4)
            before = len(phone.repeats)
            wait_for(lambda: len(phone.repeats) > before or lost[1].done >= 2, 5, "the 200 comes again")
            call.ack()
        bye = end_of_caller(call)
        branch = bye.send("BYE")
        for _ in range(8):
            if [m for m in list(phone.all_received) if m.is_response and m.method == "BYE"]:
                break
            bye.send("BYE", cseq=bye.cseq, branch=branch)
            try:
                phone.wait_response("BYE", call.call_id, within=0.5)
            except AssertionError:
                continue
        phone.wait_response("BYE", call.call_id)
        self.asterisk.wait_no_channels()
        self.assertEqual([t.done for t in lost], [2, 2, 1, 1])
        self.assertEqual([t.done for t in twice], [1, 1])


class Killed(NatTest):
    def test_a_phone_that_is_killed_is_unavailable_within_one_qualify_and_available_when_it_is_back(self):
        user = next(self.users)
        phone = Baresip(self.lab, 21, user, "a.test", f"secret{user}", f"{self.edge.ip}:5060")
        phone.wait_registered()
        self.asterisk.wait_contact(user)
        phone.kill9()
        # qualify_frequency 1 s, qualify_timeout 2 s
        self.asterisk.wait_contact(user, "Unavail", within=4)
        self.assertFalse([c for c in self.asterisk.contacts(user) if c[1] == "Avail"])
        phone.start()
        phone.wait_registered()
        self.asterisk.wait_contact(user, within=4)
        self.asterisk.command(f"channel originate PJSIP/{user} extension 600@phones")
        phone.wait_event("CALL_INCOMING")
        phone.accept()
        phone.wait_event("CALL_ESTABLISHED")
        phone.hangup()
        self.asterisk.wait_no_channels()


if __name__ == "__main__":
    main()
