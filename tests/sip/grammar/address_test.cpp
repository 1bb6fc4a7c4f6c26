#include <doctest/doctest.h>

#include <algorithm>

#include "core/limits.hpp"
#include "sip/grammar/grammar.hpp"
#include "tests/sip/result_text.hpp"

using namespace usher;
using namespace usher::sip;

namespace {

std::string uri_fault(std::string_view text) {
  const Result<Uri> uri = parse_uri(text);
  return uri ? "" : uri.error().message;
}

}  // namespace

TEST_CASE("a URI comes apart as §19.1 says") {
  const Result<Uri> u = parse_uri(
      "sip:alice;day=tue:se%20cret@atlanta.com:5070;transport=tcp;lr?subject=x&priority=urgent");
  REQUIRE(u);
  CHECK(u->scheme == "sip");
  CHECK(u->is_sip);
  CHECK_FALSE(u->is_sips);
  CHECK(u->has_user);
  CHECK(u->user == "alice;day=tue");
  CHECK(u->password == "se%20cret");
  CHECK(u->host == "atlanta.com");
  CHECK(u->port == 5070);
  CHECK(u->params.size() == 2);
  CHECK(param_value(u->params, "TRANSPORT") == "tcp");
  REQUIRE(find_param(u->params, "lr"));
  CHECK_FALSE(find_param(u->params, "lr")->value.has_value());
  CHECK(u->headers == "subject=x&priority=urgent");
}

TEST_CASE("URIs without user, with IPv6, with escapes, in any case") {
  CHECK(parse_uri("sip:atlanta.com")->host == "atlanta.com");
  CHECK_FALSE(parse_uri("sip:atlanta.com")->has_user);
  CHECK(parse_uri("SIPS:a@[2001:db8::1]:5061")->host == "[2001:db8::1]");
  CHECK(parse_uri("SIPS:a@[2001:db8::1]:5061")->port == 5061);
  CHECK(parse_uri("SIPS:a@[2001:db8::1]:5061")->is_sips);
  CHECK(parse_uri("sip:10.0.1.100:5060;transport=tcp")->host == "10.0.1.100");
  CHECK(parse_uri("sip:+1-212-555-1212:1234@gateway.com;user=phone")->user == "+1-212-555-1212");
  CHECK(parse_uri("sip:sips%3Auser%40example.com@example.net")->user ==
        "sips%3Auser%40example.com");
  CHECK(parse_uri("sip:*21#@pbx.a.test")->user == "*21#");
  CHECK(parse_uri("sip:a@host_1.example;x=aGk=")->params.size() == 1);
  CHECK(parse_uri("sip:a@b;")->params.empty());  // a bare ";" at the end
}

TEST_CASE("another scheme keeps scheme and text") {
  const Result<Uri> u = parse_uri("tel:+358-555-1234567;phone-context=a.test");
  REQUIRE(u);
  CHECK(u->scheme == "tel");
  CHECK_FALSE(u->is_sip);
  CHECK(u->raw == "tel:+358-555-1234567;phone-context=a.test");
  CHECK(u->host.empty());
  CHECK(parse_uri("urn:service:sos"));
  CHECK(parse_uri("soap.beep://192.0.2.103:3002"));
}

TEST_CASE("what is no URI is refused, with what was expected") {
  CHECK(uri_fault("") == "expected a URI scheme before the end");
  CHECK(uri_fault("alice@atlanta.com") == "expected a URI scheme, found \"@atlanta.com\"");
  CHECK(uri_fault("sip:") == "expected a host before the end");
  CHECK(uri_fault("sip:alice@") == "expected a host before the end");
  CHECK(uri_fault("sip:@b").starts_with("expected a host"));
  CHECK(uri_fault("sip:a@b:").starts_with("expected a port"));
  CHECK(uri_fault("sip:a@b:65536").starts_with("expected a port"));
  CHECK(uri_fault("sip:a@b:99999999999999999999").starts_with("expected a port"));
  CHECK(uri_fault("sip:2001:db8::10").starts_with("expected a port"));
  CHECK(uri_fault("sip:a@[2001:db8::1").starts_with("expected a host"));
  CHECK(uri_fault("sip:a@b;;lr").starts_with("expected a URI parameter"));
  CHECK(uri_fault("sip:a%2@b").starts_with("expected the end"));
  CHECK(uri_fault("sip:a b@c").starts_with("expected the end"));
  CHECK(uri_fault("sip:a@b>").starts_with("expected the end"));
  CHECK(uri_fault("sip:a@b\r\nX: y").starts_with("expected the end"));
  CHECK(parse_uri("sip:" + std::string(limits::kUriBytes, 'a')).error().code == Errc::limit);
}

TEST_CASE("the notes' Contact, to the byte") {
  constexpr std::string_view text =
      "<sip:H5CCvFpY@10.0.1.200:45891;line=zlpcjjt4>;reg-id=1;q=1.0;+sip.instance=\"<urn:uuid:ab-"
      "12>\";audio";
  const Result<Contacts> c = parse_contacts(text);
  REQUIRE(c);
  REQUIRE(c->contacts.size() == 1);
  const NameAddr& n = c->contacts[0];
  CHECK(n.raw == text);
  CHECK(n.bracketed);
  CHECK(n.uri.raw == "sip:H5CCvFpY@10.0.1.200:45891;line=zlpcjjt4");
  CHECK(n.uri.user == "H5CCvFpY");
  CHECK(param_value(n.uri.params, "line") == "zlpcjjt4");
  CHECK(n.params.size() == 4);
  CHECK(param_value(n.params, "reg-id") == "1");
  CHECK(param_value(n.params, "+sip.instance") == "\"<urn:uuid:ab-12>\"");
  CHECK(find_param(n.params, "audio"));
  CHECK_FALSE(find_param(n.params, "line"));
}

TEST_CASE("without brackets every parameter belongs to the header field") {
  const Result<Contacts> c = parse_contacts("sip:401@10.0.1.200:45891;expires=60;q=0.3");
  REQUIRE(c);
  const NameAddr& n = c->contacts.at(0);
  CHECK_FALSE(n.bracketed);
  CHECK(n.uri.raw == "sip:401@10.0.1.200:45891");
  CHECK(n.uri.params.empty());
  CHECK(param_value(n.params, "expires") == "60");
  CHECK(parse_name_addr("isbn:2983792873;tag=9")->uri.raw == "isbn:2983792873");
  CHECK(parse_name_addr("isbn:2983792873;tag=9")->params.size() == 1);
  // "If the URI contains a comma, question mark or semicolon, it MUST be enclosed" (§20).
  CHECK_FALSE(parse_contacts("sip:a@b?Route=%3Csip:c%3E"));
}

TEST_CASE("several contacts, quoted separators, IPv6, a bare semicolon at the end, an asterisk") {
  const Result<Contacts> two =
      parse_contacts("\"A, \\\"B\\\"; C\" <sip:a@b;x=y>;q=0.1 , sip:c@[2001:db8::1]:5062;q=0.2");
  REQUIRE(two);
  REQUIRE(two->contacts.size() == 2);
  CHECK(two->contacts[0].display == "\"A, \\\"B\\\"; C\"");
  CHECK(two->contacts[0].params.size() == 1);
  CHECK(two->contacts[1].uri.host == "[2001:db8::1]");
  CHECK(two->contacts[1].uri.port == 5062);
  CHECK(parse_contacts("<sip:a@b;>;q=1;")->contacts.at(0).uri.raw == "sip:a@b;");
  CHECK(parse_contacts("<sip:a@b>;")->contacts.at(0).params.empty());
  CHECK(parse_contacts("<sip:a@b>; ,<sip:c@d> ;\t")->contacts.size() == 2);
  CHECK_FALSE(parse_contacts("<sip:a@b>;;"));
  CHECK(parse_contacts(" * ")->star);
  CHECK(parse_contacts("*")->contacts.empty());
  CHECK_FALSE(parse_contacts("*, <sip:a@b>"));
  CHECK_FALSE(parse_contacts("<sip:a@b>, *"));
  CHECK_FALSE(parse_contacts(""));
  CHECK_FALSE(parse_contacts("<sip:a@b>,"));
  CHECK_FALSE(parse_contacts(",<sip:a@b>"));
  CHECK(parse_contacts("* star <sip:a@b>")->contacts.at(0).display == "* star");
}

TEST_CASE("display names") {
  CHECK(parse_name_addr("Bob Smith <sip:a@b>;tag=1")->display == "Bob Smith");
  CHECK(parse_name_addr("caller<sip:a@b>")->display == "caller");
  CHECK(parse_name_addr("J\xC3\xBCrgen <sip:a@b>")->display == "J\xC3\xBCrgen");
  CHECK(parse_name_addr("\"\" <sip:a@b>")->display == "\"\"");
  CHECK(parse_name_addr("<sip:a@b>")->display.empty());
  CHECK(parse_name_addr("Bob\r\n Smith\r\n\t<sip:a@b>\r\n ;tag = 1")->display == "Bob\r\n Smith");
  CHECK(param_value(parse_name_addr("Bob <sip:a@b>\r\n ;\r\n tag\r\n =\r\n 1")->params, "tag") ==
        "1");
  CHECK_FALSE(parse_name_addr("Bell, Alexander <sip:a@b>"));
  CHECK_FALSE(parse_name_addr("\"unterminated <sip:a@b>"));
  CHECK_FALSE(parse_name_addr("\"escape at the end\\"));
  CHECK_FALSE(parse_name_addr("\"escaped line end\\\r\n\" <sip:a@b>"));
  CHECK_FALSE(parse_name_addr("\"line\r\nend\" <sip:a@b>"));
  CHECK_FALSE(parse_name_addr("< sip:a@b >"));
  CHECK_FALSE(parse_name_addr("<sip:a@b"));
  CHECK_FALSE(parse_name_addr("<sip:a@b>, <sip:c@d>"));
  CHECK_FALSE(parse_name_addr(""));
}

TEST_CASE("header parameters") {
  const auto params = [](std::string_view text) {
    return parse_name_addr("<sip:a@b>" + std::string(text));
  };
  CHECK(param_value(parse_name_addr("<sip:a@b>;received=2001:db8::9")->params, "received") ==
        "2001:db8::9");
  CHECK(param_value(parse_name_addr("<sip:a@b>;x=\"a;b,c\\\"d\"")->params, "x") ==
        "\"a;b,c\\\"d\"");
  CHECK_FALSE(params(";x="));
  CHECK_FALSE(params(";=x"));
  CHECK_FALSE(params(";x=\"open"));
  CHECK_FALSE(params(";x y"));
  CHECK_FALSE(params(" trailing"));
}

TEST_CASE("lists of addresses") {
  const Result<std::vector<NameAddr>> l =
      parse_name_addr_list("<sip:p1;lr>,<sip:p2;lr> , \"x\"<sip:p3>;y=1");
  REQUIRE(l);
  REQUIRE(l->size() == 3);
  CHECK(l->at(1).uri.raw == "sip:p2;lr");
  CHECK(l->at(1).raw == "<sip:p2;lr>");
  CHECK(param_value(l->at(2).params, "y") == "1");
  CHECK_FALSE(parse_name_addr_list("<sip:p1>,,<sip:p2>"));
  std::string many = "<sip:a@b>";
  for (std::size_t i = 1; i < limits::kListEntries; ++i) many += ",<sip:a@b>";
  CHECK(parse_name_addr_list(many)->size() == limits::kListEntries);
  CHECK(parse_name_addr_list(many + ",<sip:a@b>").error().code == Errc::limit);
}

TEST_CASE("Via") {
  const Result<Via> v = parse_via(
      "SIP / 2.0 / UDP first.example.com : 4000 ;ttl=16 ;maddr=224.2.0.1 "
      ";branch=z9hG4bKa7c6a8dlze.1");
  REQUIRE(v);
  CHECK(v->protocol == "SIP");
  CHECK(v->version == "2.0");
  CHECK(v->transport == "UDP");
  CHECK(v->host == "first.example.com");
  CHECK(v->port == 4000);
  CHECK(v->branch() == "z9hG4bKa7c6a8dlze.1");
  CHECK(v->params.size() == 3);
  CHECK(parse_via("SIP/2.0/TLS [2001:db8::9:1]:6050;branch=1, SIP/2.0/UDP b")->host ==
        "[2001:db8::9:1]");
  CHECK(parse_via("SIP/2.0/UDP a;branch=1 , SIP/2.0/UDP b")->raw == "SIP/2.0/UDP a;branch=1");
  CHECK(parse_via("SIP/2.0/UDP h;rport;branch=x")->params.size() == 2);
  CHECK(parse_via("SIP/2.0/UDP h")->branch().empty());
  CHECK_FALSE(parse_via("SIP/2.0 h"));
  CHECK_FALSE(parse_via("SIP/2.0/UDPh"));
  CHECK_FALSE(parse_via("SIP/2.0/UDP"));
  CHECK_FALSE(parse_via("SIP/2.0/UDP h:port"));
  CHECK_FALSE(parse_via("SIP/2.0/UDP h;;branch=1"));
  CHECK_FALSE(parse_via("SIP/2.0/UDP h x"));
  CHECK_FALSE(parse_via(""));
  const Result<std::vector<Via>> l =
      parse_via_list("SIP/2.0/UDP a;branch=1,SIP/2.0/TCP b:1;branch=2\r\n ,SIP/2.0/TLS c");
  REQUIRE(l);
  CHECK(l->size() == 3);
  CHECK(l->at(1).branch() == "2");
  CHECK_FALSE(parse_via_list("SIP/2.0/UDP a,"));
}
