// What the recorder lets out: no digest, no token, no key, and nothing else is touched.
#include "routing/recorder/redact.hpp"

#include <doctest/doctest.h>

namespace usher::routing {
namespace {

TEST_CASE("of digest credentials scheme, username, realm and nonce are shown") {
  const std::string text =
      "REGISTER sip:a.test SIP/2.0\r\n"
      "Authorization: Digest username=\"401\", realm=\"a.test\", nonce=\"n,1\", "
      "uri=\"sip:a.test\", response=\"0123456789abcdef\", cnonce=\"secret\", nc=00000001\r\n"
      "Call-ID: 1\r\n\r\n";
  CHECK(redacted(text) ==
        "REGISTER sip:a.test SIP/2.0\r\n"
        "Authorization: Digest username=\"401\", realm=\"a.test\", nonce=\"n,1\", "
        "uri=************, response=******************, cnonce=********, nc=********\r\n"
        "Call-ID: 1\r\n\r\n");
}

TEST_CASE("any spelling of the header and of its parameters is hidden") {
  for (const std::string& line : std::vector<std::string>{
           "AUTHORIZATION : Digest response=\"SECRET\"\r\n",
           "Proxy-Authorization:Digest RESPONSE = \"SECRET\"\r\n",
           "authorization: Digest username=\"401\",\r\n response=\"SECRET\"\r\n",
           "Authorization: Digest\r\n\tresponse=SECRET, qop=auth\r\n",
           "Authorization: Digest username=\"x\\\"\", response=\"SE\\\"CRET\"\r\n",
           "Authorization: Digest username=\"never ends, response=SECRET\r\n",
           "Authorization: Digest SECRET\r\n", "Authorization: Digest ,,SECRET SECRET,\r\n",
           "Authorization: Digest username=x SECRET=\r\n", "Authorization: Basic SECRET==\r\n",
           "Authorization: Bearer SECRET.SECRET\r\n", "Authorization: SECRET\r\n",
           "Authorization: Digest foo=\"SECRET\"\r\n",
           "Authentication-Info: rspauth=\"SECRET\"\r\n",
           "Proxy-Authorization: Digest username=\"a\"=\"SECRET\"\r\n",
           "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRET\r\n"}) {
    CAPTURE(line);
    for (const std::string& end : std::vector<std::string>{"\r\n", "\n", "\r"}) {
      std::string text = "INVITE sip:a SIP/2.0\r\n" + line + "Call-ID: 1\r\n\r\n";
      for (std::size_t at = 0; end != "\r\n" && (at = text.find("\r\n", at)) != std::string::npos;)
        text.replace(at, 2, end);
      const std::string out = redacted(text);
      CAPTURE(out);
      CHECK(out.size() == text.size());
      CHECK(out.find("SECRET") == std::string::npos);
      CHECK(out.find("CRET") == std::string::npos);
      CHECK(out.find("Call-ID: 1") != std::string::npos);
    }
  }
}

TEST_CASE("a message that is cut off anywhere shows no part of a secret") {
  const std::string text =
      "INVITE sip:a SIP/2.0\r\nAuthorization: Digest username=\"401\", response=\"QQQQQQQQ\", "
      "nonce=\"n\"\r\n\r\na=crypto:1 A inline:ZZZZZZZZ|2^31\r\n";
  for (std::size_t n = 0; n <= text.size(); ++n) {
    const std::string out = redacted(text.substr(0, n));
    CHECK(out.size() == n);
    CHECK(out.find('Q') == std::string::npos);
    CHECK(out.find('Z') == std::string::npos);
  }
}

TEST_CASE("challenges, other headers and bodies stay as they are") {
  const std::string text =
      "SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"n\", opaque=\"o\""
      "\r\nX-Authorization: shown\r\nSubject: Authorization: shown\r\n\r\nv=0\r\na=sendrecv\r\n";
  CHECK(redacted(text) == text);
}

TEST_CASE("credentials of a message within a body are hidden too") {
  const std::string out = redacted(
      "NOTIFY sip:a SIP/2.0\r\nCall-ID: 1\r\n\r\n"
      "INVITE sip:b SIP/2.0\r\nProxy-Authorization: Digest response=\"QQ\"\r\n\r\n");
  CHECK(out.find("QQ") == std::string::npos);
}

}  // namespace
}  // namespace usher::routing
