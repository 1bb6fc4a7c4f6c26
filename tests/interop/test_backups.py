"""Backups over REST and on the command line: made while the process works, looked at, taken in again, and never half there."""

import os
import subprocess
import threading
import time
import urllib.request

from lab.disk import Disk
from lab.edge import Edge
from lab.lab import main
from lab.scripted import ScriptedTest
from lab.wait import wait_for


class Backups(ScriptedTest):
    def setUp(self):
        super().setUp()
        self.disk = Disk(self.lab)
        name = f"edge-{self.next_host()}"
        self.edge = Edge(self.lab, host=self._host, name=name, timers=self.TIMERS, env=self.disk.env)
        self.folder = os.path.join(self.edge.directory, "usher.db.backups")

    def tearDown(self):
        self.edge.stop()
        super().tearDown()

    def make(self):
        return self.edge.must("POST", "/v1/backups", {})["name"]

    def after(self, name):
        """The second that this one is named after is over: another can be made."""
        wait_for(lambda: time.strftime("%Y-%m-%dT%H-%M-%SZ.db", time.gmtime()) > name, 3, "the next second")

    def names(self):
        return [backup["name"] for backup in self.edge.items("/v1/backups")]

    def domains(self):
        return [domain["domain"] for domain in self.edge.items("/v1/domains")]

    def usher(self, *words):
        done = self.edge.command("backups", *words)
        return done.returncode, done.stdout

    def test_a_backup_is_made_and_restored_while_the_process_works(self):
        backend = self.backend()
        domain, setid, (target,) = self.tenant(backend)
        phone = self.phone("401", domain)
        registered, _ = self.register(phone, backend)
        name = self.make()
        file = os.path.join(self.folder, name)
        self.assertEqual(os.stat(self.folder).st_mode & 0o777, 0o700)
        self.assertEqual(os.stat(file).st_mode & 0o777, 0o600)
        listed = self.edge.items("/v1/backups")
        self.assertEqual([(backup["name"], backup["bytes"]) for backup in listed], [(name, os.path.getsize(file))])

        self.edge.domain("later.test", setid)
        self.edge.target(setid, "127.0.0.9:5099")
        self.edge.must("PATCH", f"/v1/dispatcher/sets/{setid}", {"comment": "changed"})
        held = self.edge.must("GET", f"/v1/backups/{name}")
        self.assertEqual([one["domain"] for one in held["domains"]], [domain])
        preview = self.edge.must("POST", f"/v1/backups/{name}/restore?preview=true")
        self.assertEqual(preview, self.edge.must("PUT", "/v1/configuration?preview=true", held))
        self.assertEqual(preview["changes"], [f"change set {setid}", f"remove target sip:127.0.0.9:5099 of set {setid}", "remove domain later.test"])
        self.assertIn("later.test", self.domains())

        # A call that is up, and the registration, stay.
        call, leg = self.establish(phone, backend)
        done = self.edge.must("POST", f"/v1/backups/{name}/restore", {})
        self.assertEqual(done["changes"], preview["changes"])
        self.assertEqual(self.domains(), [domain])
        self.assertEqual([one["id"] for one in self.edge.targets(setid)], [target])
        self.assertEqual(self.edge.must("GET", f"/v1/dispatcher/sets/{setid}")["comment"], "")
        self.hang_up(call, backend)
        back, _ = self.ring_back(backend, phone, registered)
        back.cancel()
        backend.expect(200, method="CANCEL")
        back.ack_failure(backend.expect(487, method="INVITE"))
        phone.peer.expect("CANCEL")
        self.assertEqual(self.edge.must("POST", f"/v1/backups/{name}/restore")["changes"], [])

        trail = [(entry["method"], entry["path"], entry["status"]) for entry in self.edge.items("/v1/audit")]
        self.assertIn(("POST", "/v1/backups", 201), trail)
        self.assertEqual(trail.count(("POST", f"/v1/backups/{name}/restore", 200)), 2)
        self.assertNotIn("preview", str(trail).replace("/v1/configuration?preview=true", ""))

    def test_a_backup_is_downloaded_byte_for_byte(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        name = self.make()
        url = f"http://{self.edge.admin}/v1/backups/{name}/file"
        with open(os.path.join(self.folder, name), "rb") as file:
            whole = file.read()
        self.assertGreater(len(whole), 65536, "more than one piece")
        with urllib.request.urlopen(url, timeout=10) as answer:
            self.assertEqual(answer.headers["Content-Type"], "application/vnd.sqlite3")
            self.assertEqual(int(answer.headers["Content-Length"]), len(whole))
            self.assertIn(name, answer.headers["Content-Disposition"])
            self.assertEqual(answer.read(), whole)
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=10) as answer:
            self.assertEqual(int(answer.headers["Content-Length"]), len(whole))
        self.assertEqual(self.edge.rest("GET", "/v1/backups/2000-01-01T00-00-00Z.db/file")[0], 404)
        self.edge.process.wait_log(f"{name}.* is downloaded from", 2)
        # Who goes in the middle, and who never takes it, leaves nothing.
        for _ in range(3):
            with urllib.request.urlopen(url, timeout=10) as answer:
                answer.read(1000)
        wait_for(lambda: self.edge.status()["counts"]["http_streams"] == 0, 5, "no stream is open")
        self.assertEqual(self.names(), [name])

    def test_the_copy_is_a_store_that_restore_takes(self):
        backend = self.backend()
        domain, setid, _ = self.tenant(backend)
        name = self.make()
        self.edge.domain("later.test", setid)
        self.edge.stop()
        done = self.edge.command("restore", os.path.join(self.folder, name))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.edge.start()
        self.assertEqual(self.domains(), [domain])
        self.assertEqual(self.names(), [name])

    def test_the_command_line(self):
        backend = self.backend()
        domain, setid, _ = self.tenant(backend)
        code, said = self.usher("make")
        self.assertEqual(code, 0, said)
        name = said.strip()
        for words in ((), ("list",)):
            code, said = self.usher(*words)
            self.assertEqual(code, 0, said)
            self.assertIn(name, said)
        self.edge.domain("later.test", setid)
        self.assertEqual(self.usher("restore", name, "--preview"), (0, "would remove domain later.test\n"))
        self.assertEqual(self.usher("restore", name), (0, "remove domain later.test\n"))
        self.assertEqual(self.usher("restore", name), (0, "nothing to change\n"))
        self.assertEqual(self.usher("remove", name), (0, f"backup {name} removed\n"))
        code, said = self.usher("remove", name)
        self.assertEqual(code, 1)
        self.assertIn("there is no", said)
        self.assertEqual(self.domains(), [domain])

    def test_calls_go_on_while_a_slow_disk_takes_a_copy_and_kill_9_leaves_no_half_one(self):
        backend = self.backend()
        domain, _, _ = self.tenant(backend)
        phone = self.phone("401", domain)
        first = self.make()
        self.assertFalse(self.edge.must("GET", "/v1/backups")["making"])
        self.after(first)
        self.disk.becomes("slow")
        answers = []

        def ask():
            answers.append(self.edge.rest("POST", "/v1/backups", {}))

        asking = threading.Thread(target=ask)
        asking.start()
        unfinished = os.path.join(self.folder, "unfinished")
        wait_for(lambda: os.path.exists(unfinished) and os.path.getsize(unfinished) > 0, 8, "the copy has begun")
        page = self.edge.must("GET", "/v1/backups")
        self.assertTrue(page["making"])
        self.assertEqual([backup["name"] for backup in page["items"]], [first])
        self.assertEqual(self.edge.rest("POST", "/v1/backups", {})[0], 409)
        call, invite = self.ring(phone, backend)
        self.decline(call, backend, invite, 486)
        self.assertTrue(os.path.exists(unfinished), "the copy was made too soon for this test")
        asking.join()
        status, told = answers[0]
        self.assertEqual((status, told["making"]), (202, True))
        self.assertTrue(self.edge.must("GET", "/v1/backups")["making"])
        self.edge.kill9()
        self.disk.becomes("ok")
        self.edge.start()
        self.assertTrue(os.path.exists(unfinished))
        self.assertEqual(self.names(), [first])
        second = self.make()
        self.assertEqual(self.names(), [second, first])
        self.assertFalse(os.path.exists(unfinished))

    def test_a_disk_that_takes_no_copy_is_told_with_place_and_reason(self):
        backend = self.backend()
        domain, setid, _ = self.tenant(backend)
        os.mkdir(self.folder, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", self.folder], check=True)
        try:
            status, problem = self.edge.rest("POST", "/v1/backups", {})
            self.assertEqual(status, 503)
            self.assertIn(self.folder, problem["detail"])
            self.assertIn("of room", problem["detail"])
            subprocess.run(["mount", "-o", "remount,ro,size=100m", self.folder], check=True)
            status, problem = self.edge.rest("POST", "/v1/backups", {})
            self.assertEqual(status, 503)
            self.assertIn(self.folder, problem["detail"])
            self.assertIn("Read-only file system", problem["detail"])
            code, said = self.usher("make")
            self.assertEqual(code, 1)
            self.assertIn("Read-only file system", said)
            self.edge.domain("later.test", setid)
            self.assertTrue(self.edge.status()["store"]["ok"])
            self.assertEqual(self.names(), [])
        finally:
            subprocess.run(["umount", self.folder], check=True)
        name = self.make()
        self.assertEqual(self.names(), [name])
        self.assertEqual(sorted(self.domains()), sorted([domain, "later.test"]))


if __name__ == "__main__":
    main()
