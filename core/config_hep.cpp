#include "core/config_hep.hpp"

#include <limits>
#include <string>

namespace usher {

namespace {

// A chunk of the protocol has room for more; nobody's password is longer.
constexpr std::size_t kPasswordBytes = 255;

}  // namespace

void read_hep(ConfigSection section, HepConfig& hep) {
  section.expect({"server", "agent_id", "password"});
  if (!section.has("server")) {
    section.fault("server",
                  "missing: expected the address and port of a capture server, such as "
                  "\"192.0.2.60:9060\"");
  } else if (const auto server = section.endpoint("server")) {
    if (server->address.is_unspecified()) {
      section.fault("server", server->text() +
                                  " is the unspecified address: expected that of a capture server");
    } else {
      hep.server = *server;
    }
  }
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (const auto id = section.number("agent_id", 0, kMost))
    hep.agent_id = static_cast<std::uint32_t>(*id);
  if (const auto password = section.string("password")) {
    // Not quoted: it is a secret even where it cannot be used.
    if (password->empty() || password->size() > kPasswordBytes) {
      section.fault("password", "has " + std::to_string(password->size()) +
                                    " bytes: expected 1 to " + std::to_string(kPasswordBytes));
    }
    hep.password = *password;
  }
}

}  // namespace usher
