"""A call as a message ladder: parties as columns, messages as arrows, both legs side by side."""

WIDTH = 26


def label(message):
    if message.is_response:
        text = f"{message.status} {message.reason}"
        if message.status >= 200 or message.status == 180:
            text += f" ({message.method})" if message.method != "INVITE" else ""
    else:
        text = message.method
    return text + (" +SDP" if message.body else "")


def ladder(packets, columns):
    """`columns` are (title, ip) from left to right. An address may stand twice (the edge between each pair): an
    arrow is drawn between neighbours that it fits, and where two places fit, the dialog decides."""
    places = {}
    lines = ["".join(f"{title:^{WIDTH}}" for title, _ in columns), "".join(f"{ip:^{WIDTH}}" for _, ip in columns)]
    start = packets[0].at if packets else 0
    for packet in packets:
        options = [(a, b) for a in range(len(columns)) for b in (a - 1, a + 1)
                   if 0 <= b < len(columns) and columns[a][1] == packet.source[0] and columns[b][1] == packet.target[0]]
        if not options:
            continue
        # A Call-ID lives on one leg, and the request that begins it points to the right: from caller to callee.
        pair = places.setdefault(packet.message["Call-ID"], next((o for o in options if o[0] < o[1]), options[0]))
        chosen = next((option for option in options if set(option) == set(pair)), options[0])
        lines.append(row(chosen, label(packet.message), len(columns)) + f"  {packet.at - start:8.3f} s")
    return "\n".join(lines)


def row(pair, text, count):
    """One arrow from column pair[0] to pair[1]."""
    cells = [" "] * (WIDTH * count)
    for column in range(count):
        cells[WIDTH * column + WIDTH // 2] = "|"
    left, right = sorted(pair)
    first, last = WIDTH * left + WIDTH // 2 + 1, WIDTH * right + WIDTH // 2 - 1
    space = last - first + 1
    text = f" {text[:space - 4]} "
    shaft = f"{text:-^{space}}"
    shaft = shaft[:-1] + ">" if pair[0] < pair[1] else "<" + shaft[1:]
    cells[first:last + 1] = shaft
    return "".join(cells)
