// How many connections have been accepted from where, and which of them have not said anything yet:
// who holds many doors must not keep others out. An IPv6 host has its whole /64
// (core/net/source.hpp).
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/net/flow.hpp"

namespace usher::net {

class Crowd {
 public:
  // Why one more from there is refused; empty: it is welcome. For known peers there is no limit of
  // their own, and some room is kept.
  std::string refuses(const IpAddress& source, bool known) const;

  void enter(ConnectionId id, const IpAddress& source);
  // It has carried a message.
  void speak(const IpAddress& source);
  // `silent`: it never did.
  void leave(const IpAddress& source, bool silent);

  // The one that has been silent longest when there are more than limits::kSilentConnections;
  // `is_silent` tells whether a connection is there and still silent.
  template <class IsSilent>
  std::optional<ConnectionId> too_many(IsSilent&& is_silent) {
    while (!row_.empty() && !is_silent(row_.front())) row_.pop_front();
    if (silent_ <= most_silent() || row_.empty()) return std::nullopt;
    return row_.front();
  }

  std::size_t size() const { return total_; }
  std::size_t silent() const { return silent_; }

 private:
  struct Use {
    std::size_t connections = 0, silent = 0;
  };
  static std::size_t most_silent();

  std::unordered_map<IpAddress, Use> sources_;  // as source_of() gives them
  std::deque<ConnectionId> row_;  // in the order they came; those that spoke or left are skipped
  std::size_t total_ = 0, silent_ = 0;
};

}  // namespace usher::net
