#include "sip/grammar/cursor.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "sip/grammar/lexical.hpp"

namespace usher::sip::grammar {

Error Cursor::error() const {
  std::string text = limit ? "more than allowed: " : "expected ";
  text += expected ? expected : "something else";
  if (limit) return fail(Errc::limit, std::move(text));
  if (at_end()) return fail(Errc::syntax, text + " before the end");
  text += ", found \"";
  constexpr std::ptrdiff_t kShown = 24;
  const char* stop = it + std::min(end - it, kShown);
  for (const char* p = it; p != stop; ++p) text += *p >= ' ' && *p < 0x7F && *p != '"' ? *p : '.';
  return fail(Errc::syntax, text + (stop == end ? "\"" : "...\""));
}

const char* skip_folds(const char* p, const char* end) {
  // Mostly it is one space.
  if (end - p > 1 && *p == ' ' && static_cast<unsigned char>(p[1]) > ' ') return p + 1;
  while (p != end) {
    if (*p == ' ' || *p == '\t') {
      ++p;
    } else if (*p == '\r' && end - p > 2 && p[1] == '\n' && (p[2] == ' ' || p[2] == '\t')) {
      p += 3;
    } else {
      break;
    }
  }
  return p;
}

std::size_t list_estimate(const Cursor& c) {
  return std::min<std::size_t>(1 + static_cast<std::size_t>(std::count(c.it, c.end, ',')),
                               limits::kListEntries);
}

bool take_params(Cursor& c, Params& out) {
  // generic-param = token [ EQUAL gen-value ]
  static constexpr auto equal = lex::separator('=');
  static constexpr auto value = lex::quoted_string | lex::run<lex::kParamValue>;
  for (;;) {
    const char* begin = c.it;
    skip_lws(c);
    if (!c.at(';')) {
      c.it = begin;
      return true;
    }
    ++c.it;
    skip_lws(c);
    if (c.at_end() || c.at(',')) return true;
    if (out.size() == limits::kParameterCount) return c.exceeds("parameters");
    Param& p = out.emplace_back();
    if (!lex::keep(c, lex::token, p.name)) return c.fails("a parameter name");
    if (!lex::skip(c, equal)) continue;
    if (!lex::keep(c, value, p.value.emplace())) return c.fails("a parameter value");
  }
}

}  // namespace usher::sip::grammar
