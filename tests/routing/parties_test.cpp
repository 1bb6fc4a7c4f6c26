#include "routing/parties.hpp"

#include <doctest/doctest.h>

#include "sip/grammar/grammar.hpp"

using namespace usher;

TEST_CASE("an address of record is the user, unescaped, and the host, normalised") {
  const auto aor = [](std::string_view uri) { return routing::aor_text(*sip::parse_uri(uri)); };
  CHECK(aor("sip:%34%301@A.Test:5070;transport=tcp") == "401@a.test");
  CHECK(aor("sips:Bob@a.test.") == "Bob@a.test");
  CHECK(aor("sip:a@[2001:DB8::0:1]") == "a@2001:db8::1");
  CHECK_MESSAGE(aor("sip:A.TEST").empty(), "nobody's");
  CHECK(aor("tel:+1").empty());
}
