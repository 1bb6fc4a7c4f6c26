#include <doctest/doctest.h>

#include "sip/message/builder.hpp"
#include "sip/parse/datagram.hpp"
#include "tests/sip/result_text.hpp"

using namespace usher;
using namespace usher::sip;

namespace {

MessageRef request(std::string_view via, std::string_view to = "<sip:401@a.test>") {
  const Parsed p =
      parse_datagram(Bytes("OPTIONS sip:401@a.test SIP/2.0\r\n" + std::string(via) +
                           "\r\nFrom: <sip:402@a.test>;tag=f1\r\nTo: " + std::string(to) +
                           "\r\nCall-ID: c1\r\nCSeq: 7 OPTIONS\r\nContent-Length: 0\r\n\r\n"));
  const auto* m = std::get_if<MessageRef>(&p);
  REQUIRE(m);
  return *m;
}

std::string respond(std::string_view via, std::string_view source,
                    std::string_view to = "<sip:401@a.test>", std::string_view tag = "") {
  const Result<net::Endpoint> endpoint = net::Endpoint::parse(source);
  REQUIRE(endpoint);
  const Bytes bytes = start_response(*request(via, to), *endpoint, 200, "OK", tag).finish();
  const Parsed p = parse_message(bytes);
  const auto* m = std::get_if<MessageRef>(&p);
  REQUIRE(m);
  std::string lines;
  for (const HeaderField& h : (*m)->headers()) {
    if (h.id == HeaderId::via || h.id == HeaderId::to) lines += (*m)->line(h);
  }
  return lines;
}

constexpr std::string_view kTo = "To: <sip:401@a.test>\r\n";

}  // namespace

TEST_CASE("requests and responses, front to back") {
  CHECK(MessageBuilder::request("INVITE", "sip:a@b")
            .header("Max-Forwards", std::uint64_t{70})
            .finish("body")
            .view() ==
        "INVITE sip:a@b SIP/2.0\r\nMax-Forwards: 70\r\nContent-Length: 4\r\n\r\nbody");
  CHECK(MessageBuilder::response(486, "Busy Here").header("X", "y").finish().view() ==
        "SIP/2.0 486 Busy Here\r\nX: y\r\nContent-Length: 0\r\n\r\n");
  MessageBuilder b = MessageBuilder::response(200, "OK");
  b.open("Via") << "SIP/2.0/UDP h"
                << ";n=" << std::uint64_t{5};
  b.close();
  CHECK(b.finish().view() ==
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;n=5\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("a value cannot begin another field") {
  CHECK(MessageBuilder::response(200, "OK")
            .header("Subject", "a\r\nContact: <sip:evil>\nb\r")
            .finish()
            .view() ==
        "SIP/2.0 200 OK\r\nSubject: a  Contact: <sip:evil> b \r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("a message larger than the hint grows its buffer") {
  const std::string body(20000, 'x');
  CHECK(MessageBuilder::request("MESSAGE", "sip:a@b", 16).finish(body).view().ends_with(body));
}

TEST_CASE("a Via that names the packet's source is returned as it came") {
  CHECK(respond("Via: SIP/2.0/UDP 192.0.2.1:5060;branch=1;x", "192.0.2.1:5060") ==
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=1;x\r\n" + std::string(kTo));
  CHECK(respond("Via: SIP/2.0/UDP [2001:DB8:0::1];branch=1", "[2001:db8::1]:5060") ==
        "Via: SIP/2.0/UDP [2001:DB8:0::1];branch=1\r\n" + std::string(kTo));
}

TEST_CASE("received is added for another address and for a name") {
  CHECK(respond("Via: SIP/2.0/UDP 192.168.1.2:5060;branch=1", "203.0.113.7:40000") ==
        "Via: SIP/2.0/UDP 192.168.1.2:5060;branch=1;received=203.0.113.7\r\n" + std::string(kTo));
  CHECK(respond("Via: SIP/2.0/UDP phone.a.test;branch=1", "203.0.113.7:40000") ==
        "Via: SIP/2.0/UDP phone.a.test;branch=1;received=203.0.113.7\r\n" + std::string(kTo));
  CHECK(respond("Via: SIP/2.0/UDP phone.a.test", "[2001:db8::9]:40000") ==
        "Via: SIP/2.0/UDP phone.a.test;received=2001:db8::9\r\n" + std::string(kTo));
}

TEST_CASE("rport is filled only when it was asked for, and brings received with it") {
  CHECK(respond("Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=1", "192.0.2.1:40000") ==
        "Via: SIP/2.0/UDP 192.0.2.1:5060;rport=40000;branch=1;received=192.0.2.1\r\n" +
            std::string(kTo));
  CHECK(respond("Via: SIP/2.0/UDP 192.0.2.1;branch=1;RPORT", "192.0.2.1:5060") ==
        "Via: SIP/2.0/UDP 192.0.2.1;branch=1;RPORT=5060;received=192.0.2.1\r\n" + std::string(kTo));
}

TEST_CASE("a received that the client wrote itself does not stay") {
  CHECK(respond("Via: SIP/2.0/UDP 10.0.0.1;received=198.51.100.1;branch=1", "203.0.113.7:5060") ==
        "Via: SIP/2.0/UDP 10.0.0.1;branch=1;received=203.0.113.7\r\n" + std::string(kTo));
  CHECK(
      respond("Via: SIP/2.0/UDP 203.0.113.7;received=198.51.100.1;branch=1", "203.0.113.7:5060") ==
      "Via: SIP/2.0/UDP 203.0.113.7;branch=1\r\n" + std::string(kTo));
}

TEST_CASE(
    "all Vias are returned in order, the lower ones byte for byte, in one field or in several") {
  CHECK(respond(
            "Via: SIP/2.0/UDP p ;branch=1;rport , SIP/2.0/UDP\r\n q;branch=2\r\nv:  SIP/2.0/TCP r",
            "192.0.2.1:7") ==
        "Via: SIP/2.0/UDP p ;branch=1;rport=7;received=192.0.2.1 , SIP/2.0/UDP\r\n "
        "q;branch=2\r\nv:  SIP/2.0/TCP r\r\n" +
            std::string(kTo));
}

TEST_CASE("a To tag is added only where there is none") {
  const std::string via = "Via: SIP/2.0/UDP 192.0.2.1;branch=1";
  CHECK(respond(via, "192.0.2.1:5060", "<sip:401@a.test>", "t9")
            .ends_with("To: <sip:401@a.test>;tag=t9\r\n"));
  CHECK(respond(via, "192.0.2.1:5060", "<sip:401@a.test>;tag=x", "t9")
            .ends_with("To: <sip:401@a.test>;tag=x\r\n"));
  CHECK(respond(via, "192.0.2.1:5060", "<sip:401@a.test>;", "t9")
            .ends_with("To: <sip:401@a.test>;tag=t9\r\n"));
  CHECK(
      respond(via, "192.0.2.1:5060", "<sip:401@a.test>", "").ends_with("To: <sip:401@a.test>\r\n"));
}

TEST_CASE("From, Call-ID and CSeq are the request's") {
  const Result<net::Endpoint> source = net::Endpoint::parse("192.0.2.1:5060");
  const Bytes bytes =
      start_response(*request("Via: SIP/2.0/UDP 192.0.2.1"), *source, 404, "", "").finish();
  CHECK(
      bytes.view() ==
      "SIP/2.0 404 Not Found\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nFrom: <sip:402@a.test>;tag=f1\r\nTo: "
      "<sip:401@a.test>\r\nCall-ID: c1\r\nCSeq: 7 OPTIONS\r\nContent-Length: 0\r\n\r\n");
}
