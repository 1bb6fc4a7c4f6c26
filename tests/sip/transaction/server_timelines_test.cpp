// Server transactions on a clock.
#include "tests/sip/transaction/lab.hpp"

using namespace usher;
using namespace usher::sip;
using namespace usher::sip::lab;

TEST_CASE(
    "a user that says nothing for 200 ms: one 100 goes out, without a To tag, and is repeated") {
  Lab lab;
  Request invite;
  invite.lines = "Timestamp: 54\r\n";
  const auto id = lab.serve(invite);
  lab.advance_to(199ms);
  lab.receive(invite);  // nothing to repeat yet
  CHECK(lab.sends.empty());
  lab.advance_to(200ms);
  REQUIRE(lab.times("SIP/2.0 100") == Times{200ms});
  const MessageRef trying = lab.sends[0].message();
  CHECK(trying->to_tag().empty());
  CHECK(trying->top_via().branch() == invite.branch);
  CHECK(trying->cseq().number == 1);
  CHECK(trying->header(HeaderId::timestamp) == "54 0.200");
  lab.advance_to(500ms);
  lab.receive(invite);
  CHECK(lab.times("SIP/2.0 100") == Times{200ms, 500ms});
  CHECK(lab.sends[1].text == lab.sends[0].text);
  lab.advance(60s);
  CHECK(lab.sends.size() == 2);
  CHECK(lab.count<RequestReceived>() == 1);
  lab.abandon(id);
  CHECK(lab.sends.size() == 2);
}

TEST_CASE("no 100 of the layer's own once the user has sent any response") {
  for (const int status : {100, 180, 200, 486}) {
    Lab lab;
    Request invite;
    const auto id = lab.serve(invite);
    lab.advance_to(199ms);
    lab.respond(id, invite, status);
    lab.advance_to(400ms);
    CHECK(lab.sends.size() == 1);
    lab.abandon(id);
  }
}

TEST_CASE("the user's 100 is sent when it comes, also after the layer's own") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  lab.advance_to(600ms);
  lab.respond(id, invite, 100);
  CHECK(lab.times("SIP/2.0 100") == Times{200ms, 600ms});
  lab.abandon(id);
}

TEST_CASE("a 100 after a 180 is sent, and the 180 stays what is repeated") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  lab.respond(id, invite, 180);
  lab.respond(id, invite, 100);
  lab.receive(invite);
  REQUIRE(lab.sends.size() == 3);
  CHECK(lab.sends[1].line() == "SIP/2.0 100 Trying");
  CHECK(lab.sends[2].line() == "SIP/2.0 180 Ringing");
  lab.respond(id, invite, 183);
  lab.receive(invite);
  CHECK(lab.sends.back().line() == "SIP/2.0 183 Session Progress");
  lab.abandon(id);
}

TEST_CASE("a refusal is repeated by G up to every T2, until H tells that no ACK came") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  lab.respond(id, invite, 486);
  CHECK(!lab.layer.request(id));
  lab.advance(100s);
  CHECK(lab.times("SIP/2.0 486") == Times{0ms, 500ms, 1500ms, 3500ms, 7500ms, 11500ms, 15500ms,
                                          19500ms, 23500ms, 27500ms, 31500ms});
  CHECK(lab.time_of_last<AckMissing>() == 32s);
  CHECK(lab.time_of_last<ServerEnded>() == 32s);
  CHECK(std::holds_alternative<ServerEnded>(lab.events.back().second));
}

TEST_CASE("the ACK for a refusal ends its repetition; further ACKs are absorbed until I") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  lab.respond(id, invite, 486);
  lab.advance_to(600ms);
  const Request ack = invite.as("ACK").with_to_tag(lab.layer.local_tag(id));
  lab.receive(ack);
  lab.receive(ack);
  lab.receive(invite);
  lab.advance_to(5599ms);
  CHECK(lab.count<ServerEnded>() == 0);
  lab.advance_to(5600ms);
  CHECK(lab.count<ServerEnded>() == 1);
  CHECK(lab.times("SIP/2.0 486") == Times{0ms, 500ms});
  CHECK(lab.count<AckReceived>() == 0);
  CHECK(lab.count<AckMissing>() == 0);
}

TEST_CASE(
    "over a stream a refusal is not repeated, H waits for the ACK all the same, and I is zero") {
  Lab lab;
  Request invite;
  auto id = lab.serve(invite, kTcp);
  lab.respond(id, invite, 486);
  lab.receive(invite.as("ACK").with_to_tag(lab.layer.local_tag(id)), kTcp);
  CHECK(lab.count<ServerEnded>() == 1);
  CHECK(lab.layer.counts().timers == 0);
  invite.branch += "b";
  invite.cseq = 2;
  id = lab.serve(invite, kTcp);
  lab.respond(id, invite, 486);
  lab.advance(31999ms);
  CHECK(lab.count<AckMissing>() == 0);
  lab.advance(1ms);
  CHECK(lab.count<AckMissing>() == 1);
  CHECK(lab.times("SIP/2.0 486").size() == 2);
}

TEST_CASE("a repeated refusal is asked for by the INVITE too") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  lab.respond(id, invite, 404);
  lab.advance_to(100ms);
  lab.receive(invite);
  CHECK(lab.times("SIP/2.0 404") == Times{0ms, 100ms});
  CHECK_FALSE(lab.layer.counts().retransmissions_in == 0);
}

TEST_CASE(
    "after a 2xx the INVITE is absorbed in silence, the user's repetitions pass, and L ends it "
    "after 64*T1") {
  for (const auto& flow : {kUdp, kTcp}) {
    Lab lab;
    Request invite;
    const auto id = lab.serve(invite, flow);
    lab.respond(id, invite, 200);
    for (int i = 0; i < 3; ++i) {
      lab.advance(1s);
      lab.receive(invite, flow);
    }
    CHECK(lab.times("SIP/2.0 200") == Times{0ms});  // the layer doesn't repeat it
    CHECK(lab.count<RequestReceived>() == 1);
    CHECK(lab.respond(id, invite, 200));
    CHECK(lab.times("SIP/2.0 200") == Times{0ms, 3s});
    CHECK(lab.respond(id, invite, 486));  // ignored
    CHECK(lab.respond(id, invite, 180));
    CHECK(lab.sends.size() == 2);
    lab.advance_to(31999ms);
    CHECK(lab.count<ServerEnded>() == 0);
    lab.advance_to(32s);
    CHECK(lab.count<ServerEnded>() == 1);
    CHECK_FALSE(lab.respond(id, invite, 200));
    CHECK(lab.count<AckMissing>() == 0);
  }
}

TEST_CASE(
    "an ACK for a 2xx is the user's, with a branch of its own or, wrongly, with the INVITE's") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  lab.respond(id, invite, 200);
  Request ack = invite.as("ACK").with_to_tag(lab.layer.local_tag(id));
  lab.receive(ack);
  CHECK(lab.count<AckReceived>() == 1);
  ack.branch = "z9hG4bKack";
  ack.uri = "sip:answer@192.0.2.1";
  lab.receive(ack);
  CHECK(lab.count<AckReceived>() == 2);
  lab.advance(40s);
  lab.receive(ack);
  CHECK(lab.count<AckReceived>() == 3);
}

TEST_CASE(
    "a request other than INVITE: repetitions are silent until an answer, then get it until J") {
  Lab lab;
  const Request options = Request{}.as("OPTIONS");
  const auto id = lab.serve(options);
  lab.advance_to(500ms);
  lab.receive(options);
  CHECK(lab.sends.empty());
  lab.advance_to(1s);
  lab.respond(id, options, 200);
  lab.advance_to(1500ms);
  lab.receive(options);
  CHECK(lab.times("SIP/2.0 200") == Times{1s, 1500ms});
  lab.respond(id, options, 500);  // discarded
  CHECK(lab.sends.size() == 2);
  lab.advance_to(32999ms);
  CHECK(lab.count<ServerEnded>() == 0);
  lab.advance_to(33s);
  CHECK(lab.count<ServerEnded>() == 1);
  const auto tcp = lab.serve(options, kTcp);
  lab.respond(tcp, options, 200);
  CHECK(lab.count<ServerEnded>() == 2);  // J is zero
}

TEST_CASE(
    "RFC 4320: a request other than INVITE never gets a 408 nor 101-199, and over UDP no 100 "
    "before 3.5 s") {
  Lab lab;
  const Request request = Request{}.as("REGISTER");
  const auto id = lab.serve(request);
  for (const int status : {408, 180, 183, 100}) CHECK(lab.respond(id, request, status));
  CHECK(lab.sends.empty());
  lab.advance_to(3499ms);
  CHECK(lab.sends.empty());
  lab.advance_to(3500ms);
  CHECK(lab.times("SIP/2.0 100") == Times{3500ms});
  CHECK(lab.respond(id, request, 408));
  CHECK(lab.respond(id, request, 180));
  CHECK(lab.respond(id, request, 100));
  CHECK(lab.times("SIP/2.0").size() == 2);
  lab.receive(request);
  CHECK(lab.sends.back().line() == "SIP/2.0 100 Trying");
  lab.advance_to(31999ms);
  CHECK(lab.count<ServerEnded>() == 0);
  lab.advance_to(32s);
  CHECK(lab.count<ServerEnded>() == 1);  // the client's F
  CHECK(lab.times("SIP/2.0 408").empty());
  CHECK_FALSE(lab.respond(id, request, 200));
  lab.reply_stateless(request, 408);
  CHECK(lab.times("SIP/2.0 408").empty());
}

TEST_CASE(
    "RFC 4320: over a stream a 100 may go at any time, and the layer's own comes only if nothing "
    "went") {
  Lab lab;
  const Request request = Request{}.as("REGISTER");
  const auto id = lab.serve(request, kTcp);
  lab.respond(id, request, 100);
  lab.advance_to(20s);
  CHECK(lab.times("SIP/2.0 100") == Times{0ms});
  lab.respond(id, request, 200);
  CHECK(lab.times("SIP/2.0 200") == Times{20s});
}

TEST_CASE("an upstream's 408 to an INVITE passes") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  lab.respond(id, invite, 408);
  CHECK(lab.times("SIP/2.0 408").size() == 1);
  lab.receive(invite.as("ACK").with_to_tag(lab.layer.local_tag(id)));
}

TEST_CASE("an abandoned transaction leaves no byte behind it, whenever it is abandoned") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  lab.abandon(id);
  lab.advance(1s);
  CHECK(lab.sends.empty());
  CHECK(lab.count<ServerEnded>() == 1);
  CHECK_FALSE(lab.respond(id, invite, 200));
  CHECK(lab.layer.local_tag(id).empty());
  const auto again = lab.serve(invite);  // it is a new request again
  lab.respond(again, invite, 486);
  lab.abandon(again);
  CHECK(lab.layer.counts().timers == 0);
}

TEST_CASE("the tag is the same in all responses; inside a dialog it is the request's own") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  CHECK(lab.layer.local_tag(id).size() >= 8);
  CHECK(lab.layer.local_tag(id) == lab.layer.local_tag(id));
  lab.abandon(id);
  invite.to_tag = "ours";
  const auto inside = lab.serve(invite);
  CHECK(lab.layer.local_tag(inside) == "ours");
  lab.abandon(inside);
}
