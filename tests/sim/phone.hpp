// A phone: a user agent that registers, behind an address of its own believing.
#pragma once

#include "tests/sim/user_agent.hpp"

namespace usher::sim {

class Phone final : public UserAgent {
 public:
  Phone(Simulation& simulation, int agent);

  void start();
  void retire() { retired_ = true; }  // no REGISTER any more
  void register_now(bool away = false);
  void disconnected(std::uint64_t connection) override;
  // A call to somebody behind the backends.
  void call_out(const CallPlan& plan);
  void watch_out(const WatchPlan& plan);
  void errand_out(int number, const std::string& method);

 private:
  bool outside_dialog(const TextRef& request, std::uint64_t connection) override;
  std::uint64_t way() override;
  void back() override;
  std::string credentials(const TextRef& challenge, const std::string& method) override;
  void register_with(const std::string& headers, unsigned attempt, bool away);

  std::string domain_, address_;
  std::string register_id_, register_tag_;
  unsigned register_cseq_ = 0;
  std::uint64_t connection_ = 0;
  std::uint64_t turn_ = 0;  // of the register cycle: older plans are void
  bool registering_ = false, retired_ = false;
};

}  // namespace usher::sim
