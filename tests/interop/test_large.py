"""RFC 3261 §18.1.1: a request that is too large for a datagram, to backends with and without TCP; and what is too large
altogether."""

import socket

from lab import sip
from lab.lab import main
from lab.peer import CalledLeg, TcpPeer
from lab.scripted import ScriptedTest, contact_of

LARGE = sip.sdp("127.0.0.1") + "".join(f"a=x-filler:{number:04d} {'x' * 60}\r\n" for number in range(28))


class Large(ScriptedTest):
    def setUp(self):
        self.upstream = self.backend()
        self.domain, self.setid, (self.target,) = self.tenant(self.upstream)
        self.caller = self.phone("401", self.domain)

    def stream_of(self, backend):
        host = int(backend.address.split(".")[-1])
        return TcpPeer(self.lab, host, port=backend.port, name=f"{backend.name}-tcp")

    def invite(self, body):
        call = self.caller.call("600", body=body)
        return call

    def talk(self, call, peer, invite):
        answer = peer.reply(invite, 200, headers=[contact_of(self.upstream), ("Content-Type", "application/sdp")],
                            body=sip.sdp(peer.address, 41000))
        response = call.phone.peer.expect(200, method="INVITE")
        self.assertEqual(response.body, answer.body)
        call.answered(response)
        self.assertTrue(self.upstream.expect("ACK")["Via"].startswith("SIP/2.0/UDP "))
        self.hang_up(call, self.upstream)
        return CalledLeg(peer, invite, answer)

    def test_a_backend_with_tcp_gets_it_by_tcp_and_the_next_small_one_over_udp(self):
        stream = self.stream_of(self.upstream)
        call = self.invite(LARGE)
        invite = stream.expect("INVITE")
        self.assertGreater(len(invite.raw), 2500)
        self.assertTrue(invite["Via"].startswith(f"SIP/2.0/TCP {self.edge.ip}:"), invite["Via"])
        self.assertEqual(invite.body.decode(), LARGE)
        self.assertNotIn("transport", invite["Contact"])
        self.assertTrue(self.upstream.empty())
        self.talk(call, stream, invite)
        call, invite = self.ring(self.caller, self.upstream)
        self.assertTrue(invite["Via"].startswith("SIP/2.0/UDP "))
        self.answer(call, self.upstream, invite)
        self.hang_up(call, self.upstream)

    def test_a_backend_without_tcp_gets_it_in_fragments_at_once_and_keeps_its_health(self):
        failures = self.edge.target_of(self.setid, self.target).get("failures")
        call = self.invite(LARGE)
        invite = self.upstream.expect("INVITE", within=0.5)
        self.assertTrue(invite["Via"].startswith("SIP/2.0/UDP "))
        self.assertEqual(invite.body.decode(), LARGE)
        self.talk(call, self.upstream, invite)
        line = f"{self.upstream.address}:{self.upstream.port} has no TCP: {len(invite.raw)} bytes go over UDP in fragments"
        self.assertIn(line, self.edge.process.log())
        events = self.edge.must("GET", "/v1/events?format=json&kind=request-fragmented")["items"]
        self.assertIn((f"{self.upstream.address}:{self.upstream.port}", True), [(event["subject"], line in event["text"]) for event in events])
        shown = self.edge.target_of(self.setid, self.target)
        self.assertEqual(shown["health"], "up")
        self.assertEqual(shown.get("failures"), failures)

    def test_what_is_too_large_on_a_stream_is_answered_513_and_the_connection_lives_on(self):
        with socket.create_connection((self.edge.ip, self.edge.port), timeout=5) as stream:
            body = b"x" * 200_000
            aor = f"sip:401@{self.domain}"
            source = "%s:%d" % stream.getsockname()

            def request(method, number, size):
                head = sip.compose(f"{method} sip:600@{self.domain} SIP/2.0", [
                    ("Via", f"SIP/2.0/TCP {source};branch={sip.new_branch()}"), ("Max-Forwards", "70"),
                    ("From", f"<{aor}>;tag=1"), ("To", f"<sip:600@{self.domain}>"), ("Call-ID", sip.new_call_id()),
                    ("CSeq", f"{number} {method}")])
                return head.replace(b"Content-Length: 0", b"Content-Length: %d" % size)

            stream.sendall(request("MESSAGE", 1, len(body)))
            answer = stream.recv(65536)  # before its body has come
            self.assertTrue(answer.startswith(b"SIP/2.0 513 "), answer)
            stream.sendall(body + request("MESSAGE", 2, 0))
            message = self.upstream.expect("MESSAGE")
            self.upstream.reply(message, 200)
            self.assertTrue(stream.recv(65536).startswith(b"SIP/2.0 200 "))


if __name__ == "__main__":
    main()
