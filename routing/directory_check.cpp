// Whether an operator's change fits what is there already.
#include <algorithm>

#include "core/duration.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"
#include "routing/directory.hpp"

namespace usher::routing {

namespace {

using namespace std::chrono_literals;

Error out_of_range(std::string_view field, const std::string& found, std::string_view expected) {
  return fail(Errc::range, std::string{field} + ": " + found + " is out of bounds: expected " +
                               std::string{expected});
}

Result<void> check_policies(const storage::DispatcherSet& set) {
  if (set.setid < 1 || set.setid > 0x7fffffff) {
    return out_of_range("setid", std::to_string(set.setid), "1 to 2147483647");
  }
  const storage::HealthPolicy& h = set.health;
  if (h.interval < 1s || h.interval > 1h) {
    return out_of_range("health.interval", duration_text(h.interval), "1s to 1h");
  }
  if (h.timeout < 100ms || h.timeout > 32s || h.timeout >= h.interval) {
    return out_of_range("health.timeout", duration_text(h.timeout),
                        "100ms to 32s and less than the interval");
  }
  if (h.down_after < 1 || h.down_after > 20) {
    return out_of_range("health.down_after", std::to_string(h.down_after), "1 to 20");
  }
  if (h.up_after < 1 || h.up_after > 20) {
    return out_of_range("health.up_after", std::to_string(h.up_after), "1 to 20");
  }
  for (const std::uint16_t code : set.failover.codes) {
    if (code < 400 || code > 599)
      return out_of_range("failover.codes", std::to_string(code), "400 to 599");
  }
  if (set.failover.max_attempts < 1 || set.failover.max_attempts > limits::kAttemptsPerRequest) {
    return out_of_range("failover.max_attempts", std::to_string(set.failover.max_attempts),
                        "1 to 8");
  }
  return {};
}

std::string host_and_port(const net::Destination& d) {
  return (d.address ? d.address->uri_host() : d.host) + ":" + std::to_string(d.port);
}

}  // namespace

Result<void> Directory::check_target(const storage::Target& target) const {
  const std::string text = target.destination.text();
  if (target.setid < 1 || target.setid > 0x7fffffff) {
    return out_of_range("setid", std::to_string(target.setid), "1 to 2147483647");
  }
  if (target.priority < 0 || target.priority > 1000) {
    return out_of_range("priority", std::to_string(target.priority), "0 to 1000");
  }
  if (target.weight < 1 || target.weight > 1000) {
    return out_of_range("weight", std::to_string(target.weight), "1 to 1000");
  }
  const auto& windows = target.maintenance;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const std::string name = "maintenance[" + std::to_string(i) + "]";
    if (windows[i].until <= windows[i].from ||
        windows[i].until - windows[i].from > limits::kMaintenance)
      return out_of_range(name, duration_text(windows[i].until - windows[i].from),
                          "until later than from, by 7 days at most");
    if (i > 0 && windows[i].from < windows[i - 1].until)
      return fail(Errc::conflict, name + ": begins before the one before it has ended");
  }
  if (windows.size() > limits::kMaintenances)
    return out_of_range("maintenance", std::to_string(windows.size()) + " windows", "8 at most");
  // RFC 3261 §16.3 item 4 names loops; a target that is ourselves would make one of every request.
  if (std::find(own_hosts_.begin(), own_hosts_.end(), host_and_port(target.destination)) !=
      own_hosts_.end()) {
    return fail(Errc::conflict, "destination: " + text + " is one of our own listeners");
  }
  if (target.destination.address && target.destination.address->is_unspecified()) {
    return fail(Errc::conflict, "destination: " + text + " is no address that can be sent to");
  }
  const auto members = targets_of(target.setid);
  for (const storage::Target* other : members) {
    if (other->id != target.id && other->destination == target.destination) {
      return fail(Errc::conflict, "destination: " + text + " is target " +
                                      std::to_string(other->id) + " of set " +
                                      std::to_string(target.setid) + " already");
    }
  }
  const bool is_new = std::none_of(members.begin(), members.end(),
                                   [&](const storage::Target* t) { return t->id == target.id; });
  if (is_new && members.size() >= limits::kTargetsPerSet) {
    return fail(Errc::conflict, "setid: set " + std::to_string(target.setid) + " has " +
                                    std::to_string(members.size()) +
                                    " targets, the most it may have");
  }
  return {};
}

Result<void> Directory::check(const storage::Change& change) const {
  if (const auto* put = std::get_if<storage::PutDomain>(&change)) {
    const storage::Domain& d = put->domain;
    if (d.domain.empty() || d.domain != lower(d.domain)) {
      return fail(Errc::range, "domain: " + quoted(d.domain) + " is not a domain in lower case");
    }
    if (!set(d.setid)) {
      return fail(Errc::not_found, "setid: there is no dispatcher set " + std::to_string(d.setid) +
                                       " for domain " + quoted(d.domain));
    }
    if (!domain(d.domain) && domains_.size() >= limits::kDomains) {
      return fail(Errc::conflict, "domain: there are " + std::to_string(domains_.size()) +
                                      " domains, the most there may be");
    }
  } else if (const auto* gone = std::get_if<storage::DeleteDomain>(&change)) {
    if (!domain(gone->domain))
      return fail(Errc::not_found, "domain: there is no domain " + quoted(gone->domain));
  } else if (const auto* put_set = std::get_if<storage::PutSet>(&change)) {
    return check_policies(put_set->set);
  } else if (const auto* gone_set = std::get_if<storage::DeleteSet>(&change)) {
    const std::string number = std::to_string(gone_set->setid);
    if (!set(gone_set->setid))
      return fail(Errc::not_found, "setid: there is no dispatcher set " + number);
    for (const auto& [name, d] : domains_) {
      if (d.setid == gone_set->setid) {
        return fail(Errc::conflict,
                    "setid: set " + number + " is in use by domain " + quoted(name));
      }
    }
    if (const auto members = targets_of(gone_set->setid); !members.empty()) {
      return fail(Errc::conflict, "setid: set " + number + " still has " +
                                      std::to_string(members.size()) + " targets, target " +
                                      std::to_string(members.front()->id) + " among them");
    }
  } else if (const auto* put_target = std::get_if<storage::PutTarget>(&change)) {
    return check_target(put_target->target);
  } else if (const auto* gone_target = std::get_if<storage::DeleteTarget>(&change)) {
    if (!target(gone_target->id)) {
      return fail(Errc::not_found, "id: there is no target " + std::to_string(gone_target->id));
    }
  }
  return {};
}

}  // namespace usher::routing
