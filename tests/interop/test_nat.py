"""Phones behind NAT on plain sockets: keep-alives, STUN, a port that changes, a phone that listens elsewhere, and two
flows of one device (RFC 5626)."""

import os
import struct
import time

from lab import sip
from lab.edge import Edge
from lab.lab import main
from lab.peer import UdpPeer
from lab.scripted import ScriptedTest, contact_of, contacts
from lab.wait import wait_for

PRIVATE = "<sip:401@192.168.1.9:5060>"
COOKIE = 0x2112A442


class RawPeer(UdpPeer):
    """Keeps what is no SIP message too."""

    def _arrived(self, data, source, reply_to):
        if data[:1] in (b"\r", b"\x01"):
            self.__dict__.setdefault("odd", []).append((time.monotonic(), data))
            return
        super()._arrived(data, source, reply_to)


class Nat(ScriptedTest):
    @classmethod
    def setUpLab(cls):
        cls.edge = Edge(cls.lab, timers=cls.TIMERS, log_level=cls.LOG_LEVEL, extra='[nat]\nkeep_alive = "10s"\n')
        cls._host = 40
        cls._tenants = 0

    def setUp(self):
        self.upstream = self.backend()
        self.domain, _, _ = self.tenant(self.upstream)

    def behind_nat(self, user="401"):
        """A phone that believes to be at a private address."""
        phone = self.phone(user, self.domain, contact=PRIVATE)
        phone.peer.close()
        phone.peer = RawPeer(self.lab, self.next_host(), name=f"nat-{self._host}")
        return phone

    def call_token(self, request):
        """The backend calls the Contact that it was given; gives its caller's side."""
        caller = self.as_backend(self.upstream)
        caller.domain = self.edge.ip
        return caller.call(sip.uri_of(contacts(request)[0])[4:].split("@")[0])

    def test_a_phone_behind_nat_gets_keep_alives(self):
        phone = self.behind_nat()
        self.register(phone, self.upstream)
        began = time.monotonic()
        wait_for(lambda: phone.peer.__dict__.get("odd"), 12, "a keep-alive comes")
        self.assertGreater(phone.peer.odd[0][0] - began, 9)
        self.assertEqual(phone.peer.odd[0][1], b"\r\n\r\n")

    def test_stun_on_the_sip_port_tells_the_mapped_address(self):
        phone = self.behind_nat()
        transaction = os.urandom(12)
        phone.peer.send_bytes(struct.pack("!HHI", 1, 0, COOKIE) + transaction, self.edge.address)
        wait_for(lambda: phone.peer.__dict__.get("odd"), 2, "the answer comes")
        answer = phone.peer.odd[0][1]
        self.assertEqual(answer[:20], struct.pack("!HHI", 0x0101, 12, COOKIE) + transaction)
        kind, length, family, port = struct.unpack("!HHHH", answer[20:28])
        self.assertEqual((kind, length, family), (0x0020, 8, 1))
        self.assertEqual(port ^ (COOKIE >> 16), phone.peer.port)
        address = struct.unpack("!I", answer[28:32])[0] ^ COOKIE
        self.assertEqual(".".join(str(byte) for byte in struct.pack("!I", address)), phone.peer.address)

    def test_a_new_port_of_the_nat_keeps_the_binding_and_the_call(self):
        phone = self.behind_nat()
        first, _ = self.register(phone, self.upstream)
        call = self.call_token(first)
        invite = phone.peer.expect("INVITE")
        self.assertEqual(invite.uri, sip.uri_of(PRIVATE))
        answer = phone.peer.reply(invite, 200, headers=[("Contact", PRIVATE), ("Content-Type", "application/sdp")],
                                  body=sip.sdp("192.168.1.9"))
        call.answered(self.upstream.expect(200, method="INVITE"))
        self.assertEqual(phone.peer.expect("ACK").tag("To"), answer.tag("To"))
        shown = self.edge.items("/v1/calls")[0]
        self.assertIn("private address 192.168.1.9", shown["hint"])
        self.assertIn("asks for media at the private address 192.168.1.9", self.edge.process.log())
        explained = self.edge.must("GET", f"/v1/explain/{shown['key']}")
        self.assertEqual((explained["hint"], explained["known_death"]), ("private-sdp-address", None))
        self.assertIn("asks for its audio at 192.168.1.9", explained["verdict"])

        phone.peer = RawPeer(self.lab, self._host, port=40000, name=f"nat-{self._host}-moved")
        second, _ = self.register(phone, self.upstream)
        self.assertEqual(contacts(second), contacts(first), "the same token")
        self.assertEqual(len(self.edge.registrations(domain=self.domain)), 1)
        call.send("BYE")
        bye = phone.peer.expect("BYE")
        phone.peer.reply(bye, 200)
        self.upstream.expect(200, method="BYE")

    def test_a_phone_that_listens_on_another_port_hears_its_answer(self):
        phone = self.phone("402", self.domain)
        sender = phone.peer
        listener = UdpPeer(self.lab, self._host, port=5070, name=f"listener-{self._host}")
        register = sip.compose(f"REGISTER sip:{self.domain} SIP/2.0", [
            ("Via", f"SIP/2.0/UDP {sender.address}:5070;branch={sip.new_branch()}"), ("Max-Forwards", "70"),
            ("From", f"<{phone.aor}>;tag=1"), ("To", f"<{phone.aor}>"), ("Call-ID", sip.new_call_id()),
            ("CSeq", "1 REGISTER"), ("Contact", f"<sip:402@{sender.address}:5070>")])
        sender.send(register, self.edge.address)
        asked = self.upstream.expect("REGISTER")
        self.upstream.reply(asked, 200, headers=[("Contact", asked["Contact"] + ";expires=3600")])
        sender.expect(200)
        sender.send(register, self.edge.address)
        listener.silent(0.2)
        sender.send(register, self.edge.address)
        self.assertEqual(listener.expect(200).method, "REGISTER")
        self.assertIn("gets them at port 5070 of its Via as well", self.edge.process.log())
        # So does what it is asked, whatever becomes of the port that it sent from.
        sender.close()
        call = self.call_token(asked)
        invite = listener.expect("INVITE")
        listener.reply(invite, 486)
        call.ack_failure(self.upstream.expect(486))

    def test_two_flows_of_one_device_are_tried_in_turn(self):
        device = '<sip:401@192.168.1.9:5060>;+sip.instance="<urn:uuid:7>"'
        first, second = self.behind_nat(), self.behind_nat()
        self.register(first, self.upstream, contact=device + ";reg-id=1")
        request, response = self.register(second, self.upstream, contact=device + ";reg-id=2")
        self.assertIsNone(response.get("Flow-Timer"), "it has not asked for outbound")
        caller = self.as_backend(self.upstream)
        caller.domain = self.edge.ip
        call = caller.call("401")
        invite = second.peer.expect("INVITE")
        self.assertTrue(first.peer.empty(), "never both at once")
        second.peer.reply(invite, 430, reason="Flow Failed")
        second.peer.expect("ACK")
        invite = first.peer.expect("INVITE")
        first.peer.reply(invite, 180, headers=[contact_of(first.peer)])
        wait_for(lambda: any(m.status == 180 for m in self.upstream.all_received if m.is_response), 2, "180 comes back")
        first.peer.reply(invite, 486)
        first.peer.expect("ACK")
        self.upstream.inbox[:] = [m for m in self.upstream.inbox if m.status not in (100, 180)]
        call.ack_failure(self.upstream.expect(486))

    def test_outbound_is_confirmed(self):
        phone = self.behind_nat()
        contact = '<sip:401@192.168.1.9:5060>;+sip.instance="<urn:uuid:8>";reg-id=1'
        phone.send_register(contact, 60, headers=[("Supported", "outbound, path")])
        request = self.upstream.expect("REGISTER")
        self.upstream.reply(request, 200, headers=[("Contact", f"<{contacts(request)[0]}>;expires=60")])
        response = phone.peer.expect(200, method="REGISTER")
        self.assertEqual(response["Require"], "outbound")
        self.assertEqual(response["Flow-Timer"], "30")


if __name__ == "__main__":
    main()
