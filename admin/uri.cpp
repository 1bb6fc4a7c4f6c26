// Percent-encoding and content negotiation: the text side of the router.
#include <cstdint>

#include "admin/router.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return fail(Errc::syntax,
                    "a \"%\" without two hexadecimal digits in " + usher::quoted(text));
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return fail(Errc::syntax, "a NUL character in " + usher::quoted(text));
    out += c;
  }
  return out;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The part before `separator`; `rest` keeps what follows.
std::string_view cut(std::string_view& rest, char separator) {
  const auto at = rest.find(separator);
  const std::string_view part = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return trim(part);
}

bool is_zero_weight(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view parameter = cut(parameters, ';');
    if (parameter.size() < 3 || (parameter[0] != 'q' && parameter[0] != 'Q') || parameter[1] != '=')
      continue;
    return parameter.substr(2).find_first_not_of("0.") == std::string_view::npos;
  }
  return false;
}

}  // namespace

Result<std::string> percent_decode(std::string_view text) {
  return decode(text, false);
}
Result<std::string> percent_decode_query(std::string_view text) {
  return decode(text, true);
}

std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

bool accepts(std::string_view accept, std::string_view media_type) {
  if (trim(accept).empty()) return true;
  const std::string type = lower(media_type.substr(0, media_type.find(';')));
  const std::string any_of_kind = type.substr(0, type.find('/')) + "/*";
  // The most specific range that matches decides, so that "*/*, application/json;q=0" excludes
  // JSON.
  int best = 0;
  bool wanted = false;
  while (!accept.empty()) {
    std::string_view range = cut(accept, ',');
    const std::string name = lower(cut(range, ';'));
    const int rank = name == type ? 3 : name == any_of_kind ? 2 : name == "*/*" ? 1 : 0;
    if (rank == 0 || rank < best) continue;
    best = rank;
    wanted = !is_zero_weight(range);
  }
  return wanted;
}

}  // namespace usher::admin
