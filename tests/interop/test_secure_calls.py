"""Phones over TLS and secure WebSocket, and a real Asterisk over TLS: nothing goes in the clear, and every certificate is
held against its authority, by all three."""

from urllib.parse import quote

from lab.asterisk import Asterisk
from lab.capture import Capture
from lab.end import end_of_callee, end_of_caller
from lab.handset import TlsHandset, WebSocketHandset
from lab.lab import main
from lab.pair import TransportsTest
from lab.wait import wait_for


class SecureCalls(TransportsTest):
    TRANSPORTS = ("tls", "wss")

    @classmethod
    def setUpLab(cls):
        super().setUpLab()
        address = cls.lab.ip(10)
        cls.asterisk = Asterisk(cls.lab, 10, {"401": "one", "402": "two"},
                                tls=(cls.authority.issue("asterisk", address), cls.authority.certificate))
        cls.edge.set(10, health={"interval": "1s", "timeout": "500ms"})
        target, = cls.edge.tenant("a.test", 10, f"sips:{address}")
        cls.edge.wait_health(10, target, "up")
        cls.capture = Capture(cls.lab)

    def handset(self, kind, transport, user, password):
        phone = kind(self.lab, self.next_host(), self.edge.listeners[transport, False], user, password, "a.test",
                     ca=self.authority.certificate)
        response = phone.sip.register()
        self.assertEqual(response.status, 200, response)
        return phone

    def talks(self, phone, transport):
        user = phone.sip.user
        wait_for(lambda: phone.requests("OPTIONS"), 5, "the phone is qualified")
        self.asterisk.wait_contact(user)
        stored = self.asterisk.contact_details(user)
        self.assertRegex(stored[0], rf'"sips?:{user}~[a-z0-9]{{10}}@{self.edge.ip}:5061;transport=tls"')
        call = phone.dial("600")
        end = end_of_caller(call)
        end.send("BYE")
        phone.wait_response("BYE", call.call_id)
        self.asterisk.wait_no_channels()
        self.asterisk.command(f"channel originate PJSIP/{user} extension 600@phones")
        invite = wait_for(lambda: phone.requests("INVITE"), 5, "the phone is called")[0]
        self.assertEqual(invite.uri, phone.uri(user))
        phone.wait_request("ACK", invite["Call-ID"])
        invite.own_tag = phone.rung[invite["Call-ID"]][1]
        end_of_callee(phone, invite).send("BYE")
        phone.wait_response("BYE", invite["Call-ID"])
        self.asterisk.wait_no_channels()
        # The recorder has in the clear what nobody else could read.
        ladder = self.edge.must("GET", f"/v1/ladder?call_id={quote(call.call_id, safe='')}")
        seen = {(item["label"], item["transport"]) for item in ladder["items"] if item["kind"] == "message"}
        self.assertLessEqual({("INVITE", transport), ("200 OK", "tls"), ("BYE", transport)}, seen)
        self.assertIn(f"Call-ID: {call.call_id}", ladder["items"][0]["text"])
        self.assertEqual((len(phone.connections), phone.lost), (1, []))
        self.assertEqual(self.capture.packets, [], "SIP in the clear")

    def test_a_phone_over_tls(self):
        self.talks(self.handset(TlsHandset, "tls", "401", "one"), "tls")

    def test_a_phone_over_a_secure_websocket(self):
        self.talks(self.handset(WebSocketHandset, "wss", "402", "two"), "wss")


if __name__ == "__main__":
    main()
