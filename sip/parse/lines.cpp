#include "sip/parse/lines.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <bit>

#include "sip/grammar/classes.hpp"

namespace usher::sip {
namespace {

using grammar::lex::is;
using grammar::lex::kToken;

#if defined(__SSE2__)
// Which of sixteen characters are one of `Wanted`, the first in the lowest bit.
template <char... Wanted>
unsigned matches(const char* p) {
  const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  __m128i hits = _mm_setzero_si128();
  ((hits = _mm_or_si128(hits, _mm_cmpeq_epi8(block, _mm_set1_epi8(Wanted)))), ...);
  return static_cast<unsigned>(_mm_movemask_epi8(hits));
}
#endif

// The first of `Wanted`, or `end`.
template <char... Wanted>
const char* find_first(const char* p, const char* end) {
#if defined(__SSE2__)
  if (end - p >= 16) {
    if (const unsigned found = matches<Wanted...>(p)) return p + std::countr_zero(found);
    p += 16;
  }
  for (; end - p >= 32; p += 32) {
    const unsigned found = matches<Wanted...>(p) | matches<Wanted...>(p + 16) << 16;
    if (found) return p + std::countr_zero(found);
  }
#endif
  while (p != end && ((*p != Wanted) && ...)) ++p;
  return p;
}

const char* find_line_end(const char* p, const char* end) {
  return find_first<'\r', '\n'>(p, end);
}

bool all_token(const char* p, const char* end) {
  while (p != end && is<kToken>(*p)) ++p;
  return p == end;
}

bool is_crlf(const char* p, const char* end) {
  return p != end && *p == '\r' && p + 1 != end && p[1] == '\n';
}
bool is_wsp(char c) {
  return c == ' ' || c == '\t';
}
bool is_lws(char c) {
  return static_cast<unsigned char>(c) <= ' ' && (is_wsp(c) || c == '\r' || c == '\n');
}

}  // namespace

bool take_start_line(std::string_view text, std::uint32_t& at, std::string_view& line) {
  const char* begin = text.data() + at;
  const char* end = text.data() + text.size();
  const char* stop = find_line_end(begin, end);
  if (!is_crlf(stop, end)) return false;
  line = {begin, static_cast<std::size_t>(stop - begin)};
  at = static_cast<std::uint32_t>(stop + 2 - text.data());
  return true;
}

LineKind take_line(std::string_view text, std::uint32_t& at, HeaderField& out) {
  const char* base = text.data();
  const char* end = base + text.size();
  const char* begin = base + at;
  if (is_crlf(begin, end)) {
    at += 2;
    return LineKind::end;
  }
  // HCOLON = *( SP / HTAB ) ":" SWS
  const char* p = find_first<':', '\r', '\n'>(begin, end);
  bool well_formed = p != end && *p == ':';
  const char* name_end = p;
  while (name_end != begin && is_wsp(name_end[-1])) --name_end;
  const std::string_view name(begin, static_cast<std::size_t>(name_end - begin));
  if (well_formed) {
    ++p;
    out.id = parse_header_name(name);
    // A name that is known is a token.
    well_formed = out.id != HeaderId::other ||
                  (!name.empty() && name.size() <= UINT16_MAX && all_token(begin, name_end));
  }

  const char* value = p;
  for (;;) {
    p = find_line_end(p, end);
    if (p == end) return LineKind::truncated;
    if (!is_crlf(p, end))
      return end - p == 1 && *p == '\r' ? LineKind::truncated : LineKind::bare_line_end;
    p += 2;
    if (p == end || !is_wsp(*p)) break;
  }
  at = static_cast<std::uint32_t>(p - base);
  if (!well_formed) return LineKind::malformed;

  const char* value_end = p - 2;
  while (value != value_end && is_lws(*value)) ++value;
  while (value_end != value && is_lws(value_end[-1])) --value_end;
  out.name_length = static_cast<std::uint16_t>(name.size());
  out.name_begin = static_cast<std::uint32_t>(begin - base);
  out.value_begin = static_cast<std::uint32_t>(value - base);
  out.value_length = static_cast<std::uint32_t>(value_end - value);
  out.line_end = at;
  return LineKind::field;
}

std::uint32_t skip_empty_lines(std::string_view text) {
  std::uint32_t at = 0;
  while (text.size() - at >= 2 && text[at] == '\r' && text[at + 1] == '\n') at += 2;
  return at;
}

}  // namespace usher::sip
