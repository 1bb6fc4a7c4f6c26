#!/usr/bin/env python3
"""The build without npm: it goes on without the page and says so, or ends where the page is insisted on."""

import os
import subprocess
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
# The project's own page.cmake, where no program can be found. Nothing is compiled.
PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(page LANGUAGES NONE)
set(CMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH OFF)
set(CMAKE_FIND_USE_CMAKE_SYSTEM_PATH OFF)
set(CMAKE_FIND_USE_CMAKE_ENVIRONMENT_PATH OFF)
include(cmake/page.cmake)
usher_page(files)
message(STATUS "files: ${files}, page: ${USHER_HAS_PAGE}")
"""


class WithoutNpm(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="usher-page-")
        self.addCleanup(place.cleanup)
        self.source, self.build = os.path.join(place.name, "source"), os.path.join(place.name, "build")
        os.makedirs(os.path.join(self.source, "admin"))
        for shared in ("cmake", "admin/web"):
            os.symlink(os.path.join(ROOT, shared), os.path.join(self.source, shared))
        with open(os.path.join(self.source, "CMakeLists.txt"), "w") as file:
            file.write(PROJECT)

    def configure(self, *more):
        return subprocess.run(["cmake", "-S", self.source, "-B", self.build, *more], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)

    def test_it_goes_on_without_the_page_and_says_so(self):
        done = self.configure()
        made = os.path.join(self.build, "page", "page_files.cpp")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("The page at /: not in this build (no npm)", done.stdout)
        self.assertIn(f"files: {made}, page: OFF", done.stdout)
        with open(made) as file:
            self.assertIn("std::span<const PageFile> page_files() {\n  return {};", file.read())

    def test_it_ends_where_the_page_is_insisted_on(self):
        done = self.configure("-DUSHER_PAGE=ON")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("The page cannot be built: no npm", " ".join(done.stdout.split()))


if __name__ == "__main__":
    unittest.main()
