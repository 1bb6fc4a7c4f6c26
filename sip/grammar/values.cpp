#include "sip/grammar/values.hpp"

#include "core/text.hpp"

namespace usher::sip {

const Param* find_param(const Params& params, std::string_view name) {
  for (const Param& p : params) {
    if (equals_without_case(p.name, name)) return &p;
  }
  return nullptr;
}

std::string_view param_value(const Params& params, std::string_view name) {
  const Param* p = find_param(params, name);
  return p && p->value ? *p->value : std::string_view{};
}

std::optional<net::Transport> transport_of(const Uri& uri) {
  const auto named = net::parse_transport(param_value(uri.params, "transport"));
  if (!uri.is_sips) return named;
  return named && net::is_websocket(*named) ? net::Transport::wss : net::Transport::tls;
}

}  // namespace usher::sip
