// Final responses that are never passed over for another target, whatever a failover policy says.
#pragma once

namespace usher::sip {

// Success and redirection; a challenge, whose answer must meet the same target (401, 407); and what
// the callee himself, or the caller's CANCEL, has decided: 486, 487, 600, 603.
constexpr bool is_last_word(int status) {
  return status < 400 || status == 401 || status == 407 || status == 486 || status == 487 ||
         status == 600 || status == 603;
}

}  // namespace usher::sip
