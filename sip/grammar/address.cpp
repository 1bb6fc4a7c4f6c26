#include "core/limits.hpp"
#include "sip/grammar/cursor.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/grammar/lexical.hpp"

namespace usher::sip::grammar {
namespace {

using lex::keep;
using lex::skip;
using lex::x3::lit;

// [ display-name ] LAQUOT. Nothing is consumed when no "<" follows: then it is an addr-spec.
bool take_display(Cursor& c, NameAddr& out) {
  if (c.at('<')) {
    ++c.it;
    return true;
  }
  // Words up to "<", the white space before it not included.
  static constexpr auto words = lex::run<lex::kDisplay> >> *(lex::lws >> lex::run<lex::kDisplay>);
  static constexpr auto display = lex::quoted_string | words;
  static constexpr auto open = lex::sws >> lit('<');
  const char* begin = c.it;
  if (!keep(c, display, out.display)) return false;
  if (skip(c, open)) return true;
  out.display = {};
  c.it = begin;
  return false;
}

}  // namespace

bool take_name_addr(Cursor& c, NameAddr& out) {
  const char* begin = c.it;
  out.bracketed = take_display(c, out);
  if (!out.bracketed && c.at('"')) return c.fails("a display name and \"<\"");
  if (!take_uri(c, out.uri, out.bracketed ? UriPlace::enclosed : UriPlace::bare)) return false;
  if (out.bracketed) {
    if (!c.at('>')) return c.fails("\">\"");
    ++c.it;
  }
  if (!take_params(c, out.params)) return false;
  out.raw = c.since(begin);
  return true;
}

namespace {

template <class T, class Take>
bool take_list(Cursor& c, std::vector<T>& out, Take take) {
  if (!take(c, out.emplace_back())) return false;
  if (!take_comma(c)) return true;  // most lists are of one
  out.reserve(1 + list_estimate(c));
  do {
    if (out.size() == limits::kListEntries) return c.exceeds("values in a list");
    if (!take(c, out.emplace_back())) return false;
  } while (take_comma(c));
  return true;
}

bool take_contacts(Cursor& c, Contacts& out) {
  if (c.at('*')) {
    const char* begin = c.it++;
    skip_lws(c);
    if (c.at_end()) {
      out.star = true;
      return true;
    }
    c.it = begin;  // "*" is a token character: a display name may begin with it
  }
  return take_list(c, out.contacts, take_name_addr);
}

}  // namespace
}  // namespace usher::sip::grammar

namespace usher::sip {

using namespace grammar;

Result<NameAddr> parse_name_addr(std::string_view text) {
  return whole<NameAddr>(text, take_name_addr);
}

Result<std::vector<NameAddr>> parse_name_addr_list(std::string_view text) {
  return whole<std::vector<NameAddr>>(text, [](Cursor& c, std::vector<NameAddr>& out) {
    return take_list(c, out, take_name_addr);
  });
}

Result<Contacts> parse_contacts(std::string_view text) {
  return whole<Contacts>(text, take_contacts);
}

Result<std::vector<Via>> parse_via_list(std::string_view text) {
  return whole<std::vector<Via>>(
      text, [](Cursor& c, std::vector<Via>& out) { return take_list(c, out, take_via); });
}

}  // namespace usher::sip
