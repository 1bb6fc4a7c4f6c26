#include "routing/location.hpp"

#include <algorithm>

#include "core/check.hpp"
#include "core/limits.hpp"
#include "core/net/source.hpp"

namespace usher::routing {

namespace {

struct AorParts {
  std::string_view user, domain;
};

// "401@a.test"; a domain has no '@', a user may.
AorParts split(std::string_view aor) {
  const std::size_t at = aor.rfind('@');
  if (at == std::string_view::npos) return {{}, aor};
  return {aor.substr(0, at), aor.substr(at + 1)};
}

}  // namespace

Location::Location(const HashKey& key) : key_(key) {}

std::uint64_t Location::aor_hash(std::string_view user, std::string_view domain) const {
  std::string text{user};
  text.append("@").append(domain);
  return siphash(key_, text);
}

std::uint64_t Location::hash(Chain chain, const Entry& e) const {
  switch (chain) {
    case token_chain: return siphash(key_, e.token);
    case aor_chain: return aor_hash(e.user, pool_.text(e.domain));
    case user_chain: return siphash(key_, e.user);
    case connection_chain: return e.flow.connection.value;
  }
  return 0;
}

std::uint32_t Location::head(Chain chain, std::uint64_t hash) const {
  const auto found = heads_[chain].find(hash);
  return found == heads_[chain].end() ? kNone : found->second;
}

void Location::link(Chain chain, std::uint32_t index) {
  if (chain == connection_chain && entries_[index].flow.connection.value == 0) return;
  const auto [place, fresh] = heads_[chain].try_emplace(hash(chain, entries_[index]), index);
  Link& own = entries_[index].links[chain];
  own = Link{};
  if (fresh) return;
  own.next = place->second;
  entries_[own.next].links[chain].previous = index;
  place->second = index;
}

void Location::unlink(Chain chain, std::uint32_t index) {
  if (chain == connection_chain && entries_[index].flow.connection.value == 0) return;
  const Link own = entries_[index].links[chain];
  if (own.next != kNone) entries_[own.next].links[chain].previous = own.previous;
  if (own.previous != kNone) {
    entries_[own.previous].links[chain].next = own.next;
    return;
  }
  const std::uint64_t key = hash(chain, entries_[index]);
  if (own.next == kNone) {
    heads_[chain].erase(key);
  } else {
    heads_[chain][key] = own.next;
  }
}

void Location::insert(const storage::Binding& binding, Instant due) {
  if (free_.empty()) {
    entries_.emplace_back();
    free_.push_back(static_cast<std::uint32_t>(entries_.size() - 1));
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  const AorParts aor = split(binding.aor);
  Entry& e = entries_[index];
  e.token = binding.token;
  e.user = aor.user;
  e.domain = pool_.take(aor.domain);
  e.user_agent = pool_.take(std::string_view{binding.user_agent}.substr(0, 128));
  const std::string_view contact = std::string_view{binding.contact}.substr(0, limits::kUriBytes);
  e.contact_length = static_cast<std::uint16_t>(contact.size());
  e.contact_and_instance.reserve(contact.size() + binding.instance.size());
  e.contact_and_instance.assign(contact).append(binding.instance);
  e.flow = binding.flow;
  e.target = binding.target;
  e.registered = binding.registered;
  e.expires = binding.expires;
  e.due = due;
  e.order = ++order_;
  e.q = binding.q;
  for (const Chain chain : {token_chain, aor_chain, user_chain, connection_chain})
    link(chain, index);
  heap_push(index);
  count_phone(e.flow.remote.address, true);
  ++size_;
}

void Location::remove(std::uint32_t index) {
  for (const Chain chain : {token_chain, aor_chain, user_chain, connection_chain})
    unlink(chain, index);
  heap_erase(index);
  count_phone(entries_[index].flow.remote.address, false);
  pool_.give_back(entries_[index].domain);
  pool_.give_back(entries_[index].user_agent);
  entries_[index] = Entry{};
  free_.push_back(index);
  --size_;
}

void Location::count_phone(const net::IpAddress& address, bool here) {
  const std::uint64_t key = source_key(key_, 's', source_of(address));
  if (here) {
    ++phones_[key];
  } else if (const auto found = phones_.find(key); --found->second == 0) {
    phones_.erase(found);
  }
}

std::size_t Location::phones_at(const net::IpAddress& source) const {
  const auto found = phones_.find(source_key(key_, 's', source));
  return found == phones_.end() ? 0 : found->second;
}

std::vector<std::string> Location::put(const storage::Binding& binding, const Now& now) {
  if (const std::uint32_t old = find(binding.token); old != kNone) remove(old);
  std::vector<std::string> evicted;
  const AorParts aor = split(binding.aor);
  auto others = entries_of(aor.user, aor.domain);
  std::sort(others.begin(), others.end(),
            [&](std::uint32_t a, std::uint32_t b) { return entries_[a].due < entries_[b].due; });
  for (std::size_t i = 0; i < others.size() && others.size() - i >= limits::kBindingsPerAor; ++i) {
    evicted.push_back(entries_[others[i]].token);
    remove(others[i]);
  }
  insert(binding, now.mono + std::chrono::duration_cast<Duration>(binding.expires - now.wall));
  return evicted;
}

bool Location::erase(std::string_view token) {
  const std::uint32_t index = find(token);
  if (index == kNone) return false;
  remove(index);
  return true;
}

std::uint32_t Location::find(std::string_view token) const {
  std::uint32_t i = head(token_chain, siphash(key_, token));
  while (i != kNone && entries_[i].token != token) i = entries_[i].links[token_chain].next;
  return i;
}

std::vector<std::uint32_t> Location::entries_of(std::string_view user,
                                                std::string_view domain) const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = head(aor_chain, aor_hash(user, domain)); i != kNone;
       i = entries_[i].links[aor_chain].next) {
    if (entries_[i].user == user && pool_.text(entries_[i].domain) == domain) out.push_back(i);
  }
  return out;
}

storage::Binding Location::binding_of(const Entry& e) const {
  storage::Binding out;
  out.token = e.token;
  const std::string_view domain = pool_.text(e.domain);
  out.aor.reserve(e.user.size() + 1 + domain.size());
  out.aor.append(e.user).append("@").append(domain);
  out.contact = e.contact_and_instance.substr(0, e.contact_length);
  out.instance = e.contact_and_instance.substr(e.contact_length);
  out.q = e.q;
  out.flow = e.flow;
  out.target = e.target;
  out.user_agent = pool_.text(e.user_agent);
  out.registered = e.registered;
  out.expires = e.expires;
  return out;
}

std::optional<storage::Binding> Location::by_token(std::string_view token) const {
  const std::uint32_t index = find(token);
  if (index == kNone) return std::nullopt;
  return binding_of(entries_[index]);
}

std::vector<storage::Binding> Location::by_aor(std::string_view aor) const {
  const AorParts parts = split(aor);
  auto indexes = entries_of(parts.user, parts.domain);
  std::sort(indexes.begin(), indexes.end(), [&](std::uint32_t a, std::uint32_t b) {
    const Entry& x = entries_[a];
    const Entry& y = entries_[b];
    return x.q != y.q ? x.q > y.q : x.order > y.order;
  });
  std::vector<storage::Binding> out;
  out.reserve(indexes.size());
  for (const std::uint32_t i : indexes) out.push_back(binding_of(entries_[i]));
  return out;
}

std::vector<std::string> Location::aors_of_user(
    std::string_view user, const std::function<bool(std::string_view, storage::TargetId)>& allowed,
    std::size_t most) const {
  std::vector<std::string> out;
  for (std::uint32_t i = head(user_chain, siphash(key_, user)); i != kNone && out.size() < most;
       i = entries_[i].links[user_chain].next) {
    const std::string_view domain = pool_.text(entries_[i].domain);
    if (entries_[i].user != user || !allowed(domain, entries_[i].target)) continue;
    std::string aor{user};
    aor.append("@").append(domain);
    if (std::find(out.begin(), out.end(), aor) == out.end()) out.push_back(std::move(aor));
  }
  return out;
}

std::size_t Location::connection_lost(net::ConnectionId connection) {
  std::size_t count = 0;
  if (connection.value == 0) return 0;
  for (std::uint32_t i = head(connection_chain, connection.value); i != kNone; ++count) {
    const std::uint32_t next = entries_[i].links[connection_chain].next;
    unlink(connection_chain, i);
    entries_[i].flow.connection = net::ConnectionId{};
    i = next;
  }
  return count;
}

std::size_t Location::count_in(std::string_view domain) const {
  return static_cast<std::size_t>(std::count_if(
      entries_.begin(), entries_.end(),
      [&](const Entry& e) { return e.heap_position != kNone && pool_.text(e.domain) == domain; }));
}

bool Location::accepts(const Filter& filter, const Entry& e) const {
  if (e.heap_position == kNone) return false;
  if (!filter.user.empty() && e.user != filter.user) return false;
  if (filter.source && e.flow.remote.address != *filter.source) return false;
  return filter.domain.empty() || pool_.text(e.domain) == filter.domain;
}

// In the order of the slots.
std::vector<std::uint32_t> Location::entries_of_user(std::string_view user) const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = head(user_chain, siphash(key_, user)); i != kNone;
       i = entries_[i].links[user_chain].next)
    out.push_back(i);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<storage::Binding> Location::page(std::size_t from, std::size_t limit,
                                             const Filter& filter, std::size_t& next) const {
  std::vector<storage::Binding> out;
  next = 0;
  // Whether the page is full.
  const auto take = [&](std::size_t i) {
    if (i < from || !accepts(filter, entries_[i])) return false;
    if (out.size() == limit) {
      next = i;
      return true;
    }
    out.push_back(binding_of(entries_[i]));
    return false;
  };
  if (!filter.user.empty()) {
    for (const std::uint32_t i : entries_of_user(filter.user)) {
      if (take(i)) break;
    }
  } else if (!filter.source || phones_at(source_of(*filter.source)) > 0) {
    for (std::size_t i = from; i < entries_.size() && !take(i); ++i) {
    }
  }
  return out;
}

}  // namespace usher::routing
