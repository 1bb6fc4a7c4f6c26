// The other ends of an edge under fuzzing: they know what the edge has sent them lately, so that an
// answer matches its request and a request its dialog.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/bytes.hpp"
#include "core/net/flow.hpp"
#include "sip/parse/datagram.hpp"
#include "sip/stack.hpp"
#include "tests/support/sip_text.hpp"

namespace usher::fuzz {

class EdgePeers {
 public:
  void sent(const sip::Send& send) {
    const auto parsed = sip::parse_message(send.bytes);
    const auto* message = std::get_if<sip::MessageRef>(&parsed);
    if (message == nullptr) return;  // a keep-alive
    seen_.push_front({send.flow, std::string{send.bytes.view()}, *message});
    if (seen_.size() > kKept) seen_.pop_back();
  }

  // Answers one of the newest requests: the first byte says which, the second how, the rest are
  // further header lines or what comes instead.
  std::optional<net::Packet> response(std::string_view script) {
    const test::Sent* to = pick(script, true);
    if (to == nullptr) return std::nullopt;
    static constexpr int kStatuses[] = {100, 180, 183, 200, 202, 302, 401, 404, 407, 408, 422, 480,
                                        481, 486, 487, 488, 491, 500, 503, 600, 603, 699, 199, 420};
    const int status = kStatuses[byte(script) % std::size(kStatuses)];
    const std::string tag{"fz" + std::to_string(byte(script) % 3)};
    return packet(*to, test::response(*to, status, contact(*to) + std::string{script}, tag));
  }

  // A request within the dialog of one of the newest messages.
  std::optional<net::Packet> request(std::string_view script) {
    const test::Sent* in = pick(script, false);
    if (in == nullptr) return std::nullopt;
    static constexpr std::string_view kMethods[] = {"ACK",    "BYE",       "INVITE",  "UPDATE",
                                                    "PRACK",  "CANCEL",    "INFO",    "REFER",
                                                    "NOTIFY", "SUBSCRIBE", "MESSAGE", "OPTIONS"};
    const std::string method{kMethods[byte(script) % std::size(kMethods)]};
    const bool asked = in->message->is_request();
    const std::string own = in->header(asked ? "To" : "From");
    const bool tagged = own.find(";tag=") != std::string::npos;
    const unsigned cseq = byte(script) % 8;
    std::string uri = "sip:127.0.0.1:5060";
    if (const std::string contact = in->header("Contact"); contact.find('<') != std::string::npos)
      uri = contact.substr(contact.find('<') + 1, contact.find('>') - contact.find('<') - 1);
    return packet(
        *in, test::wire(method + " " + uri + " SIP/2.0\nVia: SIP/2.0/" +
                        std::string{in->flow.transport == net::Transport::udp ? "UDP" : "TCP"} +
                        " 192.0.2.1:5060;branch=z9hG4bKf" + std::to_string(++branch_) +
                        ";rport\nMax-Forwards: 70\nFrom: " + own + (tagged ? "" : ";tag=fz0") +
                        "\nTo: " + in->header(asked ? "From" : "To") +
                        "\nCall-ID: " + in->header("Call-ID") + "\nCSeq: " + std::to_string(cseq) +
                        " " + method + "\n" + contact(*in) + std::string{script}));
  }

 private:
  static constexpr std::size_t kKept = 8;

  static std::uint8_t byte(std::string_view& script) {
    if (script.empty()) return 0;
    const auto b = static_cast<std::uint8_t>(script.front());
    script.remove_prefix(1);
    return b;
  }
  static std::string contact(const test::Sent& of) {
    return "Contact: <sip:fz@" + of.flow.remote.text() + ">\n";
  }
  static net::Packet packet(const test::Sent& to, const std::string& text) {
    return {Bytes{text}, to.flow};
  }
  const test::Sent* pick(std::string_view& script, bool requests) const {
    std::size_t skip = byte(script) % kKept;
    for (const test::Sent& one : seen_) {
      if (requests && !one.message->is_request()) continue;
      if (skip-- == 0) return &one;
    }
    return nullptr;
  }

  std::deque<test::Sent> seen_;  // newest first
  std::uint64_t branch_ = 0;
};

}  // namespace usher::fuzz
