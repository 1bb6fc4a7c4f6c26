// A backend: a user agent with a registrar, as far from Asterisk as a test may be and as near as it
// must: it challenges, keeps the Contacts it granted, qualifies them, and calls them.
#pragma once

#include <map>

#include "tests/sim/user_agent.hpp"

namespace usher::sim {

std::string digest_of(std::string_view user, std::string_view nonce, std::string_view method);

class Backend final : public UserAgent {
 public:
  Backend(Simulation& simulation, int agent);

  struct Registered {
    std::string aor, uri;  // the Contact as the edge gave it
    int device = -1;
    Instant until{};
  };
  // Somebody who is registered here; null when nobody is.
  const Registered* anybody();

  void call_out(const CallPlan& plan, const Registered& callee, bool by_token);
  void watch_out(const WatchPlan& plan, const Registered& whom);
  void errand_out(int number, const std::string& method, const Registered& whom, bool by_token);

 private:
  bool outside_dialog(const TextRef& request, std::uint64_t connection) override;
  std::uint64_t way() override;
  std::string credentials(const TextRef&, const std::string&) override { return {}; }
  bool may_call(const TextRef& invite, std::uint64_t connection) override;
  bool authorized(const TextRef& request, std::string_view method);
  void challenge(const TextRef& request, std::uint64_t connection);
  void registers(const TextRef& request, std::uint64_t connection);

  std::string host_;
  std::uint64_t connection_ = 0;
  std::map<std::string, Registered> registered_;  // by URI
  std::map<std::string, bool> nonces_;
};

}  // namespace usher::sim
