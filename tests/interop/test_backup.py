"""A store is copied while its process works, and put in place again when that has stopped: the phone that was registered
then is reached, and the configuration is the one of that moment."""

import os

from lab.edge import usher
from lab.lab import main
from lab.scripted import ScriptedTest


class Backup(ScriptedTest):
    def usher(self, word, file):
        done = self.edge.command(word, file)
        return done.returncode, done.stdout

    def test_a_copy_brings_back_the_moment_it_was_made(self):
        backend = self.backend()
        domain, setid, _ = self.tenant(backend)
        phone = self.phone("401", domain)
        registered, _ = self.register(phone, backend)
        copy = os.path.join(self.edge.directory, "copy.db")
        code, said = self.usher("backup", copy)
        self.assertEqual(code, 0, said)
        self.assertEqual(os.stat(copy).st_mode & 0o777, 0o600)

        self.edge.domain("later.test", setid)
        code, said = self.usher("restore", copy)
        self.assertEqual(code, 2)
        self.assertIn("in use", said)
        self.edge.stop()
        code, said = self.usher("restore", copy)
        self.assertEqual(code, 0, said)
        self.edge.start()

        self.assertEqual([d["domain"] for d in self.edge.items("/v1/domains")], [domain])
        call, _ = self.ring_back(backend, phone, registered)
        call.cancel()
        backend.expect(200, method="CANCEL")
        call.ack_failure(backend.expect(487, method="INVITE"))
        phone.peer.expect("CANCEL")

    def test_a_running_edge_takes_the_configuration_of_a_copy(self):
        backend = self.backend()
        domain, setid, _ = self.tenant(backend)
        copy, document = (os.path.join(self.edge.directory, name) for name in ("running.db", "running.json"))
        code, said = self.usher("backup", copy)
        self.assertEqual(code, 0, said)
        call = self.phone("401", domain).call("600")
        invite = backend.expect("INVITE")
        self.edge.domain("later.test", setid)
        extracted = usher("extract", copy)
        self.assertEqual(extracted.returncode, 0, extracted.stdout)
        with open(document, "w") as file:
            file.write(extracted.stdout)
        apply = ("configuration", "apply", "--config", self.edge.config, document)
        told = usher(*apply, "--preview", cwd=self.edge.directory)
        self.assertEqual((told.returncode, told.stdout), (0, "would remove domain later.test\n"))
        self.assertIn("later.test", [d["domain"] for d in self.edge.items("/v1/domains")])
        done = usher(*apply, cwd=self.edge.directory)
        self.assertEqual((done.returncode, done.stdout), (0, "remove domain later.test\n"))
        self.assertNotIn("later.test", [d["domain"] for d in self.edge.items("/v1/domains")])
        backend.reply(invite, 486)
        call.ack_failure(call.phone.peer.expect_final("INVITE"))

    def test_what_root_restores_belongs_to_whom_the_store_belongs(self):
        backend = self.backend()
        self.tenant(backend)
        copy, store = (os.path.join(self.edge.directory, name) for name in ("owned.db", "usher.db"))
        code, said = self.usher("backup", copy)
        self.assertEqual(code, 0, said)
        self.edge.stop()
        os.chown(store, 65534, 65534)
        code, said = self.usher("restore", copy)
        owner = os.stat(store).st_uid, os.stat(f"{store}.lock").st_uid
        for file in (store, f"{store}.lock"):
            os.chown(file, 0, 0)
        self.edge.start()
        self.assertEqual((code, owner), (0, (65534, 65534)), said)

    def test_what_is_no_store_is_refused_with_its_name(self):
        junk = os.path.join(self.edge.directory, "junk")
        with open(junk, "w") as file:
            file.write("x" * 5000)
        for word in ("restore", "backup"):
            code, said = self.usher(word, junk)
            self.assertEqual(code, 2, said)
            self.assertIn("junk", said)
            self.assertEqual(said.count("\n"), 1)


if __name__ == "__main__":
    main()
