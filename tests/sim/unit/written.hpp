// A trace written by hand, for the tests of the checkers.
#pragma once

#include <doctest/doctest.h>

#include "tests/sim/checkers/story.hpp"

namespace usher::sim {

inline constexpr int kPhone = 0, kOther = 1, kBackend = 2, kStranger = 3;

struct Written {
  Trace trace;
  Terms terms;
  Instant now{std::chrono::hours(1)};

  Written() {
    const auto add = [&](std::string name, Role role, std::string at, std::string aor,
                         std::string contact, storage::SetId set) {
      AgentInfo info;
      info.name = std::move(name);
      info.role = role;
      info.at = *net::Endpoint::parse(at);
      info.aor = std::move(aor);
      info.contact = std::move(contact);
      info.set = set;
      trace.agents.push_back(std::move(info));
    };
    add("phone", Role::phone, "127.0.1.1:5062", "401@a.test", "sip:401@192.168.1.1", 10);
    add("other", Role::phone, "127.0.1.2:5063", "401@b.test", "sip:401@192.168.1.2", 20);
    add("pbx", Role::backend, "127.0.0.10:5060", "", "", 10);
    add("stranger", Role::stranger, "127.0.9.1:5060", "", "", 0);
    trace.errands[1] = {"INVITE", kPhone, {}, -1};
    trace.errands[2] = {"OPTIONS", kBackend, "401@a.test", kPhone};
  }

  void pass(Duration d) { now += d; }

  void message(Step step, int agent, const std::string& lines) {
    Record r;
    r.at = now;
    r.step = step;
    r.agent = agent;
    r.flow.remote = trace.agents[static_cast<std::size_t>(agent)].at;
    r.text = read_text(Bytes{write_text(lines)});
    REQUIRE(r.text->readable());
    trace.add(std::move(r));
  }

  static std::string request(const std::string& method, const std::string& uri, int number,
                             const std::string& branch, const std::string& more = {}) {
    return method + " " + uri + " SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK" + branch +
           "\nFrom: <sip:401@a.test>;tag=f\nTo: <sip:9@a.test>\nCall-ID: c" +
           std::to_string(number) + branch + "\nCSeq: 1 " + method + "\nMax-Forwards: 70\n" +
           "X-Sim: " + std::to_string(number) + "\n" + more;
  }
  static std::string response(int status, const std::string& method, int number,
                              const std::string& branch, const std::string& tag = {},
                              const std::string& more = {}) {
    return "SIP/2.0 " + std::to_string(status) + " X\nVia: SIP/2.0/UDP h;branch=z9hG4bK" + branch +
           "\nFrom: <sip:401@a.test>;tag=f\nTo: <sip:9@a.test>" +
           (tag.empty() ? "" : ";tag=" + tag) + "\nCall-ID: c" + std::to_string(number) + branch +
           "\nCSeq: 1 " + method + "\n" + more;
  }
  void fact(Fact what, int agent, int call = 0, int leg = 0, bool caller = false) {
    Record r;
    r.at = now;
    r.agent = agent;
    r.call = call;
    r.fact = what;
    r.leg = leg;
    r.caller = caller;
    trace.add(std::move(r));
  }
  void invite(const std::string& branch = "o") {
    message(Step::edge_receives, kPhone, request("INVITE", "sip:9@a.test", 1, branch));
  }

  template <class Checker>
  std::size_t found(Checker checker) const {
    const Story story(trace);
    Violations out;
    checker(trace, story, terms, out);
    return out.size();
  }
};

}  // namespace usher::sim
