// Each entry of the grammar by itself; the first byte selects it. What is accepted lies within the
// text, and parses again to the same from the part that was kept.
#include <string>

#include "sip/grammar/grammar.hpp"
#include "sip/message/compare.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace usher;
using namespace usher::sip;
using usher::fuzz::within;

namespace {

void check_error(const Error& error) {
  USHER_CHECK(error.code == Errc::syntax || error.code == Errc::limit);
  USHER_CHECK(!error.message.empty() && error.message.size() < 200);
  for (char c : error.message) USHER_CHECK(c >= ' ' && c < 0x7F);
}

void check_params(const Params& params, std::string_view text) {
  for (const Param& p : params) {
    USHER_CHECK(!p.name.empty());
    within(p.name, text);
    if (p.value) within(*p.value, text);
    USHER_CHECK(find_param(params, p.name) != nullptr);
  }
}

void check_uri(const Uri& u, std::string_view text) {
  for (std::string_view view : {u.raw, u.scheme, u.user, u.password, u.host, u.headers})
    within(view, text);
  check_params(u.params, text);
  const Result<Uri> again = parse_uri(u.raw);
  if (u.raw.size() > 4000) return;  // beyond the limit of a whole URI
  USHER_CHECK(again.has_value());
  USHER_CHECK(uri_equal(u, *again));
  USHER_CHECK(again->raw == u.raw);
}

void check_name_addr(const NameAddr& n, std::string_view text) {
  within(n.raw, text);
  within(n.display, text);
  check_params(n.params, text);
  check_uri(n.uri, text);
  const Result<NameAddr> again = parse_name_addr(n.raw);
  USHER_CHECK(again.has_value());
  USHER_CHECK(again->uri.raw == n.uri.raw && again->display == n.display &&
              again->params.size() == n.params.size());
}

void check_via(const Via& v, std::string_view text) {
  for (std::string_view view : {v.raw, v.protocol, v.version, v.transport, v.host})
    within(view, text);
  check_params(v.params, text);
  const Result<Via> again = parse_via(v.raw);
  USHER_CHECK(again.has_value());
  USHER_CHECK(again->host == v.host && again->port == v.port && again->branch() == v.branch());
}

template <class T, class Check>
void check(const Result<T>& parsed, Check each) {
  if (parsed) {
    each(*parsed);
  } else {
    check_error(parsed.error());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  const auto ignore = [](const auto&) {};
  switch (data[0] % 17) {
    case 0: check(parse_uri(text), [&](const Uri& u) { check_uri(u, text); }); break;
    case 1:
      check(parse_name_addr(text), [&](const NameAddr& n) { check_name_addr(n, text); });
      break;
    case 2: check(parse_via(text), [&](const Via& v) { check_via(v, text); }); break;
    case 3:
      check(split_list(text), [&](const auto& list) {
        for (std::string_view element : list) {
          USHER_CHECK(!element.empty());
          within(element, text);
        }
      });
      break;
    case 4:
      check(parse_via_list(text), [&](const auto& list) {
        for (const Via& v : list) check_via(v, text);
      });
      break;
    case 5:
      check(parse_name_addr_list(text), [&](const auto& list) {
        for (const NameAddr& n : list) check_name_addr(n, text);
      });
      break;
    case 6:
      check(parse_contacts(text), [&](const Contacts& c) {
        USHER_CHECK(c.star == c.contacts.empty());
        for (const NameAddr& n : c.contacts) check_name_addr(n, text);
      });
      break;
    case 7:
      check(parse_cseq(text), [&](const CSeq& c) {
        USHER_CHECK(c.number < 0x80000000u && is_token(c.method_name));
        within(c.method_name, text);
      });
      break;
    case 8:
      check(parse_rack(text), [&](const RAck& r) { within(r.cseq.method_name, text); });
      break;
    case 9: check(parse_delta_seconds(text), ignore); break;
    case 10: check(parse_number(text), ignore); break;
    case 11: check(parse_qvalue(text), [](std::uint16_t q) { USHER_CHECK(q <= 1000); }); break;
    case 12:
      check(parse_replaces(text), [&](const DialogId& d) {
        USHER_CHECK(!d.call_id.empty() && !d.to_tag.empty() && !d.from_tag.empty());
        within(d.call_id, text);
        check_params(d.params, text);
      });
      break;
    case 13:
      check(parse_auth(text), [&](const AuthValue& a) {
        USHER_CHECK(is_token(a.scheme));
        check_params(a.params, text);
      });
      break;
    case 14:
      check(parse_token_params(text), [&](const TokenParams& t) {
        USHER_CHECK(!t.token.empty());
        within(t.token, text);
        check_params(t.params, text);
      });
      break;
    case 15:
      check(parse_token_list(text), [&](const auto& list) {
        for (std::string_view token : list) USHER_CHECK(is_token(token));
      });
      break;
    case 16: USHER_CHECK(unescape(text).size() <= text.size()); break;
  }
  return 0;
}
