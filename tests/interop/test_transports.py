"""Phones and backends on every transport and of either family, in all pairs."""

import re

from lab import sip
from lab.end import end_of_callee, end_of_caller
from lab.lab import main
from lab.pair import Pair, TransportsTest
from lab.scripted import contact_of, contacts
from lab.wait import wait_for

PHONES = ("udp", "tcp", "tls", "ws", "wss")
BACKENDS = ("udp", "tcp", "tls")


class Transports(TransportsTest):
    pass


class PhonesOnIPv6(TransportsTest):
    pass


class BackendsOnIPv6(TransportsTest):
    """Apart from phones on IPv6, which have the same address."""


def talks(phone, backend, six=(False, False)):
    return lambda self: Pair(self, phone, backend, six).talk()


for _phone in PHONES:
    for _backend in BACKENDS:
        setattr(Transports, f"test_a_phone_on_{_phone}_and_a_backend_on_{_backend}", talks(_phone, _backend))
    setattr(PhonesOnIPv6, f"test_a_phone_on_{_phone}_and_ipv6_and_a_backend_on_ipv4", talks(_phone, "udp", (True, False)))
for _backend in BACKENDS:
    setattr(BackendsOnIPv6, f"test_a_phone_on_ipv4_and_a_backend_on_{_backend}_and_ipv6", talks("udp", _backend, (False, True)))
    setattr(PhonesOnIPv6, f"test_a_phone_on_tcp_and_ipv6_and_a_backend_on_{_backend}_and_ipv4",
            talks("tcp", _backend, (True, False)))


class Sips(TransportsTest):
    """RFC 3261 §12.1.1: who has a SIPS URI for a Contact is given one."""

    def sips_both_ways(self, transport, parameters):
        pair = Pair(self, transport, "udp")
        own = f"sips:401@{pair.phone.peer.uri('401').split('@')[1].split(';')[0]}"
        pair.phone.contact = f"<{own}>"
        _, response = self.register(pair.phone, pair.backend)
        self.assertEqual(contacts(response), [own])
        expected = rf"sips:[^@]+@{re.escape(self.reached_at(pair.phone.peer))}{parameters}"

        call = pair.phone.call("600")
        invite = pair.backend.expect("INVITE")
        self.assertTrue(invite.contact_uri().startswith("sip:"), "the backend is on UDP")
        pair.backend.reply(invite, 200, headers=[contact_of(pair.backend), ("Content-Type", "application/sdp")],
                           body=sip.sdp(pair.backend.address, 41000))
        response = pair.final(pair.phone.peer, "INVITE")
        self.assertRegex(response.contact_uri(), f"^{expected}$")
        call.answered(response)
        pair.backend.expect("ACK")
        pair.hang_up(end_of_caller(call), end_of_callee(pair.backend, invite))

    def test_over_tls(self):
        self.sips_both_ways("tls", "")

    def test_over_a_secure_websocket(self):
        self.sips_both_ways("wss", ";transport=ws")


class Connections(TransportsTest):
    def listed(self, **filters):
        return self.edge.items("/v1/connections?" + "&".join(f"{name}={value}" for name, value in filters.items()))

    def test_each_open_connection_is_listed_and_no_other(self):
        for transport in PHONES[1:]:
            pair = Pair(self, transport, "tcp")
            pair.register()
            source = pair.phone.peer.address
            phone, = self.listed(source=source, transport=transport)
            self.assertEqual((phone["state"], phone["made_by"], phone["silent"]), ("established", "peer", False))
            self.assertEqual(phone["local"], self.reached_at(pair.phone.peer))
            backend, = self.listed(source=pair.backend.address)
            self.assertEqual((backend["transport"], backend["made_by"], backend["remote"]), ("tcp", "us", f"{pair.backend.address}:{pair.backend.port}"))
            self.assertEqual(len(self.listed()), self.edge.status()["counts"]["connections"])
            pair.phone.peer.disconnect()
            wait_for(lambda source=source: not self.listed(source=source), 3, "it is gone from the list")


class LostConnections(TransportsTest):
    def lose(self, transport):
        pair = Pair(self, transport, "udp")
        pair.register()
        before = self.edge.status()["counts"]["connections"]
        pair.phone.peer.disconnect()
        wait_for(lambda: not pair.phone.peer.connections, 2, "the phone has seen its connection end")
        wait_for(lambda: self.edge.status()["counts"]["connections"] < before, 1, "the edge has noticed the loss")
        return pair

    def loss_is_noticed(self, transport):
        pair = self.lose(transport)
        caller = self.as_backend(pair.backend)
        caller.domain = self.reached_at(pair.backend)
        call = caller.call(pair.token[4:].split("@")[0])
        final = pair.final(pair.backend, "INVITE", 480, within=0.5)
        call.ack_failure(final)
        self.assertEqual(getattr(pair.phone.peer, "accepted", 0), 0, "the edge must not connect to a phone")
        # It comes back on a new connection, which is used from then on.
        pair.register()
        phone, backend = pair.call_in()
        pair.hang_up(backend, phone)

    def a_call_goes_on(self, transport):
        """A phone that comes back in time (flow_recovery) has its call still."""
        pair = Pair(self, transport, "udp")
        pair.register()
        phone, backend = pair.call_in()
        pair.phone.peer.disconnect()
        wait_for(lambda: not pair.phone.peer.connections, 2, "the phone has seen its connection end")
        pair.register()
        phone.to = self.edge.reach(pair.phone.peer)
        pair.hold_and_resume(backend, phone)
        pair.hold_and_resume(phone, backend)
        pair.hang_up(backend, phone)


for _phone in PHONES[1:]:
    setattr(LostConnections, f"test_the_loss_of_a_connection_over_{_phone}_is_noticed_at_once",
            lambda self, t=_phone: self.loss_is_noticed(t))
    setattr(LostConnections, f"test_a_call_of_a_phone_on_{_phone}_goes_on_over_its_next_connection",
            lambda self, t=_phone: self.a_call_goes_on(t))


if __name__ == "__main__":
    main()
