#include "routing/ladder.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "routing/recorder/reading.hpp"

namespace usher::routing {

namespace {

struct Met {
  PartyRole role = PartyRole::stranger;
  std::size_t order = 0;
};

std::string detail_of(const Step& step) {
  std::string out = step.why;
  for (const auto& [name, value] : step.fields)
    out.append(out.empty() ? "" : "; ").append(name).append("=").append(value);
  return out;
}

std::size_t side_of(PartyRole role) {
  return role == PartyRole::backend ? 2 : role == PartyRole::usher ? 1 : 0;
}

}  // namespace

std::string_view role_name(PartyRole role) {
  switch (role) {
    case PartyRole::phone: return "phone";
    case PartyRole::usher: return "usher";
    case PartyRole::backend: return "backend";
    case PartyRole::stranger: return "stranger";
  }
  return "phone";
}

std::string_view ladder_kind_name(LadderKind kind) {
  switch (kind) {
    case LadderKind::message: return "message";
    case LadderKind::retransmission: return "retransmission";
    case LadderKind::dropped: return "dropped";
    case LadderKind::note: return "note";
  }
  return "note";
}

Ladder make_ladder(const Records& records,
                   const std::function<bool(const net::IpAddress&)>& is_backend) {
  Ladder out;
  out.older = records.older;

  // Somebody of whom everything was dropped is a stranger.
  std::map<net::Endpoint, Met> met;
  for (const Record& r : records.items) {
    if (!r.is_message()) continue;
    Met& one = met.emplace(r.remote, Met{PartyRole::stranger, met.size()}).first->second;
    if (is_backend(r.remote.address)) {
      one.role = PartyRole::backend;
    } else if (!r.dropped) {
      one.role = PartyRole::phone;
    }
  }
  std::vector<std::pair<const net::Endpoint*, Met>> order;
  for (const auto& [endpoint, one] : met) order.emplace_back(&endpoint, one);
  order.emplace_back(nullptr, Met{PartyRole::usher, 0});
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::tuple{side_of(a.second.role), a.second.order} <
           std::tuple{side_of(b.second.role), b.second.order};
  });
  std::map<net::Endpoint, std::size_t> index;
  std::size_t usher = 0;
  for (const auto& [endpoint, one] : order) {
    if (endpoint) {
      index[*endpoint] = out.parties.size();
    } else {
      usher = out.parties.size();
    }
    out.parties.push_back({endpoint ? endpoint->text() : "usher", one.role});
  }

  for (const Record& r : records.items) {
    if (r.kind == RecordKind::begin) continue;  // its message says more
    LadderItem item;
    item.sequence = r.sequence;
    item.at = r.at;
    item.wall = r.wall;
    item.offset = out.items.empty() ? Duration{} : r.at - out.items.front().at;
    if (!r.is_message()) {
      item.kind = LadderKind::note;
      item.label = r.step.what;
      item.detail = detail_of(r.step);
      out.items.push_back(std::move(item));
      continue;
    }
    const Reading reading = read_message(r.text);
    item.received = r.kind == RecordKind::received;
    item.from = item.received ? index.at(r.remote) : usher;
    item.to = item.received ? usher : index.at(r.remote);
    item.kind = r.dropped    ? LadderKind::dropped
                : r.repeated ? LadderKind::retransmission
                             : LadderKind::message;
    item.label = reading.label();
    item.cseq = reading.cseq;
    item.transport = r.transport;
    item.local = r.local;
    item.remote = r.remote;
    item.bytes = r.bytes;
    item.text = r.text;
    out.items.push_back(std::move(item));
  }
  return out;
}

}  // namespace usher::routing
