// What the transaction user tells the stack about one request: where it may go and how each side is
// to be presented. Plain data: the stack knows neither domains nor dispatchers.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/net/address.hpp"
#include "core/net/flow.hpp"
#include "sip/transaction/events.hpp"

namespace usher::sip {

// Whom a leg faces. Towards a phone no backend address may show; towards a backend From and To stay
// the phone's.
enum class Side : std::uint8_t { phone, backend };

// Hosts that no phone may see: backends' addresses and names, their source networks, our own
// advertised hosts. Shared by all plans of one directory snapshot.
struct HiddenHosts {
  std::vector<net::Cidr> networks;
  boost::unordered_flat_set<std::string> names;      // lower case
  boost::unordered_flat_set<std::string> addresses;  // canonical text, without brackets
  // `host` as it stands in a URI: any case, IPv6 with or without brackets.
  bool hides(std::string_view host) const;
};

// One place to try.
struct Attempt {
  net::Flow flow;
  std::string
      request_uri;  // becomes the Request-URI byte for byte; empty: the received one, unchanged
  std::uint64_t mark = 0;  // the user's own, echoed in AttemptEnded (a target's id)
  // An INVITE rings here at the same time as at the one before it: they are one group (RFC 3261
  // §16.6). Other requests are tried one after the other.
  bool parallel = false;
  // User part of our Contact on the origin's leg in dialogs with this place; empty: the plan's.
  std::string contact_user_origin{};
  std::string device{};  // the user's name of the phone that is reached; empty: none. See
                         // Stack::rebind()
  // Further flows to the same device (RFC 5626 §5.3, §6): each is tried when the one before it has
  // failed, by its transport or with 430, and never at the same time. Theirs are empty.
  std::vector<Attempt> others{};
};
inline constexpr int kFlowFailed = 430;  // RFC 5626 §11.4

struct Plan {
  std::vector<Attempt> attempts;              // in order; 1 to limits::kAttemptsPerRequest
  std::vector<std::uint16_t> failover_codes;  // final responses that go on to the next attempt
  // INVITE: the next group is tried whatever the present one says, 2xx and 6xx apart (§16.7 step
  // 5), and when its ring limit has run out: the devices of one user.
  bool exhaustive = false;
  // INVITE: places that a 3xx may send the call to, by its Contact; any other Contact is not
  // followed, and the 3xx is passed on. Empty: none is followed.
  std::vector<Attempt> redirects;
  Side towards = Side::backend;     // whom the new leg faces; the other leg faces the other side
  std::string contact_user_new;     // user part of our Contact on the new leg; may be empty
  std::string contact_user_origin;  // and on the leg the request came in on
  std::string device_origin;        // the user's name of the phone the request came from, or empty
  std::string to_uri;               // To URI on the new leg; empty: the received one
  std::string domain;               // stands in for hidden hosts towards a phone
  std::shared_ptr<const HiddenHosts> hidden;
  std::string key;          // call key of log lines; empty: the stack makes one
  Cookie mark = 0;          // the user's own, echoed in every event of this request
  bool hold_final = false;  // not INVITE: the final response waits for Stack::release()
  // REGISTER: these Contact values replace the received ones; used when replace_contacts is set.
  std::vector<std::string> contacts;
  bool replace_contacts = false;
};

using HeaderLine = std::pair<std::string, std::string>;  // name, value

// A final response made by ourselves. A Reason header (RFC 3326) with `why` is added to each.
struct Reply {
  int status = 500;
  std::string reason{};  // reason phrase; empty: the RFC's
  std::string why{};     // for the Reason header's text, the log and the trace: plain words
  std::vector<HeaderLine> headers{};  // Allow, Retry-After, Unsupported, …
};

}  // namespace usher::sip
