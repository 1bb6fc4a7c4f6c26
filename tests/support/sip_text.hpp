// SIP written as text with plain line ends, and what came out of an edge, parsed.
#pragma once

#include <string>
#include <string_view>

#include "core/net/flow.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/message/message.hpp"

namespace usher::test {

// Plain line ends become CRLF and Content-Length is made to fit.
inline std::string wire(std::string_view head, std::string_view body = {}) {
  std::string out;
  for (const char c : head) {
    if (c == '\n') out += '\r';
    out += c;
  }
  out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return out + std::string{body};
}

struct Ask {
  std::string method = {}, uri = {}, from = {},
              to = {};  // from and to: AoRs or URIs without scheme
  std::string call_id = "call-1";
  unsigned cseq = 1;
  std::string headers = {};  // whole lines
  std::string from_tag = "ft";
  std::string to_tag = {};
  int max_forwards = 70;
  std::string transport = "UDP";
  std::string via = "192.168.1.9:5060";  // what the sender believes to be
};

inline std::string request(const Ask& a) {
  static unsigned branch = 0;
  return wire(a.method + " " + a.uri + " SIP/2.0\nVia: SIP/2.0/" + a.transport + " " + a.via +
              ";branch=z9hG4bKt" + std::to_string(++branch) +
              ";rport\nMax-Forwards: " + std::to_string(a.max_forwards) + "\nFrom: <sip:" + a.from +
              ">;tag=" + a.from_tag + "\nTo: <sip:" + a.to + ">" +
              (a.to_tag.empty() ? "" : ";tag=" + a.to_tag) + "\nCall-ID: " + a.call_id +
              "\nCSeq: " + std::to_string(a.cseq) + " " + a.method + "\n" + a.headers);
}

// The CANCEL of an INVITE that request() has made (RFC 3261 §9.1).
inline std::string cancel_of(std::string invite) {
  const auto cseq = invite.find(" INVITE\r\n", invite.find("\r\nCSeq: "));
  invite.replace(cseq + 1, 6, "CANCEL");
  invite.replace(0, 6, "CANCEL");
  return invite;
}

struct Sent {
  net::Flow flow;
  std::string text;
  sip::MessageRef message;

  std::string header(std::string_view name) const {
    const auto* field = message->find(sip::parse_header_name(name));
    if (sip::parse_header_name(name) == sip::HeaderId::other) field = message->find(name);
    return field ? std::string{message->value(*field)} : std::string{};
  }
  std::string method() const { return std::string{message->method_name()}; }
  std::string uri() const { return std::string{message->request_uri()}; }
  int status() const { return message->status(); }
  // User part of the Contact's URI.
  std::string contact_user() const {
    const auto contacts = sip::parse_contacts(message->header(sip::HeaderId::contact));
    return contacts && !contacts->contacts.empty() ? std::string{contacts->contacts[0].uri.user}
                                                   : std::string{};
  }
};

inline std::string response(const Sent& to, int status, const std::string& headers = {},
                            const std::string& tag = "bt") {
  std::string out = "SIP/2.0 " + std::to_string(status) + " Because\n";
  for (const sip::HeaderField& h : to.message->headers()) {
    if (h.id == sip::HeaderId::via || h.id == sip::HeaderId::from ||
        h.id == sip::HeaderId::call_id || h.id == sip::HeaderId::cseq) {
      out += std::string{to.message->name(h)} + ": " + std::string{to.message->value(h)} + "\n";
    } else if (h.id == sip::HeaderId::to) {
      out += "To: " + std::string{to.message->value(h)} +
             (to.message->to_tag().empty() ? ";tag=" + tag : "") + "\n";
    }
  }
  return wire(out + headers);
}

}  // namespace usher::test
