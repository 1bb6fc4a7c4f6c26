"""The edge under test: a process with its own configuration, database and admin port."""

import json
import os
import socket
import subprocess
import urllib.error
import urllib.request

from .lab import free_port
from .wait import wait_for


def binary():
    """USHER_TESTED: in place of what the build that runs the tests has made itself, as `./dev test` says it."""
    found = os.environ.get("USHER_TESTED") or os.environ.get("USHER_BINARY") or os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "../../../build/dev/usher")
    if not os.access(found, os.X_OK):
        raise AssertionError(f"no edge to test at {found}: build the target usher or set USHER_BINARY")
    return os.path.abspath(found)


def usher(*words, within=20, **more):
    """Runs the edge's program with these words until it ends. What it says, of both kinds, is in `stdout`; `more` is of
    subprocess.run."""
    return subprocess.run([binary(), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=within, check=False, **more)


def listener(transport, port, address=None, **keys):
    """An entry of `listen`; the keys go into its table: certificate, key, client_ca, advertise, …"""
    return {"transport": transport, "port": port, "address": address, "keys": keys}


class Edge:
    """`timers` goes into [timers], `tls` into [tls], `admin` beside the address into [admin]; with `secured`, an SSL context,
    the administration is spoken with over TLS; `listen` is a list of (transport, port) on `host`, or of listener()s.
    `address` is the first one's."""

    def __init__(self, lab, host=1, timers=None, listen=(("udp", 5060), ("tcp", 5060)), name="edge", start=True,
                 admin_port=None, log_level="debug", tls=None, extra="", env=None, token="", secured=None, admin=None):
        self.lab, self.name, self.env, self.token = lab, name, env, token
        # How the administration is spoken with over TLS.
        self.secured = secured
        self.ip = lab.ip(host)
        entries = [entry if isinstance(entry, dict) else listener(*entry) for entry in listen]
        # (transport, whether it is IPv6): (address, port)
        self.listeners = {}
        for entry in entries:
            entry["address"] = entry["address"] or self.ip
            self.listeners[entry["transport"], ":" in entry["address"]] = (entry["address"], entry["port"])
        self.address = (entries[0]["address"], entries[0]["port"])
        self.port = self.address[1]
        self.admin = f"{self.ip}:{admin_port or free_port(self.ip, socket.SOCK_STREAM)}"
        self.directory = lab.make_directory(name)
        self.config = os.path.join(self.directory, "usher.toml")
        parts = [table("[[listen]]", transport=entry["transport"], bind=socket_address(entry["address"], entry["port"]),
                       **entry["keys"]) for entry in entries]
        if tls:
            parts.append(table("[tls]", **tls))
        parts.append('[storage]\npath = "usher.db"\n')
        parts.append(table("[admin]", bind=self.admin, **({"token": token} if token else {}), **(admin or {})))
        if timers:
            parts.append(table("[timers]", **timers))
        parts.append(table("[log]", level=log_level))
        with open(self.config, "w") as file:
            file.write("\n".join(parts) + extra)
        self.process = None
        if start:
            self.start()

    def reach(self, peer):
        """Where a peer reaches the edge: the listener of its transport and family."""
        return self.listeners[peer.transport.lower(), ":" in peer.address]

    def start(self, within=10):
        self.process = self.lab.start(self.name, [binary(), "run", "--config", self.config], self.directory,
                                      self.env)

        def lives():
            if not self.process.alive():
                raise AssertionError(f"the edge ended with {self.process.child.returncode}:\n{self.process.log()}")
            try:
                return self.rest("GET", "/healthz")[0] == 200
            except OSError:
                return False

        wait_for(lives, within, "the edge answers /healthz")

    def wait_ready(self, within=10):
        answer = [None]

        def ready():
            answer[0] = self.rest("GET", "/readyz")
            return answer[0][0] == 200

        wait_for(ready, within, lambda: f"the edge is ready; it says {answer[0]}")

    def command(self, word, *more, **options):
        """`usher WORD --config …` in its folder, beside it or in its place."""
        return usher(word, "--config", self.config, *more, cwd=self.directory, **options)

    def stop(self):
        return self.process.stop()

    def kill9(self):
        self.process.kill9()

    # REST

    @property
    def url(self):
        return f"{'https' if self.secured else 'http'}://{self.admin}"

    def rest(self, verb, path, body=None):
        """(status, parsed JSON or text)."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(f"{self.url}{path}", data, method=verb, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10, context=self.secured) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read().decode()
        try:
            return status, json.loads(text) if text else None
        except ValueError:
            return status, text

    def must(self, verb, path, body=None):
        status, answer = self.rest(verb, path, body)
        if not 200 <= status < 300:
            raise AssertionError(f"{verb} {path} {body}: {status} {answer}")
        return answer

    def items(self, path):
        """A list resource, whole."""
        found, cursor = [], ""
        while True:
            joint = "&" if "?" in path else "?"
            page = self.must("GET", path + (f"{joint}cursor={cursor}" if cursor else ""))
            found += page["items"]
            cursor = page.get("next") or ""
            if not cursor:
                return found

    def domain(self, name, setid, **fields):
        return self.must("PUT", f"/v1/domains/{name}", {"setid": setid, **fields})

    def set(self, setid, **fields):
        return self.must("PUT", f"/v1/dispatcher/sets/{setid}", fields)

    def target(self, setid, destination, **fields):
        """Adds a target, gives its id."""
        return self.must("POST", f"/v1/dispatcher/sets/{setid}/targets", {"destination": destination, **fields})["id"]

    def targets(self, setid):
        return self.items(f"/v1/dispatcher/sets/{setid}/targets")

    def target_of(self, setid, target_id):
        return self.must("GET", f"/v1/dispatcher/sets/{setid}/targets/{target_id}")

    def wait_health(self, setid, target_id, health, within=10):
        return wait_for(lambda: self.health(setid, target_id) == health, within,
                        lambda: f"target {target_id} is {health}: {self.target_of(setid, target_id)}")

    def health(self, setid, target_id):
        return self.target_of(setid, target_id)["health"]

    def tenant(self, domain, setid, *destinations):
        """A domain on a new set with these targets; gives their ids."""
        ids = [self.target(setid, destination) for destination in destinations]
        self.domain(domain, setid)
        return ids

    def registrations(self, domain=None, user=None):
        query = "&".join(f"{key}={value}" for key, value in (("domain", domain), ("user", user)) if value)
        return self.items("/v1/registrations" + (f"?{query}" if query else ""))

    def calls(self):
        return self.items("/v1/calls")

    def status(self):
        return self.must("GET", "/v1/status")

    def wait_quiet(self, within=45, only=None):
        """Nothing is left: no call, leg, relay or transaction (`only`: of these). Transactions stay for 64·T1, and
        an INVITE client's after a failure for 32 s (timer D), whatever T1 is."""
        last = [None]

        def quiet():
            last[0] = alive_counts(self.status())
            return not any(count for name, count in last[0].items() if only is None or name in only)

        wait_for(quiet, within, lambda: f"the edge is quiet; alive: {last[0]}")


def table(head, **keys):
    """A table of the configuration, with text for values."""
    return f"{head}\n" + "".join(f'{key} = "{value}"\n' for key, value in keys.items())


def socket_address(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


TRANSIENT = ("calls", "legs", "subscriptions", "relays", "transactions")


def alive_counts(status):
    """The counts of a status document that must fall back to nothing: {"calls": 0, "transactions.invite_client": 0}."""
    found = {}
    for name in TRANSIENT:
        value = status["counts"][name]
        if isinstance(value, dict):
            found.update({f"{name}.{inner}": count for inner, count in value.items()})
        else:
            found[name] = value
    return found
