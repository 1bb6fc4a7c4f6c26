// Parties that do anything in any order, over a network that loses messages: nothing breaks, and
// nothing is left.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/rng.hpp"
#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

struct Disorder {
  explicit Disorder(std::uint64_t seed) : rng(seed) {
    net.targets = {&net.backend, &net.second};
    // Every other house rings both at once.
    if (seed % 2 == 0) net.groups = {2};
    net.plan.exhaustive = seed % 4 < 2;
    net.loses = [this](const Crossing&) { return lossy && rng.below(10) == 0; };
  }

  template <std::size_t N>
  int one_of(const std::array<int, N>& values) {
    return values[rng.below(N)];
  }

  void read(Party& party) {
    while (!party.empty()) {
      // A refused INVITE is sometimes ACKed, a request sometimes kept to be answered later.
      const Seen seen = party.expect(party.inbox.front().what());
      if (seen.status() == 0) {
        if (seen.what() != "ACK") open.push_back({&party, seen});
      } else if (seen.status() >= 300 && !party.invite_branch.empty() &&
                 seen.message->method() == sip::Method::invite && rng.below(4) > 0) {
        party.ack_refusal(seen);
      } else if (seen.status() >= 200 && !party.invite_branch.empty() &&
                 seen.message->method() == sip::Method::invite && rng.below(3) > 0) {
        party.ack(rng.below(2) == 0 ? kSdpAnswer : std::string_view{});
      }
    }
  }

  void answer() {
    if (open.empty()) return;
    const std::size_t i = rng.below(open.size());
    auto [party, request] = open[i];
    if (request.message->method() == sip::Method::invite) {
      party->respond(request,
                     one_of<13>({100, 100, 180, 180, 183, 200, 200, 302, 408, 486, 487, 503, 603}),
                     rng.below(2) == 0 ? kSdpAnswer : std::string_view{});
    } else {
      party->respond(request, one_of<7>({100, 200, 200, 200, 401, 408, 481}));
    }
    if (rng.below(3) == 0) open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
  }

  void step() {
    Party& party = *std::array<Party*, 3>{&net.phone, &net.backend, &net.second}[rng.below(3)];
    switch (rng.below(20)) {
      case 0: net.phone.invite(); break;
      case 1: net.backend.invite("sip:401~token@203.0.113.5"); break;
      case 2:
        if (!party.invite_branch.empty()) party.cancel();
        break;
      case 3:
        if (!party.call_id.empty()) party.request("BYE");
        break;
      case 4:
        if (!party.call_id.empty()) party.request("INVITE", kSdpOffer);
        break;
      case 5:
        if (!party.call_id.empty()) party.request(rng.below(2) == 0 ? "INFO" : "UPDATE", "x");
        break;
      case 6:
        if (!party.invite_branch.empty()) party.ack();
        break;
      case 7:
        if (!party.last.empty()) party.repeat();
        break;
      case 8: net.advance(microseconds(static_cast<std::int64_t>(rng.below(40'000'000)))); break;
      case 9: net.advance(milliseconds(4000)); break;
      case 10:
        net.stack->flow_failed(net.now(), party.flow, "connection refused");
        net.flush();
        break;
      case 11: {
        const auto calls = net.stack->calls();
        if (!calls.empty() && rng.below(3) == 0) {
          CHECK(net.stack
                    ->end_call(net.now(), calls[rng.below(calls.size())].call,
                               "ended by the operator")
                    .has_value());
          net.flush();
        }
        break;
      }
      case 12: net.phone.request_out("MESSAGE", "sip:402@a.test", "hi"); break;
      case 13:
        party.tag_of_responses = rng.below(2) == 0 ? "fork" : "";
        if (rng.below(4) == 0 && !party.local_tag.empty()) party.local_tag += "x";
        break;
      default: answer(); break;
    }
    read(net.phone);
    read(net.backend);
    read(net.second);
  }

  void run() {
    for (int i = 0; i < 120; ++i) step();
    lossy = false;
    for (const sip::CallView& view : net.stack->calls()) {
      CHECK(net.stack->end_call(net.now(), view.call, "the test is over").has_value());
      net.flush();
    }
    net.advance(seconds(400));
    net.expect_nothing_alive();
    // One report for each call that there was.
    std::vector<std::uint64_t> ended;
    for (const auto& e : net.taken<sip::CallEnded>()) {
      ended.push_back(e.call.packed());
      answered += e.answered ? 1 : 0;
      // Rule 2: a 408 says whose it is, and ours says why.
      if (e.status == 408 && e.ended_by == sip::Ender::edge) {
        CHECK((e.why.find("Timer B") != std::string::npos ||
               e.why.find("ring limit") != std::string::npos));
      }
    }
    std::sort(ended.begin(), ended.end());
    CHECK(std::adjacent_find(ended.begin(), ended.end()) == ended.end());
  }

  House net;
  Rng rng;
  bool lossy = true;
  std::size_t answered = 0;
  std::vector<std::pair<Party*, Seen>> open;
};

}  // namespace

TEST_CASE("anything in any order, with losses: nothing breaks and nothing is left") {
  std::size_t answered = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    Disorder disorder(seed);
    disorder.run();
    answered += disorder.answered;
  }
  CHECK_GT(answered, 200);  // it does get somewhere
}
