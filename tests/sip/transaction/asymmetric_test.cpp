// Who listens on another port than he sends from.
#include "sip/transaction/asymmetric_peers.hpp"

#include "tests/sip/transaction/lab.hpp"

using namespace usher;
using namespace usher::sip;
using namespace usher::sip::lab;

namespace {

// From port 5062, with a Via that says 5070.
Request cisco(std::string method = "OPTIONS") {
  Request request;
  request.method = std::move(method);
  request.sent_by = "10.9.9.9:5070";
  return request;
}

std::vector<std::uint16_t> ports(const Lab& lab) {
  std::vector<std::uint16_t> out;
  for (const auto& s : lab.sends) out.push_back(s.flow.remote.port);
  return out;
}

using Ports = std::vector<std::uint16_t>;

}  // namespace

TEST_CASE("after two repeats of an answered request the answer goes to the Via's port too") {
  Lab lab;
  const Request first = cisco();
  const auto id = lab.serve(first);
  lab.respond(id, first, 200);
  lab.receive(first);
  CHECK(ports(lab) == Ports{5062, 5062});
  lab.receive(first);
  CHECK(ports(lab) == Ports{5062, 5062, 5062, 5070});
  CHECK_MESSAGE(lab.sends.back().flow.remote.address == kUdp.remote.address,
                "the address is the packet's, whatever the Via says");
  CHECK(lab.sends.back().text == lab.sends.front().text);
  REQUIRE(lab.count<AsymmetricPeerFound>() == 1);
  CHECK(lab.last<AsymmetricPeerFound>().port == 5070);

  // The next request's answer goes both ways at once, and so does a refusal.
  lab.sends.clear();
  Request next = cisco();
  next.branch = "z9hG4bKphone2";
  next.cseq = 2;
  lab.respond(lab.serve(next), next, 200);
  CHECK(ports(lab) == Ports{5062, 5070});
  lab.sends.clear();
  Request third = cisco();
  third.branch = "z9hG4bKphone3";
  third.cseq = 3;
  lab.reply_stateless(third, 404);
  CHECK(ports(lab) == Ports{5062, 5070});
  CHECK(lab.count<AsymmetricPeerFound>() == 1);
}

TEST_CASE("repeats before the answer tell nothing") {
  Lab lab;
  const Request request = cisco();
  const auto id = lab.serve(request);
  for (int i = 0; i < 4; ++i) lab.receive(request);
  lab.respond(id, request, 200);
  CHECK(ports(lab) == Ports{5062});
  CHECK(lab.count<AsymmetricPeerFound>() == 0);
}

TEST_CASE("an INVITE's 2xx that its user repeats goes both ways as well") {
  Lab lab;
  const Request invite = cisco("INVITE");
  const auto id = lab.serve(invite);
  lab.respond(id, invite, 200);
  lab.receive(invite);
  lab.receive(invite);
  CHECK(ports(lab) == Ports{5062});
  lab.respond(id, invite, 200);
  CHECK(ports(lab) == Ports{5062, 5062, 5070});
}

TEST_CASE("rport, an equal port or a stream leave nothing to guess") {
  const auto answered_twice_more = [](const Request& request, const net::Flow& flow) {
    Lab lab;
    const auto id = lab.serve(request, flow);
    lab.respond(id, request, 486);
    lab.receive(request, flow);
    lab.receive(request, flow);
    const Ports seen = ports(lab);
    lab.abandon(id);
    return seen;
  };
  Request rport = cisco("INVITE");
  rport.sent_by += ";rport";
  CHECK(answered_twice_more(rport, kUdp) == Ports{5062, 5062, 5062});
  CHECK(answered_twice_more(Request{}, kUdp) == Ports{5062, 5062, 5062});
  CHECK(answered_twice_more(cisco("INVITE"), kTcp) == Ports{5062, 5062, 5062});
}

TEST_CASE(
    "requests go there too where the Via names the packet's own address, and as it says last") {
  Lab lab;
  const Request first = cisco();
  lab.respond(lab.serve(first), first, 200);
  lab.receive(first);
  lab.receive(first);
  unsigned cseq = 1;
  const auto seen = [&](const std::string& sent_by) {
    Request request = cisco();
    request.sent_by = sent_by;
    request.cseq = ++cseq;
    request.branch = "z9hG4bKseen" + std::to_string(cseq);
    lab.respond(lab.serve(request), request, 200);
  };
  const std::string own = kUdp.remote.address.text();
  CHECK_FALSE(lab.layer.listening_end(kUdp));
  seen(own + ":5070");
  REQUIRE(lab.layer.listening_end(kUdp));
  CHECK(lab.layer.listening_end(kUdp)->remote.port == 5070);
  seen(own + ":5080");
  REQUIRE(lab.layer.listening_end(kUdp));
  CHECK(lab.layer.listening_end(kUdp)->remote.port == 5080);
  seen(own + ":5080;rport");
  CHECK_FALSE(lab.layer.listening_end(kUdp));
}

TEST_CASE("the table of such sources is bounded, the oldest gives way") {
  AsymmetricPeers peers;
  const auto source = [](std::size_t n) {
    return net::Endpoint{net::IpAddress::v4(static_cast<std::uint32_t>(n)), 5060};
  };
  for (std::size_t i = 0; i <= AsymmetricPeers::kLimit; ++i) peers.add(source(i), 5070);
  CHECK(peers.size() == AsymmetricPeers::kLimit);
  CHECK_FALSE(peers.knows(source(0)));
  CHECK(peers.knows(source(1)));
  CHECK(peers.knows(source(AsymmetricPeers::kLimit)));
  CHECK(peers.port_of(source(1)) == 5070);
  CHECK(peers.port_of(source(0)) == 0);
}
