"""Raw SIP peers with exact control over each byte: phones and backends of the scripted scenarios."""

import re
import socket
import threading
import time

from . import sip
from .wait import stays, wait_for


class Peer:
    """What a UDP and a TCP peer have in common: an inbox in the order of arrival.

    Health probes (OPTIONS without a user in the Request-URI) are answered with `probes`, a status, and do not
    reach the inbox; None leaves them unanswered. Exact repetitions of a message are counted in `repeats` only.
    """

    parameters = ""  # of its URIs, after the port
    rport = ";rport"  # in its Via (RFC 3581)

    def __init__(self, lab, name, address, port, probes=200):
        self.lab, self.name, self.address, self.port = lab, name, address, port
        # As it stands in Via and in URIs.
        self.sent_by = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        self.probes = probes
        self._probes = set()
        self.inbox = []
        self.all_received = []
        self.repeats = []
        self.sent = []
        self._seen = set()
        self._lock = threading.Lock()
        self._trace = open(f"{lab.directory}/{name}.log", "a")
        lab.on_close(self._trace.close)

    def uri(self, user):
        """Where a user at this peer is reached."""
        return f"sip:{user}@{self.sent_by}{self.parameters}"

    def destination(self):
        """As an operator writes it for a target."""
        return f"sip:{self.sent_by}{self.parameters}"

    def via(self, branch=None):
        return f"SIP/2.0/{self.transport} {self.sent_by}{self.rport};branch={branch or sip.new_branch()}"

    def _note(self, arrow, where, data):
        text = data.decode("utf-8", "backslashreplace")
        self._trace.write(f"{time.monotonic():.3f} {arrow} {where}\n{text}\n")
        self._trace.flush()

    def _arrived(self, data, source, reply_to):
        if not data.strip(b"\r\n\0 "):
            return  # keep-alive
        message = sip.Message(data, source, reply_to)
        probe = not message.is_response and message.method == "OPTIONS" and "@" not in message.uri
        if probe:
            self._probes.add(message.branch())
            if self.probes is not None:
                self.send_bytes(sip.respond(message, self.probes, tag=sip.new_tag()), reply_to)
            return
        self._note("<--", source, data)
        with self._lock:
            self.all_received.append(message)
            if data in self._seen:
                self.repeats.append(message)
                return
            self._seen.add(data)
            self.inbox.append(message)

    @property
    def probed(self):
        """Probes that came, retransmissions not counted."""
        return len(self._probes)

    def send(self, data, to):
        self._note("-->", to, data)
        self.sent.append(data)
        self.send_bytes(data, to)

    def reply(self, request, status, **options):
        """Answers a received request where it came from; `tag` is kept per request unless given."""
        if status > 100 and "tag" not in options:
            if not hasattr(request, "own_tag"):
                request.own_tag = sip.new_tag()
            options["tag"] = request.own_tag
        data = sip.respond(request, status, **options)
        self.send(data, request.reply_to)
        return sip.Message(data)

    def take(self, within=3):
        """The next message, whatever it is."""

        def first():
            with self._lock:
                return self.inbox.pop(0) if self.inbox else None

        return wait_for(first, within, f"{self.name} gets a message")

    def expect(self, what, within=3, method=None):
        """The next message, which must be this: a method's name, or a status (of a response to `method`)."""
        wanted = f"{what} to {method}" if method else what
        try:
            message = self.take(within)
        except AssertionError as error:
            raise AssertionError(f"{self.name} waits for {wanted}: {error}") from error
        seen = message.status if message.is_response else message.method
        if seen != what or (method and message.method != method) or message.is_response != isinstance(what, int):
            raise AssertionError(f"{self.name} waits for {wanted} and gets:\n{message}")
        return message

    def take_response(self, within=3):
        """The next response; requests that came before it stay for later."""

        def first():
            with self._lock:
                found = next((m for m in self.inbox if m.is_response), None)
                if found:
                    self.inbox.remove(found)
                return found

        return wait_for(first, within, f"{self.name} gets a response")

    def expect_final(self, method, within=3):
        """The next response to the method that is final; provisional ones before it are passed over."""
        while (response := self.expect_response(method, within)).status < 200:
            pass
        return response

    def expect_response(self, method, within=3):
        message = self.take(within)
        if not message.is_response or message.method != method:
            raise AssertionError(f"{self.name} waits for a response to {method} and gets:\n{message}")
        return message

    def silent(self, seconds):
        """Nothing arrives within the time."""
        stays(self.empty, seconds, lambda: f"{self.name} gets nothing; it got {[str(m) for m in self.inbox]}")

    def empty(self):
        return not self.inbox


class UdpPeer(Peer):
    def __init__(self, lab, host, port=5060, probes=200, name=None, address=None):
        address = address or lab.ip(host)
        self.socket = socket.socket(family_of(address), socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        address, port = self.socket.getsockname()[:2]
        super().__init__(lab, name or f"peer-{host}-{port}", address, port, probes)
        lab.on_close(self.close)
        self._closed = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while not self._closed:
            try:
                data, source = self.socket.recvfrom(65535)
            except OSError as error:
                if self.socket.fileno() < 0:
                    return
                if isinstance(error, ConnectionError):
                    continue
                return
            if source:  # none once it is shut down
                self._arrived(data, source[:2], source[:2])

    def send_bytes(self, data, to):
        self.socket.sendto(data, to)

    def close(self):
        """Nobody has the port any more afterwards; a reader that is in recvfrom() would keep it for a while."""
        self._closed = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes the reader
        except OSError:
            pass
        self._reader.join(5)
        self.socket.close()

    transport = "UDP"


class TcpPeer(Peer):
    """Listens, and connects where it is told to; `to` of send() is a connected socket or an address.

    `accepted` counts connections that others made; `lost` has the far ends of all that are over."""

    transport, parameters = "TCP", ";transport=tcp"

    def __init__(self, lab, host, port=5060, probes=200, name=None, address=None):
        address = address or lab.ip(host)
        self.listener = socket.socket(family_of(address), socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(20)
        address, port = self.listener.getsockname()[:2]
        super().__init__(lab, name or f"peer-{self.transport.lower()}-{host}-{port}", address, port, probes)
        self.connections = {}
        self.accepted, self.lost = 0, []
        lab.on_close(self.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, source = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                self._serve(self.secure_accepted(connection), source[:2])
            except OSError as error:  # a handshake that failed
                self._note("<!-", source, str(error).encode())
                connection.close()

    def secure_accepted(self, connection):
        """What an accepted connection is used through."""
        return connection

    def secure_connected(self, connection, to):
        """What a connection that we made is used through."""
        return connection

    def _serve(self, connection, source):
        self.connections[source] = connection
        threading.Thread(target=self._read, args=(connection, source), daemon=True).start()

    def connect(self, to):
        connection = socket.create_connection(to, timeout=5, source_address=(self.address, 0))
        connection = self.secure_connected(connection, to)
        connection.settimeout(None)
        self._serve(connection, to)
        return connection

    def _read(self, connection, source):
        buffer = b""
        while True:
            try:
                data = connection.recv(65536)
            except OSError:
                data = b""
            if not data:
                self._over(connection, source)
                return
            buffer += data
            while True:
                buffer = buffer.lstrip(b"\r\n")
                head, separator, rest = buffer.partition(b"\r\n\r\n")
                length = re.search(rb"^(?:content-length|l)\s*:\s*(\d+)", head, re.I | re.M)
                if not separator or len(rest) < (size := int(length.group(1)) if length else 0):
                    break
                whole = len(head) + 4 + size
                self._arrived(buffer[:whole], source, connection)
                buffer = buffer[whole:]

    def _over(self, connection, source):
        if self.connections.get(source) is connection:
            del self.connections[source]
        self.lost.append(source)
        connection.close()

    def send_bytes(self, data, to):
        connection = to if hasattr(to, "sendall") else self.connections.get(to) or self.connect(to)
        connection.sendall(data)

    def disconnect(self):
        """Ends every connection, as an end that is switched off in good order does."""
        for connection in list(self.connections.values()):
            shut(connection)

    def close(self):
        self.disconnect()
        shut(self.listener)
        self.listener.close()


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def shut(connection):
    """Both ends learn that it is over; the one who reads it closes it."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class Phone:
    """A scripted phone on a peer: makes the requests of user@domain towards the edge."""

    def __init__(self, peer, edge, user, domain, password="secret", contact=None):
        self.peer, self.edge = peer, edge
        self.user, self.domain, self.password = user, domain, password
        self.aor = f"sip:{user}@{domain}"
        self.contact = contact or f"<{peer.uri(user)}>"
        self._register = {"call_id": sip.new_call_id(), "cseq": 0, "tag": sip.new_tag()}

    def via(self, branch=None):
        return self.peer.via(branch)

    def request(self, method, uri, to, call_id=None, cseq=1, tag=None, headers=(), body=b"", branch=None,
                contact=True):
        lines = [("Via", self.via(branch)), ("Max-Forwards", "70"), ("From", f"<{self.aor}>;tag={tag or sip.new_tag()}"),
                 ("To", to), ("Call-ID", call_id or sip.new_call_id()), ("CSeq", f"{cseq} {method}")]
        if contact:
            lines.append(("Contact", self.contact))
        return sip.compose(f"{method} {uri} SIP/2.0", lines + list(headers), body)

    def send_register(self, contact=None, expires=3600, headers=(), new_call=False):
        """One REGISTER; `contact` is the header's value or a list of them."""
        state = self._register
        if new_call:
            state = {"call_id": sip.new_call_id(), "cseq": 0, "tag": sip.new_tag()}
        state["cseq"] += 1
        contacts = contact if isinstance(contact, list) else [contact or self.contact]
        lines = [("Contact", value) for value in contacts]
        if expires is not None:
            lines.append(("Expires", str(expires)))
        data = self.request("REGISTER", f"sip:{self.domain}", f"<{self.aor}>", state["call_id"], state["cseq"],
                            state["tag"], lines + list(headers), contact=False)
        self.peer.send(data, self.edge)
        return data

    def register(self, contact=None, expires=3600, password=None, within=5, new_call=False):
        """REGISTER with the answer to a challenge, as far as it goes; gives the final response."""
        self.send_register(contact, expires, new_call=new_call)
        response = self.peer.take_response(within)
        if response.status == 401:
            answer = sip.digest(response["WWW-Authenticate"], self.user, password or self.password, "REGISTER",
                                f"sip:{self.domain}")
            self.send_register(contact, expires, [("Authorization", answer)])
            response = self.peer.take_response(within)
        return response

    def call(self, number, body=None, headers=()):
        """Sends an INVITE; gives the Call to go on with."""
        return Call(self, number, body if body is not None else sip.sdp(self.peer.address), headers)


class Call:
    """The caller's side of a call, by hand."""

    def __init__(self, phone, number, body, headers):
        self.phone = phone
        self.uri = f"sip:{number}@{phone.domain}"
        self.call_id, self.tag, self.branch = sip.new_call_id(), sip.new_tag(), sip.new_branch()
        self.to = f"<{self.uri}>"
        self.cseq = 1
        self.remote = self.uri
        content = [("Content-Type", "application/sdp")] if body else []
        self.invite = phone.request("INVITE", self.uri, self.to, self.call_id, 1, self.tag, content + list(headers),
                                    body, self.branch)
        phone.peer.send(self.invite, phone.edge)

    def resend(self):
        self.phone.peer.send(self.invite, self.phone.edge)

    def answered(self, response):
        """Takes over the dialog of a 2xx, and ACKs it."""
        self.to = response["To"]
        self.remote = response.contact_uri()
        self.ack()

    def ack(self):
        self._send("ACK", self.remote, self.cseq)

    def ack_failure(self, response):
        """The ACK of a final response that is no 2xx belongs to the INVITE's transaction."""
        data = self.phone.request("ACK", self.uri, response["To"], self.call_id, response.cseq, self.tag,
                                  branch=self.branch, contact=False)
        self.phone.peer.send(data, self.phone.edge)

    def cancel(self):
        data = self.phone.request("CANCEL", self.uri, f"<{self.uri}>", self.call_id, 1, self.tag, branch=self.branch,
                                  contact=False)
        self.phone.peer.send(data, self.phone.edge)

    def send(self, method, body=b"", headers=(), kind="application/sdp"):
        """A further request in the dialog; `kind` is its body's."""
        self.cseq += 1
        self._send(method, self.remote, self.cseq, headers, body, kind)

    def _send(self, method, uri, cseq, headers=(), body=b"", kind="application/sdp"):
        if body:
            headers = [("Content-Type", kind), *headers]
        data = self.phone.request(method, uri, self.to, self.call_id, cseq, self.tag, headers, body)
        self.phone.peer.send(data, self.phone.edge)


class CalledLeg:
    """The callee's side of a dialog that began with a received INVITE; sends requests within it."""

    def __init__(self, peer, invite, answer):
        self.peer, self.invite, self.answer = peer, invite, answer
        self.cseq = 100

    def send(self, method, body=b"", headers=()):
        self.cseq += 1
        lines = [("Via", self.peer.via()), ("Max-Forwards", "70"), ("From", self.answer["To"]), ("To", self.invite["From"]),
                 ("Call-ID", self.invite["Call-ID"]), ("CSeq", f"{self.cseq} {method}"),
                 ("Contact", f"<{self.peer.uri('backend')}>")]
        lines += [("Route", value) for value in self.invite.all("Record-Route")]
        if body:
            lines.append(("Content-Type", "application/sdp"))
        data = sip.compose(f"{method} {self.invite.contact_uri()} SIP/2.0", lines + list(headers), body)
        self.peer.send(data, self.invite.reply_to)
