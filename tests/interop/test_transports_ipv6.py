"""Phones and backends that both have IPv6 only, on every transport, in all pairs: in a network of its own, since a backend is known by its address
and the machine's loopback has a single one."""

import unittest

from lab.lab import main
from lab.network import enter_own_network, inside_own_network
from lab.pair import Pair, TransportsTest

PHONES, BACKENDS = "fd75::21", "fd75::11"


class BothOnIPv6(TransportsTest):
    @classmethod
    def setUpLab(cls):
        if not inside_own_network():
            raise unittest.SkipTest("this machine gives no network namespaces")
        super().setUpLab()
        cls.parties.phones, cls.parties.backends = PHONES, BACKENDS

    def talk(self, phone, backend):
        pair = Pair(self, phone, backend, (True, True))
        self.assertEqual((pair.phone.peer.address, pair.backend.address), (PHONES, BACKENDS))
        pair.talk()


for _phone in ("udp", "tcp", "tls", "ws", "wss"):
    for _backend in ("udp", "tcp", "tls"):
        setattr(BothOnIPv6, f"test_a_phone_on_{_phone}_and_a_backend_on_{_backend}", lambda self, p=_phone, b=_backend: self.talk(p, b))


if __name__ == "__main__":
    enter_own_network(PHONES, BACKENDS)
    main()
