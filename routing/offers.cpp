#include "routing/offers.hpp"

namespace usher::routing {

void Offers::add(const Registration& r) {
  for (const Registration::Contact& c : r.contacts) {
    if (r.asked(c) == 0) continue;
    Offer& offer = offers_[c.token];
    ++offer.registers;
    offer.binding.token = c.token;
    offer.binding.aor = r.aor;
    offer.binding.contact = c.uri;
    offer.binding.instance = c.instance;
    offer.binding.q = c.q;
    offer.binding.flow = r.flow;
  }
}

void Offers::remove(const Registration& r) {
  for (const Registration::Contact& c : r.contacts) {
    if (r.asked(c) == 0) continue;
    const auto found = offers_.find(c.token);
    if (found != offers_.end() && --found->second.registers == 0) offers_.erase(found);
  }
}

std::optional<storage::Binding> Offers::by_token(const std::string& token) const {
  const auto found = offers_.find(token);
  if (found == offers_.end()) return std::nullopt;
  return found->second.binding;
}

}  // namespace usher::routing
