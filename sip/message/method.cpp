#include "sip/message/method.hpp"

#include <array>

namespace usher::sip {
namespace {

constexpr std::array<std::string_view, 15> kMethodNames = {
    "INVITE", "ACK",     "BYE",       "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE",
    "INFO",   "MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER",   "PUBLISH",  "",
};

constexpr Method if_equal(std::string_view token, Method m) {
  return token == kMethodNames[static_cast<std::size_t>(m)] ? m : Method::other;
}

}  // namespace

// At most two candidates share a length and a first letter, so one comparison decides.
Method parse_method(std::string_view token) {
  switch (token.size()) {
    case 3: return if_equal(token, token[0] == 'A' ? Method::ack : Method::bye);
    case 4: return if_equal(token, Method::info);
    case 5: return if_equal(token, token[0] == 'P' ? Method::prack : Method::refer);
    case 6:
      switch (token[0]) {
        case 'I': return if_equal(token, Method::invite);
        case 'C': return if_equal(token, Method::cancel);
        case 'N': return if_equal(token, Method::notify);
        default: return if_equal(token, Method::update);
      }
    case 7:
      switch (token[0]) {
        case 'O': return if_equal(token, Method::options);
        case 'M': return if_equal(token, Method::message);
        default: return if_equal(token, Method::publish);
      }
    case 8: return if_equal(token, Method::register_);
    case 9: return if_equal(token, Method::subscribe);
    default: return Method::other;
  }
}

std::string_view method_text(Method m) {
  return kMethodNames[static_cast<std::size_t>(m)];
}

}  // namespace usher::sip
