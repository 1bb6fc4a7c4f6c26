#include "routing/directory.hpp"

#include <doctest/doctest.h>

#include "routing/origin.hpp"
#include "routing/self.hpp"

namespace usher::routing {
namespace {

using storage::Target;

Target target(storage::TargetId id, storage::SetId set, const std::string& destination) {
  Target t;
  t.id = id;
  t.setid = set;
  t.destination = *net::Destination::parse(destination);
  return t;
}
storage::DispatcherSet set(storage::SetId id) {
  storage::DispatcherSet s;
  s.setid = id;
  return s;
}
net::IpAddress ip(const std::string& text) {
  return *net::IpAddress::parse(text);
}

DirectoryRef two_sets() {
  return Directory::make(
      {{"a.test", 10, true, ""}, {"off.test", 10, false, ""}, {"b.test", 20, true, ""}},
      {set(10), set(20), set(30)}, {target(1, 10, "10.0.1.100"), target(2, 20, "10.0.1.101")}, {},
      Self({*net::Endpoint::parse("203.0.113.5:5060")}, {"edge.example"}).names());
}

TEST_CASE("a backend is known by its address, however its destination was written") {
  for (const char* spelling :
       {"10.0.1.100", "10.0.1.100:5060", "sip:10.0.1.100", "sip:10.0.1.100:5060"}) {
    const auto d = Directory::make({}, {set(1)}, {target(7, 1, spelling)});
    REQUIRE(d->backends_at(ip("10.0.1.100")).size() == 1);
    CHECK(d->backends_at(ip("10.0.1.101")).empty());
  }
  const auto v6 = Directory::make({}, {set(1)}, {target(7, 1, "[2001:db8::1]:5080")});
  CHECK(v6->backends_at(ip("2001:0db8:0:0::1")).size() == 1);
}

TEST_CASE(
    "a host name's backends are known by what it resolved to, and source networks count too") {
  Target named = target(7, 1, "pbx.example");
  named.sources = {*net::Cidr::parse("10.9.0.0/28")};
  auto d = Directory::make({}, {set(1)}, {named});
  CHECK(d->backends_at(ip("10.0.0.7")).empty());
  CHECK(d->backends_at(ip("10.9.0.3")).size() == 1);
  const std::vector<net::Place> places{
      {{ip("10.0.0.7"), 5060}, net::Transport::udp, 10, 1, "one.pbx.example"},
      {{ip("10.0.0.8"), 5070}, net::Transport::tcp, 20, 1, "Two.pbx.example"}};
  CHECK(d->with_places("sip:pbx.example:5060", places)->backends_at(ip("10.0.0.7")).empty());
  d = d->with_places("sip:pbx.example", places);
  CHECK(d->backends_at(ip("10.0.0.7")).size() == 1);
  CHECK(d->backends_at(ip("10.0.0.8")).size() == 1);
  CHECK_MESSAGE(d->with_places("sip:pbx.example", {}) == d, "the last good answer is kept");
  CHECK(d->with_places("sip:pbx.example", places) == d);
  CHECK_MESSAGE(d->hidden()->names.contains("two.pbx.example"), "so are the hosts of SRV records");
  CHECK(d->hidden()->names.contains("pbx.example"));
  CHECK(d->hidden()->addresses.contains("10.0.0.8"));
  CHECK(d->hidden()->networks.size() == 1);
}

TEST_CASE("the sets of all backends at an address are the tenants it may speak for") {
  const auto d = Directory::make({}, {set(10), set(30)},
                                 {target(1, 10, "10.0.0.1"), target(2, 30, "10.0.0.1:5080")});
  const Origin o = origin_of(*d, *net::Endpoint::parse("10.0.0.1:5080"));
  CHECK(o.is_backend());
  CHECK(o.backends.front()->id == 2);
  CHECK(o.speaks_for(10));
  CHECK(o.speaks_for(30));
  CHECK_FALSE(o.speaks_for(20));
  CHECK_FALSE(origin_of(*d, *net::Endpoint::parse("10.0.0.2:5060")).is_backend());
}

TEST_CASE("a change makes a new snapshot and leaves the old one as it was") {
  const auto before = two_sets();
  const auto after = before->with(storage::PutDomain{{"new.test", 20, true, ""}});
  CHECK(before->domain("new.test") == nullptr);
  REQUIRE(after->domain("new.test"));
  CHECK(before->with(storage::PutScanner{{"x", ""}}) == before);
  const auto made = before->with(storage::PutTarget{target(9, 99, "10.0.0.9")});
  CHECK_MESSAGE(made->set(99), "a first target makes its set");
}

TEST_CASE("what does not fit together is refused and named") {
  const auto d = two_sets();
  const auto code = [&](const storage::Change& c) {
    const auto result = d->check(c);
    REQUIRE_FALSE(result.has_value());
    return result.error().code;
  };
  CHECK(code(storage::PutDomain{{"x.test", 77, true, ""}}) == Errc::not_found);
  CHECK(code(storage::DeleteDomain{"nobody.test"}) == Errc::not_found);
  CHECK(code(storage::DeleteSet{10}) == Errc::conflict);
  CHECK(code(storage::DeleteSet{77}) == Errc::not_found);
  CHECK(code(storage::PutTarget{target(9, 10, "sip:10.0.1.100:5060")}) == Errc::conflict);
  CHECK(code(storage::DeleteTarget{77}) == Errc::not_found);
  CHECK(code(storage::PutTarget{target(9, 10, "203.0.113.5")}) == Errc::conflict);
  CHECK(code(storage::PutTarget{target(9, 10, "edge.example:5060")}) == Errc::conflict);
  CHECK(d->check(storage::PutTarget{target(9, 10, "203.0.113.5:5080")}).has_value());
  CHECK(d->check(storage::PutTarget{target(1, 10, "10.0.1.100")}).has_value());
  CHECK(d->check(storage::DeleteSet{30}).has_value());
  auto wrong = set(10);
  wrong.health.timeout = wrong.health.interval;
  CHECK(code(storage::PutSet{wrong}) == Errc::range);
}

TEST_CASE("a tenant's domain is not hidden even when a backend is called the same") {
  const auto d =
      Directory::make({{"pbx.example", 1, true, ""}}, {set(1)}, {target(7, 1, "pbx.example")});
  CHECK_FALSE(d->hidden()->names.contains("pbx.example"));
}

TEST_CASE("our own listeners are known, on loopback too when bound to everything") {
  const Self self(
      {*net::Endpoint::parse("0.0.0.0:5060"), *net::Endpoint::parse("203.0.113.5:5060")},
      {"edge.example"});
  CHECK(self.listens_at(*net::Endpoint::parse("127.0.0.1:5060")));
  CHECK_FALSE(self.listens_at(*net::Endpoint::parse("127.0.0.1:5080")));
  CHECK(self.is_host("203.0.113.5"));
  CHECK(self.is_host("EDGE.example"));
  CHECK_FALSE(self.is_host("other.example"));
}

}  // namespace
}  // namespace usher::routing
