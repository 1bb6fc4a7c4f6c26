// /v1/connections: the stream connections of SIP that are open, those that /v1/status counts.
#include <limits>
#include <optional>

#include "admin/resources/filters.hpp"
#include "admin/resources/live.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"

namespace usher::admin {

namespace {

using net::ConnectionView;

constexpr std::int64_t kNewest = std::numeric_limits<std::int64_t>::max();

// What is empty restricts nothing.
struct Wanted {
  std::string transport;
  std::optional<net::IpAddress> source;
  std::optional<bool> silent;
};

bool is_wanted(const Wanted& wanted, const ConnectionView& c) {
  if (!wanted.transport.empty() && net::transport_name(c.flow.transport) != wanted.transport)
    return false;
  if (wanted.source && c.flow.remote.address != *wanted.source) return false;
  return !wanted.silent || *wanted.silent != c.proven;
}

Json show(const ConnectionView& c, Now now) {
  return Json::Object{{"id", id_text(c.flow.connection)},
                      {"transport", net::transport_name(c.flow.transport)},
                      {"state", c.state},
                      {"remote", c.flow.remote.text()},
                      {"local", c.local.text()},
                      {"made_by", c.accepted ? "peer" : "us"},
                      {"silent", !c.proven},
                      {"opened", time_text(wall_time(now, c.opened))},
                      {"last_traffic", time_text(wall_time(now, c.last_traffic))},
                      {"queued_bytes", c.queued_bytes}};
}

Answer list(const Service& service, const Call& call) {
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  const auto& [limit, cursor] = std::get<routing::Page>(page);
  const std::int64_t after = cursor.empty() ? 0 : read_number(cursor, kNewest);
  if (!cursor.empty() && after == 0) return bad_cursor(cursor);
  Wanted wanted;
  Filters filters(call);
  filters.one_of("transport", {"tcp", "tls", "ws", "wss"}, wanted.transport);
  filters.address("source", wanted.source);
  filters.flag("silent", wanted.silent);
  if (filters.refused) return *filters.refused;
  const Now now = service.now();
  return live_page<ConnectionView>(
      limit, [](const ConnectionView& c) { return c.flow.connection; },
      [&](const auto& visit) {
        service.each_connection({static_cast<std::uint64_t>(after)}, visit);
      },
      [&](const ConnectionView& c) { return is_wanted(wanted, c); },
      [&](const ConnectionView& c) { return show(c, now); });
}

}  // namespace

void add_connections(Router& router, const Context& context) {
  const Service& service = context.service;
  router.add("GET", "/v1/connections", {"transport", "source", "silent", "limit", "cursor"},
             [&service](const Call& call) { return list(service, call); });
}

}  // namespace usher::admin
