#include "core/net/crowd.hpp"

#include "core/limits.hpp"
#include "core/net/source.hpp"

namespace usher::net {

std::string Crowd::refuses(const IpAddress& source, bool known) const {
  if (total_ >= (known ? limits::kConnectionsWithKnown : limits::kConnections))
    return "too many connections";
  const auto use = sources_.find(source_of(source));
  if (known || use == sources_.end()) return {};
  if (use->second.connections >= limits::kConnectionsPerSource)
    return "too many connections from this address";
  if (use->second.silent >= limits::kSilentPerSource)
    return "too many silent connections from this address";
  return {};
}

void Crowd::enter(ConnectionId id, const IpAddress& source) {
  Use& use = sources_[source_of(source)];
  ++use.connections;
  ++use.silent;
  ++total_;
  ++silent_;
  row_.push_back(id);
}

void Crowd::speak(const IpAddress& source) {
  --sources_[source_of(source)].silent;
  --silent_;
}

void Crowd::leave(const IpAddress& source, bool silent) {
  if (silent) speak(source);
  const auto use = sources_.find(source_of(source));
  if (--use->second.connections == 0) sources_.erase(use);
  --total_;
}

std::size_t Crowd::most_silent() {
  return limits::kSilentConnections;
}

}  // namespace usher::net
