#include "sip/sdp/media_address.hpp"

#include <doctest/doctest.h>

#include <string>

#include "core/limits.hpp"
#include "core/net/private_network.hpp"

using namespace usher;

namespace {

std::string seen(std::string_view sdp) {
  const auto address = sip::media_address(sdp);
  return address ? address->text() : "none";
}

}  // namespace

TEST_CASE("a stream's own connection line wins over the session's") {
  CHECK_EQ(seen("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
                "m=audio 4000 RTP/AVP 8\r\n"),
           "192.0.2.2");
  CHECK_EQ(seen("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
                "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 10.0.0.3\r\n"),
           "10.0.0.3");
  CHECK_EQ(seen("v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::2\r\nt=0 0\r\n"
                "m=audio 4000 RTP/AVP 8\r\n"),
           "2001:db8::2");
}

TEST_CASE("streams that are refused, on hold or multicast ask for nothing") {
  CHECK_EQ(seen("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
                "m=audio 0 RTP/AVP 8\r\n"),
           "none");
  CHECK_EQ(seen("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
                "m=audio 4000 RTP/AVP 8\r\n"),
           "none");
  CHECK_EQ(seen("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 233.252.0.1/127\r\nt=0 0\r\n"
                "m=audio 4000 RTP/AVP 8\r\n"),
           "none");
  CHECK_EQ(seen("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"
                "m=video 0 RTP/AVP 31\r\nm=audio 4000 RTP/AVP 8\r\nc=IN IP4 192.0.2.9\r\n"),
           "192.0.2.9");
}

TEST_CASE("what cannot be read tells nothing, and line ends alone suffice") {
  CHECK_EQ(seen(""), "none");
  CHECK_EQ(seen("no sdp at all"), "none");
  CHECK_EQ(seen(std::string_view("v=0\r\nc=IN IP4 10.0\0.0.1\r\nm=audio 1 RTP/AVP 0\r\n", 46)),
           "none");
  CHECK_EQ(seen("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 host.a.test\r\nt=0 0\r\n"
                "m=audio 4000 RTP/AVP 8\r\n"),
           "none");
  const std::string fine =
      "v=0\no=- 1 1 IN IP4 h\ns=-\nc=IN IP4 10.0.0.1\nt=0 0\nm=audio 4000 RTP/AVP 8\n";
  CHECK_EQ(seen(fine), "10.0.0.1");
  CHECK_EQ(seen(fine + "a=x:" + std::string(limits::kSdpRead, 'x') + "\n"), "none");
}

// A library's parser never came back from this one.
TEST_CASE("lines that are none of SDP's are passed over") {
  CHECK_EQ(seen("v=0\r\no=alice 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 192.0.2.101\r\nt=0 0\r\n"
                "m=audio 4917com>;tag=9fxced76sl\r\nTo: Bob <sip:bob@biloxi.example2 RTP/AVP 0\r\n"
                "a=rtpmap:0 PCMU/8000\r\n"),
           "192.0.2.101");
  CHECK_EQ(seen("c=IN IP4 192.0.2.1\r\nm=\r\nm=audio\r\nm=audio 0/2 RTP/AVP 0\r\n"), "none");
  CHECK_EQ(seen("c=IN IP4 2001:db8::1\r\nm=audio 1 RTP/AVP 0\r\n"), "none");
  CHECK_EQ(seen("c=IN IP4 239.1.1.1\r\nm=audio 1 RTP/AVP 0\r\n"), "none");
}

TEST_CASE("private networks, to their first and last address") {
  const auto is_private = [](std::string_view text) {
    return net::is_private(net::IpAddress::parse(text).value());
  };
  for (const auto* yes : {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255",
                          "192.168.0.0", "192.168.255.255", "100.64.0.0", "100.127.255.255",
                          "169.254.1.1", "fc00::1", "fdff::1", "fe80::1", "febf::1"}) {
    CAPTURE(yes);
    CHECK(is_private(yes));
  }
  for (const auto* no : {"9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0",
                         "192.167.255.255", "192.169.0.0", "100.63.255.255", "100.128.0.0",
                         "127.0.0.1", "::1", "2001:db8::1", "fe00::1", "fec0::1"}) {
    CAPTURE(no);
    CHECK_FALSE(is_private(no));
  }
}
