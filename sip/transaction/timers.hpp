// The values of the lettered timers (RFC 3261 Table 4, RFC 6026 §8.11).
#pragma once

#include <cstdint>

#include "core/time.hpp"
#include "sip/transaction/events.hpp"

namespace usher::sip {

enum class Machine : std::uint8_t { invite_client, invite_server, client, server };

// The value a timer is started with. For timers that are zero over reliable transports (D, I, J, K)
// this is the value over unreliable ones: the machines do not start them otherwise.
Duration first_interval(Machine machine, TimerLetter timer, const TransactionTimers& timers);

// The value of a retransmission timer after it fired with `previous`: A doubles without end, E and
// G up to T2.
Duration next_interval(TimerLetter timer, Duration previous, const TransactionTimers& timers);

// How long after the first transmission a client's timer E is reset to T2 (RFC 4320 §4.1): 3.5 s by
// default.
Duration time_until_t2(const TransactionTimers& timers);

}  // namespace usher::sip
