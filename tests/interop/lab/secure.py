"""Peers over TLS and over WebSocket, plain or secure: what a phone or a backend needs beyond lab/peer.py."""

import select
import socket
import ssl
import threading
import uuid

from . import tls
from .peer import Peer, TcpPeer, UdpPeer, family_of, shut
from .websocket import WebSocket

HANDSHAKE = 5  # seconds


class SecureStream:
    """A TLS connection that one thread reads while others write: OpenSSL wants one at a time in its state."""

    def __init__(self, connection):
        self._connection, self._lock = connection, threading.Lock()
        connection.settimeout(0)

    def _turn(self, operation):
        """Tries the operation until it goes, waiting for the socket outside the lock."""
        while True:
            try:
                with self._lock:
                    return operation()
            except ssl.SSLWantReadError:
                readers, writers = [self._connection], []
            except ssl.SSLWantWriteError:
                readers, writers = [], [self._connection]
            except ssl.SSLError as error:
                raise ConnectionError(str(error)) from error
            try:
                select.select(readers, writers, [], 0.2)
            except ValueError as error:  # closed meanwhile
                raise ConnectionError("closed") from error

    def recv(self, size):
        return self._turn(lambda: self._connection.recv(size))

    def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[self._turn(lambda: self._connection.send(view)):]

    def peer_certificate(self):
        """As sent by the far end (DER); None without one."""
        return self._connection.getpeercert(binary_form=True)

    def settimeout(self, seconds):
        """It waits without a limit, in its own way."""

    def shutdown(self, how):
        with self._lock:
            try:
                self._connection.unwrap()  # close_notify, RFC 8446 §6.1
            except (OSError, ValueError):
                pass
            self._connection.shutdown(how)

    def close(self):
        self._connection.close()


def secured(connection, context, **options):
    connection.settimeout(HANDSHAKE)
    return SecureStream(context.wrap_socket(connection, **options))


class TlsPeer(TcpPeer):
    """`credentials` are its own: shown to those who connect to it (without them it accepts nobody), and, with `shows`, to
    those it connects to. `ca` is whom it trusts; with `demands` its clients must have a certificate of that authority."""

    transport, parameters = "TLS", ";transport=tls"

    def __init__(self, lab, host, ca, port=5061, credentials=None, shows=False, demands=False, **options):
        self._client = tls.client_context(ca, credentials if shows else None)
        self._server = tls.server_context(credentials, ca if demands else None) if credentials else None
        self.shown = []  # certificates of those who connected
        super().__init__(lab, host, port, **options)

    def secure_accepted(self, connection):
        if not self._server:
            raise ConnectionRefusedError("this end has no certificate")
        stream = secured(connection, self._server, server_side=True)
        self.shown.append(stream.peer_certificate())
        return stream

    def secure_connected(self, connection, to):
        return secured(connection, self._client, server_hostname=to[0])


class WebSocketPeer(Peer):
    """A browser's phone: it can only connect, so nobody reaches it elsewhere than on its own connection, and its Via and
    Contact name no address (RFC 7118 §5). With `ca` it is WSS. `options` go to WebSocket."""

    def __init__(self, lab, host, ca=None, credentials=None, address=None, name=None, probes=200, **options):
        self.transport = "WSS" if ca else "WS"
        # RFC 7118 §5.2: the URI parameter is "ws" for both.
        self.parameters = ";transport=ws"
        self._client = tls.client_context(ca, credentials) if ca else None
        self._options = options
        super().__init__(lab, name or f"peer-{self.transport.lower()}-{host}", address or lab.ip(host), 0, probes)
        self.sent_by = f"{uuid.uuid4().hex[:12]}.invalid"
        self.connections, self.lost = {}, []
        lab.on_close(self.disconnect)

    def connect(self, to):
        connection = socket.create_connection(to, timeout=HANDSHAKE, source_address=(self.address, 0))
        if self._client:
            connection = secured(connection, self._client, server_hostname=to[0])
        host = f"[{to[0]}]:{to[1]}" if ":" in to[0] else f"{to[0]}:{to[1]}"
        connection = WebSocket(connection, host, **self._options)
        connection.settimeout(None)
        self.connections[to] = connection
        threading.Thread(target=self._read, args=(connection, to), daemon=True).start()
        return connection

    def _read(self, connection, source):
        while data := connection.receive():
            self._arrived(data, source, connection)
        if self.connections.get(source) is connection:
            del self.connections[source]
        self.lost.append(source)
        connection.close()

    def send_bytes(self, data, to):
        connection = to if hasattr(to, "sendall") else self.connections.get(to) or self.connect(to)
        connection.sendall(data)

    def disconnect(self):
        for connection in list(self.connections.values()):
            shut(connection)


def free_stream_port(address):
    with socket.socket(family_of(address), socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Parties:
    """Makes the peers of a test in any transport and family. IPv6 has one loopback address, so ports differ there; `phones` and `backends` are
    their IPv6 addresses, others where the network has them (lab/network.py)."""

    def __init__(self, lab, authority):
        self.lab, self.authority = lab, authority
        self.phones = self.backends = "::1"

    def phone(self, transport, host, name, six=False):
        """It trusts the authority and has no certificate."""
        options = {"name": name, "address": self.phones if six else None}
        if transport in ("ws", "wss"):
            return WebSocketPeer(self.lab, host, self.authority.certificate if transport == "wss" else None, **options)
        return self._listening(transport, host, options, None)

    def backend(self, transport, host, name, six=False, **options):
        """Its certificate is for its address, unless `credentials` are given."""
        address = self.backends if six else self.lab.ip(host)
        options = {"name": name, "address": address, **options}
        credentials = options.pop("credentials", None)
        if transport == "tls" and not credentials:
            credentials = self.authority.issue(name, address)
        return self._listening(transport, host, options, credentials)

    def _listening(self, transport, host, options, credentials):
        six = ":" in (options["address"] or "")
        if transport == "udp":
            return UdpPeer(self.lab, host, port=0 if six else 5060, **options)
        port = free_stream_port(options["address"]) if six else 5060 if transport == "tcp" else 5061
        if transport == "tcp":
            return TcpPeer(self.lab, host, port=port, **options)
        return TlsPeer(self.lab, host, self.authority.certificate, port=port, credentials=credentials, **options)
