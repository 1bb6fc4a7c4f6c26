"""What lies between a phone and the edge: a NAT in user space, and the troubles of a network, on command.

A phone sends to `inner`, as if the edge were there; the edge sees it at `outer`, with a port of its own for each phone.
"""

import heapq
import itertools
import random
import selectors
import socket
import threading
import time

from . import sip

TO_EDGE, TO_PHONE = "to the edge", "to the phone"


class Trouble:
    """What shall happen to some of the messages in one direction.

    `what` is a method's name, a status (of a response to `method`), or None for all; of those that match, the ones from
    the `first`-th (from 1) on, `count` of them (None: all that follow). `chance`: only so many of these, at random.
    """

    def __init__(self, direction, what, method=None, first=1, count=1, chance=1.0, copies=1, delay=0.0, behind=False):
        self.direction, self.what, self.method = direction, what, method
        self.first, self.count, self.chance = first, count, chance
        self.copies, self.delay, self.behind = copies, delay, behind
        self.seen = self.done = 0

    def takes(self, direction, message, dice):
        if direction != self.direction or not self._is_meant(message):
            return False
        self.seen += 1
        if self.seen < self.first or (self.count is not None and self.seen >= self.first + self.count):
            return False
        if dice.random() >= self.chance:
            return False
        self.done += 1
        return True

    def _is_meant(self, message):
        if self.what is None:
            return True
        if message is None:
            return False
        seen = message.status if message.is_response else message.method
        return seen == self.what and self.method in (None, message.method)


class Shim:
    """`edge` is where it sends to; `seed` decides what chance does."""

    def __init__(self, lab, inner_host, outer_host, edge, port=5060, seed=1):
        self.edge, self._outer_address = edge, lab.ip(outer_host)
        self._inner = self._bound((lab.ip(inner_host), port))
        self.address = self._inner.getsockname()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._inner, selectors.EVENT_READ)
        self._mappings, self._phones = {}, {}  # phone: outer socket, and the other way round
        self._troubles, self._dice = [], random.Random(seed)
        self._later, self._order = [], itertools.count()  # (when, order, send)
        self._held = {TO_EDGE: [], TO_PHONE: []}
        self.passed = []  # (direction, bytes) of all that went on
        self._lock = threading.RLock()
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        lab.on_close(self.close)

    @staticmethod
    def _bound(address):
        """Nobody shares its port (no SO_REUSEADDR, no SO_REUSEPORT)."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(address)
        made.setblocking(False)
        return made

    # The script

    def drop(self, direction, what, **which):
        return self._add(Trouble(direction, what, copies=0, **which))

    def repeat(self, direction, what, copies=2, **which):
        return self._add(Trouble(direction, what, copies=copies, **which))

    def delay(self, direction, what, seconds, **which):
        return self._add(Trouble(direction, what, delay=seconds, **which))

    def overtaken(self, direction, what, **which):
        """It goes on right behind the next one of its direction."""
        return self._add(Trouble(direction, what, behind=True, **which))

    def _add(self, trouble):
        with self._lock:
            self._troubles.append(trouble)
        return trouble

    def calm(self):
        """No trouble any more."""
        with self._lock:
            self._troubles.clear()

    def change_ports(self):
        """Each phone gets another outer port, as from a NAT that has forgotten its mapping: what comes to the old one is
        for nobody, and the edge knows the new one when the phone has sent something."""
        with self._lock:
            for phone in list(self._mappings):
                old = self._mappings.pop(phone)
                self._mappings[phone] = self._map(phone)  # before the old one's end, so that it is another
                self._forget(old)

    def silence(self):
        """The NAT has no mapping any more until a phone sends again."""
        with self._lock:
            for phone in list(self._mappings):
                self._forget(self._mappings.pop(phone))

    def outer(self, phone):
        """(address, port) of a phone as the edge sees it; None before its first packet."""
        with self._lock:
            found = self._mappings.get(phone)
            return found.getsockname() if found else None

    # The way of a packet

    def _map(self, phone):
        made = self._bound((self._outer_address, 0))
        self._phones[made] = phone
        self._selector.register(made, selectors.EVENT_READ)
        return made

    def _forget(self, mapping):
        self._selector.unregister(mapping)
        del self._phones[mapping]
        mapping.close()

    def _run(self):
        while self._running:
            with self._lock:
                wait = min(0.05, max(0.0, self._later[0][0] - time.monotonic())) if self._later else 0.05
            for key, _ in self._selector.select(wait):
                with self._lock:
                    self._receive(key.fileobj)
            with self._lock:
                while self._later and self._later[0][0] <= time.monotonic():
                    heapq.heappop(self._later)[2]()

    def _receive(self, arrived_at):
        try:
            data, source = arrived_at.recvfrom(65535)
        except (OSError, ValueError):  # ICMP from either side, or a mapping that is gone
            return
        if arrived_at is self._inner:
            if source not in self._mappings:
                self._mappings[source] = self._map(source)
            self._judge(TO_EDGE, data, lambda: self._send(TO_EDGE, self._mappings.get(source), data, self.edge))
        elif source == self.edge:  # port-restricted: others than whom the phone has talked to are not let in
            phone = self._phones[arrived_at]
            self._judge(TO_PHONE, data, lambda: self._send(TO_PHONE, self._inner, data, phone))

    def _judge(self, direction, data, send):
        try:
            message = sip.Message(data)
        except (KeyError, ValueError, IndexError):
            message = None
        trouble = next((t for t in self._troubles if t.takes(direction, message, self._dice)), None)
        if trouble and trouble.behind:
            self._held[direction].append(send)
            return
        for _ in range(trouble.copies if trouble else 1):
            if trouble and trouble.delay:
                heapq.heappush(self._later, (time.monotonic() + trouble.delay, next(self._order), send))
            else:
                send()
        held, self._held[direction] = self._held[direction], []
        for waiting in held:
            waiting()

    def _send(self, direction, through, data, to):
        if through is None:
            return
        try:
            through.sendto(data, to)
            self.passed.append((direction, data))
        except OSError:
            pass  # nobody is there any more

    def close(self):
        self._running = False
        self._thread.join(2)
        for mapping in list(self._phones):
            mapping.close()
        self._inner.close()
        self._selector.close()
