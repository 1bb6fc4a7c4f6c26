#include "sip/sdp/media_address.hpp"

#include <cstdint>
#include <string>

#include "core/limits.hpp"
#include "core/net/private_network.hpp"
#include "core/text.hpp"
#include "sip/message/message.hpp"

namespace usher::sip {

namespace {

bool is_sdp(std::string_view content_type) {
  constexpr std::string_view kType = "application/sdp";
  if (!equals_without_case(content_type.substr(0, kType.size()), kType)) return false;
  const std::string_view rest = content_type.substr(kType.size());
  return rest.empty() || rest.front() == ';' || rest.front() == ' ' || rest.front() == '\t';
}

// Takes what stands before the next space, and that space.
std::string_view word(std::string_view& line) {
  const auto end = line.find(' ');
  const std::string_view out = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return out;
}

// RFC 8866 §5.7: c=IN IP4 192.0.2.1. Nothing: a host name, a multicast address (which has a TTL or
// a number behind a slash), or 0.0.0.0, which asks for silence (RFC 3264 §8.4).
std::optional<net::IpAddress> unicast(std::string_view connection) {
  if (word(connection) != "IN") return std::nullopt;
  const std::string_view family = word(connection);
  if (family != "IP4" && family != "IP6") return std::nullopt;
  const auto address = net::IpAddress::parse(word(connection));
  if (!address || address->is_v4() != (family == "IP4") || address->is_unspecified())
    return std::nullopt;
  const std::uint8_t first = address->bytes().front();
  if (address->is_v4() ? first >= 224 : first == 0xff) return std::nullopt;
  return *address;
}

// RFC 8866 §5.14: m=audio 49170 RTP/AVP 0, or 49170/2. Port 0 refuses the stream.
bool is_refused(std::string_view media) {
  word(media);
  const std::string_view port = word(media);
  return port.substr(0, port.find('/')).find_first_not_of('0') == std::string_view::npos;
}

}  // namespace

// Two kinds of lines matter, and everything else is passed over: a parser of the whole of SDP has
// more ways to fail than this hint is worth (docs/adr/0010-sdp-is-only-glanced-at.md).
std::optional<net::IpAddress> media_address(std::string_view sdp) {
  if (sdp.size() > limits::kSdpRead || sdp.find('\0') != std::string_view::npos)
    return std::nullopt;
  std::optional<std::string_view> session, own;  // connection lines: the session's, the stream's
  bool within_stream = false, refused = false;
  const auto wanted = [&]() -> std::optional<net::IpAddress> {
    if (!within_stream || refused) return std::nullopt;
    const auto& connection = own ? own : session;
    return connection ? unicast(*connection) : std::nullopt;
  };
  while (!sdp.empty()) {
    const auto end = sdp.find('\n');
    std::string_view line = sdp.substr(0, end);
    sdp.remove_prefix(end == std::string_view::npos ? sdp.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("m=")) {
      if (const auto found = wanted()) return found;
      within_stream = true;
      own.reset();
      refused = is_refused(line.substr(2));
    } else if (line.starts_with("c=")) {
      std::optional<std::string_view>& connection = within_stream ? own : session;
      if (!connection) connection = line.substr(2);
    }
  }
  return wanted();
}

std::optional<net::IpAddress> private_media_address(const Message& message,
                                                    const net::IpAddress& source) {
  if (net::is_private(source) || message.body().empty() ||
      !is_sdp(message.header(HeaderId::content_type)))
    return std::nullopt;
  const auto address = media_address(message.body());
  return address && net::is_private(*address) ? address : std::nullopt;
}

}  // namespace usher::sip
