#include <doctest/doctest.h>

#include "core/net/address.hpp"

using namespace usher;
using namespace usher::net;

namespace {

std::string refusal(std::string_view text) {
  const auto d = Destination::parse(text);
  return d ? "accepted as " + d->text() : d.error().message;
}

}  // namespace

TEST_CASE("every way to write one IPv4 destination gives one value") {
  for (const char* text :
       {"10.0.1.100", "10.0.1.100:5060", "sip:10.0.1.100", "sip:10.0.1.100:5060", "SIP:10.0.1.100",
        "sip:10.0.1.100;transport=udp", "sip:10.0.1.100:5060;Transport=UDP",
        "10.0.1.100;transport=udp", "[::ffff:10.0.1.100]:5060"}) {
    CAPTURE(text);
    const auto d = Destination::parse(text);
    REQUIRE(d.has_value());
    CHECK(d->host == "10.0.1.100");
    CHECK(d->address == IpAddress::v4(0x0a000164));
    CHECK(d->port == 5060);
    CHECK(d->transport == Transport::udp);
    CHECK(d->text() == "sip:10.0.1.100:5060");
    CHECK(*d == *Destination::parse(d->text()));
  }
}

TEST_CASE("every way to write one IPv6 destination gives one value") {
  for (const char* text :
       {"2001:db8::1", "[2001:db8::1]", "[2001:DB8:0::1]:5060", "sip:[2001:db8::1]",
        "sip:[2001:db8::1]:5060", "sip:2001:db8::1", "2001:db8::1;transport=udp"}) {
    CAPTURE(text);
    const auto d = Destination::parse(text);
    REQUIRE(d.has_value());
    CHECK(d->text() == "sip:[2001:db8::1]:5060");
    CHECK(d->host == "2001:db8::1");
    CHECK(*d == *Destination::parse(d->text()));
  }
}

TEST_CASE("every way to write one host name gives one value") {
  for (const char* text : {"pbx.example.com:5060", "PBX.Example.com:5060",
                           "sip:pbx.example.com:5060;transport=udp", "sip:pbx.example.com.:5060"}) {
    CAPTURE(text);
    const auto d = Destination::parse(text);
    REQUIRE(d.has_value());
    CHECK(d->host == "pbx.example.com");
    CHECK_FALSE(d->address);
    CHECK(d->text() == "sip:pbx.example.com:5060");
    CHECK_FALSE(d->any_port);
    CHECK_FALSE(d->any_transport);
  }
  CHECK(Destination::parse("asterisk")->text() == "sip:asterisk");
  CHECK(Destination::parse("asterisk:5070")->text() == "sip:asterisk:5070");
  CHECK(Destination::parse("1and1.example")->host == "1and1.example");
}

TEST_CASE("RFC 3263 §4: what a name leaves open stays open") {
  for (const char* text : {"pbx.example.com", "PBX.example.com", "sip:pbx.example.com."}) {
    CAPTURE(text);
    const auto d = Destination::parse(text);
    REQUIRE(d.has_value());
    CHECK(d->any_port);
    CHECK(d->any_transport);
    CHECK(d->port == 5060);
    CHECK(d->text() == "sip:pbx.example.com");
    CHECK(*d == *Destination::parse(d->text()));
  }
  const auto given = Destination::parse("pbx.example.com;transport=udp");
  CHECK(given->any_port);
  CHECK_FALSE(given->any_transport);
  CHECK(given->text() == "sip:pbx.example.com;transport=udp");
  CHECK(*given == *Destination::parse(given->text()));
  CHECK_FALSE(*given == *Destination::parse("pbx.example.com"));
  CHECK(Destination::parse("sips:pbx.example.com")->text() == "sip:pbx.example.com;transport=tls");
  CHECK(Destination::parse("sips:pbx.example.com")->port == 5061);
  CHECK_FALSE(Destination::parse("10.0.1.100")->any_port);
}

TEST_CASE("port and transport make a different destination") {
  CHECK(Destination::parse("10.0.1.100:5070")->text() == "sip:10.0.1.100:5070");
  CHECK(Destination::parse("sip:10.0.1.100;transport=tcp")->text() ==
        "sip:10.0.1.100:5060;transport=tcp");
  CHECK(Destination::parse("sip:10.0.1.100;transport=TCP")->transport == Transport::tcp);
}

TEST_CASE("TLS is asked for by scheme or by transport, with its own port") {
  CHECK(Destination::parse("sips:10.0.1.100")->text() == "sip:10.0.1.100:5061;transport=tls");
  CHECK(Destination::parse("sip:pbx.example.com;transport=tls")->text() ==
        "sip:pbx.example.com;transport=tls");
  CHECK(Destination::parse("sips:10.0.1.100:5070;transport=tcp")->text() ==
        "sip:10.0.1.100:5070;transport=tls");
}

TEST_CASE("what is no destination is refused, with what was expected") {
  CHECK(refusal("sip:user@10.0.1.100") ==
        "\"sip:user@10.0.1.100\" names a user: expected only the host, as in sip:10.0.1.100");
  CHECK(refusal("sip:@10.0.1.100").find("names a user") != std::string::npos);
  CHECK(refusal("1001:secret@10.0.1.100").find("names a user") != std::string::npos);
  CHECK(refusal("http://10.0.1.100").find("unknown scheme \"http\": expected sip:") !=
        std::string::npos);
  CHECK(refusal("tel:100").find("accepted as sip:tel:100") !=
        std::string::npos);  // a host and a port
  CHECK(refusal("sip:10.0.1.100;transport=ws").find("which only phones speak") !=
        std::string::npos);
  CHECK(refusal("sip:10.0.1.100;transport=sctp")
            .find("unknown transport \"sctp\": expected udp, tcp or tls") != std::string::npos);
  CHECK(refusal("sips:10.0.1.100;transport=udp").find("for TLS by its scheme and for UDP") !=
        std::string::npos);
  CHECK(refusal("sip:10.0.1.100;transport=udp;transport=tcp").find("names a transport twice") !=
        std::string::npos);
  CHECK(refusal("10.0.1.100:0").find("the port is \"0\": expected 1 to 65535") !=
        std::string::npos);
  CHECK(refusal("10.0.1.100:65536").find("expected 1 to 65535") != std::string::npos);
  CHECK(refusal("sip:10.0.1.100;lr").find("the parameter \"lr\": only transport is known here") !=
        std::string::npos);
  CHECK(refusal("sip:10.0.1.100;").find("the parameter \"\"") != std::string::npos);
  CHECK(refusal("sip:10.0.1.100?Subject=x").find("URI headers") != std::string::npos);
  CHECK(refusal(" 10.0.1.100").find("white space") != std::string::npos);
  CHECK(refusal("10.0.1.100\n").find("white space") != std::string::npos);
  CHECK(refusal("10.0.1.100, 10.0.1.101").find("white space") != std::string::npos);
  CHECK(refusal("0.0.0.0").find("unspecified") != std::string::npos);
  CHECK(refusal("[::]:5060").find("unspecified") != std::string::npos);
  for (const char* text : {"",
                           "sip:",
                           "sip::5060",
                           "<sip:10.0.1.100>",
                           "10.0.1.300",
                           "10.0.1",
                           "10.0.1.100:5060:5060",
                           "[2001:db8::1",
                           "[2001:db8::1]x",
                           "[10.0.1.100]",
                           "2001:db8::1]",
                           "a..b",
                           ".a",
                           "-a.example",
                           "a-.example",
                           "a_b.example",
                           "p\xc3\xabx.example",
                           "sip:sip:10.0.1.100",
                           "10.0.1.100/28",
                           "example.1",
                           "fe80::1%eth0"}) {
    CAPTURE(text);
    CHECK(refusal(text).find("expected") != std::string::npos);
  }
  CHECK(Destination::parse(std::string(64, 'a') + ".example").has_error());
  CHECK(Destination::parse(std::string(63, 'a') + ".example").has_value());
  CHECK(Destination::parse(std::string(100'000, 'a')).has_error());
  CHECK(Destination::parse(std::string_view{"10.0.1.100\0", 11}).has_error());
}

TEST_CASE("a host may have a port, and has one spelling") {
  CHECK(HostPort::parse("Edge.Example.com")->host == "edge.example.com");
  CHECK_FALSE(HostPort::parse("203.0.113.5")->port);
  CHECK(HostPort::parse("203.0.113.5:5070")->port == 5070);
  CHECK(HostPort::parse("2001:db8::1")->uri_host() == "[2001:db8::1]");
  CHECK(HostPort::parse("[2001:db8::1]:5070")->port == 5070);
  CHECK(HostPort::parse("sip:203.0.113.5").has_error());
  CHECK(HostPort::parse("203.0.113.5;transport=udp").has_error());
}
