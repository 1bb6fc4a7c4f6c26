// Where a run of characters of a class ends: most of the parser's time, so eight characters are
// looked up for each look at the end of the text.
#pragma once

#include "sip/grammar/classes.hpp"

namespace usher::sip::grammar::lex {

// The first character of [p, end) that is in none of `Classes`, or `end`. Nothing from `end` on is
// read.
template <std::uint32_t Classes>
inline const char* scan(const char* p, const char* end) {
  for (; end - p >= 8; p += 8) {
    if (!is<Classes>(p[0])) return p;
    if (!is<Classes>(p[1])) return p + 1;
    if (!is<Classes>(p[2])) return p + 2;
    if (!is<Classes>(p[3])) return p + 3;
    if (!is<Classes>(p[4])) return p + 4;
    if (!is<Classes>(p[5])) return p + 5;
    if (!is<Classes>(p[6])) return p + 6;
    if (!is<Classes>(p[7])) return p + 7;
  }
  while (p != end && is<Classes>(*p)) ++p;
  return p;
}

}  // namespace usher::sip::grammar::lex
