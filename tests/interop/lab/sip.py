"""SIP messages for tests: just enough to read what came and to write exactly what shall go.

Independent of the product's parser on purpose; it is no judge of syntax.
"""

import hashlib
import itertools
import re
import time
import uuid

COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
           "c": "content-type", "k": "supported", "e": "content-encoding", "s": "subject", "r": "refer-to",
           "o": "event", "u": "allow-events"}
_numbers = itertools.count(1)


class Message:
    """A received message. `raw` is what came, `at` the monotonic time, `source` the sender's (ip, port)."""

    def __init__(self, raw, source=None, reply_to=None):
        self.raw = raw
        self.at = time.monotonic()
        self.source = source
        self.reply_to = reply_to
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape")).split("\r\n")
        self.start = lines[0]
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers.append((name.strip(), value.strip()))
        words = self.start.split(" ", 2)
        self.is_response = words[0] == "SIP/2.0"
        self.status = int(words[1]) if self.is_response else None
        self.reason = words[2] if self.is_response and len(words) > 2 else ""
        self.uri = None if self.is_response else words[1]
        cseq = self["CSeq"].split()
        self.cseq = int(cseq[0])
        self.method = cseq[1] if self.is_response else words[0]

    def all(self, name):
        wanted = name.lower()
        return [value for key, value in self.headers if COMPACT.get(key.lower(), key.lower()) == wanted]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def __getitem__(self, name):
        value = self.get(name)
        if value is None:
            raise KeyError(f"no {name} in:\n{self}")
        return value

    def tag(self, name):
        """The tag of From or To, None without one."""
        found = re.search(r";\s*tag=([^;,\s]+)", self[name])
        return found.group(1) if found else None

    def branch(self):
        return re.search(r";\s*branch=([^;,\s]+)", self["Via"]).group(1)

    def contact_uri(self):
        return uri_of(self["Contact"])

    def what(self):
        return f"{self.status} to {self.method}" if self.is_response else self.method

    def __str__(self):
        return self.raw.decode("utf-8", "backslashreplace")


def uri_of(value):
    """The URI of a name-addr or addr-spec."""
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value.split(";")[0].strip()


def new_branch():
    return f"z9hG4bK{uuid.uuid4().hex[:16]}"


def new_tag():
    return uuid.uuid4().hex[:10]


def new_call_id():
    return f"{uuid.uuid4().hex[:16]}-{next(_numbers)}"


def compose(start, headers, body=b""):
    """Bytes of a message; Content-Length is added. `headers`: (name, value) pairs."""
    if isinstance(body, str):
        body = body.encode()
    lines = [start] + [f"{name}: {value}" for name, value in headers] + [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


def respond(request, status, reason=None, tag=None, headers=(), body=b""):
    """Bytes of a response to a received request."""
    reason = reason or REASONS.get(status, "Answer")
    copied = [("Via", value) for value in request.all("Via")]
    if status < 300 and request.method in ("INVITE", "SUBSCRIBE"):
        copied += [("Record-Route", value) for value in request.all("Record-Route")]
    to = request["To"]
    if tag and request.tag("To") is None:
        to += f";tag={tag}"
    copied += [("From", request["From"]), ("To", to), ("Call-ID", request["Call-ID"]), ("CSeq", request["CSeq"])]
    return compose(f"SIP/2.0 {status} {reason}", copied + list(headers), body)


REASONS = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 401: "Unauthorized", 404: "Not Found",
           408: "Request Timeout", 423: "Interval Too Brief", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
           486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 500: "Server Internal Error",
           503: "Service Unavailable", 603: "Decline"}


def sdp(address, port=40000, version=1, direction="sendrecv"):
    """An offer or answer with an odd attribute or two, to show that nobody touches it."""
    kind = "IP6" if ":" in address else "IP4"
    return (f"v=0\r\no=- 20518 {version} IN {kind} {address}\r\ns=lab\r\nc=IN {kind} {address}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
            f"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=x-lab:  two  spaces\r\na={direction}\r\n")


def digest(challenge, user, password, method, uri):
    """The value of Authorization for a WWW-Authenticate value (MD5, with or without qop=auth)."""
    fields = {k.lower(): v.strip('"') for k, v in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', challenge)}

    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    ha1 = md5(f"{user}:{fields['realm']}:{password}")
    ha2 = md5(f"{method}:{uri}")
    parts = [f'username="{user}"', f'realm="{fields["realm"]}"', f'nonce="{fields["nonce"]}"', f'uri="{uri}"']
    if "qop" in fields:
        cnonce = uuid.uuid4().hex[:12]
        answer = md5(f"{ha1}:{fields['nonce']}:00000001:{cnonce}:auth:{ha2}")
        parts += ["qop=auth", "nc=00000001", f'cnonce="{cnonce}"']
    else:
        answer = md5(f"{ha1}:{fields['nonce']}:{ha2}")
    parts += [f'response="{answer}"', "algorithm=MD5"]
    if "opaque" in fields:
        parts.append(f'opaque="{fields["opaque"]}"')
    return "Digest " + ", ".join(parts)
