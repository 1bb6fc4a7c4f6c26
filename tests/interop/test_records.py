"""Call records: one for each call through kill -9, the same by REST, as CSV, in the file and in the metrics' sums."""

import collections
import os
import re
import sqlite3

from lab.edge import Edge
from lab.lab import LabTest, main
from lab.records import Callee, calls_seen, file_ids, judge, records, records_csv, storm
from lab.sipp import Sipp
from lab.wait import wait_for

CALLS = int(os.environ.get("USHER_RECORD_CALLS", "1200"))
RATE, KILLS = 40, 2
# 64*t1 is how long a lost call's record waits for its INVITE to come again.
TIMERS = {"t1": "100ms", "attempt": "2s"}


class KilledEdge(LabTest):
    def test_each_call_has_one_record_through_kill_9(self):
        # A call of which only the end was lost goes on until its peers are asked.
        edge = Edge(self.lab, timers={**TIMERS, "call_probe": "30s"}, log_level="warning",
                    extra='\n[cdr]\nfile = "cdr.csv"\n')
        seen = storm(self.lab, edge, CALLS, RATE, KILLS)
        self.assertEqual(len(seen), CALLS)
        wait_for(lambda: self.settled(edge), 30, "every record is closed")
        found = records(edge)
        owed, missing, double, strangers = judge(seen, found)
        answered = [call for call in owed if 200 in seen[call]]
        by_status = collections.Counter(record["status"] for record in found)
        print(f"{len(seen)} calls, {KILLS} times kill -9: {len(owed)} rang or were answered, {len(answered)} with 200; "
              f"{len(found)} records {dict(by_status)}, {len(missing)} missing, {len(double)} double")
        self.assertEqual((missing, double, strangers), ([], [], []))
        self.assertGreater(len(owed), CALLS * 0.8)
        # What the record says is what the caller saw; but a kill may cost what was decided in the moment before it.
        statuses = {record["origin_call_id"]: record["status"] for record in found}
        ended = [call for call in owed if any(s >= 200 for s in seen[call])]
        lost = [call for call in ended if statuses[call] == 0]
        print(f"{len(lost)} whose end a kill has cost")
        self.assertLessEqual(len(lost), KILLS * RATE)
        wrong = {call: (seen[call], statuses[call]) for call in ended if statuses[call] not in seen[call] | {0}}
        self.assertEqual(wrong, {})
        # The same in the file: each once, and nothing else.
        self.assertEqual(file_ids(f"{edge.directory}/cdr.csv"), collections.Counter(record["id"] for record in found))

    @staticmethod
    def settled(edge):
        """Nothing is open in the store any more and every line is written."""
        with sqlite3.connect(f"file:{edge.directory}/usher.db?mode=ro", uri=True) as database:
            return database.execute("SELECT count(*) FROM cdrs WHERE ended IS NULL OR filed = 0").fetchone() == (0,)


class FullDisk(LabTest):
    def test_a_file_that_cannot_be_written_degrades_and_catches_up(self):
        edge = Edge(self.lab, timers=TIMERS, extra='\n[cdr]\nfile = "logs/cdr.csv"\n')
        callee = Callee(self.lab, 10)
        self.lab.on_close(callee.close)
        edge.tenant("a.test", 10, self.lab.ip(10))
        edge.wait_ready()
        Sipp(self.lab, "caller_talks", 21, f"{edge.ip}:5060", calls=10, rate=10,
             keys={"domain": "a.test"}).wait_all_good(30)
        wait_for(lambda: len(records(edge)) == 10, 10, "the store has all")
        wait_for(lambda: edge.must("GET", "/healthz")["status"] == "degraded", 10, "the edge is degraded")
        self.assertIn("logs/cdr.csv: No such file or directory", edge.must("GET", "/readyz")["degraded"][0])
        edge.process.wait_log("call records wait in the store for their file: logs/cdr.csv", 5)
        os.mkdir(f"{edge.directory}/logs")
        wait_for(lambda: edge.must("GET", "/healthz")["status"] == "ok", 10, "it is well again")
        self.assertEqual(set(file_ids(f"{edge.directory}/logs/cdr.csv")), {record["id"] for record in records(edge)})


class Records(LabTest):
    CALLS = 200

    @classmethod
    def setUpLab(cls):
        cls.edge = Edge(cls.lab, timers=TIMERS, log_level="warning", extra='\n[cdr]\nfile = "cdr.csv"\n')
        callee = Callee(cls.lab, 10)
        cls.lab.on_close(callee.close)
        cls.targets = cls.edge.tenant("a.test", 10, cls.lab.ip(10))
        cls.edge.wait_ready()
        caller = Sipp(cls.lab, "caller_talks", 21, f"{cls.edge.ip}:5060", calls=cls.CALLS, rate=50,
                      keys={"domain": "a.test"})
        caller.wait_all_good(60)
        wait_for(lambda: not cls.edge.calls(), 10, "no call is left")
        wait_for(lambda: cls.edge.status()["counts"]["pending_persists"] == 0, 5, "the store has all")
        cls.seen = calls_seen(f"{caller.directory}/messages.log")
        cls.records = records(cls.edge)

    def test_the_metrics_sums_are_the_records(self):
        text = self.edge.must("GET", "/metrics")
        counted = {int(status): int(float(n)) for status, n in
                   re.findall(r'^usher_calls_ended_total\{status="(\d+)"\} (\S+)$', text, re.M)}
        self.assertEqual(counted, collections.Counter(record["status"] for record in self.records))
        self.assertEqual(sum(counted.values()), self.CALLS)
        answered = [record for record in self.records if record["answered"]]

        def histogram(name):
            return (int(re.search(rf'^{name}_count\{{origin="phone"\}} (\S+)$', text, re.M).group(1)),
                    float(re.search(rf'^{name}_sum\{{origin="phone"\}} (\S+)$', text, re.M).group(1)))

        count, seconds = histogram("usher_call_setup_duration_seconds")
        self.assertEqual(count, len(answered))
        self.assertAlmostEqual(seconds, sum(record["setup_ms"] for record in answered) / 1000, places=3)
        count, seconds = histogram("usher_call_duration_seconds")
        self.assertEqual(count, len(answered))
        self.assertAlmostEqual(seconds, sum(record["talk_s"] for record in answered), places=3)
        count, _ = histogram("usher_post_dial_delay_seconds")
        self.assertEqual(count, len([record for record in self.records if record["ringing"]]))
        # What went over the wire to the caller, by its answers.
        finals = re.findall(r'^usher_sip_responses_total\{method="INVITE",code="(\d+)",side="phone",direction="out"\} (\S+)$',
                            text, re.M)
        self.assertEqual({int(code) for code, _ in finals if int(code) >= 200}, set(counted))
        for code, n in finals:
            if int(code) >= 200:
                self.assertGreaterEqual(float(n), counted[int(code)])

    def test_a_record_says_what_both_sides_saw(self):
        for record in self.records:
            self.assertIn(record["status"], self.seen[record["origin_call_id"]])
            self.assertEqual(record["origin"], f"{self.lab.ip(21)}:5060")
            self.assertEqual((record["from"], record["to"]), ("sip:401@a.test", "sip:600@a.test"))
            self.assertEqual((record["domain"], record["target"], record["attempts"]), ("a.test", self.targets[0], 1))
            self.assertEqual(record["destination"], f"{self.lab.ip(10)}:5060")
            self.assertTrue(record["started"] <= (record["answered"] or record["ended"]) <= record["ended"])
            self.assertEqual(record["ended_by"], "originator" if record["status"] == 200 else "answerer")
            self.assertEqual(self.edge.must("GET", f"/v1/cdrs/{record['id']}"), record)

    def test_filters_and_pages_agree_with_the_whole(self):
        whole = self.records
        self.assertEqual([record["ended"] for record in whole], sorted((r["ended"] for r in whole), reverse=True))
        ids = [record["id"] for record in whole]
        for query, wanted in (("&status=486", [r["id"] for r in whole if r["status"] == 486]),
                              ("&user=600", ids), ("&user=601", []), ("&domain=a.test", ids), ("&domain=b.test", []),
                              (f"&target={self.targets[0]}", ids), ("&target=99", []),
                              (f"&from={whole[49]['ended']}", [r["id"] for r in whole if r["ended"] >= whole[49]["ended"]]),
                              (f"&to={whole[49]['ended']}", [r["id"] for r in whole if r["ended"] < whole[49]["ended"]]),
                              (f"&call_id={whole[7]['origin_call_id']}", [whole[7]["id"]]),
                              (f"&call_id={whole[7]['new_call_id']}", [whole[7]["id"]])):
            with self.subTest(query=query):
                self.assertEqual([record["id"] for record in records(self.edge, query)], wanted)
        self.assertEqual([record["id"] for record in self.edge.items("/v1/cdrs?limit=7")], ids)
        status, answer = self.edge.rest("GET", "/v1/cdrs?status=999")
        self.assertEqual((status, answer["field"]), (400, "status"))

    def test_csv_and_the_file_hold_the_same(self):
        rows = {row["id"]: row for row in records_csv(self.edge)}
        self.assertEqual(set(rows), {record["id"] for record in self.records})
        for record in self.records:
            row = rows[record["id"]]
            for name, value in record.items():
                if name == "talk_s":
                    self.assertEqual(None if row[name] == "" else float(row[name]), value)
                else:
                    self.assertEqual(row[name], "" if value is None else str(value))
        path = f"{self.edge.directory}/cdr.csv"
        wait_for(lambda: len(file_ids(path)) == self.CALLS, 10, "every line is written")
        self.assertEqual(file_ids(path), collections.Counter(record["id"] for record in self.records))


if __name__ == "__main__":
    main()
