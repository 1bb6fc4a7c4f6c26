"""A real phone: baresip without a sound card, driven over its control socket."""

import json
import os
import socket
import threading
import time

from .wait import wait_for


class Baresip:
    """`registrar` is where its requests go (an outbound proxy, "ip:port"); None: the domain itself."""

    def __init__(self, lab, host, user, domain, password, registrar=None, transport="udp", expires=60,
                 answer="manual", port=5060, control_port=4444, name=None):
        self.lab = lab
        self.name = name or f"baresip-{user}"
        self.user, self.domain = user, domain
        self.aor = f"sip:{user}@{domain}"
        self.address, self.port = lab.ip(host), port
        self.control_port = control_port
        self.directory = lab.make_directory(self.name)
        parameters = [f"auth_user={user}", f"auth_pass={password}", f"regint={expires}", f"answermode={answer}",
                      "call_transfer=yes", "mwi=no"]
        if registrar:
            parameters.append(f'outbound="sip:{registrar};transport={transport}"')
        with open(os.path.join(self.directory, "accounts"), "w") as file:
            file.write(f"<{self.aor};transport={transport}>;" + ";".join(parameters) + "\n")
        with open(os.path.join(self.directory, "config"), "w") as file:
            file.write(f"""poll_method epoll
sip_listen {self.address}:{port}
net_interface {self.address}
call_local_timeout 120
call_max_calls 4
audio_player aubridge,{self.name}
audio_source aubridge,{self.name}
audio_alert aubridge,{self.name}-alert
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_level no
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
rtp_ports 30000-39999
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {self.address}:{control_port}
ringback_disabled yes
""")
        open(os.path.join(self.directory, "contacts"), "w").close()
        self.process = None
        self.events = []
        self._socket = None
        self.start()

    def start(self):
        """Starts the phone; it registers by itself."""
        self.process = self.lab.start(self.name, ["baresip", "-4", "-s", "-v", "-f", self.directory], self.directory)
        self._socket = wait_for(self._connect, 10, f"{self.name}'s control socket is open")
        self.lab.on_close(self._socket.close)
        threading.Thread(target=self._read, args=(self._socket,), daemon=True).start()

    def _connect(self):
        if not self.process.alive():
            raise AssertionError(f"{self.name} ended at start:\n{self.process.log()[-2000:]}")
        try:
            return socket.create_connection((self.address, self.control_port), timeout=1)
        except OSError:
            return None

    def _read(self, connection):
        """Netstrings with JSON in them: events, and answers to commands."""
        buffer = b""
        connection.settimeout(None)
        while True:
            try:
                data = connection.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            while b":" in buffer:
                length, rest = buffer.split(b":", 1)
                size = int(length)
                if len(rest) < size + 1:
                    break
                value = json.loads(rest[:size].decode(errors="replace"))
                value["at"] = time.monotonic()
                self.events.append(value)
                buffer = rest[size + 1:]

    def command(self, command, params="", within=5):
        """Runs a command of baresip's menu and gives its answer."""
        token = f"t{time.monotonic_ns()}"
        text = json.dumps({"command": command, "params": params, "token": token}).encode()
        self._socket.sendall(b"%d:%s," % (len(text), text))
        answer = wait_for(lambda: next((e for e in self.events if e.get("token") == token), None), within,
                          f"{self.name} answers {command}")
        return answer

    def mark(self):
        return len(self.events)

    def wait_event(self, kind, within=10, since=0):
        """The first event of the type (REGISTER_OK, CALL_INCOMING, CALL_ESTABLISHED, CALL_CLOSED, …)."""
        return wait_for(lambda: next((e for e in self.events[since:] if e.get("type") == kind), None), within,
                        lambda: f"{self.name} has {kind}; it has {[e.get('type') for e in self.events[since:]]}")

    def has_event(self, kind, since=0):
        return any(e.get("type") == kind for e in self.events[since:])

    def wait_registered(self, within=10):
        """Its own view: the last REGISTER got a 2xx. (The event itself may precede our control connection.)"""
        wait_for(lambda: "OK" in self.command("reginfo")["data"], within, f"{self.name} is registered")

    def dial(self, user):
        return self.command("dial", f"sip:{user}@{self.domain}")

    def accept(self):
        return self.command("accept")

    def hangup(self):
        return self.command("hangup")

    def hold(self):
        return self.command("hold")

    def resume(self):
        return self.command("resume")

    def kill9(self):
        self.process.kill9()

    def stop(self):
        self.process.stop()
