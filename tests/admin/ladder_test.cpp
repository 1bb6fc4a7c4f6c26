// Ladders, captures, explanations and route tests over REST.
#include <doctest/doctest.h>

#include <cstdint>

#include "admin/ladder/ladder.hpp"
#include "admin/ladder/pcap.hpp"
#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

storage::Snapshot one_target() {
  storage::Snapshot s;
  s.sets.push_back({.setid = 10, .algorithm = {}, .health = {}, .failover = {}, .comment = ""});
  s.domains.push_back({"a.test", 10, true, ""});
  storage::Target t;
  t.id = 1;
  t.setid = 10;
  t.destination = *net::Destination::parse("10.0.1.1");
  s.targets.push_back(t);
  return s;
}

const std::string kCall = "/v1/ladder?call_id=1%40192.0.2.1";

std::uint64_t number_at(const std::string& bytes, std::size_t at, int size) {
  std::uint64_t out = 0;
  for (int i = size - 1; i >= 0; --i)
    out = out << 8 | static_cast<unsigned char>(bytes.at(at + static_cast<std::size_t>(i)));
  return out;
}

// The packets of a pcapng file: what each holds from its IP header on.
std::vector<std::string> packets_of(const std::string& file) {
  std::vector<std::string> out;
  REQUIRE(number_at(file, 0, 4) == 0x0a0d0d0a);
  REQUIRE(number_at(file, 8, 4) == 0x1a2b3c4d);
  for (std::size_t at = 0; at < file.size();) {
    const std::uint64_t type = number_at(file, at, 4);
    const std::uint64_t length = number_at(file, at + 4, 4);
    REQUIRE(length % 4 == 0);
    REQUIRE(at + length <= file.size());
    REQUIRE(number_at(file, at + length - 4, 4) == length);
    if (type == 1) CHECK(number_at(file, at + 8, 2) == 101);
    if (type == 6) out.push_back(file.substr(at + 28, number_at(file, at + 20, 4)));
    at += length;
  }
  return out;
}

routing::LadderItem item_of(const std::string& local, const std::string& remote) {
  routing::LadderItem item;
  item.received = true;
  item.local = *net::Endpoint::parse(local);
  item.remote = *net::Endpoint::parse(remote);
  item.text = "OPTIONS sip:a SIP/2.0\r\n\r\n";
  item.bytes = item.text.size();
  return item;
}

// The one's complement sum over 16-bit words.
std::uint32_t sum_of(const std::string& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    sum += static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (i % 2 == 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

}  // namespace

TEST_CASE("a live call's ladder has both legs, in three formats") {
  House house(one_target());
  house.place_call();
  const std::string id =
      *house.ask("GET", "/v1/calls")["items"].array()->front().find("id")->text();
  const Reply json = house.ask("GET", "/v1/calls/" + id + "/ladder");
  REQUIRE(json.status == 200);
  CHECK(json.json == house.ask("GET", kCall).json);
  REQUIRE(json["parties"].array()->size() == 3);
  std::string drawn;
  for (const Json& item : *json["items"].array()) {
    if (*item.find("kind")->text() == "note") continue;
    drawn += std::to_string(*item.find("from")->integer()) +
             std::to_string(*item.find("to")->integer()) + *item.find("label")->text() + " ";
    CHECK(item.find("text")->text()->rfind("INVITE sip:402@a.test SIP/2.0\r\n", 0) == 0);
  }
  CHECK(drawn == "01INVITE 12INVITE ");
  CHECK(json["items"].array()->front().find("at")->text()->size() ==
        std::string("2026-01-31T12:00:00.123456Z").size());

  const Reply text = house.ask("GET", kCall + "&format=text");
  CHECK(text.type.rfind("text/plain", 0) == 0);
  CHECK(text.text.find("192.0.2.1:5060") != std::string::npos);
  CHECK(text.text.find("-- INVITE -") != std::string::npos);
  const Reply svg = house.ask("GET", kCall + "&format=svg");
  CHECK(svg.type == "image/svg+xml");
  CHECK(svg.text.rfind("<svg ", 0) == 0);
  CHECK(svg.text.find("<script") == std::string::npos);
  CHECK(svg.text.find("style=") == std::string::npos);
  CHECK(svg.text.find(">INVITE</text>") != std::string::npos);
}

TEST_CASE("what a stranger wrote is no markup and no control character") {
  routing::Ladder ladder;
  ladder.parties = {{"a", routing::PartyRole::stranger}, {"usher", routing::PartyRole::usher}};
  routing::LadderItem item = item_of("127.0.0.1:5060", "127.0.0.9:5060");
  item.to = 1;
  item.label = "<b>&";
  item.text = "\x1b[31m<script>alert(1)</script>";
  item.cseq = "1 \x1b[2J";
  ladder.items.push_back(item);
  const std::string svg = ladder_svg(ladder);
  CHECK(svg.find("<b>") == std::string::npos);
  CHECK(svg.find("<script>") == std::string::npos);
  CHECK(svg.find('\x1b') == std::string::npos);
  CHECK(ladder_text(ladder).find('\x1b') == std::string::npos);
}

TEST_CASE("what to look for must be said, once, and be well formed") {
  House house(one_target());
  CHECK(house.ask("GET", "/v1/ladder").status == 400);
  CHECK(house.ask("GET", "/v1/ladder?call_id=1&aor=2@a.test").status == 400);
  CHECK(house.ask("GET", "/v1/ladder?aor=nobody").status == 400);
  CHECK(house.ask("GET", "/v1/ladder?source=nowhere").status == 400);
  CHECK(house.ask("GET", "/v1/ladder?call_id=" + std::string(513, 'x')).status == 400);
  CHECK(house.ask("GET", "/v1/ladder?call_id=1&format=gif").status == 400);
  CHECK(house.ask("GET", "/v1/calls/1-1/ladder").status == 404);
  CHECK(house.ask("GET", "/v1/calls/nonsense/pcap").status == 404);
  const Reply unknown = house.ask("GET", "/v1/ladder?call_id=unknown");
  CHECK(unknown.status == 200);
  CHECK(unknown["items"].array()->empty());
  CHECK(house.ask("GET", "/v1/ladder?call_id=unknown&format=svg").status == 200);
  CHECK(house.ask("GET", "/v1/ladder?call_id=unknown&format=text").status == 200);
}

TEST_CASE("a ladder by the key that the log names") {
  House house(one_target());
  house.place_call();
  const std::string key =
      *house.ask("GET", "/v1/calls")["items"].array()->front().find("key")->text();
  const Reply found = house.ask("GET", "/v1/ladder?key=" + key);
  REQUIRE(found.status == 200);
  CHECK(found["items"].array()->size() == house.ask("GET", kCall)["items"].array()->size());
  CHECK(packets_of(house.ask("GET", "/v1/pcap?key=" + key).text).size() == 2);
  CHECK(house.ask("GET", "/v1/ladder?key=" + key + "&call_id=1").status == 400);
  const Reply wrong = house.ask("GET", "/v1/ladder?key=nonsense");
  CHECK(wrong.status == 400);
  CHECK(wrong.text.find("is no key") != std::string::npos);
}

TEST_CASE("a ladder is read from its end, window by window") {
  House house(one_target());
  house.place_call();
  const Json::Array all = *house.ask("GET", kCall)["items"].array();
  REQUIRE(all.size() > 3);
  CHECK(house.ask("GET", kCall)["older"].null());
  Json::Array joined;
  std::string before;
  do {
    const Reply part = house.ask("GET", kCall + "&limit=3" + before);
    REQUIRE(part.status == 200);
    const Json::Array& items = *part["items"].array();
    joined.insert(joined.begin(), items.begin(), items.end());
    const std::string mark =
        part["older"].null() ? "" : "before=" + std::to_string(*part["older"].integer());
    for (const char* format : {"&format=text", "&format=svg"}) {
      const std::string drawn = house.ask("GET", kCall + "&limit=3" + before + format).text;
      CHECK((drawn.find(mark + ")") != std::string::npos) == !mark.empty());
      CHECK((drawn.find("older") != std::string::npos) == !mark.empty());
    }
    before = mark.empty() ? "" : "&" + mark;
  } while (!before.empty());
  REQUIRE(joined.size() == all.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    CHECK(*joined[i].find("at") == *all[i].find("at"));  // the offset is the window's own

  CHECK(packets_of(house.ask("GET", "/v1/pcap?call_id=1%40192.0.2.1&limit=1").text).size() <= 1);
  CHECK(house.ask("GET", kCall + "&limit=0").status == 400);
  CHECK(house.ask("GET", kCall + "&limit=2001").status == 400);
  CHECK(house.ask("GET", kCall + "&before=0").status == 400);
  CHECK(house.ask("GET", kCall + "&before=x").status == 400);
}

TEST_CASE("an address of record and a source find the same call") {
  House house(one_target());
  house.place_call();
  const std::size_t all = house.ask("GET", kCall)["items"].array()->size();
  CHECK(house.ask("GET", "/v1/ladder?aor=401@A.test")["items"].array()->size() == all);
  CHECK(house.ask("GET", "/v1/ladder?aor=sip:402@a.test")["items"].array()->size() == all);
  CHECK(house.ask("GET", "/v1/ladder?source=192.0.2.1")["items"].array()->size() == all);
  CHECK(house.ask("GET", "/v1/ladder?source=192.0.2.2")["items"].array()->empty());
}

TEST_CASE("the capture has each message as a datagram with its addresses") {
  House house(one_target());
  house.place_call();
  const Reply file = house.ask("GET", "/v1/pcap?call_id=1%40192.0.2.1");
  CHECK(file.type == "application/vnd.tcpdump.pcap");
  const auto packets = packets_of(file.text);
  REQUIRE(packets.size() == 2);
  for (const std::string& p : packets) {
    CHECK(p[0] == 0x45);
    CHECK(sum_of(p.substr(0, 20)) == 0xffff);
    CHECK(p.substr(28).rfind("INVITE sip:402@a.test", 0) == 0);
  }
  CHECK(packets[0].substr(12, 4) == std::string("\xc0\x00\x02\x01", 4));
  CHECK(packets[1].substr(16, 4) == std::string("\x0a\x00\x01\x01", 4));
}

TEST_CASE("IPv6, other transports and truncated messages in a capture") {
  routing::Ladder ladder;
  ladder.items.push_back(item_of("[2001:db8::1]:5061", "[2001:db8::2]:40000"));
  ladder.items.back().transport = net::Transport::tls;
  ladder.items.push_back(item_of("127.0.0.1:5060", "127.0.0.2:5060"));
  ladder.items.back().bytes = 70'000;
  const std::string file = ladder_pcap(ladder);
  const auto packets = packets_of(file);
  REQUIRE(packets.size() == 2);
  const std::string& six = packets[0];
  CHECK(six[0] == 0x60);
  CHECK(six.substr(40 + 8) == ladder.items[0].text);
  // The checksum over pseudo-header, UDP header and text comes out as all ones.
  const std::string length = six.substr(4, 2);
  CHECK(sum_of(six.substr(8, 32) + std::string(2, '\0') + length + std::string("\0\0\0\x11", 4) +
               six.substr(40)) == 0xffff);
  CHECK(file.find("over tls, our port 5061") != std::string::npos);
  CHECK(file.find("truncated") != std::string::npos);
  CHECK(packets[1].size() == 28 + ladder.items[1].text.size());
}

TEST_CASE("a live call, its key and its Call-ID are explained alike") {
  House house(one_target());
  house.place_call();
  const Json call = house.ask("GET", "/v1/calls")["items"].array()->front();
  const Reply by_id = house.ask("GET", "/v1/explain/" + *call.find("id")->text());
  REQUIRE(by_id.status == 200);
  CHECK(*by_id["kind"].text() == "call");
  CHECK(by_id["verdict"].text()->find("is on its way: sent to 10.0.1.1:5060") != std::string::npos);
  CHECK(by_id["known_death"].null());
  for (const char* name : {"key", "origin_call_id", "new_call_id"}) {
    const std::string text = *call.find(name)->text();
    const Reply other = house.ask("GET", "/v1/explain/" + percent_encode(text));
    CAPTURE(name);
    REQUIRE(other.status == 200);
    CHECK(*other["verdict"].text() == *by_id["verdict"].text());
  }
  CHECK(house.ask("GET", "/v1/explain/unknown").status == 404);
  CHECK(house.ask("GET", "/v1/explain/00000001").status == 404);
}

TEST_CASE("the recorder is switched at run time, and forgets when it is off") {
  House house(one_target());
  house.place_call();
  CHECK(*house.ask("GET", "/v1/recorder")["enabled"].flag());
  CHECK(*house.ask("GET", "/v1/recorder")["messages"].integer() >= 2);
  const Reply off = house.ask("PUT", "/v1/recorder", R"({"enabled": false})");
  CHECK(off.status == 200);
  CHECK_FALSE(*off["enabled"].flag());
  CHECK(*off["messages"].integer() == 0);
  CHECK(house.ask("GET", kCall)["items"].array()->empty());
  CHECK(house.ask("GET", "/v1/explain/1%40192.0.2.1").detail().find("switched off") !=
        std::string::npos);
  CHECK(house.ask("PUT", "/v1/recorder", "{}").status == 422);
  CHECK(house.ask("PUT", "/v1/recorder", R"({"enabled": "no"})").status == 422);
  CHECK(house.ask("PUT", "/v1/recorder", R"({"enabled": true, "messages": 1})").status == 422);
  CHECK(*house.ask("PUT", "/v1/recorder", R"({"enabled": true})")["enabled"].flag());
}

TEST_CASE("a route test tells where a request would go, and leaves no trace in the audit trail") {
  House house(one_target());
  const Reply t = house.ask("POST", "/v1/route-test",
                            R"({"method": "INVITE", "request_uri": "sip:402@a.test",
                                "from": "sip:401@a.test", "source": "192.0.2.1"})");
  REQUIRE(t.status == 200);
  CHECK(*t["outcome"].text() == "relayed");
  CHECK(*t["domain"].text() == "a.test");
  CHECK(*t["candidates"].array()->front().find("destination")->text() == "sip:10.0.1.1:5060");
  CHECK(house.edge.take_output().sends.empty());
  CHECK(house.store.audited.empty());
  CHECK(house.ask("POST", "/v1/route-test", "{}").status == 422);
  CHECK(house
            .ask("POST", "/v1/route-test",
                 R"({"method": "INVITE", "request_uri": "sip:a", "source": "x"})")
            .field() == "source");
  CHECK(house
            .ask("POST", "/v1/route-test",
                 R"({"method": "IN VITE", "request_uri": "sip:a", "source": "192.0.2.1"})")
            .status == 422);
}
