"""A process that was started by root and becomes somebody else. Needs root, as the other tests' Asterisk does."""

import os
import pwd

from lab.edge import Edge
from lab.lab import LabTest, main


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


class Privileges(LabTest):
    def edge_of(self, user, name, **options):
        """Configured, with a directory that this user may write, and not started."""
        edge = Edge(self.lab, name=name, start=False, extra=f'[process]\nuser = "{user}"\n', **options)
        os.chmod(self.lab.directory, 0o755)
        try:
            entry = pwd.getpwnam(user)
            os.chown(edge.directory, entry.pw_uid, entry.pw_gid)
        except KeyError:
            pass
        return edge

    def test_it_is_another_user_without_any_capability_and_serves(self):
        # 443 needs the right that goes when the sockets are open.
        edge = self.edge_of("nobody", "low", host=7, listen=(("udp", 5060), ("ws", 443)))
        edge.start()
        nobody = pwd.getpwnam("nobody")
        status = status_of(edge.process.child.pid)
        self.assertEqual(set(status["Uid"].split()), {str(nobody.pw_uid)})
        self.assertEqual(set(status["Gid"].split()), {str(nobody.pw_gid)})
        for mask in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            self.assertEqual(int(status[mask], 16), 0, mask)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(os.stat(os.path.join(edge.directory, "usher.db")).st_uid, nobody.pw_uid)
        edge.target(10, self.lab.ip(12))
        self.assertEqual(edge.stop(), 0)

    def test_a_user_that_is_none_is_refused_by_key(self):
        edge = self.edge_of("no-such-user", "none", host=8)
        done = edge.command("run", within=10)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout.strip(), f'{edge.config}: process.user: "no-such-user" is no user of this system')

    def test_who_is_not_root_cannot_become_somebody_else(self):
        edge = self.edge_of("daemon", "other", host=9)
        done = edge.command("run", within=10, user="nobody")
        self.assertEqual(done.returncode, 2)
        self.assertIn('process.user: only a process started by root can become "daemon"', done.stdout)


if __name__ == "__main__":
    main()
