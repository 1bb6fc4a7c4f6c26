#include "sip/sdp/media_address.hpp"

#include <sofia-sip/sdp.h>

#include <memory>

#include "core/limits.hpp"
#include "core/net/private_network.hpp"
#include "core/text.hpp"
#include "sip/message/message.hpp"

namespace usher::sip {

namespace {

struct FreeParser {
  void operator()(sdp_parser_t* parser) const { sdp_parser_free(parser); }
};

bool is_sdp(std::string_view content_type) {
  constexpr std::string_view kType = "application/sdp";
  if (!equals_without_case(content_type.substr(0, kType.size()), kType)) return false;
  const std::string_view rest = content_type.substr(kType.size());
  return rest.empty() || rest.front() == ';' || rest.front() == ' ' || rest.front() == '\t';
}

std::optional<net::IpAddress> unicast(const sdp_connection_t* connection) {
  if (connection == nullptr || connection->c_mcast || connection->c_address == nullptr)
    return std::nullopt;
  const auto address = net::IpAddress::parse(connection->c_address);
  if (!address || address->is_unspecified()) return std::nullopt;
  return *address;
}

}  // namespace

std::optional<net::IpAddress> media_address(std::string_view sdp) {
  if (sdp.empty() || sdp.size() > limits::kSdpRead) return std::nullopt;
  // Without a home of its own the parser makes one, and frees it with itself. Phones leave lines
  // out that RFC 8866 wants; the one that counts here is c=.
  const std::unique_ptr<sdp_parser_t, FreeParser> parser{
      sdp_parse(nullptr, sdp.data(), static_cast<issize_t>(sdp.size()), sdp_f_insane)};
  const sdp_session_t* session = parser ? sdp_session(parser.get()) : nullptr;
  if (session == nullptr) return std::nullopt;
  for (const sdp_media_t* m = session->sdp_media; m != nullptr; m = m->m_next) {
    if (m->m_port == 0) continue;
    const auto found =
        unicast(m->m_connections != nullptr ? m->m_connections : session->sdp_connection);
    if (found) return found;
  }
  return std::nullopt;
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
