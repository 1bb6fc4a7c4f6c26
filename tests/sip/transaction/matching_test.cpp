// Which transaction a request belongs to: RFC 3261 §17.2.3, §9.2 and §8.2.2.2, and the peers that
// see it otherwise.
#include "tests/sip/transaction/lab.hpp"

using namespace usher;
using namespace usher::sip;
using namespace usher::sip::lab;

TEST_CASE("a request is known again by branch, sent-by and method; each of them makes another") {
  Lab lab;
  const Request options = Request{}.as("OPTIONS");
  const auto id = lab.serve(options);
  lab.receive(options);
  Request same = options;
  same.sent_by = "198.51.100.7:5062";
  lab.receive(same);
  CHECK(lab.count<RequestReceived>() == 1);

  Request other = options;
  other.call_id = "call-2@phone";
  other.branch = "z9hG4bKphone2";
  lab.receive(other);
  CHECK(lab.count<RequestReceived>() == 2);
  other = options;
  other.call_id = "call-3@phone";
  other.sent_by = "198.51.100.8:5062";
  lab.receive(other);
  CHECK(lab.count<RequestReceived>() == 3);
  other.call_id = "call-4@phone";
  other.sent_by = "198.51.100.7:5063";
  lab.receive(other);
  CHECK(lab.count<RequestReceived>() == 4);
  other = options.as("MESSAGE");
  lab.receive(other);
  CHECK(lab.count<RequestReceived>() == 5);
  lab.abandon(id);
}

TEST_CASE("the host of the sent-by compares without case, and 5060 is what no port means") {
  Lab lab;
  Request options = Request{}.as("OPTIONS");
  options.sent_by = "Phone.Example.COM";
  const auto id = lab.serve(options);
  options.sent_by = "phone.example.com:5060";
  lab.receive(options);
  CHECK(lab.count<RequestReceived>() == 1);
  options.branch = "z9hG4bKPHONE1";  // a branch with it
  options.cseq = 2;
  lab.receive(options);
  CHECK(lab.count<RequestReceived>() == 2);
  lab.abandon(id);
}

TEST_CASE(
    "RFC 2543: without the magic cookie, URI, tags, Call-ID, CSeq and Via make the transaction") {
  for (const char* branch : {"", "1", "z9hG4bK"}) {
    CAPTURE(branch);
    Lab lab;
    Request invite;
    invite.branch = branch;
    const auto id = lab.serve(invite);
    lab.receive(invite);
    CHECK(lab.count<RequestReceived>() == 1);

    std::size_t expected = 1;
    for (const auto& change : std::vector<std::function<void(Request&)>>{
             [](Request& r) { r.uri = "sip:403@edge.test"; },
             [](Request& r) { r.from_tag = "from2"; }, [](Request& r) { r.to_tag = "inside"; },
             [](Request& r) { r.call_id = "call-2@phone"; }, [](Request& r) { r.cseq = 2; },
             [](Request& r) { r.method = "OPTIONS"; }}) {
      Request other = invite;
      change(other);
      lab.receive(other);
      CHECK(lab.count<RequestReceived>() == ++expected);
    }
    Request elsewhere = invite;  // only the Via differs: the same request on another path
    elsewhere.sent_by = "198.51.100.9";
    lab.receive(elsewhere);
    CHECK(lab.count<RequestReceived>() == expected);
    CHECK(lab.times("SIP/2.0 482").size() == 1);
    lab.abandon(id);
  }
}

TEST_CASE(
    "RFC 2543: the ACK for a refusal has the To tag of the response; CANCEL has the INVITE's") {
  Lab lab;
  Request invite;
  invite.branch = "";
  const auto id = lab.serve(invite);
  lab.receive(invite.as("CANCEL"));
  CHECK(lab.count<CancelReceived>() == 1);
  CHECK(lab.sends.back().line() == "SIP/2.0 200 OK");
  lab.respond(id, invite, 487);
  lab.receive(invite.as("ACK").with_to_tag("somebody-else"));
  CHECK(lab.count<AckReceived>() == 1);
  lab.receive(invite.as("ACK").with_to_tag(lab.layer.local_tag(id)));
  CHECK(lab.count<AckReceived>() == 1);
  lab.advance(6s);
  CHECK(lab.count<ServerEnded>() == 1);
  CHECK(lab.count<AckMissing>() == 0);
}

TEST_CASE("RFC 2543: inside a dialog INVITE and ACK carry the same To tag") {
  Lab lab;
  Request invite;
  invite.branch = "";
  invite.to_tag = "ours";
  const auto id = lab.serve(invite);
  lab.receive(invite);
  CHECK(lab.count<RequestReceived>() == 1);
  lab.respond(id, invite, 488);
  lab.receive(invite.as("ACK"));
  lab.advance(6s);
  CHECK(lab.count<AckMissing>() == 0);
  CHECK(lab.count<ServerEnded>() == 1);
}

TEST_CASE("CANCEL of an unanswered INVITE: 200 with the INVITE's tag, and the user is told once") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite, kUdp, 77);
  lab.receive(invite.as("CANCEL"));
  lab.receive(invite.as("CANCEL"));
  REQUIRE(lab.count<CancelReceived>() == 1);
  CHECK(lab.last<CancelReceived>().invite == id);
  CHECK(lab.last<CancelReceived>().cookie == 77);
  REQUIRE(lab.times("SIP/2.0 200").size() == 2);
  const MessageRef ok = lab.sends[0].message();
  CHECK(ok->cseq().method == Method::cancel);
  CHECK(ok->to_tag() == lab.layer.local_tag(id));
  lab.respond(id, invite, 487);
  CHECK(lab.sends.back().message()->to_tag() == ok->to_tag());
  lab.receive(invite.as("ACK").with_to_tag(ok->to_tag()));
}

TEST_CASE("CANCEL of an INVITE that was answered: 200, and the user hears nothing") {
  for (const int status : {200, 486}) {
    Lab lab;
    Request invite;
    const auto id = lab.serve(invite);
    lab.respond(id, invite, status);
    lab.receive(invite.as("CANCEL"));
    CHECK(lab.sends.back().message()->cseq().method == Method::cancel);
    CHECK(lab.sends.back().line() == "SIP/2.0 200 OK");
    CHECK(lab.sends.back().message()->to_tag() == lab.layer.local_tag(id));
    CHECK(lab.count<CancelReceived>() == 0);
  }
}

TEST_CASE("a CANCEL that matches nothing is the user's to answer, and leaves nothing behind") {
  Lab lab;
  lab.receive(Request{}.as("CANCEL"));
  lab.receive(Request{}.as("CANCEL"));
  CHECK(lab.sends.empty());
  CHECK(lab.count<RequestReceived>() == 2);
  CHECK(lab.count<CancelReceived>() == 0);
  CHECK(lab.layer.counts().invite_server + lab.layer.counts().non_invite_server == 0);
}

TEST_CASE("CANCEL and ACK whose sent-by a NAT has changed find their INVITE by the call") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  Request cancel = invite.as("CANCEL");
  cancel.sent_by = "203.0.113.99:40000";
  lab.receive(cancel);
  CHECK(lab.count<CancelReceived>() == 1);
  CHECK(lab.count<RequestReceived>() == 1);  // the INVITE
  lab.respond(id, invite, 487);
  Request ack = invite.as("ACK").with_to_tag(lab.layer.local_tag(id));
  ack.sent_by = "203.0.113.99:40000";
  lab.receive(ack);
  CHECK(lab.count<AckReceived>() == 0);
  lab.advance(6s);
  CHECK(lab.times("SIP/2.0 487") == Times{0ms});
  CHECK(lab.count<ServerEnded>() == 1);
}

TEST_CASE("a CANCEL with another From tag, Call-ID or CSeq number cancels nothing") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  for (const auto& change : std::vector<std::function<void(Request&)>>{
           [](Request& r) { r.from_tag = "from2"; }, [](Request& r) { r.call_id = "call-2@phone"; },
           [](Request& r) { r.cseq = 2; }}) {
    Request cancel = invite.as("CANCEL");
    cancel.sent_by = "203.0.113.99";
    change(cancel);
    lab.receive(cancel);
  }
  CHECK(lab.count<CancelReceived>() == 0);
  CHECK(lab.count<RequestReceived>() == 1 + 3);
  lab.abandon(id);
}

TEST_CASE(
    "of two INVITEs of one call, a CANCEL without its sent-by means the one with its branch, else "
    "its URI, else none") {
  Lab lab;
  Request first;
  Request second = first;
  second.branch = "z9hG4bKfork2";
  second.uri = "sip:403@edge.test";
  const auto a = lab.serve(first);
  const auto b = lab.serve(second);
  Request cancel = second.as("CANCEL");
  cancel.sent_by = "203.0.113.99";
  lab.receive(cancel);
  REQUIRE(lab.count<CancelReceived>() == 1);
  CHECK(lab.last<CancelReceived>().invite == b);
  cancel = first.as("CANCEL");
  cancel.sent_by = "203.0.113.99";
  cancel.branch = "z9hG4bKrewritten";
  lab.receive(cancel);
  REQUIRE(lab.count<CancelReceived>() == 2);
  CHECK(lab.last<CancelReceived>().invite == a);
  cancel.uri = "sip:404@edge.test";
  lab.receive(cancel);
  CHECK(lab.count<RequestReceived>() == 2 + 1);
  CHECK(lab.count<CancelReceived>() == 2);
  cancel.branch = second.branch;  // the branch alone is enough
  lab.receive(cancel);
  CHECK(lab.count<RequestReceived>() == 2 + 1);
  CHECK(lab.times("SIP/2.0 200").size() == 3);
  lab.abandon(a);
  lab.abandon(b);
}

TEST_CASE("the same request on a second path gets 482 and is not shown to the user") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  Request second = invite;
  second.branch = "z9hG4bKother-path";
  lab.receive(second);
  lab.receive(second);
  CHECK(lab.count<RequestReceived>() == 1);
  REQUIRE(lab.times("SIP/2.0 482").size() == 2);
  CHECK(lab.sends[0].text == lab.sends[1].text);
  CHECK(lab.layer.counts().merged == 2);
  CHECK(lab.count<RequestMerged>() == 2);
  // Its ACK ends here.
  lab.receive(second.as("ACK").with_to_tag(lab.sends[0].message()->to_tag()));
  CHECK(lab.count<AckReceived>() == 0);
  // Once the first has ended, it is a new request.
  lab.abandon(id);
  lab.receive(second);
  CHECK(lab.count<RequestReceived>() == 2);
}

TEST_CASE(
    "a fork to another Request-URI, a request inside a dialog, and another CSeq are not merged") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  Request other = invite;
  other.branch = "z9hG4bKother";
  other.uri = "sip:403@edge.test";
  lab.receive(other);
  other = invite;
  other.branch = "z9hG4bKother";
  other.to_tag = "inside";
  lab.receive(other);
  other = invite;
  other.branch = "z9hG4bKother";
  other.cseq = 2;
  lab.receive(other);
  CHECK(lab.count<RequestReceived>() == 4);
  CHECK(lab.times("SIP/2.0 482").empty());
  lab.abandon(id);
}

TEST_CASE("a request accepted twice stands once") {
  Lab lab;
  Request invite;
  const auto id = lab.serve(invite);
  CHECK_FALSE(lab.accept(invite));
  CHECK(lab.layer.counts().invite_server == 1);
  lab.abandon(id);
}

TEST_CASE("a repeated request is answered to where it came from this time") {
  Lab lab;
  const Request options = Request{}.as("OPTIONS");
  const auto id = lab.serve(options);
  lab.respond(id, options, 200);
  lab.receive(options, flow_to(40001));
  REQUIRE(lab.sends.size() == 2);
  CHECK(lab.sends[0].flow == kUdp);
  CHECK(lab.sends[1].flow == flow_to(40001));
}

TEST_CASE("a refusal is repeated by its transaction, whatever would be decided now") {
  Lab lab;
  SUBCASE("INVITE, until its ACK") {
    const Request invite;
    lab.receive(invite);
    REQUIRE(lab.refuse(invite, 480, "Reason: SIP;cause=480\r\n"));
    REQUIRE(lab.sends.size() == 1);
    CHECK(lab.sends[0].message()->header(HeaderId::reason) == "SIP;cause=480");
    lab.receive(invite);
    lab.advance(500ms);  // timer G
    CHECK(lab.times("SIP/2.0 480") == Times{0ms, 0ms, 500ms});
    CHECK(lab.sends[2].text == lab.sends[0].text);
    lab.receive(invite.as("ACK").with_to_tag(lab.sends[0].message()->to_tag()));
    lab.advance(10s);
    CHECK(lab.sends.size() == 3);
  }
  SUBCASE("another method, for 64*T1") {
    const Request message = Request{}.as("MESSAGE");
    lab.receive(message);
    REQUIRE(lab.refuse(message, 404));
    lab.advance(31s);
    lab.receive(message);
    REQUIRE(lab.sends.size() == 2);
    CHECK(lab.sends[1].text == lab.sends[0].text);
  }
  CHECK(lab.count<RequestReceived>() == 1);
}

TEST_CASE("refusals have no state for CANCEL, and none when half of the limit is in use") {
  Lab lab({}, 4);
  const Request cancel = Request{}.as("CANCEL");
  lab.receive(cancel);
  CHECK_FALSE(lab.refuse(cancel, 481));
  lab.send();
  lab.send();
  const Request invite;
  lab.receive(invite);
  CHECK_FALSE(lab.refuse(invite, 480));
  CHECK(lab.times("SIP/2.0").size() == 2);
  CHECK(lab.send());  // there is room for what is not refused
}

TEST_CASE(
    "a refusal without state looks the same each time, carries the given lines, and its ACK ends "
    "here") {
  Lab lab;
  Request invite;
  lab.reply_stateless(invite, 503, "Retry-After: 10\r\nReason: SIP;cause=503\r\n");
  lab.reply_stateless(invite, 503, "Retry-After: 10\r\nReason: SIP;cause=503\r\n");
  REQUIRE(lab.sends.size() == 2);
  CHECK(lab.sends[0].text == lab.sends[1].text);
  const MessageRef response = lab.sends[0].message();
  CHECK(response->header(HeaderId::retry_after) == "10");
  CHECK(response->header(HeaderId::reason) == "SIP;cause=503");
  lab.receive(invite.as("ACK").with_to_tag(response->to_tag()));
  CHECK(lab.events.empty());
  lab.receive(invite.as("ACK").with_to_tag("other"));
  CHECK(lab.count<AckReceived>() == 1);
}
