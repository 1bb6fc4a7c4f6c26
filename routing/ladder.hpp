// What the recorder found, as a ladder diagram: who took part, and what passed between them, both
// legs of a call beside each other. Pure values; admin/ladder draws them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/recorder/recorder.hpp"

namespace usher::routing {

enum class PartyRole : std::uint8_t { phone, usher, backend, stranger };
std::string_view role_name(PartyRole role);

enum class LadderKind : std::uint8_t { message, retransmission, dropped, note };
std::string_view ladder_kind_name(LadderKind kind);

struct LadderParty {
  std::string label;  // "127.0.0.21:5060"; of ourselves "usher"
  PartyRole role = PartyRole::phone;
};

struct LadderItem {
  std::uint64_t sequence = 0;  // as in Record
  Instant at{};
  WallTime wall{};
  Duration offset{};  // since the first item
  LadderKind kind = LadderKind::message;
  std::size_t from = 0, to = 0;  // parties; of a note: 0
  std::string label;             // "INVITE", "180 Ringing"; of a note its step
  std::string cseq;              // "1 INVITE"
  std::string detail;            // of a note: why, and its fields
  net::Transport transport = net::Transport::udp;
  net::Endpoint local, remote;
  bool received = false;
  std::size_t bytes = 0;  // on the wire
  std::string text;       // redacted, perhaps truncated
};

struct Ladder {
  std::vector<LadderParty> parties;    // left to right: outside, ourselves, backends
  std::vector<LadderItem> items;       // in order
  std::optional<std::uint64_t> older;  // as in Records
};

// `is_backend`: whose address it is now.
Ladder make_ladder(const Records& records,
                   const std::function<bool(const net::IpAddress&)>& is_backend);

}  // namespace usher::routing
