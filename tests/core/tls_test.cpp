#include "core/net/tls.hpp"

#include <doctest/doctest.h>

#include "core/net/certificates.hpp"
#include "tests/core/test_certificates.hpp"
#include "tests/core/wire.hpp"

using namespace usher;
using namespace usher::net;
using namespace usher::test;
using namespace std::chrono_literals;

namespace {

WallTime now() {
  return Reactor::now().wall;
}

// Two TLS listeners on loopback: the second one's connections go to the first.
struct Secured {
  explicit Secured(const Authority& authority) {
    config.file = "usher.toml";
    for (int i = 0; i < 2; ++i) {
      ListenConfig listen{Transport::tls, loopback(), "127.0.0.1", 5061};
      listen.certificate = authority.path("edge.pem");
      listen.key = authority.path("edge.key");
      config.listen.push_back(listen);
    }
    config.tls.ca = authority.ca();
  }
  std::vector<ConfigFault> load() { return certificates.load(config, now()); }
  void open() {
    wire = std::make_unique<Wire>(config.listen, &certificates);
    REQUIRE(wire->opened);
    wire->record.names = names;
  }
  void send(std::string_view text) { wire->send({Transport::tls, {1}, {}, wire->local(0)}, text); }

  Config config;
  Certificates certificates;
  std::vector<std::string> names{"edge.example.com"};
  std::unique_ptr<Wire> wire;
};

}  // namespace

TEST_CASE("messages cross TLS both ways over one connection") {
  Authority authority;
  authority.issue("edge", {});
  Secured edge{authority};
  REQUIRE(edge.load().empty());
  edge.open();
  edge.send("OPTIONS\n");
  REQUIRE(edge.wire->until([&] { return edge.wire->record.packets.size() == 1; }));
  const Packet packet = edge.wire->record.packets[0];
  CHECK(packet.data.view() == "OPTIONS");
  CHECK(packet.flow.transport == Transport::tls);
  CHECK(packet.flow.listener == ListenerId{0});
  const std::string large(200'000, 'x');
  edge.wire->send(packet.flow, large + "\n");
  REQUIRE(edge.wire->until([&] { return edge.wire->record.packets.size() == 2; }));
  CHECK(edge.wire->record.packets[1].data.view() == large);
  CHECK(edge.wire->transports.counts().connections == 2);
  CHECK(edge.wire->record.failures.empty());
}

TEST_CASE("a server whose certificate is for another name is not spoken to") {
  Authority authority;
  authority.issue("edge", {});
  Secured edge{authority};
  REQUIRE(edge.load().empty());
  SUBCASE("a host name") {
    edge.names = {"other.example.com"};
  }
  SUBCASE("an address") {
    edge.names = {"127.0.0.1"};
  }
  edge.open();
  edge.send("OPTIONS\n");
  REQUIRE(edge.wire->until([&] { return !edge.wire->record.failures.empty(); }));
  CHECK(edge.wire->record.failures[0].reason.find("its certificate is refused") !=
        std::string::npos);
  CHECK(edge.wire->record.packets.empty());
}

TEST_CASE("a certificate for an address proves that address") {
  Authority authority;
  authority.issue("edge", {.name = "IP:127.0.0.1"});
  Secured edge{authority};
  REQUIRE(edge.load().empty());
  edge.names = {"127.0.0.1"};
  edge.open();
  edge.send("OPTIONS\n");
  CHECK(edge.wire->until([&] { return edge.wire->record.packets.size() == 1; }));
}

TEST_CASE("a server of a stranger's authority is not spoken to") {
  Authority authority, stranger;
  authority.issue("edge", {});
  Secured edge{authority};
  edge.config.tls.ca = stranger.ca();
  REQUIRE(edge.load().empty());
  edge.open();
  edge.send("OPTIONS\n");
  REQUIRE(edge.wire->until([&] { return !edge.wire->record.failures.empty(); }));
  CHECK(edge.wire->record.packets.empty());
}

TEST_CASE("with client_ca a client needs a certificate of it") {
  Authority authority;
  authority.issue("edge", {});
  authority.issue("client", {.name = "pbx.example.com"});
  Secured edge{authority};
  edge.config.listen[0].client_ca = authority.ca();
  SUBCASE("without one it is cut off") {
    REQUIRE(edge.load().empty());
    edge.open();
    edge.send("OPTIONS\n");
    REQUIRE(edge.wire->until([&] { return !edge.wire->record.cut_off.empty(); }));
    CHECK(edge.wire->record.packets.empty());
  }
  SUBCASE("with one it is heard") {
    edge.config.tls.certificate = authority.path("client.pem");
    edge.config.tls.key = authority.path("client.key");
    REQUIRE(edge.load().empty());
    edge.open();
    edge.send("OPTIONS\n");
    CHECK(edge.wire->until([&] { return edge.wire->record.packets.size() == 1; }));
  }
}

TEST_CASE("somebody who speaks no TLS is cut off with the reason") {
  Authority authority;
  authority.issue("edge", {});
  Secured edge{authority};
  REQUIRE(edge.load().empty());
  edge.open();
  Peer stranger{SOCK_STREAM};
  stranger.connect(edge.wire->local(0));
  stranger.send("OPTIONS sip:a.test SIP/2.0\r\n\r\n");
  REQUIRE(edge.wire->until([&] { return !edge.wire->record.cut_off.empty(); }));
  CHECK(edge.wire->record.cut_off[0].reason.starts_with("TLS: "));
  CHECK(edge.wire->transports.counts().connections == 0);
}

TEST_CASE("files that cannot serve are refused by key, file and reason") {
  Authority authority;
  authority.issue("edge", {});
  authority.issue("other", {});
  authority.issue("old", {.from = -7200s, .to = -3600s});
  authority.issue("early", {.from = 3600s, .to = 7200s});
  authority.write("junk.pem", "not PEM at all\n");
  Secured edge{authority};
  const auto refused = [&](const std::string& key, const std::string& file,
                           const std::string& why) {
    const std::vector<ConfigFault> faults = edge.load();
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].key == key);
    CHECK(faults[0].reason.find(authority.path(file) + ": ") == 0);
    CHECK(faults[0].reason.find(why) != std::string::npos);
  };
  ListenConfig& listen = edge.config.listen[1];
  SUBCASE("no such file") {
    listen.certificate = authority.path("none.pem");
    refused("listen[1].certificate", "none.pem", "cannot be read: No such file or directory");
  }
  SUBCASE("no PEM") {
    listen.certificate = authority.path("junk.pem");
    refused("listen[1].certificate", "junk.pem", "holds no certificate in PEM");
  }
  SUBCASE("expired") {
    listen.certificate = authority.path("old.pem");
    listen.key = authority.path("old.key");
    refused("listen[1].certificate", "old.pem", "expired on ");
  }
  SUBCASE("not yet valid") {
    listen.certificate = authority.path("early.pem");
    listen.key = authority.path("early.key");
    refused("listen[1].certificate", "early.pem", "is not valid before ");
  }
  SUBCASE("the key of another certificate") {
    listen.key = authority.path("other.key");
    refused("listen[1].key", "other.key", "is the key of another certificate");
  }
  SUBCASE("a key that is none") {
    listen.key = authority.path("junk.pem");
    refused("listen[1].key", "junk.pem", "holds no private key in PEM");
  }
  SUBCASE("authorities") {
    edge.config.tls.ca = authority.path("junk.pem");
    refused("tls.ca", "junk.pem", "holds no certificate in PEM");
  }
}

TEST_CASE("changed files come into force, bad ones leave the last good ones") {
  Authority authority;
  authority.issue("edge", {.to = 1000s});
  Secured edge{authority};
  REQUIRE(edge.load().empty());
  const WallTime before = *edge.certificates.server({0})->expires();
  std::vector<Certificates::Change> changes = edge.certificates.refresh(now());
  REQUIRE(changes.size() == 2);
  CHECK_FALSE(changes[0].good);
  CHECK(changes[0].text == "listen[0].certificate: the certificate ends in 0 days and 0 hours");
  CHECK(edge.certificates.refresh(now()).empty());  // said once

  authority.issue("edge", {.to = 9000s});
  changes = edge.certificates.refresh(now());
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].good);
  const WallTime after = *edge.certificates.server({0})->expires();
  CHECK(after > before + 7000s);

  authority.write("edge.pem", "half a file");
  changes = edge.certificates.refresh(now());
  REQUIRE(changes.size() == 2);
  CHECK_FALSE(changes[0].good);
  CHECK(changes[0].text.find("listen[0].certificate: ") == 0);
  CHECK(edge.certificates.server({0})->expires() == after);
  CHECK(edge.certificates.refresh(now()).empty());  // said once
  edge.open();
  edge.send("OPTIONS\n");
  CHECK(edge.wire->until([&] { return edge.wire->record.packets.size() == 1; }));
}

TEST_CASE("a certificate that is not valid yet comes into force by itself") {
  Authority authority;
  authority.issue("edge", {.to = 90 * 24h});
  Secured edge{authority};
  REQUIRE(edge.load().empty());
  authority.issue("edge", {.from = 600s, .to = 91 * 24h});
  std::vector<Certificates::Change> changes = edge.certificates.refresh(now());
  REQUIRE(changes.size() == 2);  // of two listeners
  CHECK_FALSE(changes[0].good);
  CHECK(changes[0].text.find("listen[0].certificate: ") == 0);
  CHECK(edge.certificates.refresh(now()).empty());  // said once
  changes = edge.certificates.refresh(now() + 700s);
  REQUIRE(changes.size() == 2);  // of two listeners
  CHECK(changes[0].good);
  CHECK(edge.certificates.refresh(now() + 700s).empty());
}

TEST_CASE("the administration's certificate is held to the same and read again alike") {
  Authority authority;
  authority.issue("edge", {.to = 90 * 24h});
  authority.issue("admin", {.to = 1000s});
  Secured edge{authority};
  edge.config.admin.certificate = authority.path("admin.pem");
  edge.config.admin.key = authority.path("edge.key");
  std::vector<ConfigFault> faults = edge.load();
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].key == "admin.key");
  CHECK(faults[0].reason.find("is the key of another certificate") != std::string::npos);
  edge.config.admin.key = authority.path("admin.key");
  edge.config.admin.client_ca = authority.path("absent.pem");
  faults = edge.load();
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].key == "admin.client_ca");
  edge.config.admin.client_ca.clear();
  REQUIRE(edge.load().empty());
  REQUIRE(edge.certificates.admin() != nullptr);

  std::vector<Certificates::Change> changes = edge.certificates.refresh(now());
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].text == "admin.certificate: the certificate ends in 0 days and 0 hours");
  authority.issue("admin", {.to = 90 * 24h});
  changes = edge.certificates.refresh(now());
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].good);
  CHECK(changes[0].text == "admin: the changed TLS files are in force for new connections");
  const WallTime end = *edge.certificates.admin()->expires();
  authority.write("admin.key", "no key");
  changes = edge.certificates.refresh(now());
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].text.find("admin.key: ") == 0);
  CHECK(edge.certificates.admin()->expires() == end);
  edge.config.admin = {};
  REQUIRE(edge.load().empty());
  CHECK(edge.certificates.admin() == nullptr);
}
