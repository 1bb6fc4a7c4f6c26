// RFC 3263 and RFC 2782: which records count, and in which order.
#include "core/net/places.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace std::chrono_literals;

namespace usher::net {
namespace {

Place place(const std::string& endpoint, std::uint16_t priority, std::uint16_t weight) {
  return {*Endpoint::parse(endpoint), Transport::udp, priority, weight, {}};
}

TEST_CASE("RFC 3263 §4.1: NAPTR by order, then preference; what we can't speak is left out") {
  const std::vector<Service> services =
      services_of({{50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com"},
                   {90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"},
                   {100, 60, "S", "sip+d2u", "second.example.com"},
                   {100, 50, "s", "SIP+D2U", "_sip._udp.example.com"},
                   {10, 10, "u", "E2U+sip", ""},
                   {10, 20, "a", "SIP+D2U", "host.example.com"}});
  CHECK(services == std::vector<Service>{{"_sips._tcp.example.com", Transport::tls},
                                         {"_sip._tcp.example.com", Transport::tcp},
                                         {"_sip._udp.example.com", Transport::udp},
                                         {"second.example.com", Transport::udp}});
}

TEST_CASE(
    "RFC 3263 §4.1: without NAPTR, UDP before TCP before TLS, or the transport that is given") {
  CHECK(services_for("a.test", std::nullopt) ==
        std::vector<Service>{{"_sip._udp.a.test", Transport::udp},
                             {"_sip._tcp.a.test", Transport::tcp},
                             {"_sips._tcp.a.test", Transport::tls}});
  CHECK(services_for("a.test", Transport::tcp) ==
        std::vector<Service>{{"_sip._tcp.a.test", Transport::tcp}});
  CHECK(services_for("a.test", Transport::tls) ==
        std::vector<Service>{{"_sips._tcp.a.test", Transport::tls}});
}

TEST_CASE("RFC 2782: a lower priority always comes first, each place once") {
  Rng rng(7);
  for (int i = 0; i < 100; ++i) {
    const auto order = in_order({place("10.0.0.3:5060", 20, 100), place("10.0.0.1:5060", 10, 0),
                                 place("10.0.0.2:5060", 10, 5)},
                                rng);
    REQUIRE(order.size() == 3);
    CHECK(order[2].priority == 20);
    CHECK(order[0].endpoint != order[1].endpoint);
  }
}

TEST_CASE("RFC 2782: among equals the weights are the shares") {
  Rng rng(7);
  std::map<std::string, int> first;
  for (int i = 0; i < 10'000; ++i) {
    const auto order = in_order({place("10.0.0.1:5060", 0, 60), place("10.0.0.2:5060", 0, 30),
                                 place("10.0.0.3:5060", 0, 10), place("10.0.0.4:5060", 0, 0)},
                                rng);
    ++first[order[0].endpoint.text()];
  }
  CHECK(first["10.0.0.1:5060"] > 5600);
  CHECK(first["10.0.0.1:5060"] < 6400);
  CHECK(first["10.0.0.2:5060"] > 2700);
  CHECK(first["10.0.0.2:5060"] < 3300);
  CHECK(first["10.0.0.3:5060"] > 800);
  CHECK_MESSAGE(first["10.0.0.4:5060"] > 0, "a very small chance, but one");
  CHECK(first["10.0.0.4:5060"] < 300);
}

TEST_CASE("the same seed gives the same order") {
  const std::vector<Place> places{place("10.0.0.1:5060", 0, 60), place("10.0.0.2:5060", 0, 30),
                                  place("10.0.0.3:5060", 0, 10), place("10.0.0.4:5060", 9, 0)};
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    Rng one(seed), two(seed);
    CHECK(in_order(places, one) == in_order(places, two));
  }
}

TEST_CASE("addresses without weights share evenly") {
  Rng rng(7);
  std::map<std::string, int> first;
  for (int i = 0; i < 1000; ++i)
    ++first[in_order({place("10.0.0.1:5060", 0, 0), place("10.0.0.2:5060", 0, 0)}, rng)[0]
                .endpoint.text()];
  CHECK(first["10.0.0.1:5060"] > 400);
  CHECK(first["10.0.0.2:5060"] > 400);
}

TEST_CASE("a TTL counts from 5 seconds to an hour") {
  CHECK(lifetime(0s) == 5s);
  CHECK(lifetime(60s) == 60s);
  CHECK(lifetime(86400s) == 1h);
}

}  // namespace
}  // namespace usher::net
