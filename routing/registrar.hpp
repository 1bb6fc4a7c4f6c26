// REGISTER through the edge (RFC 3261 §10, rules 4 and 5): the phone's Contacts become
// tokens on the way to the backend, and become themselves again in its answer; a binding exists
// once the backend has granted it.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/log.hpp"
#include "core/rng.hpp"
#include "routing/location.hpp"
#include "routing/parties.hpp"
#include "sip/plan.hpp"

namespace usher::routing {

// A REGISTER on its way to a backend.
struct Registration {
  struct Contact {
    std::string uri;       // the device's own, byte for byte
    std::string display;   // as written, may be empty
    std::string params;    // header parameters as written: ";q=0.5;expires=60"
    std::string instance;  // without its quotes
    std::string token;
    std::uint16_t q = 1000;
    std::optional<std::uint32_t> expires;  // its own parameter
  };
  std::string aor, user;
  bool star = false;
  std::vector<Contact> contacts;         // empty without star: a query
  std::optional<std::uint32_t> expires;  // the Expires header
  std::uint64_t call_id = 0;             // hashed
  std::uint32_t cseq = 0;
  net::Flow flow;
  std::string user_agent;
  // It asks for RFC 5626 of the edge as its first hop: option tag, reg-id and +sip.instance.
  bool outbound = false;

  bool is_query() const { return !star && contacts.empty(); }
  std::uint32_t asked(const Contact& c) const;  // seconds; 0: to be removed
};

class Registrar {
 public:
  // `location` and `log` outlive it. `token_key` is lasting.
  Registrar(Location& location, const HashKey& token_key, const Log& log)
      : location_(location), key_(token_key), log_(log) {}

  // Reads a phone's REGISTER and gives each Contact its token, or says what to answer: 400 for what
  // RFC 3261 §10.2 forbids, 403 for more Contacts than an AoR may have, 503 when limits::kBindings
  // is reached.
  std::variant<Registration, sip::Reply> read(const sip::Message& request, const Parties& parties,
                                              const net::Flow& flow) const;

  // The Contact values for the backend, reachable at `sent_by`. "*" stays what it is.
  static std::vector<std::string> for_backend(const Registration& r, std::string_view sent_by,
                                              net::Transport transport);

  // What a 2xx by `target` changes; location() is changed when this returns. `contacts` are the
  // phone's, absent when the answer had none. A Contact's expiry is the answer's own for it, else
  // its Expires header, else what was asked, else 3600 s. An answer that lists Contacts, but not
  // one that was asked for, has not granted it. One that answers an older REGISTER (lower CSeq of
  // the same Call-ID, §10.3 step 7) than was applied already changes nothing.
  struct Granted {
    std::vector<storage::Change> changes;
    std::optional<std::vector<std::string>> contacts;
    std::string summary;  // for the log
    // Of each binding that was known already, by its token: the flow it had.
    std::vector<std::pair<std::string, net::Flow>> before;
    std::vector<sip::HeaderLine> headers;  // that the phone's 2xx gets besides
  };
  Granted granted(const Now& now, const Registration& r, const sip::Message& response,
                  storage::TargetId target);

  // How long it is remembered which REGISTER was applied last: 64·T1 and more.
  static constexpr Duration kMemory = std::chrono::seconds(64);
  std::optional<Instant> next_deadline() const;
  void on_time(Instant now);

 private:
  struct Listed;
  std::string token_for(const Registration& r, const Registration::Contact& c,
                        std::string_view reg_id) const;
  static void add_outbound(const Registration& r, const sip::Message& response, Granted& out);
  bool is_late(Instant now, const Registration& r);
  void forget_oldest();
  void drop(const std::string& token, Granted& out);
  void store(const Now& now, const Registration& r, const Registration::Contact& c,
             std::uint32_t seconds, storage::TargetId target, Granted& out);

  Location& location_;
  HashKey key_;
  const Log& log_;
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> applied_;  // Call-ID → highest CSeq
  struct Memory {
    Instant due{};
    std::uint64_t call_id = 0;
    std::uint32_t cseq = 0;
  };
  std::deque<Memory> memory_;
};

}  // namespace usher::routing
