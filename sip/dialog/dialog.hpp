// One side of a dialog (RFC 3261 §12): what names it, where its peer is, and the two CSeq spaces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "sip/message/message.hpp"

namespace usher::sip {

struct Dialog {
  std::string call_id;
  std::string local_tag;
  std::string remote_tag;   // empty until the peer has answered with one
  std::string local_party;  // name-addr without tag, as it stands in our From and the peer's To
  std::string remote_party;
  std::string
      remote_target;  // the peer's Contact URI, byte for byte; the Request-URI of our requests
  std::vector<std::string> route_set;  // Route values of our requests, in order
  std::uint32_t local_cseq = 0;        // the last one we used
  std::uint32_t remote_cseq = 0;       // the highest seen; 0: none yet
  bool confirmed = false;
};

// The dialog a UAS has after it answers `invite` with `local_tag` (§12.1.1). Errors name the header
// field: an INVITE without exactly one usable Contact, a broken Record-Route.
Result<Dialog> uas_dialog(const Message& request, std::string_view local_tag);

// Takes the peer's tag, target and route set from a response that makes or confirms the dialog
// (§12.1.2, §13.2.2.4: the route set is computed again at the 2xx). A response without Contact
// keeps the target.
void learn_from_response(Dialog& dialog, const Message& response);

// Takes the notifier's target and route set from the NOTIFY that makes a subscriber's dialog (RFC
// 6665 §4.4.1); it confirms the dialog.
void learn_from_notify(Dialog& dialog, const Message& notify);

// Target refresh (§12.2): a new remote target from a request of refreshes_target(), or 2xx to one.
void refresh_target(Dialog& dialog, const Message& message);

// INVITE, UPDATE, SUBSCRIBE, NOTIFY, REFER (RFC 5057 §5.4).
bool refreshes_target(Method method);

// §12.2.2: false when the request is older than one already seen. ACK and CANCEL are not for this.
bool accept_cseq(Dialog& dialog, std::uint32_t number);

// The name-addr of a From or To value without its parameters: `"A" <sip:a@b>`; a bare URI gets
// brackets. Empty when it is no name-addr.
std::string party_of(std::string_view from_or_to_value);
// The URI in such a party.
std::string_view party_uri(std::string_view party);

}  // namespace usher::sip
