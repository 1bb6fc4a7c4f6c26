// Where a grammar function is in its text. Internal to sip/grammar: the rules of one file used by
// another, without X3 in sight. Each take_… consumes what it names, or returns false with the
// cursor at the fault and what was expected.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "sip/grammar/values.hpp"

namespace usher::sip::grammar {

struct Cursor {
  explicit Cursor(std::string_view text) : it(text.data()), end(text.data() + text.size()) {}

  const char* it;
  const char* end;
  const char* expected = nullptr;  // set by the failing rule
  bool limit = false;              // it failed at a limit of core/limits.hpp

  bool at_end() const { return it == end; }
  bool at(char c) const { return it != end && *it == c; }
  bool fails(const char* what) {
    expected = what;
    return false;
  }
  bool exceeds(const char* what) {
    limit = true;
    return fails(what);
  }
  std::string_view since(const char* begin) const {
    return {begin, static_cast<std::size_t>(it - begin)};
  }
  // "expected a host, found "…"": one line, what the peer wrote only as far as it is printable
  // ASCII.
  Error error() const;
};

// Behind SWS: *WSP, and line ends that white space follows. Repeated folds are taken as one.
const char* skip_folds(const char* p, const char* end);
// Between any two tokens there may be white space and mostly is none: the look at one character
// must not cost a call, which compilers choose in functions with many of them.
[[gnu::always_inline]] inline const char* skip_sws(const char* p, const char* end) {
  return p == end || static_cast<unsigned char>(*p) > ' ' ? p : skip_folds(p, end);
}

// Whether '?' and ';' after the host belong to the URI. Without angle brackets they do not (RFC
// 3261 §20.10).
enum class UriPlace { enclosed, bare };

bool take_uri(Cursor& c, Uri& out, UriPlace place);
bool take_host_port(Cursor& c, std::string_view& host, std::optional<std::uint16_t>& port);
bool take_host(Cursor& c, std::string_view& host);
bool take_port(Cursor& c, std::optional<std::uint16_t>& port);
bool take_name_addr(Cursor& c, NameAddr& out);  // with the header's parameters
bool take_via(Cursor& c, Via& out);
bool take_params(Cursor& c, Params& out);  // *( SEMI generic-param ), an empty last one tolerated
[[gnu::always_inline]] inline void skip_lws(Cursor& c) {
  c.it = skip_sws(c.it, c.end);
}
// LWS, then the end of the text.
inline bool take_end(Cursor& c) {
  skip_lws(c);
  return c.at_end() || c.fails("the end of the value");
}
// How many values the list at the cursor can have, to allocate once: commas and one, at most
// limits::kListEntries.
std::size_t list_estimate(const Cursor& c);
// LWS "," LWS
[[gnu::always_inline]] inline bool take_comma(Cursor& c) {
  const char* p = skip_sws(c.it, c.end);
  if (p == c.end || *p != ',') return false;
  c.it = skip_sws(p + 1, c.end);
  return true;
}

// One whole text by one rule, LWS around it ignored.
template <class T, class Take>
Result<T> whole(std::string_view text, Take take) {
  Cursor c(text);
  skip_lws(c);
  Result<T> out;
  if (!take(c, *out) || !take_end(c)) out = c.error();
  return out;
}

}  // namespace usher::sip::grammar
