#include "sip/grammar/scan.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace usher::sip::grammar::lex;

namespace {

template <std::uint32_t Classes>
std::size_t scanned(const std::string& text) {
  const char* begin = text.data();
  return static_cast<std::size_t>(scan<Classes>(begin, begin + text.size()) - begin);
}

}  // namespace

TEST_CASE("a run ends at the first character outside its class, wherever that is") {
  for (std::size_t length = 0; length <= 40; ++length) {
    for (std::size_t stop = 0; stop < length; ++stop) {
      CAPTURE(length);
      CAPTURE(stop);
      std::string text(length, 'a');
      text[stop] = ';';
      CHECK(scanned<kToken>(text) == stop);
    }
  }
}

TEST_CASE("a run ends with the text, though characters of its class follow") {
  const std::string text(64, '7');
  for (std::size_t length = 0; length <= 40; ++length) {
    CAPTURE(length);
    CHECK(scan<kDigit>(text.data(), text.data() + length) == text.data() + length);
  }
}

TEST_CASE("a run takes exactly the characters of its class, at each place") {
  for (unsigned c = 0; c < 256; ++c) {
    for (std::size_t place = 0; place < 17; ++place) {
      CAPTURE(c);
      CAPTURE(place);
      std::string text(17, 'a');
      text[place] = static_cast<char>(c);
      CHECK(scanned<kParamValue>(text) == (is<kParamValue>(text[place]) ? 17 : place));
    }
  }
}
