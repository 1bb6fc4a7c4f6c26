#include "routing/recorder/redact.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>

#include "core/text.hpp"

namespace usher::routing {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// A part of the message that is being redacted.
struct Span {
  std::string& text;
  std::size_t at, end;

  bool done() const { return at >= end; }
  char here() const { return text[at]; }
  void hide_until(std::size_t stop) {
    for (; at < stop; ++at) {
      if (!is_blank(text[at])) text[at] = '*';
    }
  }
  void hide_rest() { hide_until(end); }
};

// Just after the value that begins at `at`; `whole`: it is well formed.
std::size_t value_end(const Span& span, bool& whole) {
  std::size_t i = span.at;
  if (i < span.end && span.text[i] == '"') {
    for (++i; i < span.end; ++i) {
      if (span.text[i] == '\\') {
        ++i;
      } else if (span.text[i] == '"') {
        whole = true;
        return i + 1;
      }
    }
    whole = false;
    return span.end;
  }
  while (i < span.end && span.text[i] != ',' && !is_blank(span.text[i])) ++i;
  whole = true;
  return i;
}

// The parameters of RFC 7616 §3.4: those of the first three have nothing to hide.
constexpr std::array<std::string_view, 11> kParameters{"username", "realm",    "nonce",    "uri",
                                                       "response", "cnonce",   "nc",       "qop",
                                                       "opaque",   "userhash", "algorithm"};
constexpr std::ptrdiff_t kShown = 3;

// Where the name stands in that list.
std::ptrdiff_t place_of_parameter(std::string_view name) {
  return std::find_if(kParameters.begin(), kParameters.end(),
                      [&](std::string_view known) { return equals_without_case(known, name); }) -
         kParameters.begin();
}

void redact_credentials(Span span) {
  while (!span.done() && is_blank(span.here())) ++span.at;
  const std::size_t scheme = span.at;
  while (!span.done() && !is_blank(span.here())) ++span.at;
  if (!equals_without_case(std::string_view{span.text}.substr(scheme, span.at - scheme),
                           "digest")) {
    // "Basic <password>", "Bearer <token>"; a scheme without anything after it is none.
    if (span.done()) span.at = scheme;
    return span.hide_rest();
  }
  while (!span.done()) {
    if (is_blank(span.here()) || span.here() == ',') {
      ++span.at;
      continue;
    }
    const std::size_t name = span.at;
    std::size_t stop = name;
    while (stop < span.end && span.text[stop] != '=' && span.text[stop] != ',' &&
           !is_blank(span.text[stop]))
      ++stop;
    std::size_t equals = stop;
    while (equals < span.end && is_blank(span.text[equals])) ++equals;
    if (equals >= span.end || span.text[equals] != '=') {
      span.hide_until(stop == name ? name + 1 : stop);
      continue;
    }
    const auto place = place_of_parameter(std::string_view{span.text}.substr(name, stop - name));
    const bool shown = place < kShown;
    if (place == std::ssize(kParameters)) span.hide_until(stop);
    span.at = equals + 1;
    while (!span.done() && is_blank(span.here())) ++span.at;
    bool whole = false;
    const std::size_t end = value_end(span, whole);
    if (shown && whole) {
      span.at = end;
    } else {
      span.hide_until(end);
    }
  }
}

enum class Secret : unsigned char { none, credentials, value, crypto };

Secret secret_of(std::string_view line) {
  if (line.starts_with("a=crypto:")) return Secret::crypto;
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon > 40) return Secret::none;
  std::string_view name = line.substr(0, colon);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  if (equals_without_case(name, "authorization") ||
      equals_without_case(name, "proxy-authorization"))
    return Secret::credentials;
  if (equals_without_case(name, "authentication-info") ||
      equals_without_case(name, "proxy-authentication-info"))
    return Secret::value;
  return Secret::none;
}

// Just after the line that begins at `at`, without its line end.
std::size_t line_end(std::string_view text, std::size_t at) {
  const auto end = text.find_first_of("\r\n", at);
  return end == std::string_view::npos ? text.size() : end;
}

// The same with the lines that continue it (RFC 3261 §7.3.1).
std::size_t field_end(std::string_view text, std::size_t at) {
  for (std::size_t end = line_end(text, at);;) {
    std::size_t next = end;
    if (next < text.size() && text[next] == '\r') ++next;
    if (next < text.size() && text[next] == '\n') ++next;
    if (next == end || next >= text.size() || (text[next] != ' ' && text[next] != '\t')) return end;
    end = line_end(text, next);
  }
}

}  // namespace

std::string redacted(std::string_view message) {
  std::string out{message};
  for (std::size_t at = 0; at < out.size();) {
    const std::size_t end = line_end(out, at);
    const Secret secret = secret_of(std::string_view{out}.substr(at, end - at));
    if (secret == Secret::none) {
      at = end + 1;
      continue;
    }
    const std::size_t whole = field_end(out, at);
    Span span{out, out.find(':', at) + 1, whole};
    switch (secret) {
      case Secret::credentials: redact_credentials(span); break;
      case Secret::value: span.hide_rest(); break;
      case Secret::crypto: {
        const auto key = lower(std::string_view{out}.substr(at, whole - at)).find("inline:");
        if (key != std::string::npos) span.at = at + key + 7;
        span.hide_rest();
        break;
      }
      case Secret::none: break;
    }
    at = whole + 1;
  }
  return out;
}

}  // namespace usher::routing
