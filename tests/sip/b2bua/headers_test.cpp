// docs/specs/headers.md against passage_of(), and what hiding a backend does to each kind of value.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "sip/b2bua/header_policy.hpp"
#include "sip/message/header_id.hpp"
#include "tests/sip/b2bua/hidden.hpp"
#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::sip;
using namespace usher::test;

namespace {

std::string trim(const std::string& text) {
  const auto begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::string passage_name(Passage passage) {
  switch (passage) {
    case Passage::remade: return "remade";
    case Passage::addresses: return "addresses";
    case Passage::links: return "links";
    case Passage::dialog: return "dialog";
    case Passage::event: return "event";
    case Passage::warning: return "warning";
    case Passage::rack: return "rack";
    case Passage::as_is: return "as is";
  }
  return "";
}

}  // namespace

TEST_CASE("the table of header fields is complete and is what the code does") {
  std::ifstream file(std::string(USHER_SOURCE_DIR) + "/docs/specs/headers.md");
  REQUIRE(file.good());
  std::map<std::string, std::string> passage;  // by field name
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| ") || line.starts_with("| passage")) continue;
    std::istringstream cells(line.substr(1));
    std::string name, fields;
    std::getline(cells, name, '|');
    std::getline(cells, fields, '|');
    std::istringstream list(fields);
    for (std::string field; std::getline(list, field, ',');) {
      CAPTURE(field);
      CHECK_MESSAGE(passage.emplace(trim(field), trim(name)).second, "stands twice");
    }
  }
  std::size_t known = 0;
  for (int i = 0; i <= static_cast<int>(HeaderId::other); ++i) {
    const auto id = static_cast<HeaderId>(i);
    const std::string name = id == HeaderId::other ? "all others" : std::string(header_name(id));
    CAPTURE(name);
    REQUIRE(passage.contains(name));
    CHECK_EQ(passage[name], passage_name(passage_of(id)));
    ++known;
  }
  CHECK_EQ(passage.size(), known);
}

TEST_CASE("a hidden host is replaced with its port, and nothing else of the URI") {
  const Hidden h;
  const auto phone = h.to_phone();
  CHECK_EQ(present_uri("sip:402@10.0.1.100:5060;line=1?X=y", phone), "sip:402@a.test;line=1?X=y");
  CHECK_EQ(present_uri("sip:402@PBX.Internal", phone), "sip:402@a.test");
  CHECK_EQ(present_uri("sips:[2001:db8::7]:5061;transport=tcp", phone),
           "sips:a.test;transport=tcp");
  CHECK_EQ(present_uri("sip:402@203.0.113.5", phone), "sip:402@a.test");
  CHECK_EQ(present_uri("sip:10.0.1.100@198.51.100.7", phone), "sip:10.0.1.100@198.51.100.7");
  CHECK_EQ(present_uri("tel:+4930123", phone), "tel:+4930123");
  CHECK_EQ(present_uri("sip:402@10.0.1.100:5060", h.to_backend()), "sip:402@10.0.1.100:5060");
  CHECK_EQ(present_uri("sip:402@198.51.100.7;maddr=10.0.1.100;lr", phone),
           "sip:402@198.51.100.7;maddr=a.test;lr");
}

TEST_CASE(
    "lists, display names and parameters stay; what cannot be parsed is left out towards a phone "
    "only") {
  const Hidden h;
  CHECK_EQ(present_addresses(
               "\"A, 10.0.0.1\" <sip:a@10.0.0.1:5070>;x=\",\", <tel:1>, sip:b@pbx.internal;y=1",
               h.to_phone()),
           "\"A, 10.0.0.1\" <sip:a@a.test>;x=\",\", <tel:1>, sip:b@a.test;y=1");
  CHECK_EQ(present_addresses("<sip:a@10.0.0.1", h.to_phone()), "");
  CHECK_EQ(present_addresses("<sip:a@10.0.0.1", h.to_backend()), "<sip:a@10.0.0.1");
  CHECK_EQ(present_warning("399 10.0.1.100:5060 \"no 10.0.1.100\", 307 other \"x\"", h.to_phone()),
           "399 a.test \"no 10.0.1.100\", 307 other \"x\"");
  CHECK_EQ(present_warning("399 [2001:db8::1]:5060 \"x\"", h.to_phone()), "399 a.test \"x\"");
  CHECK_EQ(map_rack("4711 1 INVITE", 99), "4711 99 INVITE");
  CHECK_EQ(map_rack("nonsense", 99), "nonsense");
}

TEST_CASE("unknown fields, folds, repeated and compact ones pass byte for byte and in order") {
  House net;
  net.phone.invite(
      "sip:402@a.test", kSdpOffer,
      "x-b: 2\r\nX-A:  folded\r\n  twice\r\nx-b: 1\r\nk: timer, 100rel\r\nSubject: a ; b\r\n");
  const Seen invite = net.backend.expect("INVITE");
  const std::string text(invite.text());
  CHECK_NE(
      text.find(
          "x-b: 2\r\nX-A:  folded\r\n  twice\r\nx-b: 1\r\nk: timer, 100rel\r\nSubject: a ; b\r\n"),
      std::string::npos);
  net.backend.respond(invite, 302, {}, "Contact: <sip:403@10.0.1.101:5070>;q=0.5\r\n");
  net.backend.expect("ACK");
  const Seen moved = net.phone.expect("302");
  CHECK_EQ(moved.all("Contact"), std::vector<std::string>{"<sip:403@a.test>;q=0.5"});
  net.phone.ack_refusal(moved);
  net.expect_quiet();
}

TEST_CASE(
    "a hidden host in From and To of a call towards a phone is the phone's domain, also in the "
    "responses back") {
  House net;
  net.backend.local_uri = "unused";
  net.backend.invite("sip:401@203.0.113.5");
  net.backend.expect_nothing();
  const Seen invite = net.phone.expect("INVITE");
  CHECK_EQ(invite.header("To"), "<sip:401@203.0.113.5>");
  CHECK(invite.header("From").starts_with("<sip:pbx@a.test>;tag="));
  net.phone.respond(invite, 486);
  net.phone.expect("ACK");
  const Seen refused = net.backend.expect("486");
  CHECK_NE(refused.header("From").find(net.backend.local_tag), std::string::npos);
  net.backend.ack_refusal(refused);
  net.expect_quiet();
}
