// OPTIONS requests of our own (RFC 3261 §11): is the target alive, and how fast does it answer?
#pragma once

#include <string_view>

#include "sip/b2bua/environment.hpp"
#include "sip/plan.hpp"

namespace usher::sip {

struct ProbeTag {};
using ProbeId = SlabId<ProbeTag>;

struct Probe {
  Cookie mark = 0;
  Instant started{};
  TimerId timeout;
};

class Probes {
 public:
  explicit Probes(Environment& environment) : env_(environment) {}
  void start(Now now, const Attempt& attempt, Duration timeout, Cookie mark);
  void response(Now now, const TransactionUser& user, const Message& response);
  void unanswered(Now now, const TransactionUser& user, std::string_view why);
  void timer(Now now, const UserTimer& timer);
  std::size_t count() const { return probes_.size(); }

 private:
  void end(Now now, ProbeId id, int status, std::string_view reason);
  Environment& env_;
  Slab<Probe, ProbeTag> probes_;
};

}  // namespace usher::sip
