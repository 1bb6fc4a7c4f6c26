// Fills a Message from a packet. Internal to sip/parse.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "sip/parse/datagram.hpp"

namespace usher::sip {

// Goes on after a fault, to find out whether the request can be answered: RFC 3261 §8.2.6.2 needs
// its Via, From, To, Call-ID and CSeq. The first fault is the one that is told.
class MessageParser {
 public:
  explicit MessageParser(const Bytes& packet);
  Parsed run();

 private:
  void fault(int status, std::string reason);
  bool start_line();
  void request_line(std::string_view line);
  void status_line(std::string_view line);
  void header_fields();
  void note(const HeaderField& field);
  const HeaderField* noted(HeaderId id) const;
  std::string_view value_of(HeaderId id);
  void absent(HeaderId id);
  void top_via();
  void identities();
  void sequence();
  void scalars();
  void body();
  Parsed finish();

  boost::intrusive_ptr<Message> owner_;
  Message& m_;
  std::string_view text_;
  std::uint32_t at_ = 0;
  // Where the first of each eagerly parsed field is among the header fields. They are the first of
  // HeaderId.
  static constexpr HeaderId kLastNoted = HeaderId::content_length;
  static constexpr std::uint16_t kNone = UINT16_MAX;
  std::array<std::uint16_t, static_cast<std::size_t>(kLastNoted) + 1> places_;
  bool via_readable_ = false;
  bool section_complete_ = false;
  int status_ = 0;  // of the first fault; 0: none
  std::string reason_;
};

}  // namespace usher::sip
