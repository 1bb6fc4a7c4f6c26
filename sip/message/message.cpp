#include "sip/message/message.hpp"

#include "core/text.hpp"

namespace usher::sip {

const HeaderField* Message::find(HeaderId id) const {
  for (const HeaderField& h : headers_) {
    if (h.id == id) return &h;
  }
  return nullptr;
}

const HeaderField* Message::find(std::string_view wanted) const {
  if (const HeaderId id = parse_header_name(wanted); id != HeaderId::other) return find(id);
  for (const HeaderField& h : headers_) {
    if (equals_without_case(name(h), wanted)) return &h;
  }
  return nullptr;
}

std::string_view Message::header(HeaderId id) const {
  const HeaderField* h = find(id);
  return h ? value(*h) : std::string_view{};
}

std::size_t Message::count(HeaderId id) const {
  std::size_t n = 0;
  for (const HeaderField& h : headers_) n += h.id == id ? 1 : 0;
  return n;
}

}  // namespace usher::sip
