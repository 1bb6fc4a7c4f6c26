#include "sip/grammar/cursor.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/grammar/lexical.hpp"

namespace usher::sip::grammar {
namespace {

using lex::keep;
using lex::skip;

// 1*DIGIT with a largest value. Digits beyond it are a fault, never cut off or wrapped.
bool take_number(Cursor& c, std::uint32_t& out, std::uint32_t largest) {
  const char* begin = c.it;
  std::uint64_t value = 0;
  while (c.it != c.end && lex::is<lex::kDigit>(*c.it)) {
    value = value * 10 + static_cast<std::uint64_t>(*c.it++ - '0');
    if (value > largest) {
      c.it = begin;
      return c.fails(largest == UINT32_MAX ? "a number below 2^32" : "a number below 2^31");
    }
  }
  if (c.it == begin) return c.fails("a number");
  out = static_cast<std::uint32_t>(value);
  return true;
}

bool take_any_number(Cursor& c, std::uint32_t& out) {
  return take_number(c, out, UINT32_MAX);
}

// CSeq = 1*DIGIT LWS Method
bool take_cseq(Cursor& c, CSeq& out) {
  if (!take_number(c, out.number, INT32_MAX)) return false;
  if (!skip(c, lex::lws) || !keep(c, lex::token, out.method_name)) return c.fails("a method");
  out.method = parse_method(out.method_name);
  return true;
}

// qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
bool take_qvalue(Cursor& c, std::uint16_t& out) {
  if (!c.at('0') && !c.at('1')) return c.fails("a q value from 0 to 1");
  unsigned value = *c.it++ == '1' ? 1000 : 0;
  if (c.at('.')) {
    ++c.it;
    for (unsigned weight = 100; weight != 0 && c.it != c.end && lex::is<lex::kDigit>(*c.it);
         weight /= 10) {
      value += weight * static_cast<unsigned>(*c.it++ - '0');
    }
  }
  out = static_cast<std::uint16_t>(value);
  return value <= 1000 || c.fails("a q value from 0 to 1");
}

bool take_rack(Cursor& c, RAck& out) {
  if (!take_number(c, out.rseq, UINT32_MAX)) return false;
  if (!skip(c, lex::lws)) return c.fails("white space and a CSeq number");
  return take_cseq(c, out.cseq);
}

}  // namespace
}  // namespace usher::sip::grammar

namespace usher::sip {

using namespace grammar;

Result<CSeq> parse_cseq(std::string_view text) {
  return whole<CSeq>(text, take_cseq);
}
Result<RAck> parse_rack(std::string_view text) {
  return whole<RAck>(text, take_rack);
}
Result<std::uint32_t> parse_number(std::string_view text) {
  return whole<std::uint32_t>(text, take_any_number);
}
Result<std::uint32_t> parse_delta_seconds(std::string_view text) {
  return whole<std::uint32_t>(text, take_any_number);
}
Result<std::uint16_t> parse_qvalue(std::string_view text) {
  return whole<std::uint16_t>(text, take_qvalue);
}

}  // namespace usher::sip
