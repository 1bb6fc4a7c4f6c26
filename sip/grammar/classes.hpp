// The character classes of RFC 3261 §25.1 as bits of one table of 256 entries, so that a run of
// characters costs one look-up each. What is accepted beyond §25.1, because phones in the field
// send it and it cannot be misread:
//   - "_" in host names, "#" in the user part, "=" in the value of a URI parameter;
//   - ":" "/" "=" "@" "[" "]" unquoted in the value of a header parameter (received=2001:db8::1,
//   RFC 5118 §4.5);
//   - bytes above 127 in a display name without quotes.
// UTF-8 is passed through, never checked.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace usher::sip::grammar::lex {

enum Class : std::uint32_t {
  kToken = 1u << 0,     // token
  kWord = 1u << 1,      // word, of Call-ID
  kUser = 1u << 2,      // user, unescaped, within brackets
  kBareUser = 1u << 3,  // user, unescaped, in an addr-spec without brackets
  kPassword = 1u << 4,
  kHost = 1u << 5,
  kIpv6 = 1u << 6,  // inside an IPv6reference
  kUriParamName = 1u << 7,
  kUriParamValue = 1u << 8,
  kUriHeaders = 1u << 9,   // hname, hvalue, "=" and "&"
  kUric = 1u << 10,        // of an absoluteURI
  kBareUric = 1u << 11,    // the same without ";", "?" and ","
  kParamValue = 1u << 12,  // gen-value other than a quoted string
  kDisplay = 1u << 13,
  kQdtext = 1u << 14,  // qdtext without LWS beyond SP and HTAB
  kDigit = 1u << 15,
  kSchemeChar = 1u << 16,
  kToken68 = 1u << 17,  // RFC 7235 §2.1
  kHex = 1u << 18,
  kAlpha = 1u << 19,
  kVisible = 1u << 20,  // no control character, no white space
};

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> t{};
  const auto add = [&t](std::string_view chars, std::uint32_t classes) {
    for (char c : chars) t[static_cast<unsigned char>(c)] |= classes;
  };
  constexpr std::string_view digits = "0123456789";
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr std::uint32_t everywhere = kToken | kWord | kUser | kBareUser | kPassword | kHost |
                                       kUriParamName | kUriParamValue | kUriHeaders | kUric |
                                       kBareUric | kParamValue | kDisplay | kSchemeChar | kToken68;
  add(digits, everywhere | kDigit | kIpv6 | kHex);
  add(letters, everywhere | kAlpha);
  add("abcdefABCDEF", kIpv6 | kHex);
  add(":.", kIpv6);
  add("-.!%*_+`'~", kToken | kWord | kParamValue | kDisplay);
  add("()<>:\\\"/[]?{}", kWord);
  add(":/=@[]", kParamValue);
  add("-_.!~*'()", kUser | kBareUser | kPassword | kUriParamName | kUriParamValue | kUriHeaders |
                       kUric | kBareUric);
  add("&=+$,;?/#", kUser);
  add("&=+$/#", kBareUser);
  add("&=+$,", kPassword);
  add("-._", kHost);
  add("[]/:&+$", kUriParamName | kUriParamValue);
  add("=", kUriParamValue);
  add("[]/?:+$=&", kUriHeaders);
  add(";/?:@&=+$,#[]", kUric);
  add("/:@&=+$#[]", kBareUric);
  add("+-.", kSchemeChar);
  add("-._~+/", kToken68);
  for (unsigned c = 0x20; c < 0x7F; ++c) {
    if (c != '"' && c != '\\') t[c] |= kQdtext;
  }
  t['\t'] |= kQdtext;
  for (unsigned c = 0x21; c < 0x7F; ++c) t[c] |= kVisible;
  for (unsigned c = 0x80; c < 0x100; ++c) t[c] |= kQdtext | kDisplay | kVisible;
  return t;
}
inline constexpr std::array<std::uint32_t, 256> kTable = make_table();

template <std::uint32_t Classes>
constexpr bool is(char c) {
  return (kTable[static_cast<unsigned char>(c)] & Classes) != 0;
}

}  // namespace usher::sip::grammar::lex
