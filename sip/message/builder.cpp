#include "sip/message/builder.hpp"

#include "core/text.hpp"
#include "sip/message/status.hpp"

namespace usher::sip {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

std::string_view after(std::string_view whole, const char* from) {
  return whole.substr(static_cast<std::size_t>(from - whole.data()));
}

std::string_view between(const char* from, const char* to) {
  return {from, static_cast<std::size_t>(to - from)};
}

// RFC 3261 §18.2.1: received is added when sent-by is a name, or an address that the packet did not
// come from.
bool came_from_sent_by(const Via& via, const net::IpAddress& source) {
  if (via.host.empty()) return false;
  const char first = via.host.front();
  if (first != '[' && (first < '0' || first > '9')) return false;
  const Result<net::IpAddress> sent_by = net::IpAddress::parse(via.host);
  return sent_by.has_value() && *sent_by == source;
}

// The top Via as the response carries it. RFC 3581 §4: an empty rport is filled with the source
// port, and received is then added even if it equals sent-by. A received that the client wrote
// itself is replaced. RFC 5118 §4.5: an IPv6 address in received stands without brackets.
void write_top_via(BytesWriter& out, std::string_view value, const Via& via,
                   const net::Endpoint& source) {
  const Param* rport = find_param(via.params, "rport");
  const bool fill_rport = rport && !rport->value;
  const char* raw_end = via.raw.data() + via.raw.size();
  const bool add_received = fill_rport || !came_from_sent_by(via, source.address);
  if (!add_received && !find_param(via.params, "received")) {
    out << "Via: " << value << kLineEnd;
    return;
  }
  const std::string_view from_host = after(via.raw, via.host.data() + via.host.size());
  const std::size_t semicolon = from_host.find(';');
  const char* sent_by_end =
      semicolon == std::string_view::npos ? raw_end : from_host.data() + semicolon;
  out << "Via: " << between(via.raw.data(), sent_by_end);
  for (const Param& p : via.params) {
    if (equals_without_case(p.name, "received")) continue;
    out << ";" << p.name;
    if (&p == rport && fill_rport) {
      out << "=" << std::uint64_t{source.port};
    } else if (p.value) {
      out << "=" << *p.value;
    }
  }
  if (add_received) out << ";received=" << source.address.text();
  out << after(value, raw_end) << kLineEnd;
}

// `value` without a bare ";" or white space at its end, so that a parameter can follow.
std::string_view open_end(std::string_view value) {
  while (!value.empty() && (value.back() == ';' || value.back() == ' ' || value.back() == '\t' ||
                            value.back() == '\r' || value.back() == '\n')) {
    value.remove_suffix(1);
  }
  return value;
}

}  // namespace

MessageBuilder MessageBuilder::request(std::string_view method, std::string_view request_uri,
                                       std::size_t size_hint) {
  return MessageBuilder(size_hint, [&](MessageBuilder& b) {
    b.out_ << method << " " << request_uri << " SIP/2.0\r\n";
  });
}

MessageBuilder MessageBuilder::response(int status, std::string_view reason,
                                        std::size_t size_hint) {
  return MessageBuilder(size_hint, [&](MessageBuilder& b) {
    b.out_ << "SIP/2.0 " << static_cast<std::uint64_t>(status) << " " << reason << kLineEnd;
  });
}

MessageBuilder& MessageBuilder::header(std::string_view name, std::string_view value) {
  out_ << name << ": ";
  for (;;) {
    const std::size_t end = value.find_first_of(kLineEnd);
    out_ << value.substr(0, end);
    if (end == std::string_view::npos) break;
    out_ << " ";
    value.remove_prefix(end + 1);
  }
  out_ << kLineEnd;
  return *this;
}

MessageBuilder& MessageBuilder::header(std::string_view name, std::uint64_t value) {
  out_ << name << ": " << value << kLineEnd;
  return *this;
}

MessageBuilder& MessageBuilder::pass(const Message& from, const HeaderField& field) {
  out_ << from.line(field);
  return *this;
}

BytesWriter& MessageBuilder::open(std::string_view name) {
  return out_ << name << ": ";
}

void MessageBuilder::close() {
  out_ << kLineEnd;
}

Bytes MessageBuilder::finish(std::string_view body) {
  out_ << "Content-Length: " << std::uint64_t{body.size()} << "\r\n\r\n" << body;
  return out_.finish();
}

MessageBuilder start_response(const Message& request, const net::Endpoint& source, int status,
                              std::string_view reason, std::string_view to_tag) {
  const auto fill = [&](MessageBuilder& b) {
    b.out_ << "SIP/2.0 " << static_cast<std::uint64_t>(status) << " "
           << (reason.empty() ? reason_phrase(status) : reason) << kLineEnd;
    bool top = true;
    for (const HeaderField& h : request.headers()) {
      if (h.id != HeaderId::via) continue;
      if (top) {
        write_top_via(b.out_, request.value(h), request.top_via(), source);
      } else {
        b.pass(request, h);
      }
      top = false;
    }
    b.out_ << "From: " << request.from_value() << "\r\nTo: ";
    if (to_tag.empty() || !request.to_tag().empty()) {
      b.out_ << request.to_value();
    } else {
      b.out_ << open_end(request.to_value()) << ";tag=" << to_tag;
    }
    b.out_ << "\r\nCall-ID: " << request.call_id() << "\r\nCSeq: ";
    b.out_ << request.header(HeaderId::cseq) << kLineEnd;
  };
  return MessageBuilder(1024, fill);
}

}  // namespace usher::sip
