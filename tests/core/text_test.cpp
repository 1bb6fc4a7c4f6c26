#include "core/text.hpp"

#include <doctest/doctest.h>

using namespace usher;

TEST_CASE("quoted text shows what it is and can forge nothing") {
  CHECK(quoted("10.0.0.1") == "\"10.0.0.1\"");
  CHECK(quoted("a\r\nb\tc") == "\"a\\r\\nb\\tc\"");
  CHECK(quoted(std::string_view{"\0\x1b[31m\x7f", 7}) == "\"\\x00\\x1b[31m\\x7f\"");
  CHECK(quoted("Zoë ☎ 📞") == "\"Zoë ☎ 📞\"");
}

TEST_CASE("text that is not UTF-8 is escaped byte by byte, the rest stands") {
  CHECK(escaped("a\xff"
                "b") == "a\\xffb");
  CHECK(escaped("\xc0\xaf") == "\\xc0\\xaf");           // overlong
  CHECK(escaped("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // surrogate
  CHECK(escaped("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(escaped("ab\xe2\x82") == "ab\\xe2\\x82");       // cut short
  CHECK(escaped("\xe2\x80\xa8") == "\\xe2\\x80\\xa8");  // a line separator
  CHECK(escaped("\xe2\x80\xae") == "\\xe2\\x80\\xae");  // right-to-left override
  CHECK(escaped("\xc2\x9b"
                "31m") == "\\xc2\\x9b31m");  // CSI as a C1 control
  CHECK(escaped("–—“”…") == "–—“”…");
}

TEST_CASE("long text is cut between characters") {
  CHECK(quoted("abcdef", 3) == "\"abc…\"");
  CHECK(quoted("aëë", 2) == "\"a…\"");
  CHECK(quoted("abc", 3) == "\"abc\"");
}

TEST_CASE("case is that of ASCII") {
  CHECK(lower("AsTerisk-1.Example") == "asterisk-1.example");
  CHECK(lower("É") == "É");
  CHECK(equals_without_case("UDP", "udp"));
  CHECK_FALSE(equals_without_case("udp", "udps"));
  CHECK(equals_without_case("", ""));
  CHECK_FALSE(equals_without_case("[", "{"));
}

TEST_CASE("edit distance counts insertions, deletions, exchanges and swaps") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("bind", "bind") == 0);
  CHECK(edit_distance("bnid", "bind") == 1);
  CHECK(edit_distance("bin", "bind") == 1);
  CHECK(edit_distance("ringlimit", "ring_limit") == 1);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
}
