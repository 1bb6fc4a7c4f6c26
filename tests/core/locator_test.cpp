// RFC 3263 §4 against a DNS server: which questions are asked, and what becomes of the answers.
#include "core/net/locator.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "tests/core/dns_server.hpp"
#include "tests/core/loop.hpp"

using namespace std::chrono_literals;

namespace usher::net {
namespace {

struct Search {
  Reactor reactor;
  test::DnsServer dns{reactor};
  Resolver resolver{reactor, {{dns.endpoint()}, 100ms}};
  std::vector<Transport> speaks{Transport::udp, Transport::tcp};

  Located locate(const std::string& destination) {
    Locator locator(resolver, speaks);
    std::optional<Located> located;
    locator.locate(*Destination::parse(destination),
                   [&](Located found) { located = std::move(found); });
    CHECK_FALSE(located.has_value());
    REQUIRE(test::run_until(reactor, [&] { return located.has_value(); }));
    return *located;
  }
  bool asked(const std::string& question) const {
    return std::find(dns.asked.begin(), dns.asked.end(), question) != dns.asked.end();
  }
};

std::string text(const Located& located) {
  std::string out;
  for (const Place& place : located.places)
    out += place.endpoint.text() + "/" + std::string{transport_name(place.transport)} + " " +
           std::to_string(place.priority) + " " + std::to_string(place.weight) + "\n";
  return out;
}

TEST_CASE("NAPTR, SRV, then A: the transport that is preferred, and the shortest TTL") {
  Search s;
  s.dns.put_naptr("a.test", 10, 1, "s", "SIPS+D2T", "_sips._tcp.a.test");
  s.dns.put_naptr("a.test", 20, 1, "s", "SIP+D2T", "_sip._tcp.a.test");
  s.dns.put_naptr("a.test", 30, 1, "s", "SIP+D2U", "_sip._udp.a.test");
  s.dns.put_srv("_sip._tcp.a.test", 20, 5, 5070, "two.a.test", 3600);
  s.dns.put_srv("_sip._tcp.a.test", 10, 1, 5060, "one.a.test", 3600);
  s.dns.put_a("one.a.test", "10.0.0.1", 300);
  s.dns.put_a("two.a.test", "10.0.0.2", 7);
  const Located found = s.locate("a.test");
  CHECK(text(found) == "10.0.0.1:5060/tcp 10 1\n10.0.0.2:5070/tcp 20 5\n");
  CHECK(found.places.at(1).host == "two.a.test");
  CHECK(found.ttl == 7s);
  CHECK(found.problem.empty());
  CHECK_MESSAGE(!s.asked("33 _sips._tcp.a.test"), "we have no TLS listener");
  CHECK_FALSE(s.asked("33 _sip._udp.a.test"));
}

TEST_CASE("an alias is asked for again when its own TTL is over") {
  Search s;
  s.dns.put_alias("alias.test", "far.test", 9);
  s.dns.put_a("far.test", "10.0.0.9", 3600);
  const Located found = s.locate("alias.test:5060");
  CHECK(text(found) == "10.0.0.9:5060/udp 0 0\n");
  CHECK(found.ttl == 9s);
}

TEST_CASE("without NAPTR the first service that has records, in the order UDP, TCP, TLS") {
  Search s;
  s.speaks.push_back(Transport::tls);
  s.dns.put_srv("_sips._tcp.a.test", 1, 1, 5061, "one.a.test");
  s.dns.put_a("one.a.test", "10.0.0.1");
  CHECK(text(s.locate("a.test")) == "10.0.0.1:5061/tls 1 1\n");
  CHECK(s.asked("33 _sip._udp.a.test"));
  CHECK(s.asked("33 _sip._tcp.a.test"));
  s.dns.put_srv("_sip._tcp.a.test", 1, 1, 5062, "one.a.test");
  CHECK(text(s.locate("a.test")) == "10.0.0.1:5062/tcp 1 1\n");
}

TEST_CASE("with a transport: its SRV records alone; with a port: none; else the default port") {
  Search s;
  s.dns.put_srv("_sip._tcp.a.test", 1, 1, 5070, "one.a.test");
  s.dns.put_a("one.a.test", "10.0.0.1");
  s.dns.put_a("a.test", "10.0.0.9");
  CHECK(text(s.locate("a.test;transport=tcp")) == "10.0.0.1:5070/tcp 1 1\n");
  CHECK(text(s.locate("sips:a.test")) == "10.0.0.9:5061/tls 0 0\n");
  CHECK(text(s.locate("a.test;transport=udp")) == "10.0.0.9:5060/udp 0 0\n");
  CHECK_FALSE(s.asked("35 a.test"));
  s.dns.asked.clear();
  CHECK(text(s.locate("a.test:5080")) == "10.0.0.9:5080/udp 0 0\n");
  CHECK(text(s.locate("a.test:5080;transport=tcp")) == "10.0.0.9:5080/tcp 0 0\n");
  for (const std::string& line : s.dns.asked) CHECK(line.substr(0, 3) != "33 ");
}

TEST_CASE("a service that is said not to be there is not looked for elsewhere") {
  Search s;
  s.dns.put_srv("_sip._udp.a.test", 0, 0, 0, "");
  s.dns.put_a("a.test", "10.0.0.9");
  const Located found = s.locate("a.test");
  CHECK(found.places.empty());
  CHECK(found.problem.find("no such service") != std::string::npos);
}

TEST_CASE("no name, a server that fails, one that is silent: a reason and no place") {
  Search s;
  CHECK(s.locate("a.test").problem == "the name has no address");
  s.dns.mood = test::DnsServer::Mood::fails;
  CHECK(s.locate("a.test").problem.find("DNS: ") != std::string::npos);
  s.dns.mood = test::DnsServer::Mood::silent;
  s.dns.asked.clear();
  const Located none = s.locate("a.test");
  CHECK(none.places.empty());
  CHECK(none.problem.find("DNS: ") != std::string::npos);
  CHECK_MESSAGE(s.dns.asked.size() == 1, "nobody is asked on and on");
}

TEST_CASE("of several hosts those that are answered for count, and the others are named") {
  Search s;
  s.dns.put_srv("_sip._udp.a.test", 1, 1, 5060, "one.a.test");
  s.dns.put_srv("_sip._udp.a.test", 2, 1, 5060, "two.a.test");
  s.dns.put_a("two.a.test", "10.0.0.2");
  s.dns.moods["one.a.test"] = test::DnsServer::Mood::fails;
  const Located found = s.locate("a.test");
  CHECK(text(found) == "10.0.0.2:5060/udp 2 1\n");
  CHECK(found.unanswered == std::vector<std::string>{"one.a.test"});
  CHECK(lifetime(found.ttl) == 5s);
}

TEST_CASE("a zone of a hundred hosts gives no more places than the limit") {
  Search s;
  for (int i = 0; i < 25; ++i) {
    const std::string host = "h" + std::to_string(i) + ".a.test";
    s.dns.put_srv("_sip._udp.a.test", i, 1, 5060, host);
    s.dns.put_a(host, "10.0.0." + std::to_string(i + 1));
  }
  CHECK(s.locate("a.test").places.size() == 16);
}

}  // namespace
}  // namespace usher::net
