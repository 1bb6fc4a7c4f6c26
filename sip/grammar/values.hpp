// What the grammar of RFC 3261 §25 yields: views into the parsed text, which must outlive them.
// Nothing is copied, unescaped or lower-cased; comparisons that need it are in
// sip/message/compare.hpp.
//
// The constructors written out (`Uri() {}`) are there for speed: with an implicit one, `Uri()`
// would zero the room for inline parameters before it builds them, at each header field parsed.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/net/address.hpp"
#include "sip/message/method.hpp"

namespace usher::sip {

// `;name`, `;name=token`, `;name="quoted"` (value with its quotes, as written).
struct Param {
  std::string_view name;
  std::optional<std::string_view> value;
};
using Params = boost::container::small_vector<Param, 6>;

// The first parameter of that name, without case; null when absent.
const Param* find_param(const Params& params, std::string_view name);
// Its value; empty when absent or without value.
std::string_view param_value(const Params& params, std::string_view name);

// A SIP or SIPS URI in its parts; another scheme keeps only `scheme` and `raw` (RFC 3261 §19.1,
// §25.1).
struct Uri {
  Uri() {}                  // NOLINT(modernize-use-equals-default)
  std::string_view raw;     // the whole URI
  std::string_view scheme;  // as written: "sip", "SIPS", "tel"
  std::string_view user;    // as written, escapes kept; with ";user-params" that belong to it
  std::string_view password;
  std::string_view host;  // IPv6 with its brackets
  std::optional<std::uint16_t> port;
  Params params;
  std::string_view headers;  // after '?', as written
  bool is_sip = false;       // sip or sips
  bool is_sips = false;
  bool has_user = false;  // an '@' was there
};

// The transport that a SIP URI asks for by itself: TLS for "sips", else its transport parameter
// (RFC 3261 §19.1.4, §26.2.2; RFC 7118 §5.2). Nothing: it leaves the choice open, or names one that
// we do not know.
std::optional<net::Transport> transport_of(const Uri& uri);

// Contact, From, To, Route, Refer-To…: `"display" <uri>;params` or `uri;params` (RFC 3261 §20.10:
// without brackets every parameter belongs to the header field).
struct NameAddr {
  NameAddr() {}  // NOLINT(modernize-use-equals-default)
  std::string_view raw;
  std::string_view
      display;  // as written: token sequence or quoted string with its quotes; may be empty
  Uri uri;
  Params params;  // header parameters
  bool bracketed = false;
};

struct Via {
  Via() {}  // NOLINT(modernize-use-equals-default)
  std::string_view raw;
  std::string_view protocol;   // "SIP"
  std::string_view version;    // "2.0"
  std::string_view transport;  // as written
  std::string_view host;       // sent-by; IPv6 with brackets
  std::optional<std::uint16_t> port;
  Params params;
  // The branch, empty when absent (RFC 2543 peer).
  std::string_view branch() const { return param_value(params, "branch"); }
};

struct CSeq {
  std::uint32_t number = 0;  // below 2^31 (RFC 3261 §8.1.1.5)
  Method method = Method::other;
  std::string_view method_name;
};

// RAck: response-num CSeq-num Method (RFC 3262 §7.2).
struct RAck {
  std::uint32_t rseq = 0;
  CSeq cseq;
};

// Replaces, Join, Target-Dialog: a Call-ID with tags (RFC 3891 §6.1, 3911, 4538).
struct DialogId {
  DialogId() {}  // NOLINT(modernize-use-equals-default)
  std::string_view call_id;
  std::string_view to_tag;    // Target-Dialog: remote-tag
  std::string_view from_tag;  // Target-Dialog: local-tag
  Params params;
};

// A challenge or credentials: scheme and its comma-separated parameters, values as written (RFC
// 3261 §25.1).
struct AuthValue {
  AuthValue() {}  // NOLINT(modernize-use-equals-default)
  std::string_view scheme;
  Params params;
};

// A token with parameters: Event, Reason's protocol, Content-Type as "type/subtype",
// Subscription-State.
struct TokenParams {
  TokenParams() {}  // NOLINT(modernize-use-equals-default)
  std::string_view token;
  Params params;
};

}  // namespace usher::sip
