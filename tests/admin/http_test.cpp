// The HTTP server over real sockets: limits, time, keep-alive, a clean end.
#include "admin/http.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "admin/client.hpp"
#include "served.hpp"
#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

TEST_CASE("a connection is kept for further requests, pipelined ones too, and closed when asked") {
  Server server(echo);
  Raw client(server.port());
  REQUIRE(client.send(kGet));
  CHECK(has_status(client.answer(), "200"));
  REQUIRE(client.send(std::string(kGet) + kGet +
                      "GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
  CHECK(has_status(client.answer(), "200"));
  CHECK(has_status(client.answer(), "200"));
  CHECK(client.answer().find("/last") != std::string::npos);
  CHECK(client.read_to_end());
  CHECK(client.ended);
  CHECK(server.counts().requests == 4);
}

TEST_CASE("HEAD has the length and no body") {
  Server server([](const Request& request, const Respond& respond) {
    Answer answer = json_answer(200, Json::Object{{"a", 1}});
    answer.omit_body = request.method == "HEAD";
    respond(answer);
  });
  Raw client(server.port());
  REQUIRE(client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
  REQUIRE(client.read_to_end());
  CHECK(has_status(client.received, "200"));
  CHECK(client.received.find("Content-Length: 13") != std::string::npos);
  CHECK(client.received.ends_with("\r\n\r\n"));
}

TEST_CASE("a body or header beyond the limit is refused before it is held") {
  Server server(echo);
  {
    Raw client(server.port());
    REQUIRE(
        client.send("PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"));
    CHECK(has_status(client.answer(), "413"));
    CHECK(client.read_to_end());
  }
  {
    Raw client(server.port());
    REQUIRE(
        client.send("PUT /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"));
    const std::string chunk = "10000\r\n" + std::string(65536, 'x') + "\r\n";
    for (int i = 0; i < 20 && client.send(chunk); ++i) {
    }
    CHECK(has_status(client.answer(), "413"));
    CHECK(client.read_to_end());
  }
  {
    Raw client(server.port());
    client.send("GET /x HTTP/1.1\r\nX: " + std::string(200'000, 'y') + "\r\n\r\n");
    CHECK(has_status(client.answer(), "431"));
    CHECK(client.read_to_end());
  }
  CHECK(server.counts().requests == 0);
  CHECK(server.counts().bad == 3);
  Raw client(server.port());
  REQUIRE(client.send("PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n" +
                      std::string(1048576, 'x')));
  CHECK(client.answer().find("1048576") != std::string::npos);
}

TEST_CASE("Expect: 100-continue is answered before the body comes") {
  Server server(echo);
  Raw client(server.port());
  REQUIRE(client.send(
      "PUT /x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  CHECK(has_status(client.answer(), "100"));
  REQUIRE(client.send("{}"));
  CHECK(has_status(client.answer(), "200"));
}

TEST_CASE("garbage is answered with a problem or with the end, never with a hang") {
  Server server(echo);
  const std::string cases[] = {
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello tls\r\n\r\n",
      "INVITE sip:a@b SIP/2.0\r\n\r\n",
      "GET /x HTTP/9.9\r\n\r\n",
      "GET  HTTP/1.1\r\n\r\n",
      "GET /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      "PUT /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
      "PUT /x HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      std::string("GET /\0 HTTP/1.1\r\n\r\n", 19)};
  for (const std::string& bytes : cases) {
    CAPTURE(bytes);
    Raw client(server.port());
    REQUIRE(client.send(bytes));
    CHECK(has_status(client.answer(), "400"));
    CHECK(client.read_to_end());
  }
  CHECK(server.counts().requests == 0);
}

TEST_CASE("a client that is too slow, or says nothing, is closed") {
  HttpOptions options;
  options.timeout = std::chrono::milliseconds(50);
  Server server(echo, options);
  Raw silent(server.port());
  Raw slow(server.port());
  REQUIRE(slow.send("PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nab"));
  Raw idle(server.port());
  REQUIRE(idle.send(kGet));
  CHECK(has_status(idle.answer(), "200"));
  CHECK(silent.read_to_end());
  CHECK(slow.read_to_end());
  CHECK(idle.read_to_end());
  CHECK(slow.received.empty());
  // The client sees the end before the session does: the stream's timer closes the socket, and the
  // session is told after.
  CHECK(becomes_true([&] { return server.counts().connections == 0; }));
  CHECK(server.counts().timed_out == 3);
}

TEST_CASE("an answer that never comes becomes a 503, and a late one is dropped") {
  HttpOptions options;
  options.timeout = std::chrono::milliseconds(50);
  Respond kept;
  {
    Server server(
        [&kept](const Request& request, Respond respond) {
          if (request.target == "/x" && !kept)
            kept = std::move(respond);
          else
            respond(json_answer(200, Json::Object{{"second", true}}));
        },
        options);
    Raw client(server.port());
    REQUIRE(client.send(kGet));
    CHECK(has_status(client.answer(), "503"));
    REQUIRE(client.send(kGet));
    server.on([&kept] { kept(json_answer(200, Json::Object{{"first", true}})); });
    CHECK(client.answer().find("second") != std::string::npos);
    server.on([&kept] { kept = nullptr; });  // it holds the session
  }
}

TEST_CASE("beyond the limit of connections a client is told so, and served when one has gone") {
  HttpOptions options;
  options.connections = 3;
  Server server(echo, options);
  std::vector<std::unique_ptr<Raw>> open;
  for (int i = 0; i < 3; ++i) {
    open.push_back(std::make_unique<Raw>(server.port()));
    REQUIRE(open.back()->send(kGet));
    CHECK(has_status(open.back()->answer(), "200"));
  }
  Raw late(server.port());
  CHECK(late.read_to_end());
  CHECK(has_status(late.received, "503"));
  CHECK(server.counts().refused == 1);
  open.pop_back();
  bool served = false;
  for (int i = 0; i < 1000 && !served; ++i) {  // until the server has seen the other one go
    Raw again(server.port());
    if (!again.send(kGet)) continue;
    const std::string answer = again.answer();
    served = has_status(answer, "200");
  }
  CHECK(served);
}

TEST_CASE("a port in use is an error that names it") {
  Server server(echo);
  boost::asio::io_context context;
  Log log;
  HttpOptions options;
  options.bind = {net::IpAddress::v4(0x7f000001), server.port()};
  HttpServer second(context, options, echo, log);
  const Result<void> opened = second.open();
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == Errc::io);
  CHECK(opened.error().message ==
        "admin 127.0.0.1:" + std::to_string(server.port()) + ": Address already in use");
}

TEST_CASE("the server ends with clients connected, asking and waiting") {
  Respond kept;
  {
    Server server([&kept](const Request&, Respond respond) { kept = std::move(respond); });
    Raw silent(server.port()), half(server.port()), waiting(server.port());
    REQUIRE(half.send("GET /x HT"));
    REQUIRE(waiting.send(kGet));
    CHECK(becomes_true([&] { return server.counts().requests == 1; }));
    server.on([&kept] { kept = nullptr; });
  }
}

TEST_CASE("the whole way: the command line's client, HTTP, the edge") {
  House house({}, "s3cret");
  Server server([&house](const Request& request, Respond respond) {
    house.send(request, std::move(respond));
    house.store.answer_all();
  });
  ClientOptions options;
  options.url = "http://127.0.0.1:" + std::to_string(server.port());
  options.token = "s3cret";
  const Fetch fetch = http_fetch(options);
  const auto made =
      fetch("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.100"})");
  REQUIRE(made.has_value());
  CHECK(made->status == 201);
  const auto list = fetch("GET", "/v1/dispatcher/sets/10/targets", "");
  REQUIRE(list.has_value());
  CHECK(list->body.find("sip:10.0.1.100:5060") != std::string::npos);

  options.token = "other";
  CHECK(http_fetch(options)("GET", "/v1/status", "")->status == 401);
  for (const char* url : {"127.0.0.1", "ftp://127.0.0.1", "http://", "https://", "http://a/b",
                          "http://[::1", "http://a:b"}) {
    CAPTURE(url);
    options.url = url;
    const auto answer = http_fetch(options)("GET", "/v1/status", "");
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == Errc::syntax);
  }
}

TEST_CASE("a server that is not there is an error with its address") {
  std::uint16_t port = 0;
  {
    Server server(echo);
    port = server.port();
  }
  ClientOptions options;
  options.url = "http://127.0.0.1:" + std::to_string(port);
  const auto answer = http_fetch(options)("GET", "/", "");
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().message.find(options.url) != std::string::npos);
}

TEST_CASE("a stream goes on when it is woken, says that it lives, and ends with its client") {
  const auto stream = std::make_shared<Endless>(false);
  HttpOptions options;
  options.idle = std::chrono::milliseconds(50);
  Server server(
      [stream](const Request&, const Respond& respond) {
        Answer answer;
        answer.content_type = "text/event-stream";
        answer.stream = stream;
        respond(std::move(answer));
      },
      options);
  {
    Raw client(server.port());
    REQUIRE(client.send(kGet));
    REQUIRE(client.expect("\r\n\r\nfirst\n"));
    CHECK(has_status(client.received, "200"));
    CHECK(client.received.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    server.on([&] {
      stream->next_ = "second\n";
      server.wake();
    });
    REQUIRE(client.expect("second\n"));
    REQUIRE(client.expect(":idle\n"));
    CHECK(server.counts().streams == 1);
  }
  CHECK(becomes_true([&] { return server.counts().connections == 0; }));
  CHECK(server.counts().streams == 0);
}

TEST_CASE("a stream that comes to its end was the whole answer, as long as it was announced") {
  // A body of three pieces and a bit.
  class Long : public Stream {
   public:
    std::string take(std::size_t most) override {
      const std::size_t n = std::min(most, left_);
      left_ -= n;
      return std::string(n, 'x');
    }
    bool over() const override { return true; }
    std::string idle() const override { return "never"; }

   private:
    std::size_t left_ = 200'000;
  };
  Server server([](const Request& request, const Respond& respond) {
    Answer answer;
    answer.content_type = "application/octet-stream";
    answer.headers.emplace_back("Content-Length", "200000");
    answer.stream = std::make_shared<Long>();
    answer.omit_body = request.method == "HEAD";
    respond(std::move(answer));
  });
  Raw client(server.port());
  REQUIRE(client.send(kGet));
  REQUIRE(client.read_to_end());
  CHECK(client.ended);
  const auto body = client.received.find("\r\n\r\n");
  REQUIRE(body != std::string::npos);
  CHECK(client.received.find("Content-Length: 200000\r\n") < body);
  CHECK(client.received.substr(body + 4) == std::string(200'000, 'x'));
  CHECK(becomes_true([&] { return server.counts().streams == 0; }));
  Raw head(server.port());
  REQUIRE(head.send("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
  REQUIRE(head.read_to_end());
  CHECK(head.received.find("Content-Length: 200000\r\n") != std::string::npos);
  CHECK(head.received.ends_with("\r\n\r\n"));
}

TEST_CASE("a viewer that does not read is let go, having cost one piece") {
  HttpOptions options;
  options.timeout = std::chrono::milliseconds(200);
  const auto flood = std::make_shared<Endless>(true);
  {
    Server server(
        [flood](const Request&, const Respond& respond) {
          Answer answer;
          answer.stream = flood;
          respond(std::move(answer));
        },
        options);
    Raw client(server.port());
    REQUIRE(client.send(kGet));
    CHECK(becomes_true(
        [&] { return server.counts().streams == 0 && server.counts().timed_out == 1; }));
  }
  // No more was asked for than the kernel's buffers of the connection take (tcp_wmem, tcp_rmem).
  CHECK(flood->taken_ > 0);
  CHECK(flood->taken_ < std::size_t{16} << 20);
}

TEST_CASE("streams beyond their number are refused") {
  HttpOptions options;
  options.streams = 1;
  Server server(
      [](const Request&, const Respond& respond) {
        Answer answer;
        answer.stream = std::make_shared<Endless>(false);
        respond(std::move(answer));
      },
      options);
  Raw first(server.port());
  REQUIRE(first.send(kGet));
  REQUIRE(first.expect("first\n"));
  Raw second(server.port());
  REQUIRE(second.send(kGet));
  CHECK(has_status(second.answer(), "503"));
}
