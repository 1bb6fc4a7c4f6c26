// The transactions of a simulated agent: the least of RFC 3261 §17 that an honest peer does,
// written apart from Usher's own so that the two do not share their mistakes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "tests/sim/network.hpp"

namespace usher::sim {

inline constexpr Duration kT1 = milliseconds(500);
inline constexpr Duration kT2 = seconds(4);
inline constexpr Duration kTimeout = 64 * kT1;

// A request to be: header values, whole lines ending with "\n" in `headers`.
struct Draft {
  std::string method, uri, from, to, call_id;
  unsigned cseq = 1;
  std::string headers = {};
  std::string body = {};
};

class Transactions {
 public:
  // Null: no final response in its time. Provisional ones come as well; a 2xx to an INVITE each
  // time it is heard.
  using Heard = std::function<void(const TextRef&)>;

  Transactions(Clock& clock, Network& network, int agent, std::string via, std::uint64_t seed)
      : clock_(clock), network_(network), agent_(agent), via_(std::move(via)), rng_(seed) {}

  // Returns the branch.
  std::string request(const Draft& draft, std::uint64_t connection, Heard heard);
  // CANCEL of an INVITE (§9.1). After 64·T1 without a final response the INVITE counts as
  // unanswered.
  void cancel(const std::string& branch, std::uint64_t connection);
  // An ACK of a 2xx, or anything else that nobody answers. Returns its text for the next time.
  std::string once(const Draft& draft, std::uint64_t connection);
  void again(const std::string& text, std::uint64_t connection) {
    network_.agent_sends(agent_, text, connection);
  }

  // Returns what was sent; empty when a final response was given before.
  std::string respond(const TextRef& request, int status, std::string_view tag,
                      std::string_view headers, std::string_view body, std::uint64_t connection);

  // A 2xx to an INVITE beside another one: a proxy that has forked it passes each on (§16.7 step
  // 5).
  std::string respond_beside(const TextRef& request, std::string_view tag, std::string_view headers,
                             std::string_view body, std::uint64_t connection);

  void response(const TextRef& response);
  // True when it is a repetition, or the ACK of a refusal: it has been dealt with.
  bool absorbs(const TextRef& request, std::uint64_t connection);
  bool answered(const TextRef& request) const;
  // The INVITE that a CANCEL means; null when there is none.
  TextRef cancelled(const TextRef& cancel) const;

  void forget() {
    clients_.clear();
    servers_.clear();
  }

 private:
  struct Client {
    Draft draft;
    std::string text, via;
    std::uint64_t connection = 0;
    Heard heard;
    bool provisional = false, final = false, success = false, cancelled = false;
    Duration interval = kT1;
    std::uint64_t order = 0;
  };
  struct Server {
    TextRef request;
    std::string response;
    int status = 0;
    bool acked = false;
    Duration interval = kT1;
    std::uint64_t order = 0;
  };
  std::string write(const Draft& draft, const std::string& branch) const;
  void repeat(const std::string& key, std::uint64_t order);
  void repeat_refusal(const std::string& key, std::uint64_t order);
  void give_up(const std::string& key, std::uint64_t order);

  Clock& clock_;
  Network& network_;
  int agent_;
  std::string via_;
  Rng rng_;
  std::uint64_t order_ = 0;
  std::map<std::string, Client> clients_;  // branch and method
  std::map<std::string, Server> servers_;
};

}  // namespace usher::sim
