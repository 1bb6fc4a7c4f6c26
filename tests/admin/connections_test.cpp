// /v1/connections: the list, its filters and pages.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

net::ConnectionView connection(std::uint64_t id, net::Transport transport, std::string_view remote,
                               Instant opened) {
  net::ConnectionView view;
  view.flow = {transport, {}, {id}, *net::Endpoint::parse(remote)};
  view.local = *net::Endpoint::parse("10.0.0.1:5061");
  view.state = "established";
  view.accepted = true;
  view.proven = true;
  view.opened = view.last_traffic = opened;
  return view;
}

// Three of two phones, and one of our own that is on its way to a backend.
void connect(House& house) {
  const Instant opened = house.now.mono - std::chrono::seconds(30);
  house.connections = {connection(3, net::Transport::tls, "192.0.2.1:40000", opened),
                       connection(5, net::Transport::wss, "192.0.2.1:40001", opened),
                       connection(9, net::Transport::tcp, "192.0.2.2:40000", opened),
                       connection(12, net::Transport::tcp, "10.0.1.100:5060", opened)};
  house.connections[2].proven = false;
  house.connections[3].accepted = house.connections[3].proven = false;
  house.connections[3].state = "connecting";
  house.connections[3].queued_bytes = 700;
}

std::string listed(House& house, const std::string& query) {
  const Reply reply = house.ask("GET", "/v1/connections" + query);
  REQUIRE_MESSAGE(reply.status == 200, reply.text);
  std::string out;
  for (const Json& one : *reply["items"].array())
    out.append(out.empty() ? "" : " ").append(*one.find("id")->text());
  return out;
}

}  // namespace

TEST_CASE("a connection is listed with its ends, its state and since when it is") {
  House house;
  CHECK(listed(house, "").empty());
  connect(house);
  const Reply all = house.ask("GET", "/v1/connections");
  REQUIRE(all["items"].array()->size() == 4);
  CHECK(all["next"].null());
  const Json& own = all["items"].array()->back();
  const auto text = [&](const char* name) { return *own.find(name)->text(); };
  CHECK(text("id") == "12");
  CHECK(text("transport") == "tcp");
  CHECK(text("state") == "connecting");
  CHECK(text("remote") == "10.0.1.100:5060");
  CHECK(text("local") == "10.0.0.1:5061");
  CHECK(text("made_by") == "us");
  CHECK(*own.find("silent")->flag());
  CHECK(text("opened") == "2024-12-25T10:29:30.123Z");
  CHECK(*own.find("queued_bytes")->integer() == 700);
  CHECK(*all["items"].array()->front().find("made_by")->text() == "peer");
}

TEST_CASE("connections are found by transport, peer and whether it has spoken") {
  House house;
  connect(house);
  CHECK(listed(house, "?transport=tcp") == "9 12");
  CHECK(listed(house, "?transport=ws").empty());
  CHECK(listed(house, "?source=192.0.2.1") == "3 5");
  CHECK(listed(house, "?silent=true") == "9 12");
  CHECK(listed(house, "?silent=false&source=192.0.2.1&transport=wss") == "5");
  CHECK(house.ask("GET", "/v1/connections?transport=udp").field() == "transport");
  CHECK(house.ask("GET", "/v1/connections?source=a.test").field() == "source");
  CHECK(house.ask("GET", "/v1/connections?silent=1").field() == "silent");
  CHECK(house.ask("GET", "/v1/connections?state=established").status == 400);
}

TEST_CASE("pages of connections go on behind the last one shown, also when it is gone") {
  House house;
  connect(house);
  const Reply first = house.ask("GET", "/v1/connections?limit=2");
  CHECK(first["items"].array()->size() == 2);
  CHECK(*first["next"].text() == "5");
  house.connections.erase(house.connections.begin() + 1);
  CHECK(listed(house, "?limit=2&cursor=5") == "9 12");
  CHECK(listed(house, "?cursor=12").empty());
  for (const char* cursor : {"x", "-1", "0", "05", "99999999999999999999"})
    CHECK(house.ask("GET", std::string{"/v1/connections?cursor="} + cursor).status == 400);
}
