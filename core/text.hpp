// Small helpers for text that people read and write: quoting, case, near misses.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace usher {

// The text in double quotes, for a message: what cannot be printed is escaped (\n, \x1b), so that
// input cannot forge lines or drive a terminal; beyond `limit` bytes it is cut and ends in "…".
std::string quoted(std::string_view text, std::size_t limit = 80);

// The text with line ends, control characters and bytes that are not UTF-8 escaped; no quotes, no
// cut. Text that needs no escape passes byte for byte.
std::string escaped(std::string_view text);

// Well formed (RFC 3629): no overlong forms, no surrogates.
bool is_utf8(std::string_view text);

// ASCII only, whatever the locale.
constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
std::string lower(std::string_view text);
bool equals_without_case(std::string_view a, std::string_view b);

// How many letters have to be put in, taken out, exchanged, or swapped with their neighbour to make
// `b` of `a`. For "did you mean": costs the product of the lengths.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace usher
