// The lasting keys: made once, read back the same, and never guessed at.
#include "storage/keys.hpp"

#include <doctest/doctest.h>

namespace usher::storage {
namespace {

std::uint64_t never() {
  FAIL("a key is made although it is there");
  return 0;
}

}  // namespace

TEST_CASE("a new store gets its keys once, and they are read back as they were made") {
  Snapshot s;
  std::uint64_t next = 0x8000000000000001;
  const auto made = read_keys(s, [&] { return next++; });
  REQUIRE(made.has_value());
  REQUIRE(made->missing.size() == 2);
  CHECK(made->contact_tokens.k0 == 0x8000000000000001);
  CHECK(made->names.k1 == 0x8000000000000004);
  for (const Change& change : made->missing)
    s.secrets.push_back(std::get<PutSecret>(change).secret);
  const auto read = read_keys(s, never);
  REQUIRE(read.has_value());
  CHECK(read->missing.empty());
  CHECK(read->contact_tokens.k0 == made->contact_tokens.k0);
  CHECK(read->contact_tokens.k1 == made->contact_tokens.k1);
  CHECK(read->names.k0 == made->names.k0);
  CHECK(read->names.k1 == made->names.k1);
}

TEST_CASE("a secret that is no key is refused by its name") {
  for (const std::size_t bytes : {0, 7, 15, 17}) {
    Snapshot s;
    s.secrets.push_back({"contact-token-key", std::string(bytes, 'x')});
    const auto read = read_keys(s, [] { return std::uint64_t{1}; });
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().message ==
          "table secrets: contact-token-key has " + std::to_string(bytes) + " bytes, expected 16");
  }
}

}  // namespace usher::storage
