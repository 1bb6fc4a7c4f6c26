#include <doctest/doctest.h>

#include <cctype>
#include <string>

#include "sip/message/header_id.hpp"
#include "sip/message/method.hpp"
#include "sip/message/status.hpp"

using namespace usher::sip;

TEST_CASE("every known header name is found in any case, and nothing near it is") {
  for (int i = 0; i < static_cast<int>(HeaderId::other); ++i) {
    const HeaderId id = static_cast<HeaderId>(i);
    const std::string name(header_name(id));
    INFO(name);
    REQUIRE_FALSE(name.empty());
    CHECK(parse_header_name(name) == id);
    std::string upper = name, lower = name;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    CHECK(parse_header_name(upper) == id);
    CHECK(parse_header_name(lower) == id);
    CHECK(parse_header_name(name + "x") == HeaderId::other);
    CHECK(parse_header_name("x" + name) == HeaderId::other);
    for (std::size_t at = 0; at < name.size(); ++at) {
      std::string near = name;
      near[at] = '~';
      CHECK(parse_header_name(near) == HeaderId::other);
    }
  }
  CHECK(parse_header_name("") == HeaderId::other);
  CHECK(parse_header_name("X-Unknown") == HeaderId::other);
  CHECK(header_name(HeaderId::other).empty());
}

TEST_CASE("compact forms") {
  CHECK(parse_header_name("v") == HeaderId::via);
  CHECK(parse_header_name("F") == HeaderId::from);
  CHECK(parse_header_name("t") == HeaderId::to);
  CHECK(parse_header_name("i") == HeaderId::call_id);
  CHECK(parse_header_name("m") == HeaderId::contact);
  CHECK(parse_header_name("l") == HeaderId::content_length);
  CHECK(parse_header_name("c") == HeaderId::content_type);
  CHECK(parse_header_name("k") == HeaderId::supported);
  CHECK(parse_header_name("s") == HeaderId::subject);
  CHECK(parse_header_name("e") == HeaderId::content_encoding);
  CHECK(parse_header_name("o") == HeaderId::event);
  CHECK(parse_header_name("u") == HeaderId::allow_events);
  CHECK(parse_header_name("r") == HeaderId::refer_to);
  CHECK(parse_header_name("b") == HeaderId::referred_by);
  CHECK(parse_header_name("x") == HeaderId::session_expires);
  CHECK(parse_header_name("y") == HeaderId::identity);
  CHECK(parse_header_name("z") == HeaderId::other);
  CHECK(parse_header_name("6") == HeaderId::other);  // '6' & 0x1F is 'v' & 0x1F
}

TEST_CASE("methods are compared with case") {
  for (int i = 0; i < static_cast<int>(Method::other); ++i) {
    const Method m = static_cast<Method>(i);
    CHECK(parse_method(method_text(m)) == m);
  }
  for (const char* text : {"", "invite", "Invite", "INVITEX", "ACQ", "XYZ", "INFX", "PRACX",
                           "UPDATX", "XXXXXXX", "REGISTEX", "SUBSCRIBX", "AAAAAAAAAAAA"}) {
    CHECK(parse_method(text) == Method::other);
  }
  CHECK(method_text(Method::other).empty());
}

TEST_CASE("reason phrases") {
  CHECK(reason_phrase(100) == "Trying");
  CHECK(reason_phrase(486) == "Busy Here");
  CHECK(reason_phrase(499) == "Bad Request");
  CHECK(reason_phrase(699) == "Global Failure");
}
