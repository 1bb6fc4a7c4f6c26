"""The client's side of a WebSocket (RFC 6455), for SIP (RFC 7118): one SIP message in each WebSocket message."""

import base64
import contextlib
import hashlib
import os
import struct

ACCEPT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Refused(ConnectionError):
    """The server did not switch to the WebSocket protocol; `head` is its whole answer up to the empty line."""

    def __init__(self, head):
        super().__init__(head.split("\r\n")[0] or "closed without an answer")
        self.head = head


class WebSocket:
    """Over a connected stream: anything with sendall(), recv(), shutdown() and close().

    `pings` has what the server asked with PING (answered by itself), `pongs` what came back, `closed` the code of its CLOSE.
    """

    def __init__(self, stream, host, path="/", protocol="sip", headers=()):
        self.stream, self._buffer = stream, b""
        self.pings, self.pongs, self.closed = [], [], None
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        if protocol:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
        lines += [f"{name}: {value}" for name, value in headers]
        stream.sendall("\r\n".join([*lines, "", ""]).encode())
        head = self._until(b"\r\n\r\n").decode(errors="replace")
        fields = {name.strip().lower(): value.strip()
                  for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])}
        expected = base64.b64encode(hashlib.sha1((key + ACCEPT).encode()).digest()).decode()
        if not head.startswith("HTTP/1.1 101 ") or fields.get("sec-websocket-accept") != expected:
            raise Refused(head)
        self.protocol = fields.get("sec-websocket-protocol")
        if self.protocol != protocol:
            raise Refused(head)

    # Outwards

    def sendall(self, data, fragments=1, kind=TEXT):
        """One message, in so many frames."""
        size = max(1, -(-len(data) // fragments))
        parts = [data[start:start + size] for start in range(0, len(data), size)] or [b""]
        for place, part in enumerate(parts):
            self.send_frame(kind if place == 0 else CONTINUATION, part, last=place == len(parts) - 1)

    def send_frame(self, kind, data=b"", last=True, masked=True):
        """RFC 6455 §5.2; a client's frames are masked, unless a test wants otherwise."""
        length = len(data)
        head = bytes([(0x80 if last else 0) | kind])
        bit = 0x80 if masked else 0
        if length < 126:
            head += bytes([bit | length])
        elif length < 65536:
            head += struct.pack("!BH", bit | 126, length)
        else:
            head += struct.pack("!BQ", bit | 127, length)
        if masked:
            mask = os.urandom(4)
            head += mask
            data = _masked(data, mask)
        self.stream.sendall(head + data)

    def ping(self, data=b""):
        self.send_frame(PING, data)

    # Inwards

    def receive(self):
        """The next whole message; b"" when there will be none any more."""
        whole = b""
        while True:
            try:
                last, kind, data = self._frame()
                if kind in (PING, CLOSE):
                    self._obey(kind, data)
            except (EOFError, OSError):  # no more, or nobody to answer
                return b""
            if kind == PONG:
                self.pongs.append(data)
            elif kind == CLOSE:
                return b""
            elif kind != PING:
                whole += data
                if last:
                    return whole

    def _obey(self, kind, data):
        if kind == PING:
            self.pings.append(data)
            self.send_frame(PONG, data)
        else:
            self.closed = struct.unpack("!H", data[:2])[0] if len(data) >= 2 else 1005
            self.send_frame(CLOSE, data[:2])

    def _frame(self):
        first, second = self._exactly(2)
        if second & 0x80:
            raise EOFError("a masked frame from a server (RFC 6455 5.1)")
        length = second & 0x7F
        if length == 126:
            length = struct.unpack("!H", self._exactly(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self._exactly(8))[0]
        return bool(first & 0x80), first & 0x0F, self._exactly(length)

    def _more(self):
        try:
            data = self.stream.recv(65536)
        except OSError:
            data = b""
        if not data:
            raise EOFError
        self._buffer += data

    def _exactly(self, size):
        while len(self._buffer) < size:
            self._more()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _until(self, mark):
        try:
            while mark not in self._buffer:
                self._more()
        except EOFError:
            raise Refused(self._buffer.decode(errors="replace")) from None
        head, _, self._buffer = self._buffer.partition(mark)
        return head

    # Its end

    def shutdown(self, how):
        """A CLOSE in good order (RFC 6455 §7.1.1: 1000), then the stream's end."""
        try:
            self.send_frame(CLOSE, struct.pack("!H", 1000))
        except OSError:
            pass
        self.stream.shutdown(how)

    def settimeout(self, seconds):
        self.stream.settimeout(seconds)

    def close(self):
        self.stream.close()


def _masked(data, mask):
    return bytes(byte ^ mask[place & 3] for place, byte in enumerate(data))
