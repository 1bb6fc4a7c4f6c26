#include "admin/access.hpp"

#include <openssl/crypto.h>

#include "core/net/address.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

// The host of a Host header: without port; IPv6 without brackets.
std::string_view host_of(std::string_view authority) {
  if (!authority.empty() && authority.front() == '[') {
    const auto end = authority.find(']');
    return end == std::string_view::npos ? authority : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.find(':'));
}

bool is_own_name(std::string_view authority) {
  const std::string_view host = host_of(authority);
  return equals_without_case(host, "localhost") || net::IpAddress::parse(host).has_value();
}

std::optional<std::string_view> bearer(const Request& request) {
  const std::string* value = request.header("authorization");
  if (!value) return std::nullopt;
  std::string_view text = *value;
  const auto space = text.find(' ');
  if (space == std::string_view::npos || !equals_without_case(text.substr(0, space), "Bearer"))
    return std::nullopt;
  text.remove_prefix(text.find_first_not_of(' ', space) == std::string_view::npos
                         ? text.size()
                         : text.find_first_not_of(' ', space));
  return text;
}

}  // namespace

bool equal_in_constant_time(std::string_view given, std::string_view expected) {
  const bool same_size = given.size() == expected.size();
  // Another size is compared as well: with the text itself, for the same time.
  const std::string_view other = same_size ? given : expected;
  return CRYPTO_memcmp(other.data(), expected.data(), expected.size()) == 0 && same_size;
}

std::optional<Answer> check_access(const Request& request, std::string_view token, bool open) {
  const std::string* host = request.header("host");
  if (const std::string* origin = request.header("origin")) {
    if (!host || (*origin != "http://" + *host && *origin != "https://" + *host)) {
      return problem(
          403, "origin",
          "requests of web pages of another origin are refused: " + usher::quoted(*origin));
    }
  }
  if (token.empty()) {
    if (host && !is_own_name(*host)) {
      return problem(
          421, "host",
          "without a token the Host must be an address or localhost, not " + usher::quoted(*host));
    }
    return std::nullopt;
  }
  if (open) return std::nullopt;
  const auto given = bearer(request);
  if (given && equal_in_constant_time(*given, token)) return std::nullopt;
  Answer answer = problem(401, "token",
                          given ? "the bearer token is not the configured one"
                                : "a bearer token is needed: Authorization: Bearer …");
  answer.headers.emplace_back(
      "WWW-Authenticate",
      given ? R"(Bearer realm="usher", error="invalid_token")" : R"(Bearer realm="usher")");
  return answer;
}

}  // namespace usher::admin
