// What a dialog of one leg is called on the other leg of its call.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sip/plan.hpp"

namespace usher::sip {

// A dialog as somebody outside it writes it down: Call-ID and the tags of its two ends (RFC 3261
// §12). Which tag is whose is said by the place it stands in (to-tag, local-tag, …).
struct DialogName {
  std::string call_id, tag, other_tag;
};

class DialogNames {
 public:
  // The name that the side `towards` has for this dialog's other leg, the tags in the same order:
  // both are those of the same party. Nothing when the name is none of a dialog of ours on the
  // opposite side, or when the other leg has no tag of its peer yet.
  virtual std::optional<DialogName> across(std::string_view call_id, std::string_view tag,
                                           std::string_view other_tag, Side towards) const = 0;

 protected:
  DialogNames() = default;
  DialogNames(const DialogNames&) = default;
  DialogNames& operator=(const DialogNames&) = default;
  ~DialogNames() = default;
};

}  // namespace usher::sip
