"""What must hold of every call through the edge, whatever it does: two legs that know nothing of each other."""

OUTSIDE_OF_CALLS = ("OPTIONS", "REGISTER", "NOTIFY")


def assert_legs_are_apart(test, packets, edge, backend):
    """SDP is the same to the byte on both sides; Call-IDs and tags are not; no phone hears of the backend."""
    outside, inside = [], []
    for packet in packets:
        hosts = {packet.source[0], packet.target[0]}
        if edge not in hosts:
            test.fail(f"a packet past the edge: {packet.source} to {packet.target}\n{packet.message}")
        if packet.message.method not in OUTSIDE_OF_CALLS:
            (inside if backend in hosts else outside).append(packet)
    test.assertTrue(outside and inside)

    def ids(packets):
        found = set()
        for packet in packets:
            message = packet.message
            found |= {message["Call-ID"], message.tag("From"), message.tag("To")} - {None}
        return found

    test.assertEqual(ids(outside) & ids(inside), set())

    def bodies(packets, to_edge):
        return {p.message.body for p in packets if p.message.body and (p.target[0] == edge) == to_edge}

    test.assertEqual(bodies(outside, True), bodies(inside, False), "phones' SDP at the backend")
    test.assertEqual(bodies(inside, True), bodies(outside, False), "the backend's SDP at the phones")
    assert_no_backend_in_headers(test, packets, backend)


def assert_no_backend_in_headers(test, packets, backend):
    """Header fields only: SDP names the backend, since audio goes there."""
    for packet in packets:
        if packet.target[0] != backend and packet.source[0] != backend:
            test.assertNotIn(backend, packet.message.raw.split(b"\r\n\r\n")[0].decode())
