"""WebSockets as RFC 6455 and RFC 7118 ask for them, from a phone's side, the unruly ones included."""

from lab.lab import main
from lab.pair import Pair, TransportsTest
from lab.secure import WebSocketPeer
from lab.wait import wait_for
from lab.websocket import Refused


class WebSockets(TransportsTest):
    """What RFC 6455 and RFC 7118 ask of a server, as a phone sees it."""

    TRANSPORTS = ("udp", "ws", "wss")

    def talking(self):
        """A registered phone on a WebSocket; gives it and the WebSocket itself."""
        pair = Pair(self, "wss", "udp")
        pair.register()
        return pair, next(iter(pair.phone.peer.connections.values()))

    def refusal(self, protocol):
        peer = WebSocketPeer(self.lab, self.next_host(), protocol=protocol)
        with self.assertRaises(Refused) as caught:
            peer.connect(self.edge.reach(peer))
        return str(caught.exception)

    def test_without_the_subprotocol_sip_it_is_refused(self):
        for protocol in (None, "xmpp", "sipfoo"):
            with self.subTest(protocol):
                self.assertRegex(self.refusal(protocol), "^HTTP/1.1 4")

    def test_of_several_subprotocols_sip_is_taken(self):
        peer = WebSocketPeer(self.lab, self.next_host(), protocol=None, headers=[("Sec-WebSocket-Protocol", "xmpp, sip")])
        with self.assertRaises(Refused) as answer:  # ours, since it offered none by its own account
            peer.connect(self.edge.reach(peer))
        self.assertRegex(answer.exception.head, r"(?i)^HTTP/1.1 101 (.|\r\n)*sec-websocket-protocol: sip(\r\n|$)")

    def test_fragments_make_one_message_and_pings_may_come_between(self):
        pair, web = self.talking()
        data = pair.phone.request("OPTIONS", f"sip:600@{pair.domain}", f"<sip:600@{pair.domain}>")
        web.send_frame(1, data[:100], last=False)
        web.ping(b"between")
        web.send_frame(0, data[100:200], last=False)
        web.send_frame(0, data[200:])
        pair.backend.reply(pair.backend.expect("OPTIONS"), 200)
        pair.final(pair.phone.peer, "OPTIONS")
        self.assertEqual(web.pongs, [b"between"])

    def test_a_binary_frame_is_as_good_as_a_text_frame(self):
        pair, web = self.talking()
        web.sendall(pair.phone.request("OPTIONS", f"sip:600@{pair.domain}", f"<sip:600@{pair.domain}>"), kind=2)
        pair.backend.reply(pair.backend.expect("OPTIONS"), 200)
        pair.final(pair.phone.peer, "OPTIONS")

    def test_a_close_is_answered(self):
        pair, web = self.talking()
        web.send_frame(8, b"\x03\xe8")
        wait_for(lambda: not pair.phone.peer.connections, 3, "the edge has closed the connection")
        self.assertEqual(web.closed, 1000)

    def test_frames_that_break_the_rules_end_the_connection(self):
        for name, send, code in (
                ("not masked", lambda web: web.send_frame(1, b"x", masked=False), 1002),
                ("a continuation of nothing", lambda web: web.send_frame(0, b"x"), 1002),
                ("an unknown opcode", lambda web: web.send_frame(3, b"x"), 1002),
                ("a ping of 126 bytes", lambda web: web.send_frame(9, b"x" * 126), 1002),
                ("too long", lambda web: web.send_frame(1, b"x" * 70000), 1009)):
            with self.subTest(name):
                pair, web = self.talking()
                try:
                    send(web)
                except OSError:
                    pass  # the edge was faster
                wait_for(lambda: not pair.phone.peer.connections, 3, "the edge has closed the connection")
                self.assertIn(web.closed, (code, None))
        self.assertEqual(self.edge.rest("GET", "/healthz")[0], 200)

    def test_a_message_that_is_no_sip_harms_nobody(self):
        pair, web = self.talking()
        web.sendall(b"hello")
        web.sendall(b"\r\n\r\n")
        pair = Pair(self, "ws", "udp")
        pair.register()
        phone, backend = pair.call_in()
        pair.hang_up(phone, backend)


if __name__ == "__main__":
    main()
