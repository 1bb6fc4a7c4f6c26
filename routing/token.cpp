#include "routing/token.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "sip/message/compare.hpp"

namespace usher::routing {

namespace {

bool is_token_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'v');
}

// Unreserved of RFC 3261 §25.1 and those of user-unreserved that no parser takes for something
// else.
bool may_stand(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view{"-_.!~*'()&=+$"}.find(c) != std::string_view::npos;
}

}  // namespace

std::string make_token(const HashKey& key, std::string_view aor, std::string_view device,
                       unsigned salt) {
  std::string text{aor};
  text.append("\n").append(device);
  if (salt != 0) text.append("\n").append(std::to_string(salt));
  // base32 writes 64 bits as 13 digits, of which the first holds four bits only.
  return base32(siphash(key, text)).substr(13 - limits::kContactUserToken);
}

std::string escape_user(std::string_view user) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(user.size());
  for (const char c : user) {
    if (may_stand(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::string token_user(std::string_view user, std::string_view token, std::size_t room) {
  const std::size_t fixed = 1 + token.size();
  std::string out = escape_user(user);
  if (out.size() + fixed > room) {
    std::size_t keep = room > fixed ? room - fixed : 0;
    const std::size_t escape = out.rfind('%', keep == 0 ? 0 : keep - 1);
    if (escape != std::string::npos && escape < keep && escape + 3 > keep) keep = escape;
    out.resize(keep);
  }
  out += kTokenMark;
  out += token;
  return out;
}

std::string token_uri(std::string_view user, std::string_view token, std::string_view sent_by,
                      net::Transport transport) {
  std::string tail = "@" + std::string{sent_by};
  if (transport != net::Transport::udp)
    tail.append(";transport=").append(net::uri_transport(transport));
  const std::size_t fixed = 4 + tail.size();
  const std::size_t room = limits::kContactUriBytes > fixed ? limits::kContactUriBytes - fixed : 0;
  return "sip:" + token_user(user, token, room) + tail;
}

std::optional<std::string> token_in(std::string_view user) {
  std::string text = sip::unescape(user);
  const std::size_t mark = text.rfind(kTokenMark);
  if (mark == std::string::npos || text.size() - mark - 1 != limits::kContactUserToken)
    return std::nullopt;
  std::string token = text.substr(mark + 1);
  if (!std::all_of(token.begin(), token.end(), is_token_char)) return std::nullopt;
  return token;
}

}  // namespace usher::routing
