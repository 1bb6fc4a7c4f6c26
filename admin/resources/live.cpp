#include "admin/resources/live.hpp"

#include "core/text.hpp"
#include "sip/grammar/grammar.hpp"

namespace usher::admin {

std::string_view side_name(sip::Side side) {
  return side == sip::Side::phone ? "phone" : "backend";
}

bool WantedParty::is(std::string_view party) const {
  const std::string_view aor_user = std::string_view{aor}.substr(0, aor.rfind('@'));
  if (party.find(user) == party.npos || party.find(aor_user) == party.npos) return false;
  const auto uri = sip::parse_uri(party);
  if (!uri || !uri->is_sip) return false;
  if (!user.empty() && uri->user != user) return false;
  return aor.empty() || std::string{uri->user} + "@" + lower(uri->host) == aor;
}

}  // namespace usher::admin
