// Messages as the simulated agents write and read them. Reading is sip/parse; writing is done here,
// so that a mistake in the edge's own writing does not hide itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/bytes.hpp"
#include "sip/message/message.hpp"

namespace usher::sim {

// The number of a simulated request; unknown header fields cross the edge as they are.
inline constexpr std::string_view kNumber = "X-Sim";
inline constexpr std::string_view kDevice = "X-Device";
// In a response: the callee's leg that gave it; in a request: the leg that it means.
inline constexpr std::string_view kLeg = "X-Leg";

// What was sent, shared by everyone who hears of it.
struct Text {
  Bytes bytes;
  sip::MessageRef message;  // null: not SIP
  bool altered = false;     // the network changed it on its way

  bool readable() const { return message != nullptr; }
  bool is_request() const { return message && message->is_request(); }
  bool is_response() const { return message && !message->is_request(); }
  int status() const { return message ? message->status() : 0; }
  std::string_view method() const;  // of a response: its CSeq's
  std::string_view branch() const;
  std::string header(std::string_view name) const;
  int integer(std::string_view name) const;  // of a header; 0: none
  int number() const { return integer(kNumber); }
  std::string what() const;  // "INVITE", "200 BYE"
};
using TextRef = std::shared_ptr<const Text>;

TextRef read_text(Bytes bytes, bool altered = false);

// `lines` end with "\n" each; CRLF and Content-Length are added.
std::string write_text(std::string_view lines, std::string_view body = {});

// The lines of a response that copy the request's; `tag` goes into To where it has none.
std::string response_lines(const Text& request, int status, std::string_view tag);

// The URI of a Contact, From or To value, as written.
std::string uri_in(std::string_view value);
// "sip:401@a.test" → "401@a.test".
std::string aor_in(std::string_view value);
std::string tag_in(std::string_view value);

}  // namespace usher::sim
