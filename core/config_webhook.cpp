#include "core/config_webhook.hpp"

#include <charconv>

#include "core/text.hpp"

namespace usher {

namespace {

constexpr std::string_view kExpected = ": expected http://HOST[:PORT][/PATH] or https://…";

// Fills url, tls, host, port, authority and path. False: it is no such URL.
bool read_url(std::string_view url, WebhookConfig& out) {
  out.url = url;
  out.tls = url.starts_with("https://");
  if (!out.tls && !url.starts_with("http://")) return false;
  url.remove_prefix(out.tls ? 8 : 7);
  for (const char c : url) {
    if (c <= ' ' || c == '#' || c == '@' || static_cast<unsigned char>(c) >= 0x7f) return false;
  }
  const auto slash = url.find_first_of("/?");
  out.authority = url.substr(0, slash);
  out.path = slash == std::string_view::npos ? "/" : std::string{url.substr(slash)};
  if (out.path.front() == '?') out.path.insert(0, "/");
  std::string_view host = out.authority;
  std::string_view port;
  const auto bracket = host.find(']');
  const auto colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  if (bracket != std::string_view::npos) {
    if (host.size() < 3 || host.front() != '[' || host.back() != ']') return false;
    host = host.substr(1, host.size() - 2);
    if (!net::IpAddress::parse(host)) return false;
  }
  out.host = host;
  out.port = out.tls ? 443 : 80;
  if (colon != std::string_view::npos) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc{} || end != port.data() + port.size() || out.port == 0) return false;
  }
  return !out.host.empty();
}

}  // namespace

void read_webhook(ConfigSection section, std::vector<WebhookConfig>& webhooks) {
  section.expect({"url", "secret", "events"});
  WebhookConfig out;
  const auto url = section.string("url");
  if (!url) {
    if (!section.has("url")) section.fault("url", "missing" + std::string{kExpected});
  } else if (!read_url(*url, out)) {
    section.fault("url", quoted(*url) + " cannot be used" + std::string{kExpected});
  }
  if (const auto secret = section.string("secret")) {
    if (secret->size() < WebhookConfig::kLeastSecret)
      section.fault("secret", "too short: expected at least " +
                                  std::to_string(WebhookConfig::kLeastSecret) + " characters");
    out.secret = *secret;
  }
  if (const auto kinds = section.string("events")) {
    for (std::string_view rest = *kinds; !rest.empty();) {
      const auto comma = rest.find(',');
      std::string_view kind = rest.substr(0, comma);
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
      while (kind.starts_with(' ')) kind.remove_prefix(1);
      while (kind.ends_with(' ')) kind.remove_suffix(1);
      if (const auto known = parse_event_kind(kind)) {
        out.kinds.push_back(*known);
      } else {
        section.fault("events", quoted(kind) + " is no kind of event: expected some of " +
                                    event_kind_names());
      }
    }
  }
  webhooks.push_back(std::move(out));
}

}  // namespace usher
