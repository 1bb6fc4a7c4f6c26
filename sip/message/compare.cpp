#include "sip/message/compare.hpp"

#include <optional>

#include "core/text.hpp"

namespace usher::sip {
namespace {

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The characters of a text one by one, %-escapes decoded. Whether a character was escaped matters
// for the reserved set: "%3D" is not "=" (RFC 3261 §19.1.4, second bullet), so each carries that
// mark.
class Unescaped {
 public:
  explicit Unescaped(std::string_view text) : text_(text) {}
  bool done() const { return at_ == text_.size(); }
  struct Char {
    char c;
    bool reserved_escape;  // an escape standing for a character of the reserved set
  };
  Char next() {
    const char c = text_[at_];
    if (c == '%' && text_.size() - at_ > 2) {
      const int high = hex_digit(text_[at_ + 1]);
      const int low = hex_digit(text_[at_ + 2]);
      if (high >= 0 && low >= 0) {
        at_ += 3;
        const char decoded = static_cast<char>(high * 16 + low);
        return {decoded, is_reserved(decoded)};
      }
    }
    ++at_;
    return {c, false};
  }

 private:
  static bool is_reserved(char c) {
    return std::string_view(";/?:@&=+$,%").find(c) != std::string_view::npos;
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

bool equal_unescaped(std::string_view a, std::string_view b, bool with_case) {
  Unescaped x(a), y(b);
  while (!x.done() && !y.done()) {
    const Unescaped::Char p = x.next(), q = y.next();
    if (p.reserved_escape != q.reserved_escape) return false;
    if (with_case ? p.c != q.c : lower(p.c) != lower(q.c)) return false;
  }
  return x.done() && y.done();
}

const Param* find_escaped(const Params& params, std::string_view name) {
  for (const Param& p : params) {
    if (equal_unescaped(p.name, name, false)) return &p;
  }
  return nullptr;
}

// "A user, ttl, or method uri-parameter appearing in only one URI never matches, even if it
// contains the default value. A URI that includes an maddr parameter will not match a URI that
// contains no maddr parameter." The same is said of transport among the components with default
// values. All others in only one URI are ignored.
bool must_be_in_both(std::string_view name) {
  for (std::string_view n : {"user", "ttl", "method", "maddr", "transport"}) {
    if (equal_unescaped(name, n, false)) return true;
  }
  return false;
}

bool params_match(const Params& a, const Params& b) {
  for (const Param& p : a) {
    const Param* q = find_escaped(b, p.name);
    if (!q) {
      if (must_be_in_both(p.name)) return false;
      continue;
    }
    if (p.value.has_value() != q->value.has_value()) return false;
    // Methods are compared with case (§7.1), all other values are case-insensitive tokens.
    const bool with_case = equal_unescaped(p.name, "method", false);
    if (p.value && !equal_unescaped(*p.value, *q->value, with_case)) return false;
  }
  return true;
}

std::size_t header_count(std::string_view headers) {
  if (headers.empty()) return 0;
  std::size_t n = 1;
  for (char c : headers) n += c == '&' ? 1 : 0;
  return n;
}

std::string_view next_header(std::string_view& rest) {
  const std::size_t end = rest.find('&');
  const std::string_view first = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return first;
}

bool same_header(std::string_view a, std::string_view b) {
  const std::size_t i = a.find('='), j = b.find('=');
  if ((i == std::string_view::npos) != (j == std::string_view::npos)) return false;
  if (i == std::string_view::npos) return equal_unescaped(a, b, false);
  return equal_unescaped(a.substr(0, i), b.substr(0, j), false) &&
         equal_unescaped(a.substr(i + 1), b.substr(j + 1), true);
}

// "URI header components are never ignored": each must be in both, in any order.
bool headers_match(std::string_view a, std::string_view b) {
  if (header_count(a) != header_count(b)) return false;
  for (std::string_view rest = a; !rest.empty();) {
    const std::string_view wanted = next_header(rest);
    bool found = false;
    for (std::string_view others = b; !others.empty() && !found;)
      found = same_header(wanted, next_header(others));
    if (!found) return false;
  }
  return true;
}

}  // namespace

bool uri_equal(const Uri& a, const Uri& b) {
  if (a.raw == b.raw) return true;  // also where a parameter stands twice, which §19.1.1 forbids
  if (!a.is_sip || !b.is_sip) {
    // Of another scheme only the scheme's own case is known not to matter.
    if (a.is_sip != b.is_sip || !equals_without_case(a.scheme, b.scheme)) return false;
    return a.raw.substr(a.scheme.size()) == b.raw.substr(b.scheme.size());
  }
  // "A SIP and SIPS URI are never equivalent."
  if (a.is_sips != b.is_sips) return false;
  if (a.has_user != b.has_user || !equal_unescaped(a.user, b.user, true) ||
      !equal_unescaped(a.password, b.password, true)) {
    return false;
  }
  // "A URI omitting any component with a default value will not match a URI explicitly containing
  // that component with its default value": so the port must be in both or in none.
  if (!equals_without_case(a.host, b.host) || a.port != b.port) return false;
  return params_match(a.params, b.params) && params_match(b.params, a.params) &&
         headers_match(a.headers, b.headers);
}

std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (Unescaped u(text); !u.done();) out.push_back(u.next().c);
  return out;
}

std::string unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"') return std::string(text);
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

}  // namespace usher::sip
