#!/usr/bin/env python3
"""Walks every source file and holds it against the house: who may include whom, which library stands in which
room, where a clock may be read. Run by ctest as arch.house."""

import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "sip", "storage", "routing", "admin")

# An arrow means "may include": admin → routing → sip → core, routing → storage → core, admin → storage.
MAY_INCLUDE = {
    "core": {"core"},
    "sip": {"sip", "core"},
    "storage": {"storage", "core"},
    "routing": {"routing", "sip", "storage", "core"},
    "admin": {"admin", "routing", "storage", "sip", "core"},
}

# A library's headers, and the places that may include them (path prefixes).
LIBRARIES = {
    r"boost/asio": ("core/asio.cpp", "core/reactor", "core/net/", "admin/"),
    r"boost/beast": ("core/beast.cpp", "core/net/websocket.cpp", "admin/"),
    r"boost/spirit": ("sip/grammar/",),
    r"sqlite3\.h": ("storage/",),
    r"expat\.h": ("sip/b2bua/dialog_info.cpp",),
    r"nlohmann/": ("admin/",),
    r"prometheus/": ("admin/",),
    r"toml\+\+/": ("core/config",),
    r"spdlog/": ("core/log_output",),
    r"CLI/": ("admin/commands.cpp", "admin/offline.cpp", "main.cpp"),
    r"ares\.h": ("core/net/resolver.cpp",),
    r"openssl/": ("core/net/tls.cpp", "tests/core/", "admin/access.cpp", "admin/webhooks.cpp"),
    r"sofia-sip/": ("tests/differential/", "tests/bench/"),
    r"(thread|mutex|condition_variable|future|atomic)$": ("storage/", "core/net/resolver.cpp", "core/log_output", "core/reactor.cpp"),
}

# Heavy headers stay out of headers: they would be compiled by every includer.
NOT_IN_HEADERS = r"(boost/asio(?!/ip/|_fwd)|boost/beast|boost/spirit|nlohmann/json\.hpp|sqlite3\.h|toml\+\+)"

CLOCKS = re.compile(r"\b(steady_clock|system_clock|high_resolution_clock|MonotonicClock)::now|\b(clock_)?gettime(ofday)?\s*\(|\btime\s*\(\s*(NULL|nullptr|0)\s*\)")
# The storage writer times its own commits, for the operator, on its own thread.
MAY_READ_CLOCKS = ("core/reactor.cpp", "storage/sqlite/writer_thread.cpp")
SLEEPS = re.compile(r"\bsleep_for\b|\bsleep_until\b|\busleep\s*\(|\bnanosleep\s*\(|(?<![\w.])sleep\s*\(")
MAX_LINES = 450
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def sources(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".cpp", ".hpp"):
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def without_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)


class House(unittest.TestCase):
    def report(self, faults):
        self.assertFalse(faults, "\n" + "\n".join(faults))

    def test_rooms_include_only_what_the_arrows_allow(self):
        faults = []
        for path, text in sources(*ROOMS):
            room = path.split("/")[0]
            for _, header in INCLUDE.findall(text):
                target = header.split("/")[0]
                if target in ROOMS and "/" in header and target not in MAY_INCLUDE[room]:
                    faults.append(f"{path} includes {header}: {room} must not know {target}")
                if header.startswith("tests/") or header == "main.cpp":
                    faults.append(f"{path} includes {header}")
        self.report(faults)

    def test_each_library_stands_in_its_room(self):
        faults = []
        for path, text in sources(*ROOMS):
            for _, header in INCLUDE.findall(text):
                for library, places in LIBRARIES.items():
                    if re.match(library, header) and not path.startswith(places or ("-",)):
                        faults.append(f"{path} includes <{header}>, which belongs in {places or 'the tests'}")
        self.report(faults)

    def test_heavy_headers_stay_out_of_headers(self):
        faults = [
            f"{path} includes <{header}>"
            for path, text in sources(*ROOMS)
            if path.endswith(".hpp")
            for _, header in INCLUDE.findall(text)
            # Headers that only their own folder's sources include are no headers for others.
            if re.match(NOT_IN_HEADERS, header) and not path.startswith(("sip/grammar/", "core/net/", "storage/sqlite/"))
        ]
        self.report(faults)

    def test_headers_have_no_circles(self):
        graph = {
            path: [h for kind, h in INCLUDE.findall(text) if kind == '"' and h.endswith(".hpp")]
            for path, text in sources(*ROOMS)
            if path.endswith(".hpp")
        }
        done, faults = set(), []

        def walk(node, trail):
            if node in trail:
                faults.append(" -> ".join(trail[trail.index(node):] + [node]))
                return
            if node in done:
                return
            for target in graph.get(node, []):
                walk(target, trail + [node])
            done.add(node)

        for node in graph:
            walk(node, [])
        self.report(faults)

    def test_rooms_have_no_circles(self):
        # Folders inside a room: grammar, message, parse, transaction, dialog, b2bua.
        order = {"sip/grammar": 1, "sip/message": 1, "sip/parse": 2, "sip/transaction": 3, "sip/dialog": 4, "sip/b2bua": 5}
        faults = []
        for path, text in sources("sip"):
            own = order.get("/".join(path.split("/")[:2]))
            for _, header in INCLUDE.findall(text):
                other = order.get("/".join(header.split("/")[:2]))
                if own and other and other > own:
                    faults.append(f"{path} includes {header}, which stands later on a message's way")
        self.report(faults)

    def test_only_the_reactor_reads_a_clock(self):
        self.report([f"{path} reads a clock" for path, text in sources(*ROOMS)
                     if path not in MAY_READ_CLOCKS and CLOCKS.search(without_comments(text))])

    def test_nothing_sleeps_and_no_test_does(self):
        self.report([f"{path} sleeps" for path, text in sources(*ROOMS, "tests") if SLEEPS.search(without_comments(text))])

    def test_pure_rooms_start_no_thread_and_hold_no_global(self):
        faults = []
        for path, text in sources("sip", "routing"):
            code = without_comments(text)
            if re.search(r"std::(thread|jthread|async|mutex|atomic)\b|\bthread_local\b", code):
                faults.append(f"{path} knows threads")
            for line in re.findall(r"^\s*static\s+(?!constexpr|const\b|inline constexpr|_?assert)[^()]*?[=;{]\s*$", code, re.M):
                faults.append(f"{path}: a static that can change: {line.strip()}")
        self.report(faults)

    def test_files_hold_one_idea(self):
        self.report([f"{path}: {text.count(chr(10))} lines" for path, text in sources(*ROOMS) if text.count("\n") > MAX_LINES])

    def test_the_tree_holds_no_loose_ends(self):
        marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
        self.report([f"{path}: {m.group(0)}" for path, text in sources(*ROOMS, "tests") if (m := marks.search(text))])

    def test_lock_files_of_npm_name_no_host(self):
        locks = subprocess.run(["git", "ls-files", "*package-lock.json"], cwd=ROOT, capture_output=True, text=True).stdout.split()
        self.report([f"{lock}: {line.strip()}" for lock in locks
                     for line in (ROOT / lock).read_text(encoding="utf-8").splitlines()
                     if '"resolved"' in line and "https://registry.npmjs.org/" not in line])

    def test_the_root_holds_only_what_belongs_there(self):
        allowed = {"CMakeLists.txt", "CMakePresets.json", "core", "sip", "routing", "storage", "admin", "tests", "docs", "cmake",
                   "README.md", "LICENSE", "CHANGELOG.md", "main.cpp", "dev", "usher.toml", "packaging"}
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
        self.report(sorted({name.split("/")[0] for name in listed if not name.startswith(".")} - allowed))


if __name__ == "__main__":
    sys.exit(unittest.main())
