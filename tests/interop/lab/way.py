"""The way to an address over TCP, which can be cut."""

import socket
import threading


class Way:
    """Whoever connects to `address` of this host gets to `to`, until it is cut: what goes over it ends, and who comes then is sent
    away at once."""

    def __init__(self, lab, host, to):
        self._to = to
        self._listener = socket.create_server((lab.ip(host), 0))
        self.address = "{}:{}".format(*self._listener.getsockname())
        self._lock = threading.Lock()
        self._open = True
        self._sockets = set()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        lab.on_close(self._close)

    def cut(self):
        with self._lock:
            self._open = False
            for end in self._sockets:
                shut(end)

    def mend(self):
        with self._lock:
            self._open = True

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if not self._open:
                    near.close()
                    continue
                far = socket.create_connection(self._to)
                self._sockets |= {near, far}
            threading.Thread(target=self._carry, args=(near, far)).start()

    def _carry(self, near, far):
        back = threading.Thread(target=pump, args=(far, near))
        back.start()
        pump(near, far)
        back.join()
        with self._lock:
            self._sockets -= {near, far}
            near.close()
            far.close()

    def _close(self):
        self.cut()
        shut(self._listener)
        self._thread.join()
        self._listener.close()


def pump(source, sink):
    """Until one of both ends; then both do."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    shut(source)
    shut(sink)


def shut(end):
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
