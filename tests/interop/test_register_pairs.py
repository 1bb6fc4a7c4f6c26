"""A challenge and its answer meet the same backend, though a set's algorithm sends each new request elsewhere: two real
Asterisks know nothing of each other's nonces."""

from lab import sip
from lab.asterisk import Asterisk
from lab.capture import Capture
from lab.edge import Edge
from lab.lab import LabTest, main
from lab.peer import Phone, TcpPeer, UdpPeer
from lab.wait import wait_for

PAIRS, BATCH = 200, 20


class RegisterPairs(LabTest):
    @classmethod
    def setUpLab(cls):
        cls.edge = Edge(cls.lab, timers={"t1": "500ms"}, log_level="info")
        users = {str(1000 + number): f"secret{number}" for number in range(PAIRS)}
        cls.passwords = users
        cls.asterisks = [Asterisk(cls.lab, host, users, entity=f"02:00:00:00:00:{host:02x}", qualify_frequency=0)
                         for host in (10, 11)]
        cls.edge.set(30, algorithm="round-robin")
        cls.edge.tenant("c.test", 30, *[a.address for a in cls.asterisks])
        cls.capture = Capture(cls.lab)

    def phone(self, user, kind):
        peer = kind(self.lab, 21, port=0, name=f"phone-{user}")
        return Phone(peer, self.edge.address, user, "c.test", self.passwords[user])

    def challenge(self, phone):
        response = phone.peer.expect_final("REGISTER", 10)
        self.assertEqual(response.status, 401, response)
        return response

    def answer(self, phone, challenge):
        authorization = sip.digest(challenge["WWW-Authenticate"], phone.user, phone.password, "REGISTER", f"sip:{phone.domain}")
        phone.send_register(headers=[("Authorization", authorization)])

    def hang_up(self, phone):
        """The phone's connection ends between challenge and answer."""
        phone.peer.disconnect()
        wait_for(lambda: not phone.peer.connections, 5, f"{phone.peer.name} has closed")

    def test_200_pairs_half_of_them_over_two_connections_meet_one_asterisk_each(self):
        phones = [self.phone(user, TcpPeer if place % 2 else UdpPeer) for place, user in enumerate(self.passwords)]
        for start in range(0, PAIRS, BATCH):
            # Many at a time, so that round robin has gone elsewhere when the answer comes.
            batch = phones[start:start + BATCH]
            for phone in batch:
                phone.send_register()
            challenges = [self.challenge(phone) for phone in batch]
            for phone in batch:
                if isinstance(phone.peer, TcpPeer):
                    self.hang_up(phone)
            for phone, challenge in zip(batch, challenges):
                self.answer(phone, challenge)
            for phone in batch:
                response = phone.peer.expect_final("REGISTER", 10)
                self.assertEqual(response.status, 200, f"a second challenge or a refusal:\n{response}")
                self.assertTrue(phone.peer.empty())
        self.assertEqual(len(self.edge.registrations("c.test")), PAIRS)
        met = self.met()
        self.assertEqual(len(met), PAIRS)
        self.assertEqual([user for user, backends in met.items() if len(backends) != 1], [], "met more than one Asterisk")
        counts = [sum(backends == {a.address} for backends in met.values()) for a in self.asterisks]
        self.assertEqual(sum(counts), PAIRS)
        self.assertGreater(min(counts), PAIRS // 4, f"round robin uses both: {counts}")
        for asterisk, count in zip(self.asterisks, counts):
            self.assertEqual(asterisk.command("database show registrar").count("/contact/"), count, asterisk.name)

    def met(self):
        """{user: addresses of the Asterisks that his REGISTERs went to}"""
        found = {}
        for packet in list(self.capture.packets):
            message = packet.message
            if message.method == "REGISTER" and not message.is_response and packet.source == self.edge.address:
                user = sip.uri_of(message["To"])[4:].split("@")[0]
                found.setdefault(user, set()).add(packet.target[0])
        return found


if __name__ == "__main__":
    main()
