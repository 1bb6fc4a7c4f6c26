#include "sip/parse/datagram.hpp"

#include "sip/parse/message_parser.hpp"

namespace usher::sip {

Parsed parse_datagram(const Bytes& packet) {
  return MessageParser(packet).run();
}

}  // namespace usher::sip
