#include <doctest/doctest.h>

#include "sip/grammar/grammar.hpp"
#include "sip/message/compare.hpp"
#include "tests/sip/result_text.hpp"

using namespace usher;
using namespace usher::sip;

namespace {

bool equal(std::string_view a, std::string_view b) {
  const Result<Uri> x = parse_uri(a), y = parse_uri(b);
  REQUIRE(x);
  REQUIRE(y);
  const bool forth = uri_equal(*x, *y);
  CHECK(forth == uri_equal(*y, *x));
  return forth;
}

}  // namespace

TEST_CASE("URIs that §19.1.4 calls equivalent") {
  CHECK(equal("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"));
  CHECK(equal("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
  CHECK(equal("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"));
  CHECK(equal("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"));
  CHECK(equal("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
              "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"));
  CHECK(equal("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
              "sip:alice@atlanta.com?priority=urgent&subject=project%20x"));
}

TEST_CASE("URIs that §19.1.4 calls different") {
  CHECK_FALSE(equal("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"));
  CHECK_FALSE(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
  CHECK_FALSE(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
  CHECK_FALSE(equal("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"));
  CHECK_FALSE(equal("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"));
  CHECK_FALSE(equal("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"));
  CHECK_FALSE(equal("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"));
  CHECK_FALSE(equal("sip:a@b", "sips:a@b"));
}

TEST_CASE("user, ttl, method, maddr and transport in only one never match; others are ignored") {
  for (const char* param :
       {"user=ip", "ttl=1", "method=INVITE", "maddr=10.0.0.1", "transport=udp"}) {
    CHECK_FALSE(equal("sip:a@b", std::string("sip:a@b;") + param));
  }
  CHECK(equal("sip:a@b", "sip:a@b;lr"));
  CHECK_FALSE(equal("sip:a@b;lr", "sip:a@b;lr=on"));
  CHECK_FALSE(equal("sip:a@b;method=INVITE", "sip:a@b;method=invite"));
}

TEST_CASE("user and password are compared with case, escapes of reserved characters stay apart") {
  CHECK_FALSE(equal("sip:a:pw@b", "sip:a:PW@b"));
  CHECK_FALSE(equal("sip:a:pw@b", "sip:a@b"));
  CHECK_FALSE(equal("sip:b", "sip:a@b"));
  CHECK(equal("sip:a%2Db@c", "sip:a-b@c"));
  CHECK_FALSE(equal("sip:a%3Bb@c", "sip:a;b@c"));
  CHECK(equal("sip:a%3Bb@c", "sip:a%3bb@c"));
  CHECK_FALSE(equal("sip:null-%00-null@c", "sip:null-@c"));
}

TEST_CASE("IPv6 hosts are compared as text, without case") {
  CHECK(equal("sip:a@[2001:DB8::1]", "sip:a@[2001:db8::1]"));
  CHECK_FALSE(equal("sip:a@[2001:db8::1]", "sip:a@[2001:db8:0::1]"));
}

TEST_CASE("other schemes match by their text, the scheme without case") {
  CHECK(equal("tel:+1234", "TEL:+1234"));
  CHECK_FALSE(equal("tel:+1234", "tel:+12345"));
  CHECK_FALSE(equal("tel:+1234", "sip:+1234@a"));
}

TEST_CASE("unescape decodes once and leaves a broken escape") {
  CHECK(unescape("v%61lue%25%34%31") == "value%41");
  CHECK(unescape("%4") == "%4");
  CHECK(unescape("%zz%") == "%zz%");
  CHECK(unescape("%00") == std::string(1, '\0'));
}

TEST_CASE("the content of a quoted-string") {
  CHECK(unquoted("\"a b\"") == "a b");
  CHECK(unquoted("\"a\\\"b\\\\\"") == "a\"b\\");
  CHECK(unquoted("token") == "token");
  CHECK(unquoted("\"") == "\"");
  CHECK(unquoted("") == "");
}
