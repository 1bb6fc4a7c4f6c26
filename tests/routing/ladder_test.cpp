// The ladder as values: who stands where, what is a repetition, what is a note.
#include "routing/ladder.hpp"

#include <doctest/doctest.h>

#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

using routing::Ladder;
using routing::LadderItem;
using routing::LadderKind;
using routing::PartyRole;

Ladder ladder_of(World& w, const std::string& call_id) {
  return routing::make_ladder(
      w.edge().recorder().find({.call_ids = {call_id}, .aor = {}, .source = {}, .trace = {}}),
      [&](const net::IpAddress& a) { return w.edge().is_backend(a); });
}

std::string drawn(const Ladder& ladder) {
  std::string out;
  for (const LadderItem& i : ladder.items) {
    if (i.kind == LadderKind::note) continue;
    out += out.empty() ? "" : ", ";
    out += std::to_string(i.from) + ">" + std::to_string(i.to) + " " + i.label;
    if (i.kind != LadderKind::message)
      out += " (" + std::string{routing::ladder_kind_name(i.kind)} + ")";
  }
  return out;
}

TEST_CASE("phones stand left, the edge in the middle, backends right; both legs in one ladder") {
  World w;
  const std::string text = request({.method = "INVITE",
                                    .uri = "sip:402@a.test",
                                    .from = "401@a.test",
                                    .to = "402@a.test",
                                    .headers = "Contact: <sip:401@127.0.0.21:5062>\n"});
  w.phone("127.0.0.21:5062", text);
  const Sent sent = w.only(kA1);
  w.phone("127.0.0.21:5062", text);
  w.pass(20ms);
  w.backend(kA1, response(sent, 486));
  const Ladder ladder = ladder_of(w, "call-1");
  REQUIRE(ladder.parties.size() == 3);
  CHECK(ladder.parties[0].label == "127.0.0.21:5062");
  CHECK(ladder.parties[0].role == PartyRole::phone);
  CHECK(ladder.parties[1].label == "usher");
  CHECK(ladder.parties[1].role == PartyRole::usher);
  CHECK(ladder.parties[2].label == kA1);
  CHECK(ladder.parties[2].role == PartyRole::backend);
  CHECK(drawn(ladder) ==
        "0>1 INVITE, 1>2 INVITE, 0>1 INVITE (retransmission), 2>1 486 Because, 1>2 ACK, "
        "1>0 486 Because");
  CHECK(ladder.items.front().offset == Duration{});
  CHECK(ladder.items.back().offset == 20ms);
  CHECK(ladder.items.front().cseq == "1 INVITE");
  // The timer that runs, the choice, the end: between the messages.
  std::string notes;
  for (const LadderItem& i : ladder.items) {
    if (i.kind == LadderKind::note) notes += i.label + " ";
  }
  CHECK(notes == "origin domain candidates attempt timer-armed attempt-ended ended ");
}

TEST_CASE("a repetition is one, though the first is older than what is shown") {
  World w;
  const std::string text = request(phone_invite());
  w.phone(kPhone, text);
  w.phone(kPhone, text);
  w.backend(kA1, response(w.only(kA1), 180));
  routing::Lookup lookup;
  lookup.call_ids = {"call-1"};
  const auto items = [&](routing::Window window) {
    return drawn(routing::make_ladder(w.edge().recorder().find(lookup, window),
                                      [](const net::IpAddress&) { return false; }));
  };
  const routing::Records all = w.edge().recorder().find(lookup);
  const auto second = std::find_if(all.items.begin(), all.items.end(),
                                   [](const routing::Record& r) { return r.repeated; });
  REQUIRE(second != all.items.end());
  CHECK(items({.before = second->sequence + 1, .limit = 1}) == "0>1 INVITE (retransmission)");
  CHECK(items({.before = all.items.front().sequence + 1, .limit = 1}) == "0>1 INVITE");
}

TEST_CASE("a stranger is one, and what he sent is dropped") {
  World w;
  w.phone("127.0.0.99:5060",
          request({"INVITE", "sip:1@nowhere.test", "1@nowhere.test", "1@nowhere.test", "k"}));
  const Ladder ladder = ladder_of(w, "k");
  REQUIRE(ladder.parties.size() == 2);
  CHECK(ladder.parties[0].role == PartyRole::stranger);
  CHECK(drawn(ladder) == "0>1 INVITE (dropped)");
}

TEST_CASE("nothing recorded is an empty ladder") {
  World w;
  const Ladder ladder = ladder_of(w, "unknown");
  CHECK(ladder.items.empty());
  CHECK(ladder.parties.size() == 1);
}

}  // namespace
}  // namespace usher::test
