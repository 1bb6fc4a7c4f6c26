// CANCEL and ACK of our own, failed flows, limits, and ids that outlive what they named.
#include "tests/sip/transaction/lab.hpp"

using namespace usher;
using namespace usher::sip;
using namespace usher::sip::lab;

TEST_CASE(
    "the ACK for a refusal: URI, Call-ID, From, CSeq number, Routes and top Via of the INVITE, To "
    "of the response") {
  Lab lab;
  lab.send("INVITE", kUdp, 5,
           "Route: <sip:p1.test;lr>\r\nRoute: <sip:p2.test;lr>\r\nContact: "
           "<sip:me@192.0.2.1>\r\nVia: SIP/2.0/UDP older;branch=z9hG4bKold\r\n");
  lab.answer(486, "their-tag");
  REQUIRE(lab.times("ACK").size() == 1);
  const MessageRef ack = lab.sends.back().message();
  CHECK(ack->request_uri() == lab.sent_request.uri);
  CHECK(ack->call_id() == lab.sent_request.call_id);
  CHECK(ack->from_tag() == lab.sent_request.from_tag);
  CHECK(ack->to_tag() == "their-tag");
  CHECK(ack->cseq().number == 1);
  CHECK(ack->cseq().method == Method::ack);
  CHECK(ack->count(HeaderId::via) == 1);
  CHECK(ack->top_via().branch() == lab.sent_request.branch);
  CHECK(ack->count(HeaderId::route) == 2);
  CHECK(ack->header(HeaderId::route) == "<sip:p1.test;lr>");
  CHECK(ack->count(HeaderId::contact) == 0);
  CHECK(ack->body().empty());
}

TEST_CASE(
    "CANCEL has the INVITE's URI, Call-ID, From, To, CSeq number, top Via and Routes, and the "
    "given Reason") {
  Lab lab;
  const auto id = lab.send("INVITE", kTcp, 5,
                           "Route: <sip:p1.test;lr>\r\nRequire: 100rel\r\nProxy-Require: foo\r\n");
  lab.answer(180);
  lab.cancel(id, "SIP;cause=200;text=\"Call completed elsewhere\"");
  REQUIRE(lab.times("CANCEL").size() == 1);
  CHECK(lab.sends.back().flow == kTcp);
  const MessageRef cancel = lab.sends.back().message();
  CHECK(cancel->request_uri() == lab.sent_request.uri);
  CHECK(cancel->call_id() == lab.sent_request.call_id);
  CHECK(cancel->from_tag() == lab.sent_request.from_tag);
  CHECK(cancel->to_tag().empty());  // the request's To, not the response's
  CHECK(cancel->cseq().number == 1);
  CHECK(cancel->cseq().method == Method::cancel);
  CHECK(cancel->count(HeaderId::via) == 1);
  CHECK(cancel->top_via().branch() == lab.sent_request.branch);
  CHECK(cancel->count(HeaderId::route) == 1);
  CHECK(cancel->count(HeaderId::require) == 0);
  CHECK(cancel->count(HeaderId::proxy_require) == 0);
  CHECK(cancel->header(HeaderId::reason) == "SIP;cause=200;text=\"Call completed elsewhere\"");
  lab.answer(487);
}

TEST_CASE(
    "CANCEL waits for a provisional response, which may be long in coming, and goes with it") {
  Lab lab;
  const auto id = lab.send();
  lab.cancel(id);
  lab.cancel(id);
  lab.advance_to(5s);
  CHECK(lab.times("CANCEL").empty());
  CHECK(lab.times("INVITE") ==
        Times{0ms, 500ms, 1500ms, 3500ms});  // goes on, or it could ring for ever
  lab.answer(100);
  CHECK(lab.times("CANCEL") == Times{5s});
  CHECK(lab.statuses() == std::vector{100});
  lab.receive(response_to(lab.sent_request.as("CANCEL").text(), 200).view());
  lab.answer(487);
  CHECK(lab.statuses() == std::vector{100, 487});  // nothing of the CANCEL's own answer
  CHECK(lab.times("ACK") == Times{5s});
  CHECK(lab.count<StrayResponse>() == 0);
  lab.advance(60s);
  CHECK(lab.count<ClientEnded>() == 1);
  CHECK(lab.count<ClientTimedOut>() == 0);
}

TEST_CASE("a CANCEL that waits in vain is never sent: B ends the INVITE") {
  Lab lab;
  const auto id = lab.send();
  lab.advance_to(10s);
  lab.cancel(id);
  lab.advance(60s);
  CHECK(lab.times("CANCEL").empty());
  CHECK(lab.time_of_last<ClientTimedOut>() == 32s);
  CHECK(lab.last<ClientTimedOut>().timer == TimerLetter::B);
}

TEST_CASE("no CANCEL when the first response is a final one; a 2xx is handed up for ACK and BYE") {
  for (const int status : {200, 486}) {
    Lab lab;
    const auto id = lab.send();
    lab.cancel(id);
    lab.answer(status);
    CHECK(lab.times("CANCEL").empty());
    CHECK(lab.statuses() == std::vector{status});
    lab.cancel(id);
    lab.advance(1s);
    CHECK(lab.times("CANCEL").empty());
  }
}

TEST_CASE(
    "a 2xx that crosses the CANCEL is handed up, and the CANCEL's own transaction ends by itself") {
  Lab lab;
  const auto id = lab.send();
  lab.answer(180);
  lab.cancel(id);
  lab.answer(200);
  CHECK(lab.statuses() == std::vector{180, 200});
  lab.advance_to(100s);
  // CANCEL is repeated like any request, its timeout is nobody's concern.
  CHECK(lab.times("CANCEL").size() == 11);
  CHECK(lab.count<ClientTimedOut>() == 0);
  CHECK(lab.count<ClientEnded>() == 1);
}

TEST_CASE(
    "without a final response 64*T1 after the CANCEL the INVITE is given up; a 2xx after that is a "
    "stray") {
  Lab lab;
  const auto id = lab.send();
  lab.answer(180);
  lab.advance_to(10s);
  lab.cancel(id);
  lab.advance_to(20s);
  lab.answer(180);  // still ringing: no matter
  lab.advance_to(41999ms);
  CHECK(lab.count<ClientTimedOut>() == 0);
  lab.advance_to(42s);
  REQUIRE(lab.count<ClientTimedOut>() == 1);
  CHECK(lab.last<ClientTimedOut>().timer == TimerLetter::cancel);
  CHECK(lab.count<ClientEnded>() == 1);
  lab.answer(200);
  CHECK(lab.count<StrayResponse>() == 1);
}

TEST_CASE("an answer to a CANCEL that is long over is shown to nobody") {
  Lab lab;
  lab.send();
  lab.receive(response_to(lab.sent_request.as("CANCEL").text(), 200).view());
  CHECK(lab.count<StrayResponse>() == 0);
  CHECK(lab.layer.counts().strays == 1);
  lab.advance(40s);
}

TEST_CASE("only INVITE is cancelled") {
  Lab lab;
  const auto id = lab.send("OPTIONS");
  lab.answer(100);
  lab.cancel(id);
  CHECK(lab.times("CANCEL").empty());
  lab.answer(200);
}

TEST_CASE("a failed flow fails those without a response, at once, and nobody else") {
  Lab lab;
  lab.send("INVITE", flow_to(1000), 1);
  lab.send("OPTIONS", flow_to(1000), 2);
  const auto cancelled = lab.send("INVITE", flow_to(1000), 3);
  lab.cancel(cancelled);
  lab.send("INVITE", flow_to(1001), 4);
  const auto ringing = lab.send("INVITE", flow_to(1000), 5);
  lab.answer(180);
  lab.fail_flow(flow_to(1000), "port unreachable");
  CHECK(lab.count<ClientFailed>() == 3);
  CHECK(lab.count<ClientEnded>() == 3);
  CHECK(lab.last<ClientFailed>().reason == "port unreachable");
  CHECK(lab.layer.counts().invite_client == 2);
  lab.fail_flow(flow_to(1000), "again");
  CHECK(lab.count<ClientFailed>() == 3);
  lab.cancel(ringing);
  lab.advance(100s);  // 1001 times out by B, the ringing one by cancel
  CHECK(lab.count<ClientTimedOut>() == 2);
}

TEST_CASE("a stream that could not be opened is failed under the flow that was given to send()") {
  Lab lab;
  const net::Flow unopened = flow_to(5060, net::Transport::tcp);
  lab.send("INVITE", unopened);
  lab.fail_flow(flow_to(5060, net::Transport::tcp, 3), "some other connection");
  lab.fail_flow(flow_to(5060), "UDP is another flow");
  CHECK(lab.count<ClientFailed>() == 0);
  lab.fail_flow(unopened, "connection refused");
  CHECK(lab.count<ClientFailed>() == 1);
  CHECK(lab.layer.counts().timers == 0);
}

TEST_CASE("a server transaction survives its flow, so that a repeated request is still known") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  lab.fail_flow(kUdp, "unreachable");
  lab.receive(invite);
  CHECK(lab.count<RequestReceived>() == 1);
  CHECK(lab.respond(id, invite, 486));
}

TEST_CASE(
    "beyond the limit nothing is begun; the user is told by a false id, and a CANCEL still goes") {
  Lab lab({}, 2);
  Request invite;
  const auto first = lab.serve(invite);
  const auto second = lab.send();
  lab.answer(180);
  REQUIRE(second);
  Request other;
  other.branch = "z9hG4bKother";
  other.call_id = "call-2@phone";
  lab.receive(other);
  CHECK_FALSE(lab.accept(other));
  const std::size_t sends = lab.sends.size();
  const Request ours = lab.sent_request;
  CHECK_FALSE(lab.send("OPTIONS"));
  CHECK(lab.sends.size() == sends);
  CHECK(lab.layer.counts().refused_at_limit == 2);
  lab.cancel(second);
  CHECK(lab.times("CANCEL").size() == 1);
  lab.receive(response_to(ours.text(), 487).view());
  lab.abandon(first);
  lab.receive(other);
}

TEST_CASE("an id whose transaction is over names nothing, even when its slot is used again") {
  Lab lab;
  Request invite;
  const auto old_server = lab.serve(invite);
  lab.abandon(old_server);
  invite.branch += "2";
  const auto new_server = lab.serve(invite);
  CHECK(new_server.index == old_server.index);
  CHECK_FALSE(lab.respond(old_server, invite, 200));
  CHECK(!lab.layer.request(old_server));
  CHECK(lab.layer.request(new_server));
  lab.abandon(old_server);
  CHECK(lab.layer.counts().invite_server == 1);
  lab.abandon(new_server);

  const auto old_client = lab.send("INVITE", kTcp);
  lab.answer(486);
  const auto new_client = lab.send("INVITE", kTcp);
  CHECK(new_client.index == old_client.index);
  lab.answer(180);
  lab.cancel(old_client);
  CHECK(lab.times("CANCEL").empty());
  lab.answer(486);
}

TEST_CASE("a transaction's timers die with it: none of the old fires for the new one in its slot") {
  Lab lab;
  lab.send("INVITE", flow_to(1000));  // A and B are armed
  lab.fail_flow(flow_to(1000), "down");
  CHECK(lab.layer.counts().timers == 0);
  lab.advance_to(400ms);
  lab.send("INVITE", flow_to(1001));
  lab.advance_to(899ms);
  CHECK(lab.times("INVITE") == Times{0ms, 400ms});
  lab.advance_to(900ms);
  CHECK(lab.times("INVITE").size() == 3);
  lab.fail_flow(flow_to(1001), "down");
}

TEST_CASE("on_time fires no more than it is told to, in the order of time") {
  Lab lab;
  for (int i = 0; i < 10; ++i) lab.send("OPTIONS");
  TransactionOutput out;
  lab.layer.on_time(lab.now + 500ms, out, 4);
  CHECK(out.sends.size() == 4);
  lab.layer.on_time(lab.now + 500ms, out, 100);
  CHECK(out.sends.size() == 10);
  lab.advance(40s);
}
