// The administration over TLS: what a handshake may cost, certificates that change, and the
// command line's client, which believes nobody but the edge.
#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/time.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "../core/test_certificates.hpp"
#include "admin/client.hpp"
#include "admin/greeting.hpp"
#include "core/net/tls.hpp"
#include "core/reactor.hpp"
#include "served.hpp"
#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;
using usher::test::Authority;

namespace {

WallTime now() {
  return Reactor::now().wall;
}

// An authority, and a server that shows a certificate of it.
struct Secured {
  explicit Secured(HttpOptions options = {}, HttpHandler handler = echo,
                   const Authority::Wanted& wanted = {.name = "IP:127.0.0.1"},
                   bool of_clients = false) {
    authority.issue("edge", wanted);
    REQUIRE(load(of_clients ? authority.ca() : "").empty());
    options.tls = &tls;
    server = std::make_unique<Server>(std::move(handler), options);
  }
  std::vector<net::TlsFault> load(const std::string& client_ca = {}, WallTime at = now()) {
    return tls.load({authority.path("edge.pem"), authority.path("edge.key"), client_ca}, at);
  }
  ClientOptions options() const {
    ClientOptions out;
    out.url = "https://127.0.0.1:" + std::to_string(server->port());
    out.ca = authority.ca();
    return out;
  }

  Authority authority;
  net::TlsContext tls{net::TlsRole::server};
  std::unique_ptr<Server> server;
};

// A blocking client that takes whatever certificate comes; each wait has a bound of ten seconds.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, int version = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free),
        session_(nullptr, &SSL_free),
        fd_(connected_to(port)) {
    const timeval bound{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound);
    SSL_CTX_set_min_proto_version(context_.get(), version);
    SSL_CTX_set_max_proto_version(context_.get(), version);
    SSL_CTX_set_cipher_list(context_.get(), "ALL:@SECLEVEL=0");
    session_.reset(SSL_new(context_.get()));
    SSL_set_fd(session_.get(), fd_);
    connected = SSL_connect(session_.get()) == 1;
  }
  ~TlsClient() {
    ERR_clear_error();
    close(fd_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool send(std::string_view text) {
    while (!text.empty()) {
      std::size_t n = 0;
      if (SSL_write_ex(session_.get(), text.data(), text.size(), &n) != 1) return false;
      text.remove_prefix(n);
    }
    return true;
  }
  // Reads until the text has come; false at the end of the connection.
  bool expect(std::string_view text) {
    while (received.find(text) == std::string::npos) {
      char buffer[16384];
      std::size_t n = 0;
      if (SSL_read_ex(session_.get(), buffer, sizeof buffer, &n) != 1) {
        orderly = SSL_get_error(session_.get(), 0) == SSL_ERROR_ZERO_RETURN;
        return false;
      }
      received.append(buffer, n);
    }
    return true;
  }
  bool read_to_end() { return !expect(std::string(1, '\0')); }
  // The common name of the server's certificate.
  std::string shown() const {
    char name[100] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(session_.get())),
                              NID_commonName, name, sizeof name);
    return name;
  }

  bool connected = false;
  bool orderly = false;  // the end was told
  std::string received;

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> session_;
  int fd_;
};

constexpr const char* kLast = "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

}  // namespace

TEST_CASE("TLS 1.2 and 1.3 are spoken, answers say that it stays so, and the end is told") {
  Secured edge;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    TlsClient client(edge.server->port(), version);
    REQUIRE(client.connected);
    REQUIRE(client.send(std::string(kGet) + kLast));
    CHECK(client.read_to_end());
    CHECK(has_status(client.received, "200"));
    CHECK(client.received.find("\r\nStrict-Transport-Security: max-age=") != std::string::npos);
    CHECK(client.orderly);
  }
  TlsClient old(edge.server->port(), TLS1_1_VERSION);
  CHECK_FALSE(old.connected);
  CHECK(becomes_true([&] { return edge.server->counts().handshakes_failed == 1; }));
  CHECK(edge.server->counts().requests == 4);
}

TEST_CASE("tokens that cross a network in the clear are warned of, with the keys that change it") {
  std::vector<std::string> lines;
  const Log log([&lines](const LogLine& line) { lines.emplace_back(line.text); });
  AdminConfig admin;
  admin.bind = *net::Endpoint::parse("127.0.0.1:8080");
  warn_of_clear_tokens(admin, log);
  CHECK(lines.empty());
  admin.bind = *net::Endpoint::parse("10.0.0.1:8080");
  warn_of_clear_tokens(admin, log);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("10.0.0.1:8080") != std::string::npos);
  CHECK(lines[0].find("admin.certificate and admin.key") != std::string::npos);
  admin.certificate = "admin.pem";
  warn_of_clear_tokens(admin, log);
  CHECK(lines.size() == 1);
}

TEST_CASE("without TLS nothing is said of it") {
  Server server(echo);
  Raw client(server.port());
  REQUIRE(client.send(kGet));
  CHECK(client.answer().find("Strict-Transport-Security") == std::string::npos);
}

TEST_CASE("large bodies cross in both directions") {
  const std::string large(limits::kHttpBodyBytes, 'x');
  Secured edge({}, [&large](const Request& request, const Respond& respond) {
    Answer answer = json_answer(200, Json::Object{{"taken", request.body.size()}});
    answer.body += large + large + large;
    respond(std::move(answer));
  });
  const auto answer = http_fetch(edge.options())("PUT", "/x", large);
  REQUIRE(answer.has_value());
  CHECK(answer->body.find(std::to_string(large.size())) != std::string::npos);
  CHECK(answer->body.size() > 3 * large.size());
}

TEST_CASE("plain HTTP on a TLS port is told so, and other words are the end") {
  Secured edge;
  Raw plain(edge.server->port());
  REQUIRE(plain.send(kGet));
  CHECK(plain.read_to_end());
  CHECK(has_status(plain.received, "400"));
  CHECK(plain.received.find("https://") != std::string::npos);
  CHECK(plain.received.find("Strict-Transport-Security") == std::string::npos);
  Raw garbage(edge.server->port());
  REQUIRE(garbage.send(std::string(300, '\x01')));
  CHECK(garbage.read_to_end());
  CHECK_FALSE(has_status(garbage.received, "400"));
  CHECK(becomes_true([&] { return edge.server->counts().connections == 0; }));
  CHECK(edge.server->counts().handshakes_failed == 2);
  CHECK(edge.server->counts().requests == 0);
}

TEST_CASE("a handshake counts into the time of the request") {
  HttpOptions options;
  options.timeout = std::chrono::seconds(2);
  Secured edge(options);
  Raw silent(edge.server->port());
  Raw half(edge.server->port());
  REQUIRE(half.send("\x16\x03\x01\x02"));
  TlsClient idle(edge.server->port());
  REQUIRE(idle.connected);
  CHECK(silent.read_to_end());
  CHECK(half.read_to_end());
  CHECK(idle.read_to_end());
  CHECK(becomes_true([&] { return edge.server->counts().connections == 0; }));
  CHECK(edge.server->counts().timed_out == 3);
  CHECK(edge.server->counts().handshakes_failed == 2);
}

TEST_CASE("beyond the limit of connections one is closed without a word that is no TLS") {
  HttpOptions options;
  options.connections = 1;
  Secured edge(options);
  TlsClient first(edge.server->port());
  REQUIRE(first.connected);
  Raw late(edge.server->port());
  CHECK(late.read_to_end());
  CHECK(late.received.empty());
  CHECK(edge.server->counts().refused == 1);
}

TEST_CASE("a stream goes on while the certificate changes; a bad one changes nothing") {
  const auto stream = std::make_shared<Endless>(false);
  Secured edge({},
               [stream](const Request&, const Respond& respond) {
                 Answer answer;
                 answer.content_type = "text/event-stream";
                 answer.stream = stream;
                 respond(std::move(answer));
               },
               {.name = "first.test"});
  TlsClient viewer(edge.server->port());
  REQUIRE(viewer.send(kGet));
  REQUIRE(viewer.expect("first\n"));
  CHECK(viewer.received.find("\r\nStrict-Transport-Security: max-age=") != std::string::npos);
  CHECK(viewer.shown() == "first.test");

  edge.authority.issue("edge", {.name = "second.test"});
  CHECK(edge.server->on([&] { return edge.load().empty(); }));
  CHECK(TlsClient(edge.server->port()).shown() == "second.test");
  edge.authority.write("edge.pem", "half a file");
  CHECK_FALSE(edge.server->on([&] { return edge.load().empty(); }));
  CHECK(TlsClient(edge.server->port()).shown() == "second.test");

  edge.server->on([&] {
    stream->next_ = "second\n";
    edge.server->wake();
  });
  CHECK(viewer.expect("second\n"));
  CHECK(edge.server->counts().streams == 1);
  // It may only listen.
  REQUIRE(viewer.send("x"));
  CHECK(viewer.read_to_end());
  CHECK(becomes_true([&] { return edge.server->counts().streams == 0; }));
}

TEST_CASE("a viewer over TLS that does not read is let go") {
  HttpOptions options;
  options.timeout = std::chrono::seconds(1);  // the handshake's too, on a busy machine
  const auto flood = std::make_shared<Endless>(true);
  Secured edge(options, [flood](const Request&, const Respond& respond) {
    Answer answer;
    answer.stream = flood;
    respond(std::move(answer));
  });
  TlsClient client(edge.server->port());
  REQUIRE(client.send(kGet));
  CHECK(becomes_true([&] {
    const HttpCounts counts = edge.server->counts();
    return counts.streams == 0 && counts.timed_out == 1;
  }));
}

TEST_CASE("the server ends with clients amid their handshake and their request") {
  Secured edge;
  Raw silent(edge.server->port()), half(edge.server->port());
  REQUIRE(half.send("\x16\x03\x01\x02"));
  TlsClient asking(edge.server->port());
  REQUIRE(asking.send("GET /x HT"));
  edge.server.reset();
  CHECK(asking.read_to_end());  // orderly only where the server had read all of it
}

TEST_CASE("the client believes its authority, for the name of the URL") {
  Secured edge;
  ClientOptions options = edge.options();
  const auto answer = http_fetch(options)("GET", "/x", "");
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
  CHECK(answer->status == 200);
  const auto refused = [&](const std::string& why) {
    const auto none = http_fetch(options)("GET", "/x", "");
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code == Errc::io);
    CHECK_MESSAGE(none.error().message.find(why) != std::string::npos, none.error().message);
  };
  SUBCASE("another name") {
    options.url = "https://localhost:" + std::to_string(edge.server->port());
    refused("mismatch");
  }
  SUBCASE("another authority") {
    const Authority other;
    options.ca = other.ca();
    refused("its certificate is refused");
  }
  SUBCASE("those of the system") {
    options.ca.clear();
    refused("its certificate is refused");
  }
  SUBCASE("a server without TLS") {
    Server plain(echo);
    options.url = "https://127.0.0.1:" + std::to_string(plain.port());
    refused("cannot reach");
  }
  SUBCASE("a file that is none") {
    options.ca = edge.authority.path("absent.pem");
    const auto none = http_fetch(options)("GET", "/x", "");
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code == Errc::syntax);
    CHECK(none.error().message.find("absent.pem: cannot be read") != std::string::npos);
  }
  CHECK(edge.server->counts().requests == 1);
}

TEST_CASE("the edge's own certificate is enough, whatever its name and time; another's is not") {
  Secured edge({}, echo, {.name = "elsewhere.test"});
  ClientOptions options = edge.options();
  options.ca.clear();
  options.server = edge.authority.path("edge.pem");
  REQUIRE(http_fetch(options)("GET", "/x", "").has_value());
  const std::chrono::hours hour{1};
  edge.authority.issue("edge", {.name = "elsewhere.test", .from = -3 * hour, .to = -1 * hour});
  REQUIRE(edge.server->on([&] { return edge.load({}, now() - 2 * hour).empty(); }));
  CHECK(http_fetch(options)("GET", "/x", "").has_value());
  // A file that holds the chain does not make its signer trusted.
  edge.authority.issue("other", {.name = "elsewhere.test"});
  const auto content = [&](const std::string& file) {
    std::ifstream in(edge.authority.path(file));
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  edge.authority.write("other.pem", content("other.pem") + content("ca.pem"));
  options.server = edge.authority.path("other.pem");
  const auto none = http_fetch(options)("GET", "/x", "");
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().message.find("its certificate is refused") != std::string::npos);
}

TEST_CASE("with client_ca only who shows a certificate of it is answered") {
  Secured edge({}, echo, {.name = "IP:127.0.0.1"}, true);
  ClientOptions options = edge.options();
  CHECK_FALSE(http_fetch(options)("GET", "/x", "").has_value());
  edge.authority.issue("operator", {.name = "operator.test"});
  options.certificate = edge.authority.path("operator.pem");
  options.key = edge.authority.path("operator.key");
  const auto answer = http_fetch(options)("GET", "/x", "");
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
  CHECK(answer->status == 200);
  CHECK(edge.server->counts().requests == 1);
}
