"""A NAT that changes its ports during a call: the phone's next REGISTER moves the call with the binding."""

from lab.lab import main
from lab.nat import NatTest


class Moves(NatTest):
    def test_a_new_port_in_the_middle_of_a_call_is_followed_from_the_phones_next_register_on(self):
        phone, shim = self.behind_nat()
        invite = self.call_from_asterisk(phone)
        shim.change_ports()
        self.register(phone)
        self.hang_up_at_asterisk(phone, invite["Call-ID"])


if __name__ == "__main__":
    main()
