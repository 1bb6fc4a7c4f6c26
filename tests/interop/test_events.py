"""Events as they happen: the stream of a real call, going on where it broke off, webhooks."""

import hashlib
import hmac
import http.server
import json
import socket
import threading

from lab.dns import Dns
from lab.edge import Edge
from lab.lab import LabTest, free_port, main
from lab.scripted import ScriptedTest
from lab.tls import Authority, server_context
from lab.viewer import Viewer
from lab.wait import wait_for

SECRET = "a secret of the test"


class Receiver:
    """An HTTP server that takes webhooks, and refuses the first `failures` of them with 503; over TLS with an SSL context."""

    def __init__(self, lab, failures=0, secured=None, host=90):
        self.taken, self.refused = [], 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.refused < failures:
                    receiver.refused += 1
                    self.send_response(503)
                else:
                    receiver.taken.append((self.path, dict(self.headers), body))
                    self.send_response(204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.address = (lab.ip(host), free_port(lab.ip(host), socket.SOCK_STREAM))
        self.server = http.server.ThreadingHTTPServer(self.address, Handler)
        if secured:
            self.server.socket = secured.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def numbers(self):
        return [json.loads(body)["id"] for _, _, body in self.taken]


class Events(ScriptedTest):
    @classmethod
    def setUpLab(cls):
        cls.receiver = Receiver(cls.lab, failures=2)
        cls.addClassCleanup(cls.receiver.close)
        host, port = cls.receiver.address
        cls.edge = Edge(cls.lab, timers=cls.TIMERS, log_level=cls.LOG_LEVEL, extra=(
            f'[[webhook]]\nurl = "http://{host}:{port}/hook?x=1"\nsecret = "{SECRET}"\n'
            'events = "call-started, call-answered, call-ended"\n'))
        cls._host = 40
        cls._tenants = 0

    def call(self):
        upstream = self.backend()
        domain, _, _ = self.tenant(upstream)
        phone = self.phone("401", domain)
        self.register(phone, upstream)
        call, _ = self.establish(phone, upstream)
        self.hang_up(call, upstream)
        return domain

    def test_a_call_is_told_in_order_and_a_viewer_goes_on_where_he_was(self):
        viewer = Viewer(self.edge)
        domain = self.call()
        started = viewer.expect("call-started")
        self.assertIn(f"401@{domain}", started["text"])
        self.assertEqual(viewer.expect("binding-added")["subject"], f"401@{domain}")
        ended = viewer.expect("call-ended")
        self.assertEqual(ended["subject"], started["subject"])
        numbers = [int(e["number"]) for e in viewer.events]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        viewer.close()

        self.call()
        again = Viewer(self.edge, "?kind=call-ended", last=str(started["id"]))
        again.read(lambda: len(again.events) == 2)
        self.assertEqual(again.events[0]["id"], ended["id"])
        again.close()
        page = self.edge.must("GET", f"/v1/events?format=json&after={started['id']}&kind=call-answered")
        self.assertEqual(len(page["items"]), 2)
        self.assertEqual(page["lost"], 0)

    def test_a_backend_that_goes_and_comes_is_told(self):
        viewer = Viewer(self.edge, "?kind=target-up,target-down")
        silent = self.backend(probes=None)
        self.tenant(silent, health={"interval": "1s", "timeout": "500ms", "down_after": 1, "up_after": 1})
        self.assertIn(silent.address, viewer.expect("target-down")["subject"])
        silent.probes = 200
        self.assertIn(silent.address, viewer.expect("target-up")["subject"])
        viewer.close()

    def test_bad_questions_name_what_is_wrong(self):
        for query, field in (("after=x", "after"), ("kind=nothing", "kind"), ("format=xml", "format"),
                             ("format=json&limit=100000", "limit")):
            status, problem = self.edge.rest("GET", f"/v1/events?{query}")
            self.assertEqual((status, problem["errors"][0]["field"]), (400, field))

    def test_webhooks_are_signed_in_order_and_sent_again(self):
        self.call()
        last = self.edge.must("GET", "/v1/events?format=json&kind=call-ended")["items"][-1]["id"]
        wait_for(lambda: last in self.receiver.numbers(), 15, "the call's end is taken")
        path, headers, body = self.receiver.taken[-1]
        self.assertEqual(path, "/hook?x=1")
        self.assertEqual(headers["Usher-Event"], "call-ended")
        self.assertEqual(headers["Usher-Delivery"], str(json.loads(body)["id"]))
        self.assertEqual(headers["Usher-Signature"],
                         "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest())
        numbers = self.receiver.numbers()
        self.assertEqual(numbers, sorted(set(numbers)), "each once, in order")
        self.assertEqual(self.receiver.refused, 2)
        self.assertIn("it answers 503; it is tried again", self.edge.process.log())


class OfAHostWithTwoAddresses(LabTest):
    def test_the_one_that_can_be_reached_is_found(self):
        receiver = Receiver(self.lab, host=92)
        self.addCleanup(receiver.close)
        host, port = receiver.address
        dns = Dns(self.lab, 5)
        dns.put("hook.test", "A", self.lab.ip(93), host)
        edge = Edge(self.lab, extra=f'[dns]\nservers = ["{dns.address}"]\n[[webhook]]\nurl = "http://hook.test:{port}/hook"\nevents = "ban-made"\n')
        for network in ("192.0.2.1", "192.0.2.2"):
            edge.must("POST", "/v1/bans", {"network": network, "reason": "a test"})
        wait_for(lambda: len(receiver.taken) == 2, 15, "both are told")
        self.assertEqual(edge.process.log().count("it is tried again"), 1, "it stays with the address that answers")


class OverTls(LabTest):
    def told(self, authority, *, trusts):
        """An edge with a webhook at a receiver of that authority, and something to tell."""
        credentials = authority.issue("receiver", self.lab.ip(91))
        receiver = Receiver(self.lab, secured=server_context(credentials), host=91)
        self.addCleanup(receiver.close)
        host, port = receiver.address
        edge = Edge(self.lab, host=2, name=f"edge-{authority.name}", env={"SSL_CERT_FILE": trusts.certificate},
                    extra=f'[[webhook]]\nurl = "https://{host}:{port}/hook"\nevents = "ban-made"\n')
        self.addCleanup(edge.stop)
        edge.must("POST", "/v1/bans", {"network": "192.0.2.99"})
        return edge, receiver

    def test_a_webhook_goes_to_whom_an_authority_of_the_system_vouches_for(self):
        authority = Authority(self.lab.make_directory("ca"))
        _, receiver = self.told(authority, trusts=authority)
        wait_for(lambda: receiver.taken, 10, "the ban is told")
        self.assertEqual(receiver.taken[0][1]["Usher-Event"], "ban-made")

    def test_nobody_else_is_told(self):
        ours = Authority(self.lab.make_directory("ca"))
        edge, receiver = self.told(Authority(self.lab.make_directory("ca"), "others"), trusts=ours)
        edge.process.wait_log(r"webhook https://.*its certificate is refused", 10)
        self.assertEqual(receiver.taken, [])


if __name__ == "__main__":
    main()
