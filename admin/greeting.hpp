// What an operator is told when the process starts.
#pragma once

#include "core/config.hpp"
#include "core/log.hpp"
#include "core/net/transports.hpp"

namespace usher::admin {

// On stdout: where we listen, which timers hold, and what to type next.
void greet(const Config& config, const net::Transports& transports);

// A kernel that gives a listener less room than was asked for loses packets in silence.
void warn_of_small_buffers(const Config& config, const net::Transports& transports, const Log& log);

// An administration that other machines reach without TLS.
void warn_of_clear_tokens(const AdminConfig& admin, const Log& log);

}  // namespace usher::admin
