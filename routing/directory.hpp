// Domains, dispatcher sets and targets as the rules read them: an immutable snapshot. A change
// makes a new one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/net/places.hpp"
#include "core/result.hpp"
#include "sip/plan.hpp"
#include "storage/records.hpp"

namespace usher::routing {

class Directory;
using DirectoryRef = std::shared_ptr<const Directory>;
// A destination written as a name (Destination::text()) → where it was last found to be.
using NamedPlaces = std::map<std::string, std::vector<net::Place>, std::less<>>;

class Directory : public std::enable_shared_from_this<Directory> {
 public:
  // Targets of a set keep the order of their ids. `own_hosts` are our own names: "host" or an
  // address, which phones must not see, and "host:port", a listener, which no target may be.
  static DirectoryRef make(std::vector<storage::Domain> domains,
                           std::vector<storage::DispatcherSet> sets,
                           std::vector<storage::Target> targets, NamedPlaces located = {},
                           std::vector<std::string> own_hosts = {});

  // The snapshot after one change. Changes that concern no domain, set or target give the same
  // snapshot. The caller has validated with check().
  DirectoryRef with(const storage::Change& change) const;
  // After several, copied once.
  DirectoryRef with(const std::vector<storage::Change>& changes) const;
  // `name` is a Destination::text(). No places: the same snapshot, the last good answer is kept.
  DirectoryRef with_places(const std::string& name, std::vector<net::Place> places) const;

  // Whether a change may be made: Errc::conflict or Errc::not_found name the record and the field
  // in words. A domain's set must exist; a set in use by a domain or with targets can't be deleted;
  // a destination stands once in a set and is no listener of ours; limits. Errc::range: a value
  // outside the bounds of records.hpp. The set of a target need not exist: its first target makes
  // it with defaults.
  Result<void> check(const storage::Change& change) const;

  const storage::Domain* domain(std::string_view lower_case_name) const;
  const storage::DispatcherSet* set(storage::SetId id) const;
  const storage::Target* target(storage::TargetId id) const;
  std::vector<const storage::Target*> targets_of(storage::SetId id) const;
  const std::map<std::string, storage::Domain, std::less<>>& domains() const { return domains_; }
  const std::map<storage::SetId, storage::DispatcherSet>& sets() const { return sets_; }
  const std::map<storage::TargetId, storage::Target>& targets() const { return targets_; }

  // Where a target can be reached now: its address, or what its name resolved to last; perhaps
  // nowhere.
  const std::vector<net::Place>& places_of(const storage::Target& target) const;
  const std::vector<net::Place>& places_of(const std::string& name) const;

  // Which backends send from this address (any port): by destination, resolved name or source
  // network. The sets they belong to are the tenants such a packet may speak for. Empty: not a
  // backend.
  std::vector<const storage::Target*> backends_at(const net::IpAddress& source) const;
  // Whether there is one; asked for each message.
  bool is_backend(const net::IpAddress& source) const;

  // The hosts, as written, of the TLS targets that are reached at this endpoint.
  std::vector<std::string> names_at(const net::Endpoint& endpoint) const;

  // Everything that no phone may see (sip/plan.hpp).
  const std::shared_ptr<const sip::HiddenHosts>& hidden() const { return hidden_; }

 private:
  void index();
  Result<void> check_target(const storage::Target& target) const;

  std::map<std::string, storage::Domain, std::less<>> domains_;
  std::map<storage::SetId, storage::DispatcherSet> sets_;
  std::map<storage::TargetId, storage::Target> targets_;
  NamedPlaces located_;
  std::map<storage::TargetId, std::vector<net::Place>> places_;
  std::vector<std::string> own_hosts_;
  std::map<net::IpAddress, std::vector<storage::TargetId>> by_address_;
  std::vector<std::pair<net::Cidr, storage::TargetId>> by_network_;
  std::map<storage::SetId, std::vector<storage::TargetId>> by_set_;
  std::shared_ptr<const sip::HiddenHosts> hidden_;
};

}  // namespace usher::routing
