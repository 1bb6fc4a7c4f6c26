"""A viewer of the edge's events."""

import json
import socket


class Viewer:
    """Reads GET /v1/events as a browser does."""

    def __init__(self, edge, query="", last=None):
        host, port = edge.admin.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        if edge.secured:
            self.socket = edge.secured.wrap_socket(self.socket, server_hostname=host)
        header = f"Last-Event-ID: {last}\r\n" if last else ""
        if edge.token:
            header += f"Authorization: Bearer {edge.token}\r\n"
        self.socket.sendall(f"GET /v1/events{query} HTTP/1.1\r\nHost: {edge.admin}\r\n{header}\r\n".encode())
        self.buffer = b""
        self.events = []
        while b"retry: 2000\n\n" not in self.buffer:
            self.receive()
        self.buffer = self.buffer.partition(b"retry: 2000\n\n")[2]

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise AssertionError(f"the stream has ended; seen: {self.events}")
        self.buffer += data

    def read(self, done):
        """Reads until `done`; the socket's own time is the bound of each wait."""
        self.parse()
        while not done():
            self.receive()
            self.parse()

    def parse(self):
        *whole, self.buffer = self.buffer.split(b"\n\n")
        for block in whole:
            fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if ": " in line)
            if "data" in fields:
                self.events.append({**json.loads(fields["data"]), "event": fields["event"], "number": fields.get("id")})

    def expect(self, kind):
        self.read(lambda: any(e["event"] == kind for e in self.events))
        return next(e for e in self.events if e["event"] == kind)

    def close(self):
        self.socket.close()
