// What the users of the transaction layer share: calls, relays and probes.
#pragma once

#include <string>
#include <vector>

#include "core/log.hpp"
#include "core/rng.hpp"
#include "core/slab.hpp"
#include "core/timers.hpp"
#include "sip/b2bua/large_requests.hpp"
#include "sip/stack.hpp"

namespace usher::sip {

// Whom a transaction belongs to; its id is the transaction's cookie.
struct TransactionUser {
  enum class Kind : std::uint8_t {
    none,
    attempt,          // client: the first INVITE of a leg
    invite_server,    // object: InviteExchange
    reinvite_client,  // object: InviteExchange
    server,           // object: Exchange, a request within a dialog
    client,
    own_bye,       // a BYE of our own
    liveness,      // an OPTIONS of our own within a dialog
    relay_server,  // object: Relay
    relay_client,
    probe,  // object: Probe
  };
  Kind kind = Kind::none;
  std::uint64_t object = 0;  // packed id
  std::uint64_t leg = 0;     // packed LegId for those that live on a leg
  // Of a client transaction that has no final response yet: when it was begun, and with whom.
  Instant began{};
  Method method = Method::other;
  Side towards = Side::phone;
};

struct UserTimer {
  enum class Kind : std::uint8_t {
    none,
    attempt,            // object: Call
    ring_limit,         // object: InviteExchange
    answer_retransmit,  // object: InviteExchange
    answer_timeout,     // object: InviteExchange
    session,            // object: Call
    liveness,           // object: Call
    flow_recovery,      // object: Call
    bye_wait,           // object: Exchange
    leg_linger,         // object: Leg
    relay_attempt,      // object: Relay
    probe_timeout,      // object: Probe
  };
  Kind kind = Kind::none;
  std::uint64_t object = 0;
};

struct UserTag {};
using UserId = SlabId<UserTag>;

// 503: a limit (core/limits.hpp) is reached.
Reply no_room(std::string_view limit);

struct Environment {
  Environment(StackConfig c, const Log& l)
      : config(std::move(c)),
        log(l),
        layer(config.timers, config.seed),
        rng(config.seed ^ 0x5A17C0DEULL),
        large(config.listeners, events) {}

  StackConfig config;
  const Log& log;
  TransactionLayer layer;
  TransactionOutput out;
  std::vector<StackEvent> events;
  Rng rng;
  TimerQueue<UserTimer> timers;
  Slab<TransactionUser, UserTag> users;
  LargeRequests large;
  Traffic traffic;

  const Listener& listener(const net::Flow& flow) const {
    return config.listeners.at(flow.listener.value);
  }

  Cookie user(TransactionUser u) { return users.emplace(u).first.packed(); }
  void emit(StackEvent event) { events.push_back(std::move(event)); }
  void send(const net::Flow& flow, const Bytes& bytes) { out.sends.push_back(Send{flow, bytes}); }

  // Starts a client transaction over `flow`, or by TCP to the same place when the request is too
  // large for a datagram. `build(via, branch)` gives the request with a top Via of that listener
  // and branch, in all else the same each time. Void at the limit of transactions.
  template <class Build>
  ClientTxId start(Now now, Method method, const net::Flow& flow, Side towards, Cookie cookie,
                   Build&& build) {
    if (TransactionUser* user = users.find(UserId::unpack(cookie))) {
      user->began = now.mono;
      user->method = method;
      user->towards = towards;
    }
    std::string branch = layer.new_branch();
    Bytes bytes = build(listener(flow), branch);
    const auto stream = LargeRequests::concerns(bytes, flow)
                            ? large.way(now.mono, flow, towards, method, bytes.size())
                            : std::nullopt;
    if (!stream) return layer.send(now.mono, method, branch, bytes, flow, cookie, out);
    const std::string other = layer.new_branch();
    const ClientTxId id =
        layer.send(now.mono, method, other, build(listener(*stream), other), *stream, cookie, out);
    if (id) large.keep(cookie, {method, std::move(branch), std::move(bytes), flow});
    return id;
  }

  // For the trace of the request with this key.
  void note_reply(const std::string& key, const Reply& reply);
  // `timer`: of timer_label.
  void note_armed(const std::string& key, std::string_view timer, Duration time,
                  std::string_view text, const net::Endpoint& peer = {});
  void note_fired(const std::string& key, std::string_view timer, Duration time,
                  std::string_view text, const net::Endpoint& peer = {});
  // A client transaction has a final response; later ones of it count for nothing.
  void answered(Now now, Cookie cookie);

  // A final response of our own to a request outside a dialog, with its Reason.
  void reply(Now now, const RequestReceived& received, const Reply& reply);
  // The same without state: it is never repeated.
  void reply_stateless(const RequestReceived& received, const Reply& reply);

 private:
  void note_timer(NoteKind kind, const std::string& key, std::string_view timer, Duration time,
                  std::string_view text, const net::Endpoint& peer);
};

}  // namespace usher::sip
