#include "routing/directory.hpp"

#include <algorithm>
#include <set>

#include "core/text.hpp"

namespace usher::routing {

namespace {

// What our own hosts and the backends' ones are called: no phone may see any of it (rule 5).
// A tenant's domain may be named like one of them, and a domain is what phones do see.
std::shared_ptr<const sip::HiddenHosts> hide(
    const std::map<storage::TargetId, storage::Target>& targets, const Addresses& addresses,
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
    if (const auto found = addresses.find(target.destination.host); found != addresses.end()) {
      for (const net::IpAddress& a : found->second) add_address(a);
    }
  }
  return hidden;
}

}  // namespace

DirectoryRef Directory::make(std::vector<storage::Domain> domains,
                             std::vector<storage::DispatcherSet> sets,
                             std::vector<storage::Target> targets, Addresses addresses,
                             std::vector<std::string> own_hosts) {
  auto made = std::make_shared<Directory>();
  for (storage::Domain& d : domains) made->domains_.insert_or_assign(d.domain, std::move(d));
  for (storage::DispatcherSet& s : sets) made->sets_.insert_or_assign(s.setid, std::move(s));
  for (storage::Target& t : targets) made->targets_.insert_or_assign(t.id, std::move(t));
  made->addresses_ = std::move(addresses);
  made->own_hosts_ = std::move(own_hosts);
  made->index();
  return made;
}

void Directory::index() {
  by_address_.clear();
  by_network_.clear();
  by_set_.clear();
  for (const auto& [id, target] : targets_) {
    by_set_[target.setid].push_back(id);
    if (target.destination.address) by_address_[*target.destination.address].push_back(id);
    for (const net::IpAddress& a : addresses_of(target)) {
      auto& ids = by_address_[a];
      if (ids.empty() || ids.back() != id) ids.push_back(id);
    }
    for (const net::Cidr& network : target.sources) by_network_.emplace_back(network, id);
  }
  hidden_ = hide(targets_, addresses_, own_hosts_, domains_);
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

DirectoryRef Directory::with_addresses(const std::string& name,
                                       std::vector<net::IpAddress> addresses) const {
  const auto known = addresses_.find(name);
  if (addresses.empty() || (known != addresses_.end() && known->second == addresses))
    return shared_from_this();
  auto next = std::make_shared<Directory>(*this);
  next->addresses_[name] = std::move(addresses);
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

std::vector<net::IpAddress> Directory::addresses_of(const storage::Target& target) const {
  if (target.destination.address) return {*target.destination.address};
  const auto found = addresses_.find(target.destination.host);
  return found == addresses_.end() ? std::vector<net::IpAddress>{} : found->second;
}

std::vector<std::string> Directory::names_at(const net::Endpoint& endpoint) const {
  std::vector<std::string> out;
  for (const storage::Target* target : backends_at(endpoint.address)) {
    const net::Destination& d = target->destination;
    if (d.transport == net::Transport::tls && d.port == endpoint.port &&
        std::find(out.begin(), out.end(), d.host) == out.end()) {
      out.push_back(d.host);
    }
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
