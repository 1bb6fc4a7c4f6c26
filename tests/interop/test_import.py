"""The operator's Kamailio database is taken over, and his phones are served."""

import sqlite3
import time

from lab import sip
from lab.lab import main
from lab.scripted import ScriptedTest, contacts


class Import(ScriptedTest):
    def test_domains_targets_and_locations_are_taken_over_once(self):
        backend, other = self.backend(), self.backend()
        phone = self.phone("401", "old.test")
        path = self.lab.path("kamailio.db")
        with sqlite3.connect(path) as database:
            database.executescript("""
                CREATE TABLE sip_domains (id INTEGER PRIMARY KEY, domain TEXT, dispatcher_setid INTEGER,
                                          enabled INTEGER, comment TEXT);
                CREATE TABLE dispatcher (id INTEGER PRIMARY KEY, setid INTEGER, destination TEXT, flags INTEGER,
                                         priority INTEGER, attrs TEXT, description TEXT);
                CREATE TABLE endpoint_locations (aor TEXT, contact_ip TEXT, contact_port TEXT, expires TEXT);
            """)
            database.executemany("INSERT INTO sip_domains (domain, dispatcher_setid, enabled, comment) VALUES (?,?,?,?)",
                                 [("Old.Test", 10, 1, "the first customer"), ("off.test", 10, 0, ""),
                                  ("second.test", 20, 1, "")])
            database.executemany(
                "INSERT INTO dispatcher (setid, destination, flags, priority, attrs, description) VALUES (?,?,0,0,'',?)",
                [(10, backend.address, "as an address"), (10, f"sip:{backend.address}:5060", "the same again"),
                 (20, f"sip:{other.address}", "as a URI")])
            soon = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 3600))
            database.execute("INSERT INTO endpoint_locations VALUES (?,?,?,?)",
                             ("401@old.test", phone.peer.address, str(phone.peer.port), soon))
        database.close()

        self.edge.stop()
        for _ in range(2):  # the second time changes nothing
            done = self.edge.command("import", path)
            self.assertEqual(done.returncode, 0, done.stdout)
        self.edge.start()

        domains = {d["domain"]: d for d in self.edge.items("/v1/domains")}
        self.assertEqual(sorted(domains), ["off.test", "old.test", "second.test"])
        self.assertFalse(domains["off.test"]["enabled"])
        self.assertEqual(len(self.edge.targets(10)), 1)
        self.assertEqual(len(self.edge.targets(20)), 1)

        # The phone is found where it was, before it has registered anew.
        caller = self.as_backend(backend)
        uri = f"sip:401@{self.edge.ip}"
        backend.send(caller.request("OPTIONS", uri, f"<{uri}>"), self.edge.address)
        options = phone.peer.expect("OPTIONS")
        self.assertEqual(options.uri, f"sip:401@{phone.peer.address}:{phone.peer.port}")
        phone.peer.reply(options, 200)
        backend.expect(200, method="OPTIONS")

        # It registers and calls.
        request, response = self.register(phone, backend)
        self.assertIn("~", contacts(request)[0])
        self.assertEqual(contacts(response), [sip.uri_of(phone.contact)])
        self.assertEqual(len(self.edge.registrations("old.test")), 1)
        call, _ = self.establish(phone, backend)
        self.hang_up(call, backend)


if __name__ == "__main__":
    main()
