#include "routing/directory.hpp"

#include <algorithm>
#include <set>

#include "core/text.hpp"

namespace usher::routing {

namespace {

const std::vector<net::Place> kNowhere;

// What our own hosts and the backends' ones are called: no phone may see any of it (rule 5).
// A tenant's domain may be named like one of them, and a domain is what phones do see.
std::shared_ptr<const sip::HiddenHosts> hide(
    const std::map<storage::TargetId, storage::Target>& targets,
    const std::map<storage::TargetId, std::vector<net::Place>>& places,
    const std::vector<std::string>& own,
    const std::map<std::string, storage::Domain, std::less<>>& domains) {
  auto hidden = std::make_shared<sip::HiddenHosts>();
  const auto add_address = [&](const net::IpAddress& a) {
    if (!a.is_unspecified() && !domains.contains(a.text())) hidden->addresses.insert(a.text());
  };
  const auto add_host = [&](const std::string& host) {
    if (const auto address = net::IpAddress::parse(host)) {
      add_address(*address);
    } else if (host.find(':') == std::string::npos && !domains.contains(host)) {
      hidden->names.insert(host);
    }
  };
  for (const std::string& host : own) add_host(host);
  for (const auto& [id, target] : targets) {
    add_host(target.destination.host);
    for (const net::Cidr& network : target.sources) hidden->networks.push_back(network);
    for (const net::Place& place : places.at(id)) {
      add_address(place.endpoint.address);
      if (!place.host.empty()) add_host(lower(place.host));
    }
  }
  return hidden;
}

}  // namespace

DirectoryRef Directory::make(std::vector<storage::Domain> domains,
                             std::vector<storage::DispatcherSet> sets,
                             std::vector<storage::Target> targets, NamedPlaces located,
                             std::vector<std::string> own_hosts) {
  auto made = std::make_shared<Directory>();
  for (storage::Domain& d : domains) made->domains_.insert_or_assign(d.domain, std::move(d));
  for (storage::DispatcherSet& s : sets) made->sets_.insert_or_assign(s.setid, std::move(s));
  for (storage::Target& t : targets) made->targets_.insert_or_assign(t.id, std::move(t));
  made->located_ = std::move(located);
  made->own_hosts_ = std::move(own_hosts);
  made->index();
  return made;
}

void Directory::index() {
  by_address_.clear();
  by_network_.clear();
  by_set_.clear();
  places_.clear();
  std::set<std::string> names;
  for (const auto& [id, target] : targets_) {
    by_set_[target.setid].push_back(id);
    const net::Destination& d = target.destination;
    if (d.address) {
      places_[id] = {{{*d.address, d.port}, d.transport, 0, 0, {}}};
    } else {
      places_[id] = places_of(*names.insert(d.text()).first);
    }
    for (const net::Place& place : places_[id]) {
      auto& ids = by_address_[place.endpoint.address];
      if (ids.empty() || ids.back() != id) ids.push_back(id);
    }
    for (const net::Cidr& network : target.sources) by_network_.emplace_back(network, id);
  }
  std::erase_if(located_, [&](const auto& entry) { return !names.contains(entry.first); });
  hidden_ = hide(targets_, places_, own_hosts_, domains_);
}

DirectoryRef Directory::with(const storage::Change& change) const {
  return with(std::vector<storage::Change>{change});
}

DirectoryRef Directory::with(const std::vector<storage::Change>& changes) const {
  auto next = std::make_shared<Directory>(*this);
  const auto take = [&](const storage::Change& change) {
    if (const auto* put = std::get_if<storage::PutDomain>(&change)) {
      next->domains_.insert_or_assign(put->domain.domain, put->domain);
    } else if (const auto* gone = std::get_if<storage::DeleteDomain>(&change)) {
      next->domains_.erase(gone->domain);
    } else if (const auto* put_set = std::get_if<storage::PutSet>(&change)) {
      next->sets_.insert_or_assign(put_set->set.setid, put_set->set);
    } else if (const auto* gone_set = std::get_if<storage::DeleteSet>(&change)) {
      next->sets_.erase(gone_set->setid);
    } else if (const auto* put_target = std::get_if<storage::PutTarget>(&change)) {
      storage::DispatcherSet defaults;
      defaults.setid = put_target->target.setid;
      next->sets_.try_emplace(defaults.setid, defaults);
      next->targets_.insert_or_assign(put_target->target.id, put_target->target);
    } else if (const auto* gone_target = std::get_if<storage::DeleteTarget>(&change)) {
      next->targets_.erase(gone_target->id);
    } else {
      return false;
    }
    return true;
  };
  const auto taken = std::count_if(changes.begin(), changes.end(), take);
  if (taken == 0) return shared_from_this();
  next->index();
  return next;
}

DirectoryRef Directory::with_places(const std::string& name, std::vector<net::Place> places) const {
  if (places.empty() || places_of(name) == places) return shared_from_this();
  auto next = std::make_shared<Directory>(*this);
  next->located_[name] = std::move(places);
  next->index();
  return next;
}

const storage::Domain* Directory::domain(std::string_view lower_case_name) const {
  const auto found = domains_.find(lower_case_name);
  return found == domains_.end() ? nullptr : &found->second;
}

const storage::DispatcherSet* Directory::set(storage::SetId id) const {
  const auto found = sets_.find(id);
  return found == sets_.end() ? nullptr : &found->second;
}

const storage::Target* Directory::target(storage::TargetId id) const {
  const auto found = targets_.find(id);
  return found == targets_.end() ? nullptr : &found->second;
}

std::vector<const storage::Target*> Directory::targets_of(storage::SetId id) const {
  std::vector<const storage::Target*> out;
  if (const auto found = by_set_.find(id); found != by_set_.end()) {
    for (const storage::TargetId target_id : found->second) out.push_back(target(target_id));
  }
  return out;
}

const std::vector<net::Place>& Directory::places_of(const storage::Target& target) const {
  const auto found = places_.find(target.id);
  return found == places_.end() ? kNowhere : found->second;
}

const std::vector<net::Place>& Directory::places_of(const std::string& name) const {
  const auto found = located_.find(name);
  return found == located_.end() ? kNowhere : found->second;
}

std::vector<std::string> Directory::names_at(const net::Endpoint& endpoint) const {
  std::vector<std::string> out;
  for (const storage::Target* target : backends_at(endpoint.address)) {
    // RFC 5922 §7.1: what the operator wrote, not what DNS made of it.
    const std::string& host = target->destination.host;
    const auto& places = places_of(*target);
    const bool there = std::any_of(places.begin(), places.end(), [&](const net::Place& p) {
      return p.transport == net::Transport::tls && p.endpoint == endpoint;
    });
    if (there && std::find(out.begin(), out.end(), host) == out.end()) out.push_back(host);
  }
  return out;
}

bool Directory::is_backend(const net::IpAddress& source) const {
  return by_address_.contains(source) ||
         std::any_of(by_network_.begin(), by_network_.end(),
                     [&](const auto& entry) { return entry.first.contains(source); });
}

std::vector<const storage::Target*> Directory::backends_at(const net::IpAddress& source) const {
  std::vector<const storage::Target*> out;
  if (const auto found = by_address_.find(source); found != by_address_.end()) {
    for (const storage::TargetId id : found->second) out.push_back(target(id));
  }
  for (const auto& [network, id] : by_network_) {
    if (!network.contains(source)) continue;
    const storage::Target* t = target(id);
    if (std::find(out.begin(), out.end(), t) == out.end()) out.push_back(t);
  }
  return out;
}

}  // namespace usher::routing
