#include "storage/sqlite/columns.hpp"

namespace usher::storage {

std::string networks_text(const std::vector<net::Cidr>& networks) {
  std::string out;
  for (const net::Cidr& network : networks)
    out.append(out.empty() ? "" : " ").append(network.text());
  return out;
}

Result<void> read_networks(const Statement& row, int column, std::string_view name,
                           std::vector<net::Cidr>& out) {
  out.clear();
  return each_part(row.text(column), ' ', [&](std::string_view part) -> Result<void> {
    auto network = net::Cidr::parse(part);
    if (!network) return bad_column(name, row.text(column), network.error().message);
    out.push_back(*network);
    return {};
  });
}

void bind_flow(Statement& put, int first, const net::Flow& flow) {
  put.bind(first, net::transport_name(flow.transport))
      .bind(first + 1, std::int64_t{flow.listener.value})
      .bind(first + 2, flow.remote.address.text())
      .bind(first + 3, std::int64_t{flow.remote.port});
}

Result<void> read_flow(const Statement& row, int first, net::Flow& flow) {
  const auto transport = net::parse_transport(row.text(first));
  if (!transport) return bad_column("transport", row.text(first), "not known");
  flow.transport = *transport;
  if (auto r = read_number(row, first + 1, "listener", flow.listener.value); !r) return r;
  const auto address = net::IpAddress::parse(row.text(first + 2));
  if (!address) return bad_column("remote_ip", row.text(first + 2), address.error().message);
  flow.remote.address = *address;
  return read_number(row, first + 3, "remote_port", flow.remote.port);
}

}  // namespace usher::storage
