// The state of one dialog side (RFC 3261 §12), and where its requests go.
#include "sip/dialog/dialog.hpp"

#include <doctest/doctest.h>

#include "sip/b2bua/leg_messages.hpp"
#include "sip/parse/datagram.hpp"

using namespace usher;
using namespace usher::sip;

namespace {

MessageRef read(const std::string& start, const std::string& headers) {
  const std::string text = start +
                           "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: \"A\" "
                           "<sip:a@x.test>;tag=af;x=1\r\nTo: sip:b@x.test;tag=bt\r\n"
                           "Call-ID: c\r\nCSeq: 7 INVITE\r\n" +
                           headers + "Content-Length: 0\r\n\r\n";
  Parsed parsed = parse_datagram(Bytes{text});
  REQUIRE(std::holds_alternative<MessageRef>(parsed));
  return std::get<MessageRef>(parsed);
}

MessageRef invite(const std::string& headers) {
  return read("INVITE sip:b@x.test SIP/2.0", headers);
}
MessageRef ok(const std::string& headers) {
  return read("SIP/2.0 200 OK", headers);
}

}  // namespace

TEST_CASE("the UAS takes target, parties and the route set in order") {
  const auto dialog =
      uas_dialog(*invite("Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: "
                         "<sip:p3;lr>\r\nContact: \"A\" <sip:a@[2001:db8::1]:5070;line=x>;q=1\r\n"),
                 "mine");
  REQUIRE(dialog.has_value());
  CHECK_EQ(dialog->remote_target, "sip:a@[2001:db8::1]:5070;line=x");
  CHECK_EQ(dialog->route_set,
           std::vector<std::string>{"<sip:p1;lr>", "<sip:p2;lr>", "<sip:p3;lr>"});
  CHECK_EQ(dialog->remote_party, "\"A\" <sip:a@x.test>");
  CHECK_EQ(dialog->local_party, "<sip:b@x.test>");
  CHECK_EQ(dialog->remote_tag, "af");
  CHECK_EQ(dialog->local_tag, "mine");
  CHECK_EQ(dialog->remote_cseq, 7);
}

TEST_CASE("the URI of a party stands in its brackets, whatever the display name holds") {
  CHECK_EQ(party_uri(party_of("<sip:401@a.test>;tag=1")), "sip:401@a.test");
  CHECK_EQ(party_uri(party_of("sip:401@a.test;tag=1")), "sip:401@a.test");
  CHECK_EQ(party_uri(party_of("\"<x> \\\" >\" <sips:a%3e@b;p=1?h=v>;tag=1")),
           "sips:a%3e@b;p=1?h=v");
  CHECK_EQ(party_uri(party_of("Bob <tel:+49>")), "tel:+49");
  CHECK_EQ(party_uri(""), "");
}

TEST_CASE("an INVITE needs exactly one Contact and Record-Routes that can be read") {
  CHECK_FALSE(uas_dialog(*invite(""), "t").has_value());
  CHECK_FALSE(uas_dialog(*invite("Contact: <sip:a@h>, <sip:b@h>\r\n"), "t").has_value());
  CHECK_FALSE(uas_dialog(*invite("Contact: <sip:a@h>\r\nContact: <sip:b@h>\r\n"), "t").has_value());
  CHECK_FALSE(uas_dialog(*invite("Contact: *\r\n"), "t").has_value());
  CHECK_EQ(
      uas_dialog(*invite("Contact: <sip:a@h>\r\nRecord-Route: <sip:\r\n"), "t").error().message,
      "Bad Record-Route header");
  std::string many = "Contact: <sip:a@h>\r\n";
  for (int i = 0; i < 17; ++i) many += "Record-Route: <sip:p;lr>\r\n";
  CHECK_EQ(uas_dialog(*invite(many), "t").error().code, Errc::limit);
}

TEST_CASE("the UAC takes the route set reversed, and computes it again at the 2xx") {
  Dialog dialog;
  learn_from_response(dialog, *read("SIP/2.0 180 Ringing",
                                    "Record-Route: <sip:old;lr>\r\nContact: <sip:early@h>\r\n"));
  CHECK_EQ(dialog.remote_target, "sip:early@h");
  CHECK_FALSE(dialog.confirmed);
  learn_from_response(dialog, *ok("Record-Route: <sip:p1;lr>,<sip:p2;lr>\r\n"));
  CHECK_EQ(dialog.route_set, std::vector<std::string>{"<sip:p2;lr>", "<sip:p1;lr>"});
  CHECK_EQ(dialog.remote_target, "sip:early@h");  // a 2xx without Contact keeps it
  CHECK_EQ(dialog.remote_tag, "bt");
  CHECK(dialog.confirmed);
}

TEST_CASE("a CSeq must grow; the first one may be anything") {
  Dialog dialog;
  CHECK(accept_cseq(dialog, 5));
  CHECK_FALSE(accept_cseq(dialog, 5));
  CHECK_FALSE(accept_cseq(dialog, 4));
  CHECK(accept_cseq(dialog, 900));
  CHECK_EQ(dialog.remote_cseq, 900);
}

TEST_CASE("a backend's requests go to its route or Contact, a phone's over its flow") {
  const std::vector<Listener> listeners = {{net::Transport::udp, "e:5060"},
                                           {net::Transport::tcp, "e:5060"}};
  Leg leg;
  leg.flow.remote = net::Endpoint::parse("10.0.1.100:5060").value();
  const auto to = [&](Side side, std::string target, std::vector<std::string> routes) {
    leg.side = side;
    leg.dialog.remote_target = std::move(target);
    leg.dialog.route_set = std::move(routes);
    return request_flow(leg, listeners);
  };
  CHECK_EQ(to(Side::phone, "sip:a@192.0.2.99:7000", {}).remote.text(), "10.0.1.100:5060");
  CHECK_EQ(to(Side::backend, "sip:x@10.0.1.100", {}), leg.flow);
  CHECK_EQ(to(Side::backend, "sip:x@10.0.1.7:5080", {}).remote.text(), "10.0.1.7:5080");
  CHECK_EQ(to(Side::backend, "sip:x@pbx.internal", {}), leg.flow);
  CHECK_EQ(to(Side::backend, "sip:x@10.0.1.7", {"<sip:10.0.1.8;lr>"}).remote.text(),
           "10.0.1.8:5060");
  const net::Flow tcp = to(Side::backend, "sip:x@10.0.1.7;transport=tcp", {});
  CHECK_EQ(tcp.transport, net::Transport::tcp);
  CHECK_EQ(tcp.listener.value, 1);
  CHECK_EQ(tcp.connection.value, 0);
  CHECK_EQ(to(Side::backend, "sip:x@10.0.1.7;transport=ws", {}), leg.flow);  // no such listener
  leg.flow.transport = net::Transport::tcp;
  leg.flow.connection.value = 9;
  leg.flow.listener.value = 1;
  leg.flow.remote.port = 49152;
  CHECK_EQ(to(Side::backend, "sip:x@10.0.1.100;transport=tcp", {}),
           leg.flow);  // the connection it called us on
}

TEST_CASE("a Reason cannot break out of its header") {
  CHECK_EQ(reason_value(480, "a \"b\" \\ c\r\nX: y"),
           "SIP;cause=480;text=\"a \\\"b\\\" \\\\ c  X: y\"");
}
