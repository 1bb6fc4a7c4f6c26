#include "core/log_users.hpp"

#include "core/text.hpp"

namespace usher {

namespace {

constexpr std::size_t kNameLength = 8;

// RFC 3261 §25.1: unreserved, escaped, user-unreserved, and the colon before a password. What is
// not ASCII is taken as well: it may come from a peer that does not care.
bool is_user(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
         static_cast<unsigned char>(c) >= 0x80 ||
         std::string_view{"-_.!~*'()%&=+$,;?/:\\"}.find(c) != std::string_view::npos;
}

bool is_digit(char c) {
  return (c >= '0' && c <= '9') || std::string_view{"+-.()*#"}.find(c) != std::string_view::npos;
}

std::string name_of(std::string_view user, const HashKey& key) {
  return "u-" + base32(siphash(key, user)).substr(0, kNameLength);
}

std::size_t scheme_length(std::string_view user) {
  for (const std::string_view scheme : {"sip:", "sips:"}) {
    if (equals_without_case(user.substr(0, scheme.size()), scheme)) return scheme.size();
  }
  return 0;
}

// Replaces what stands before each @.
std::string hide_before_at(std::string_view text, const HashKey& key) {
  std::string out;
  std::size_t done = 0;
  for (auto at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    std::size_t begin = at;
    while (begin > done && is_user(text[begin - 1])) --begin;
    begin += scheme_length(text.substr(begin, at - begin));
    if (begin == at) continue;
    out.append(text.substr(done, begin - done))
        .append(name_of(text.substr(begin, at - begin), key));
    done = at;
  }
  return out.append(text.substr(done));
}

}  // namespace

std::string hide_users(std::string_view text, const HashKey& key) {
  std::string out = hide_before_at(text, key);
  constexpr std::string_view kTel = "tel:";
  // RFC 3986 §3.1: a scheme is known in either case.
  for (auto at = lower(out).find(kTel); at != std::string::npos;
       at = lower(out).find(kTel, at + 1)) {
    const std::size_t begin = at + kTel.size();
    std::size_t end = begin;
    while (end < out.size() && is_digit(out[end])) ++end;
    if (end > begin)
      out.replace(begin, end - begin,
                  name_of(std::string_view{out}.substr(begin, end - begin), key));
  }
  return out;
}

Log::Sink hiding_users(Log::Sink next, const HashKey& key) {
  return [next = std::move(next), key](const LogLine& line) {
    const std::string text = hide_users(line.text, key);
    next({line.level, line.category, line.key, text});
  };
}

}  // namespace usher
