#include "sip/message/option_tags.hpp"

#include <algorithm>

#include "core/text.hpp"

#include "sip/grammar/grammar.hpp"

namespace usher::sip {

std::vector<std::string_view> option_tags(const Message& message, HeaderId header) {
  std::vector<std::string_view> out;
  for (const HeaderField& field : message.headers()) {
    if (field.id != header) continue;
    if (const auto tags = parse_token_list(message.value(field)))
      out.insert(out.end(), tags->begin(), tags->end());
  }
  return out;
}

bool has_option(const Message& message, HeaderId header, std::string_view tag) {
  const auto tags = option_tags(message, header);
  return std::any_of(tags.begin(), tags.end(),
                     [&](std::string_view t) { return equals_without_case(t, tag); });
}

}  // namespace usher::sip
