"""A capture server is sent every message of a call, both legs under one id: as the protocol's description has it, as tshark reads
them with the plugin of packaging/, and as Kamailio's sipcapture does."""

import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
import unittest
from collections import Counter

from lab.asterisk import Asterisk
from lab.baresip import Baresip
from lab.edge import Edge
from lab.lab import LabTest, main
from lab.real_call import RealCall
from lab.wait import wait_for

PORT = 9060
LINKTYPE_RAW = 101
PLUGIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../packaging/wireshark/hep3.lua")
MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules"


class CaptureServer:
    """Keeps the datagrams that it is sent."""

    def __init__(self, lab, host):
        self.address = (lab.ip(host), PORT)
        self.packets = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(self.address)
        self.socket.settimeout(0.2)
        self._running = True
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        lab.on_close(self.close)

    def _read(self):
        while self._running:
            try:
                self.packets.append(self.socket.recvfrom(65535))
            except TimeoutError:
                pass

    def close(self):
        if self._running:
            self._running = False
            self._thread.join()
            self.socket.close()


class Decoded:
    """A packet taken apart by what the protocol's description says: vendor, type, length of each chunk."""

    def __init__(self, data):
        assert data[:4] == b"HEP3" and struct.unpack(">H", data[4:6])[0] == len(data), data[:64]
        chunks, at = {}, 6
        while at < len(data):
            vendor, kind, length = struct.unpack(">HHH", data[at:at + 6])
            assert vendor == 0 and kind not in chunks and 6 <= length <= len(data) - at, (vendor, kind, length)
            chunks[kind] = data[at + 6:at + length]
            at += length
        assert chunks[1] == b"\x02" and chunks[11] == b"\x01", "IPv4 and SIP"
        self.protocol = chunks[2][0]
        self.source = socket.inet_ntoa(chunks[3]), struct.unpack(">H", chunks[7])[0]
        self.target = socket.inet_ntoa(chunks[4]), struct.unpack(">H", chunks[8])[0]
        self.seconds, self.microseconds = struct.unpack(">I", chunks[9])[0], struct.unpack(">I", chunks[10])[0]
        self.agent = struct.unpack(">I", chunks[12])[0]
        self.password, self.payload, self.correlation = chunks.get(14), chunks[15], chunks[17].decode()


def frame(data):
    """A packet of the mirror as a capture of the network has it: in UDP, in IPv4, from nowhere to the capture server's port."""
    udp = struct.pack(">HHHH", 40000, PORT, 8 + len(data), 0) + data
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + bytes(8) + udp


def read_by_tshark(path, packets, *fields):
    """These fields of each, as tshark finds them with the project's own plugin for HEP."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_RAW))
        for data in packets:
            file.write(struct.pack("<IIII", 0, 0, len(frame(data)), len(frame(data))) + frame(data))
    done = subprocess.run(["tshark", "-X", f"lua_script:{PLUGIN}", "-r", path, "-T", "fields", *(f"-e{field}" for field in fields)],
                          check=True, capture_output=True, text=True, timeout=60)
    assert "lua" not in done.stderr.lower(), done.stderr
    return [dict(zip(fields, line.split("\t"))) for line in done.stdout.splitlines()]


# As the database of Kamailio's sipcapture names and types them.
COLUMNS = """id(int,auto) date(int) micro_ts(string) method(string) reply_reason(string) ruri(string) ruri_user(string)
ruri_domain(string) from_user(string) from_domain(string) from_tag(string) to_user(string) to_domain(string) to_tag(string)
pid_user(string) contact_user(string) auth_user(string) callid(string) callid_aleg(string) via_1(string) via_1_branch(string)
cseq(string) diversion(string) reason(string) content_type(string) auth(string) user_agent(string) source_ip(string)
source_port(int) destination_ip(string) destination_port(int) contact_ip(string) contact_port(int) originator_ip(string)
originator_port(int) correlation_id(string) custom_field1(string) custom_field2(string) custom_field3(string) proto(int)
family(int) rtp_stat(string) type(int) node(string) msg(string)""".split()


def read_by_kamailio(lab, packets):
    """The rows that Kamailio's sipcapture, the capture server of Homer, makes of these packets."""
    directory = lab.make_directory("kamailio")
    database = os.path.join(directory, "db")
    os.mkdir(database)
    for name, lines in {"version": ["table_name(string) table_version(int)", "sip_capture:4"],
                        "sip_capture": [" ".join(COLUMNS)]}.items():
        with open(os.path.join(database, name), "w") as file:
            file.write("\n".join(lines) + "\n")
    config, address = os.path.join(directory, "kamailio.cfg"), (lab.ip(62), PORT)
    with open(config, "w") as file:
        file.write(f"""debug=2
log_stderror=yes
children=1
auto_aliases=no
listen=udp:{address[0]}:{PORT}
mpath="{MODULES}/"
loadmodule "sl.so"
loadmodule "xlog.so"
loadmodule "pv.so"
loadmodule "db_text.so"
loadmodule "sipcapture.so"
modparam("sipcapture", "db_url", "text://{database}")
modparam("sipcapture", "hep_capture_on", 1)
modparam("sipcapture", "capture_on", 1)
modparam("sipcapture", "insert_retries", 1)
request_route {{ sip_capture(); xlog("L_WARN", "captured\\n"); drop; }}
onreply_route {{ sip_capture(); xlog("L_WARN", "captured\\n"); drop; }}
""")
    process = lab.start("kamailio", ["kamailio", "-DD", "-E", "-f", config, "-Y", directory, "-m", "64"], directory)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(address)

        def listens():
            try:
                for _ in range(2):  # over loopback the refusal of the first one meets the second
                    sender.send(b"\0\0\0\0")
                return True
            except ConnectionRefusedError:
                return False

        wait_for(listens, 20, "Kamailio listens")
        for packet in packets:
            sender.send(packet)
        wait_for(lambda: process.log().count("captured") >= len(packets), 20, "Kamailio has captured each")
    process.stop()  # which writes the tables
    with open(os.path.join(database, "sip_capture")) as file:
        rows = [re.split(r"(?<!\\):", line.rstrip("\n")) for line in file.readlines()[1:]]
    names = [column.split("(")[0] for column in COLUMNS]
    found = [dict(zip(names, (value.replace("\\:", ":") for value in row))) for row in rows]
    return sorted(found, key=lambda row: int(row["id"]))


class ARealCall(LabTest):
    """Mirrored with the flight recorder off."""

    @classmethod
    def setUpLab(cls):
        cls.server = CaptureServer(cls.lab, 60)
        call = RealCall(cls.lab, extra=f"""
[recorder]
enabled = false
[hep]
server = "{cls.server.address[0]}:{PORT}"
agent_id = 4711
password = "capture-secret"
""")
        cls.edge, cls.asterisk, cls.call_ids, cls.key = call.edge, call.asterisk, call.call_ids, call.key
        sent = cls.edge.status()["counters"]["hep_packets"]
        wait_for(lambda: len(cls.server.packets) >= sent, 5, "the server has got what was sent")
        cls.data = [data for data, _ in cls.server.packets]
        cls.packets = [Decoded(data) for data in cls.data]

    def ways(self, rows):
        """How often each message of the call went each way: {(leg, "INVITE" or "200", source, target): times}."""
        found = Counter((self.call_ids.index(call_id), what, source, target) for call_id, what, source, target in rows
                        if call_id in self.call_ids)
        edge, asterisk = f"{self.edge.ip}:5060", f"{self.asterisk.address}:5060"
        phones = {way[2] for way in found if way[:2] == (0, "INVITE")}
        self.assertEqual(len(phones), 1, found)
        phone = phones.pop()
        self.assertTrue(phone.startswith(self.lab.ip(21) + ":"), phone)
        # Challenged and again; answered; hung up by Asterisk. Each message once on each leg.
        for phones_way, backends_way, what in (((phone, edge), (edge, asterisk), "ACK"), ((edge, phone), (asterisk, edge), "BYE")):
            self.assertGreaterEqual(found[(0, what, *phones_way)], 1, found)
            self.assertGreaterEqual(found[(1, what, *backends_way)], 1, found)
        self.assertGreaterEqual(found[(1, "INVITE", edge, asterisk)], 1, found)
        self.assertGreaterEqual(found[(1, "200", asterisk, edge)], 1, found)
        self.assertGreaterEqual(found[(0, "200", edge, phone)], 1, found)
        self.assertEqual(found[(0, "BYE", edge, phone)], 1, found)
        return found

    def test_every_packet_comes_from_the_configured_agent_and_they_are_in_order(self):
        for packet in self.packets:
            self.assertEqual((packet.agent, packet.password, packet.protocol), (4711, b"capture-secret", 17))
            self.assertIn((self.edge.ip, 5060), (packet.source, packet.target))
        times = [(packet.seconds, packet.microseconds) for packet in self.packets]
        self.assertEqual(times, sorted(times))
        self.assertLess(abs(times[-1][0] - time.time()), 60)

    def test_both_legs_have_one_correlation_id_and_tshark_reads_each_message(self):
        read = read_by_tshark(self.lab.path("hep.pcap"), self.data, "hep3.src", "hep3.srcport", "hep3.dst", "hep3.dstport", "hep3.protocol",
                              "hep3.seconds", "hep3.microseconds", "hep3.agent", "hep3.password", "hep3.correlation", "hep3.unknown",
                              "hep3.malformed", "_ws.col.Source", "sip.Method", "sip.Status-Code", "sip.Call-ID", "_ws.malformed")
        self.assertEqual(len(read), len(self.packets))
        for row, packet in zip(read, self.packets):
            self.assertEqual(((row["hep3.src"], int(row["hep3.srcport"])), (row["hep3.dst"], int(row["hep3.dstport"]))), (packet.source, packet.target))
            self.assertEqual((int(row["hep3.seconds"]), int(row["hep3.microseconds"])), (packet.seconds, packet.microseconds))
            self.assertEqual((row["hep3.agent"], row["hep3.password"], row["hep3.protocol"]), ("4711", "capture-secret", "17"))
            self.assertEqual(row["hep3.correlation"], packet.correlation)
            self.assertEqual((row["_ws.col.Source"], bool(row["sip.Call-ID"])), (packet.source[0], True), row)
            self.assertEqual((row["hep3.unknown"], row["hep3.malformed"], row["_ws.malformed"]), ("", "", ""), row)
        ids = {call_id: {row["hep3.correlation"] for row in read if row["sip.Call-ID"] == call_id} for call_id in self.call_ids}
        self.assertEqual(ids, {call_id: {self.key} for call_id in self.call_ids})
        self.ways([(row["sip.Call-ID"], row["sip.Method"] or row["sip.Status-Code"], f'{row["hep3.src"]}:{row["hep3.srcport"]}',
                    f'{row["hep3.dst"]}:{row["hep3.dstport"]}') for row in read])

    def test_a_packet_that_lies_about_its_lengths_is_told_by_the_plugin(self):
        whole = self.data[0]
        longer, shorter = whole[:4] + struct.pack(">H", len(whole) + 1) + whole[6:], whole[:len(whole) - 1]
        chunk = whole[:6] + whole[6:10] + b"\xff\xff" + whole[12:]
        none = whole[:6] + whole[6:10] + b"\0\0" + whole[12:]
        head = b"HEP3\x00\x06"
        read = read_by_tshark(self.lab.path("lies.pcap"), [whole, longer, shorter, chunk, none, head, b"HEP3"], "hep3.malformed", "hep3.length",
                              "_ws.lua.error")
        self.assertEqual([bool(row["hep3.malformed"]) for row in read], [False, True, True, True, True, False, False], read)
        self.assertEqual([bool(row["hep3.length"]) for row in read], [True] * 6 + [False], read)
        self.assertEqual({row["_ws.lua.error"] for row in read}, {""}, read)

    @unittest.skipUnless(shutil.which("kamailio") and os.path.exists(f"{MODULES}/sipcapture.so"),
                         "Kamailio is not installed: ./dev bench does it")
    def test_a_real_capture_server_understands_it(self):
        rows = read_by_kamailio(self.lab, self.data)
        self.assertEqual(len(rows), len(self.data))
        for row, packet in zip(rows, self.packets):
            self.assertEqual((row["source_ip"], int(row["source_port"])), packet.source)
            self.assertEqual((row["destination_ip"], int(row["destination_port"])), packet.target)
            self.assertEqual((row["correlation_id"], int(row["date"])), (packet.correlation, packet.seconds))
            self.assertIn("4711", row["node"])
        self.assertEqual({row["correlation_id"] for row in rows if row["callid"] in self.call_ids}, {self.key})
        self.ways([(row["callid"], row["method"], f'{row["source_ip"]}:{row["source_port"]}',
                    f'{row["destination_ip"]}:{row["destination_port"]}') for row in rows])

    def test_no_secret_leaves(self):
        everything = b"".join(self.data)
        self.assertIn(b'Authorization: Digest username="401"', everything)
        self.assertNotRegex(everything, rb'response="[0-9a-f]')

    def test_nothing_was_lost_and_it_is_counted(self):
        counters = self.edge.status()["counters"]
        self.assertEqual(counters["hep_lost"], 0)
        status, metrics = self.edge.rest("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertRegex(metrics, r"(?m)^usher_hep_packets_total [1-9]")
        self.assertRegex(metrics, r"(?m)^usher_hep_lost_total 0")

    def test_the_password_is_nowhere_shown(self):
        for path in ("/v1/status", "/v1/configuration", "/metrics"):
            self.assertNotIn("capture-secret", str(self.edge.rest("GET", path)[1]), path)
        self.assertNotIn("capture-secret", self.edge.process.log())


class NoServer(LabTest):
    def test_a_server_that_is_not_there_is_told_once_and_calls_go_on(self):
        edge = Edge(self.lab, host=2, extra=f'[hep]\nserver = "{self.lab.ip(61)}:{PORT}"\n')
        asterisk = Asterisk(self.lab, 11, {"401": "one"})
        edge.tenant("a.test", 10, asterisk.address)
        edge.wait_ready()
        Baresip(self.lab, 22, "401", "a.test", "one", f"{edge.ip}:5060", "udp").wait_registered()
        self.assertGreater(edge.status()["counters"]["hep_lost"], 1)
        self.assertEqual(edge.process.log().count("packets for the capture server are lost: Connection refused"), 1)


if __name__ == "__main__":
    main()
