#include "core/bytes.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace usher;

TEST_CASE("bytes are a copy, and copies share it") {
  std::string text = "INVITE";
  const Bytes a{text};
  text[0] = 'X';
  CHECK(a.view() == "INVITE");
  Bytes b = a;
  CHECK(b.view().data() == a.view().data());
  Bytes c = std::move(b);
  CHECK(b.empty());  // NOLINT(bugprone-use-after-move): what is shown is that it is empty then
  CHECK(c.view() == "INVITE");
  c = Bytes{"BYE"};
  CHECK(a.view() == "INVITE");
  const Bytes& same = c;
  c = same;
  CHECK(c.view() == "BYE");
}

TEST_CASE("no bytes are empty bytes") {
  CHECK(Bytes{}.empty());
  CHECK(Bytes{}.view().empty());
  CHECK(Bytes{""}.empty());
}

TEST_CASE("the last owner frees, not an earlier one") {
  Bytes last;
  {
    const Bytes first{std::string(1000, 'a')};
    last = first;
  }
  CHECK(last.view() == std::string(1000, 'a'));
}

TEST_CASE("a writer grows over its hint and keeps all it was given") {
  BytesWriter writer{1};
  std::string expected;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    writer << "Via: " << i << "\r\n";
    expected += "Via: " + std::to_string(i) + "\r\n";
  }
  CHECK(writer.view() == expected);
  CHECK(writer.finish().view() == expected);
}

TEST_CASE("a writer may have no hint and write nothing") {
  BytesWriter nothing{0};
  CHECK(nothing.finish().empty());
  BytesWriter empty{0};
  empty << ""
        << "a";
  CHECK(empty.finish().view() == "a");
  BytesWriter dropped{10};
  dropped << "not finished";
}

TEST_CASE("numbers are decimal over their whole range") {
  BytesWriter writer;
  writer << std::uint64_t{0} << " " << std::numeric_limits<std::uint64_t>::max();
  CHECK(writer.finish().view() == "0 18446744073709551615");
}
