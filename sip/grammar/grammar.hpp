// The grammar of RFC 3261 §25 and of the extensions in use, as plain functions. Each takes a header
// field's value (folding allowed: LWS may hold line ends followed by white space, §7.3.1) and
// returns views into it. Errors are Errc::syntax or Errc::limit (limits::kParameterCount,
// kListEntries) with what was found and expected. A function consumes its whole input; surrounding
// LWS is ignored.
#pragma once

#include <boost/container/small_vector.hpp>
#include <chrono>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "sip/grammar/values.hpp"

namespace usher::sip {

Result<Uri> parse_uri(std::string_view text);  // §19.1, any scheme
Result<NameAddr> parse_name_addr(
    std::string_view text);                    // one From, To, Refer-To, Reply-To, Referred-By
Result<Via> parse_via(std::string_view text);  // the first of a possibly comma-separated list
// Splits a comma-separated header value into its elements (RFC 3261 §7.3): quotes, brackets and
// comments respected; empty elements refused. Views with surrounding LWS removed.
Result<boost::container::small_vector<std::string_view, 4>> split_list(std::string_view text);
Result<std::vector<Via>> parse_via_list(std::string_view text);
Result<std::vector<NameAddr>> parse_name_addr_list(
    std::string_view text);  // Route, Record-Route, Path, PAI, Diversion
struct Contacts {
  bool star = false;               // "Contact: *"
  std::vector<NameAddr> contacts;  // empty with star
};
Result<Contacts> parse_contacts(std::string_view text);  // §20.10
Result<CSeq> parse_cseq(std::string_view text);          // §20.16
Result<RAck> parse_rack(std::string_view text);          // RFC 3262
Result<std::uint32_t> parse_delta_seconds(
    std::string_view text);  // Expires, Min-Expires; above 2^32-1 is a syntax error
Result<std::uint32_t> parse_number(std::string_view text);  // Content-Length, Max-Forwards, RSeq
Result<std::uint16_t> parse_qvalue(std::string_view text);  // "0.7" → 700 (§25.1 qvalue)
Result<DialogId> parse_replaces(std::string_view text);     // Replaces, Join, Target-Dialog
Result<AuthValue> parse_auth(std::string_view text);        // one challenge or credentials
Result<TokenParams> parse_token_params(
    std::string_view text);  // Event, Content-Type, Reason, Subscription-State, Session-Expires
Result<std::vector<std::string_view>> parse_token_list(
    std::string_view text);  // Require, Supported, Allow
bool is_token(std::string_view text);

}  // namespace usher::sip
