// What a parser makes of a message, in terms that two parsers can be compared in.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace usher::sip::test {

struct Reading {
  bool accepted = false;
  std::string reason;  // of a refusal, for the reader
  // Property → value, as text: "method", "status", "call-id", "cseq", "from-tag", "to-tag", "via",
  // "vias", "contacts", "routes". Absent when the parser has nothing for it.
  std::map<std::string, std::string> properties;
};

Reading read_with_usher(std::string_view message);
Reading read_with_sofia(std::string_view message);

}  // namespace usher::sip::test
