// The section [[webhook]]: URLs, secrets, kinds of events.
#include <doctest/doctest.h>

#include "core/config.hpp"

namespace usher {
namespace {

ConfigResult read(const std::string& lines) {
  return parse_config(
      "[[listen]]\ntransport = \"udp\"\nbind = \"127.0.0.1:5060\"\n[[webhook]]\n" + lines, "f");
}

std::string fault(const std::string& lines) {
  const ConfigResult result = read(lines);
  return result.faults.size() == 1 ? result.faults[0].text()
                                   : std::to_string(result.faults.size()) + " faults";
}

TEST_CASE("webhook: a URL is taken apart") {
  const auto one = [](const std::string& url) {
    const ConfigResult result = read("url = \"" + url + "\"");
    REQUIRE(result.faults.empty());
    const WebhookConfig& w = result.config.webhooks.at(0);
    return (w.tls ? "tls " : "") + w.host + " " + std::to_string(w.port) + " " + w.authority + " " +
           w.path;
  };
  CHECK(one("http://a.test") == "a.test 80 a.test /");
  CHECK(one("https://a.test/x/y?z=1") == "tls a.test 443 a.test /x/y?z=1");
  CHECK(one("http://127.0.0.1:9000?q") == "127.0.0.1 9000 127.0.0.1:9000 /?q");
  CHECK(one("http://[::1]:9000/h") == "::1 9000 [::1]:9000 /h");
}

TEST_CASE("webhook: what is no URL, secret or kind is refused with its key") {
  for (const char* url : {"", "a.test", "ftp://a.test", "http://", "http://u@a.test",
                          "http://a.test:0", "http://a.test:99999", "http://a.test:x",
                          "http://[a.test]/", "http://[::1", "http://a b/", "http://a.test#f"}) {
    CAPTURE(url);
    CHECK(fault(std::string("url = \"") + url + "\"").starts_with("f:5: webhook[0].url: "));
  }
  CHECK(fault("secret = \"0123456789abcdef\"").starts_with("f:4: webhook[0].url: missing"));
  CHECK(
      fault("url = \"http://a.test\"\nsecret = \"short\"").starts_with("f:6: webhook[0].secret: "));
  CHECK(fault("url = \"http://a.test\"\nevents = \"target-down, tarmac-up\"")
            .starts_with("f:6: webhook[0].events: \"tarmac-up\" is no kind of event: expected some "
                         "of target-up, target-down"));
  CHECK(fault("url = \"http://a.test\"\nkinds = \"storm\"").starts_with("f:6: webhook[0].kinds: "));
}

TEST_CASE("webhook: kinds are a list; none are all") {
  const ConfigResult some = read("url = \"http://a.test\"\nevents = \"storm,  ban-made\"");
  CHECK(some.config.webhooks.at(0).kinds ==
        std::vector<EventKind>{EventKind::storm, EventKind::ban_made});
  CHECK(read("url = \"http://a.test\"").config.webhooks.at(0).kinds.empty());
}

}  // namespace
}  // namespace usher
