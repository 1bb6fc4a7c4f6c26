#include "core/net/address.hpp"

#include <doctest/doctest.h>

#include <unordered_set>

using namespace usher;
using namespace usher::net;

namespace {

std::string canonical(std::string_view text) {
  const auto a = IpAddress::parse(text);
  return a ? a->text() : "refused";
}

}  // namespace

TEST_CASE("addresses have one canonical text (RFC 5952)") {
  CHECK(canonical("10.0.1.100") == "10.0.1.100");
  CHECK(canonical("0.0.0.0") == "0.0.0.0");
  CHECK(canonical("255.255.255.255") == "255.255.255.255");
  CHECK(canonical("2001:DB8::1") == "2001:db8::1");
  CHECK(canonical("[2001:db8::1]") == "2001:db8::1");
  CHECK(canonical("2001:0db8:0000:0000:0000:0000:0000:0001") == "2001:db8::1");
  CHECK(canonical("::") == "::");
  CHECK(canonical("::1") == "::1");
  CHECK(canonical("1::") == "1::");
  CHECK(canonical("2001:db8:0:1:1:1:1:1") == "2001:db8:0:1:1:1:1:1");  // §4.2.2: not one group
  CHECK(canonical("2001:0:0:1:0:0:0:1") == "2001:0:0:1::1");           // §4.2.3: the longest
  CHECK(canonical("2001:db8:0:0:1:0:0:1") == "2001:db8::1:0:0:1");     // the first of equals
  CHECK(canonical("1:2:3:4:5:6:0:0") == "1:2:3:4:5:6::");
  CHECK(canonical("0:0:3:4:5:6:7:8") == "::3:4:5:6:7:8");
  CHECK(canonical("64:ff9b::192.0.2.33") == "64:ff9b::c000:221");
}

TEST_CASE("an IPv4-mapped IPv6 address is the IPv4 address") {
  const auto mapped = *IpAddress::parse("::ffff:10.0.0.1");
  CHECK(mapped.is_v4());
  CHECK(mapped == IpAddress::v4(0x0a000001));
  CHECK(canonical("::ffff:a00:1") == "10.0.0.1");
  CHECK(IpAddress::parse("::ffff:0:10.0.0.1")->is_v4() == false);
  CHECK(IpAddress::parse("::10.0.0.1")->is_v4() == false);
}

TEST_CASE("what is no address is refused") {
  for (const char* text : {"",
                           " ",
                           "10.0.0",
                           "10.0.0.1.2",
                           "10.0.0.256",
                           "010.0.0.1",
                           "10.0.0.01",
                           "0x0a.0.0.1",
                           "167772161",
                           "10.0.0.1 ",
                           " 10.0.0.1",
                           "10.0.0.1:5060",
                           "[10.0.0.1]",
                           "[]",
                           "[",
                           "[::1",
                           "::1]",
                           "[[::1]]",
                           ":::",
                           "1::2::3",
                           "fe80::1%eth0",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "12345::",
                           "g::",
                           "::1/64",
                           "localhost",
                           "-1.0.0.0",
                           "+1.0.0.0",
                           "１.0.0.0"}) {
    CAPTURE(text);
    const auto a = IpAddress::parse(text);
    REQUIRE(a.has_error());
    CHECK(a.error().code == Errc::syntax);
    CHECK(a.error().message.find("expected") != std::string::npos);
  }
  CHECK(IpAddress::parse(std::string_view{"10.0.0.1\0", 9}).has_error());
  CHECK(IpAddress::parse(std::string(100'000, ':')).has_error());
}

TEST_CASE("unspecified and loopback addresses are known in both versions") {
  CHECK(IpAddress{}.is_unspecified());
  CHECK(IpAddress::parse("::")->is_unspecified());
  CHECK_FALSE(IpAddress::parse("::1")->is_unspecified());
  CHECK(IpAddress::parse("127.8.9.1")->is_loopback());
  CHECK(IpAddress::parse("::1")->is_loopback());
  CHECK(IpAddress::parse("::ffff:127.0.0.1")->is_loopback());
  CHECK_FALSE(IpAddress::parse("128.0.0.1")->is_loopback());
  CHECK_FALSE(IpAddress::parse("1::1")->is_loopback());
}

TEST_CASE("0.0.0.0 and :: are different addresses with different hashes") {
  const IpAddress a = *IpAddress::parse("0.0.0.0");
  const IpAddress b = *IpAddress::parse("::");
  CHECK(a != b);
  CHECK(std::hash<IpAddress>{}(a) != std::hash<IpAddress>{}(b));
}

TEST_CASE("an endpoint is an address and a port") {
  CHECK(Endpoint::parse("10.0.0.1:5060")->text() == "10.0.0.1:5060");
  CHECK(Endpoint::parse("[2001:DB8::1]:5060")->text() == "[2001:db8::1]:5060");
  CHECK(Endpoint::parse("[::ffff:10.0.0.1]:5060")->text() == "10.0.0.1:5060");
  CHECK(Endpoint::parse("0.0.0.0:0")->port == 0);
  CHECK(Endpoint::parse("0.0.0.0:65535")->port == 65535);
  for (const char* text : {"", ":", "10.0.0.1", ":5060", "10.0.0.1:", "10.0.0.1:x", "10.0.0.1:50x",
                           "10.0.0.1:-1", "10.0.0.1:+1", "2001:db8::1", "::1:5060", "[::1]",
                           "[::1]5060", "localhost:5060", "10.0.0.1: 5060", "10.0.0.1:5060 "}) {
    CAPTURE(text);
    REQUIRE(Endpoint::parse(text).has_error());
    CHECK(Endpoint::parse(text).error().code == Errc::syntax);
  }
  CHECK(Endpoint::parse("10.0.0.1:65536").error().code == Errc::range);
  CHECK(Endpoint::parse("10.0.0.1:99999999999999999999").error().code == Errc::range);
}

TEST_CASE("a network contains its addresses and no others") {
  const Cidr c = *Cidr::parse("10.0.1.0/28");
  CHECK(c.text() == "10.0.1.0/28");
  CHECK(c.contains(*IpAddress::parse("10.0.1.0")));
  CHECK(c.contains(*IpAddress::parse("10.0.1.15")));
  CHECK(c.contains(*IpAddress::parse("::ffff:10.0.1.15")));
  CHECK_FALSE(c.contains(*IpAddress::parse("10.0.1.16")));
  CHECK_FALSE(c.contains(*IpAddress::parse("10.0.0.255")));
  CHECK_FALSE(c.contains(*IpAddress::parse("a00:100::")));

  const Cidr six = *Cidr::parse("2001:db8::/33");
  CHECK(six.contains(*IpAddress::parse("2001:db8:7fff::1")));
  CHECK_FALSE(six.contains(*IpAddress::parse("2001:db8:8000::1")));
  CHECK(Cidr::parse("::/0")->contains(*IpAddress::parse("ffff::1")));
  CHECK_FALSE(Cidr::parse("::/0")->contains(IpAddress::v4(1)));
  CHECK(Cidr::parse("0.0.0.0/0")->contains(IpAddress::v4(0xffffffff)));
}

TEST_CASE("one address is a network of itself") {
  const Cidr c = *Cidr::parse("10.0.1.5");
  CHECK(c.bits == 32);
  CHECK(c.text() == "10.0.1.5");
  CHECK(c == *Cidr::parse("10.0.1.5/32"));
  CHECK(c == *Cidr::parse("::ffff:10.0.1.5"));
  CHECK(Cidr::parse("2001:db8::1")->bits == 128);
  CHECK(*Cidr::parse("::ffff:10.0.1.0/124") == *Cidr::parse("10.0.1.0/28"));
}

TEST_CASE("a network with host bits, or a wrong prefix, is refused") {
  CHECK(Cidr::parse("10.0.1.1/28").error().message.find("bits set beyond its prefix") !=
        std::string::npos);
  CHECK(Cidr::parse("2001:db8::1/64").error().code == Errc::range);
  CHECK(Cidr::parse("10.0.1.0/33").error().message.find("0 to 32") != std::string::npos);
  CHECK(Cidr::parse("2001:db8::/129").error().message.find("0 to 128") != std::string::npos);
  CHECK(Cidr::parse("::ffff:0:0/95").has_error());
  for (const char* text : {"", "/", "10.0.1.0/", "10.0.1.0/x", "10.0.1.0/-1", "10.0.1.0/08",
                           "10.0.1.0/24/8", "10.0.1.0/ 8", "10.0.1/24", "localhost/8"}) {
    CAPTURE(text);
    CHECK(Cidr::parse(text).has_error());
  }
}

TEST_CASE("transports have the names of URIs and of Via") {
  for (const Transport t :
       {Transport::udp, Transport::tcp, Transport::tls, Transport::ws, Transport::wss}) {
    CHECK(parse_transport(transport_name(t)) == t);
    CHECK(parse_transport(via_transport(t)) == t);
  }
  CHECK_FALSE(parse_transport("sctp"));
  CHECK_FALSE(parse_transport(""));
}

TEST_CASE("hashes of neighbouring endpoints differ") {
  std::unordered_set<std::size_t> seen;
  for (std::uint32_t host = 0; host < 100; ++host) {
    for (std::uint16_t port = 5060; port < 5160; ++port) {
      seen.insert(std::hash<Endpoint>{}({IpAddress::v4(0x0a000000 + host), port}));
    }
  }
  CHECK(seen.size() == 10'000);
}
