"""A directory with a Debian release's Asterisk in it, made once and kept in a cache outside the tree.

Run as a program it only makes it: `python3 asterisk_root.py`.
USHER_ASTERISK_SUITE names the release (bullseye), USHER_CACHE the place.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile


class NoAsterisk(Exception):
    """Asterisk cannot be had; the text says why and what to do."""


def suite():
    return os.environ.get("USHER_ASTERISK_SUITE") or "bullseye"


def cache_directory():
    explicit = os.environ.get("USHER_CACHE")
    if explicit:
        return explicit
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "usher")


def _unmount_below(directory):
    """An interrupted debootstrap may leave its /proc mounted."""
    with open("/proc/mounts") as mounts:
        points = [line.split()[1] for line in mounts]
    for point in sorted((p for p in points if p.startswith(directory + "/")), reverse=True):
        subprocess.run(["umount", "-l", point], check=False, stdin=subprocess.DEVNULL)


def _remove(directory):
    _unmount_below(directory)
    with open("/proc/mounts") as mounts:
        if any(line.split()[1].startswith(directory + "/") for line in mounts):
            raise NoAsterisk(f"{directory} has a file system mounted in it: unmount it and remove the directory")
    shutil.rmtree(directory, ignore_errors=True)


def asterisk_root():
    """The directory to chroot into. The first call takes about a minute; processes wait for each other."""
    if os.geteuid() != 0:
        raise NoAsterisk("Asterisk runs in a chroot here, and only root may do that")
    cache = os.path.realpath(cache_directory())
    os.makedirs(cache, exist_ok=True)
    name = f"asterisk-{suite()}"
    final = os.path.join(cache, name)
    with open(os.path.join(cache, f"{name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Whoever holds the lock may clear what an interrupted build left.
        for entry in os.listdir(cache):
            if entry.startswith(f"{name}.partial-"):
                _remove(os.path.join(cache, entry))
        if not os.path.isdir(final):
            _build(cache, name, final)
    return final


def _build(cache, name, final):
    if shutil.which("debootstrap") is None:
        raise NoAsterisk("debootstrap is missing; ./dev test installs it")
    partial = tempfile.mkdtemp(prefix=f"{name}.partial-", dir=cache)
    os.chmod(partial, 0o755)
    print(f"Fetching Asterisk ({suite()}) into {final}, once", file=sys.stderr)
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=asterisk", suite(), partial],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=False)
    if made.returncode != 0 or not os.path.exists(os.path.join(partial, "usr/sbin/asterisk")):
        tail = "\n".join(made.stdout.splitlines()[-15:])
        _remove(partial)
        raise NoAsterisk(
            f"debootstrap could not make an Asterisk from Debian's {suite()} (exit {made.returncode}); "
            f"another release can be named in USHER_ASTERISK_SUITE. Its last words:\n{tail}")
    _unmount_below(partial)
    shutil.rmtree(os.path.join(partial, "var/cache/apt/archives"), ignore_errors=True)
    os.rename(partial, final)


if __name__ == "__main__":
    try:
        print(asterisk_root())
    except NoAsterisk as error:
        sys.exit(f"asterisk_root: {error}")
