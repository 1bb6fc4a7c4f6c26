// Transfers and pickup through the whole stack: each side names the other's dialogs by its own
// legs' Call-IDs and tags, whichever request carries the name.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

// A dialog as one of its ends knows it.
struct End {
  std::string call_id, own, far;
  explicit End(const Party& p) : call_id(p.call_id), own(p.local_tag), far(p.remote_tag) {}
  // For somebody who is to replace the far end's dialog (RFC 3891 §3: to-tag is the tag of whom the
  // INVITE reaches), and as it stands where the own end is reached.
  std::string naming_far() const {
    return fmt::format("{};to-tag={};from-tag={}", call_id, far, own);
  }
  std::string naming_own() const {
    return fmt::format("{};to-tag={};from-tag={}", call_id, own, far);
  }
};

std::string escaped(std::string text) {
  for (const auto& [what, by] : {std::pair{";", "%3B"}, {"=", "%3D"}, {"@", "%40"}}) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 3))
      text.replace(at, 1, by);
  }
  return text;
}

std::string dialog_info(const End& end, std::string_view state) {
  return fmt::format(
      "<?xml version=\"1.0\"?>\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" "
      "version=\"1\" state=\"full\" entity=\"sip:402@10.0.1.100\">\n <dialog id=\"402\" "
      "call-id=\"{}\" local-tag=\"{}\" remote-tag=\"{}\" direction=\"recipient\">\n  "
      "<state>{}</state>\n </dialog>\n</dialog-info>\n",
      end.call_id, end.far, end.own, state);
}

bool shows_backend(const Seen& seen) {
  return seen.text().find("10.0.1.") != std::string_view::npos;
}

// Two phones and a backend that talks to both: a call from the phone, and one to the other phone.
struct Transfers : House {
  Party& other;
  Transfers() : other(add("402", "192.0.2.21:5062")) {
    plan.contact_user_new = "peer";
    router = [this](const sip::RouteNeeded& need) {
      sip::Plan made = plan;
      const bool inside = need.flow == backend.flow;
      const bool to_other = need.request->request_uri().find("402") != std::string_view::npos;
      Party& target = !inside ? backend : to_other ? other : phone;
      made.towards = inside ? sip::Side::phone : sip::Side::backend;
      made.attempts = {{target.flow, inside ? target.contact_uri() : "", 1}};
      if (!need.request->to_tag().empty()) {
        stack->reply(now(), need, sip::Reply{481, {}, "no such dialog", {}});
      } else {
        stack->route(now(), need, std::move(made));
      }
    };
  }

  // backend → other phone, up to 180 or to the ACK. The backend's end is `backend` afterwards.
  Seen ring_other() {
    backend.invite("sip:402@203.0.113.5");
    const Seen invite = other.expect("INVITE");
    other.respond(invite, 180);
    backend.expect("180");
    return invite;
  }
  void answer_other(const Seen& invite) {
    other.respond(invite, 200, kSdpAnswer);
    backend.expect("200");
    backend.ack();
    other.expect("ACK");
  }
  void hang_up_other() {
    other.request("BYE");
    backend.respond(backend.expect("BYE"), 200);
    other.expect("200 BYE");
  }
};

}  // namespace

TEST_CASE("attended transfer by a phone: the consulted call has the backend's name in the REFER") {
  Transfers net;
  net.set_up();
  const End consulted_phone(net.phone), consulted_backend(net.backend);
  net.set_up();  // the phone's second call, in which it refers
  net.phone.request("REFER", {},
                    "Refer-To: <sip:402@a.test?Replaces=" + escaped(consulted_phone.naming_far()) +
                        "&Require=replaces>\r\nReferred-By: <sip:401@a.test>\r\n");
  const Seen refer = net.backend.expect("REFER");
  CHECK_EQ(
      refer.header("Refer-To"),
      "<sip:402@a.test?Replaces=" + escaped(consulted_backend.naming_own()) + "&Require=replaces>");
  net.backend.respond(refer, 202);
  net.phone.expect("202 REFER");
  // Its NOTIFYs name the REFER by its CSeq number.
  const std::uint32_t sent = net.phone.cseq;
  REQUIRE_NE(refer.message->cseq().number, sent);
  net.backend.request("NOTIFY", "SIP/2.0 100 Trying\r\n",
                      fmt::format("Event: refer;id={}\r\nSubscription-State: active;expires=60\r\n"
                                  "Content-Type: message/sipfrag\r\n",
                                  refer.message->cseq().number));
  const Seen notify = net.phone.expect("NOTIFY");
  CHECK_EQ(notify.header("Event"), fmt::format("refer;id={}", sent));
  net.phone.respond(notify, 200);
  net.backend.expect("200 NOTIFY");
  net.phone.request("SUBSCRIBE", {}, fmt::format("Event: refer;id={}\r\nExpires: 0\r\n", sent));
  const Seen subscribe = net.backend.expect("SUBSCRIBE");
  CHECK_EQ(subscribe.header("Event"), fmt::format("refer;id={}", refer.message->cseq().number));
  net.backend.respond(subscribe, 481);
  net.phone.expect("481");
  net.hang_up();
}

TEST_CASE("a REFER outside dialogs with Target-Dialog names the backend's dialog") {
  Transfers net;
  net.set_up();
  const End mine(net.phone), theirs(net.backend);
  net.phone.request_out(
      "REFER", "sip:402@a.test", {},
      fmt::format("Contact: <sip:401@192.0.2.20:5062>\r\nRefer-To: <sip:403@a.test>\r\n"
                  "Target-Dialog: {};local-tag={};remote-tag={}\r\n",
                  mine.call_id, mine.own, mine.far));
  const Seen refer = net.backend.expect("REFER");
  CHECK_EQ(refer.header("Target-Dialog"),
           fmt::format("{};local-tag={};remote-tag={}", theirs.call_id, theirs.far, theirs.own));
  net.backend.respond(refer, 403);
  net.phone.expect("403");
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a backend's INVITE with Replaces names the phone's own dialog") {
  Transfers net;
  net.set_up();
  const End mine(net.phone), theirs(net.backend);
  const std::string tail = ";early-only";
  net.backend.invite("sip:401@203.0.113.5", kSdpOffer,
                     "Replaces: " + theirs.naming_far() + tail + "\r\nRequire: replaces\r\n");
  const Seen invite = net.phone.expect("INVITE");
  CHECK_EQ(invite.header("Replaces"), mine.naming_own() + tail);
  CHECK_EQ(invite.header("Require"), "replaces");
  net.phone.respond(invite, 486);
  net.phone.expect("ACK");
  net.backend.ack_refusal(net.backend.expect("486"));
}

TEST_CASE("a backend refers a phone: it sees the domain and names it can use") {
  Transfers net;
  const Seen invite = net.ring_other();
  net.answer_other(invite);
  const End far_phone(net.other), far_backend(net.backend);
  net.set_up();
  net.backend.request(
      "REFER", {},
      "Refer-To: \"B\" <sip:402@10.0.1.100:5060?Replaces=" + escaped(far_backend.naming_far()) +
          ">\r\nReferred-By: <sip:pbx@10.0.1.100>;cid=\"1@x\"\r\n");
  const Seen refer = net.phone.expect("REFER");
  CHECK_EQ(refer.header("Refer-To"),
           "\"B\" <sip:402@a.test?Replaces=" + escaped(far_phone.naming_own()) + ">");
  CHECK_EQ(refer.header("Referred-By"), "<sip:pbx@a.test>;cid=\"1@x\"");
  CHECK_FALSE(shows_backend(refer));
  net.phone.respond(refer, 202);
  net.backend.expect("202");
  // The phone does as it was told, and the backend gets its own name back.
  Party& third = net.add("403", "192.0.2.22:5062");
  third.invite("sip:402@a.test", kSdpOffer, "Replaces: " + far_phone.naming_own() + "\r\n");
  const Seen replacing = net.backend.expect("INVITE");
  CHECK_EQ(replacing.header("Replaces"), far_backend.naming_far());
}

TEST_CASE("pickup of a ringing call from a busy lamp: both directions, before any answer") {
  Transfers net;
  const Seen ringing = net.ring_other();
  const End far_phone(net.other), far_backend(net.backend);
  net.backend.request_out("NOTIFY", "sip:401@203.0.113.5", dialog_info(far_backend, "early"),
                          "Event: dialog\r\nSubscription-State: active\r\n"
                          "Content-Type: application/dialog-info+xml\r\n");
  const Seen notify = net.phone.expect("NOTIFY");
  std::string expected = dialog_info(far_backend, "early");
  const auto swap = [&](const std::string& what, const std::string& by) {
    const auto at = expected.find(what);
    REQUIRE_NE(at, std::string::npos);
    expected.replace(at, what.size(), by);
  };
  swap(far_backend.call_id, far_phone.call_id);
  swap('"' + far_backend.far + '"', '"' + far_phone.own + '"');
  swap('"' + far_backend.own + '"', '"' + far_phone.far + '"');
  swap("sip:402@10.0.1.100", "sip:402@a.test");
  CHECK_EQ(notify.body(), expected);
  CHECK_EQ(notify.header("Content-Length"), std::to_string(expected.size()));
  net.phone.respond(notify, 200);
  net.backend.expect("200 NOTIFY");

  net.phone.invite("sip:402@a.test", kSdpOffer,
                   "Replaces: " + far_phone.naming_far() + ";early-only\r\n");
  const Seen pickup = net.backend.expect("INVITE");
  CHECK_EQ(pickup.header("Replaces"), far_backend.naming_own() + ";early-only");
  net.backend.respond(pickup, 486);
  net.backend.expect("ACK");
  net.phone.ack_refusal(net.phone.expect("486"));
  (void)ringing;
}

TEST_CASE("a phone's own busy-lamp body reaches the backend with the backend's names") {
  Transfers net;
  net.set_up();
  const End mine(net.phone), theirs(net.backend);
  const std::string body = fmt::format(
      "<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" entity=\"sip:401@10.0.1.100\">"
      "<dialog id=\"1\" call-id=\"{}\" local-tag=\"{}\" remote-tag=\"{}\"/></dialog-info>",
      mine.call_id, mine.own, mine.far);
  net.phone.request("NOTIFY", body,
                    "Event: dialog\r\nContent-Type: application/dialog-info+xml;charset=utf-8\r\n");
  const Seen notify = net.backend.expect("NOTIFY");
  CHECK_EQ(notify.body(),
           fmt::format(
               "<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" "
               "entity=\"sip:401@10.0.1.100\">"
               "<dialog id=\"1\" call-id=\"{}\" local-tag=\"{}\" remote-tag=\"{}\"/></dialog-info>",
               theirs.call_id, theirs.far, theirs.own));
  net.backend.respond(notify, 200);
  net.phone.expect("200 NOTIFY");
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a call that does not ring yet has no other name; a strange one passes on every path") {
  Transfers net;
  net.backend.invite("sip:402@203.0.113.5");
  const Seen invite = net.other.expect("INVITE");
  net.other.respond(invite, 100);
  net.backend.expect("100");
  const std::string early =
      fmt::format("{};to-tag=us;from-tag={}", net.backend.call_id, net.backend.local_tag);
  const std::string call_id = net.backend.call_id, tag = net.backend.local_tag;
  for (const std::string& name : {early, std::string("no-such@call ; to-tag=1;from-tag=2")}) {
    const std::string lines = "Replaces: " + name + "\r\nJoin:  " + name + "\r\nEvent: dialog\r\n";
    net.backend.request_out("NOTIFY", "sip:401@203.0.113.5", {}, lines);
    const Seen relayed = net.phone.expect("NOTIFY");
    CHECK_NE(relayed.text().find(lines), std::string_view::npos);
    net.phone.respond(relayed, 200);
    net.backend.expect("200 NOTIFY");
    net.phone.invite("sip:402@a.test", kSdpOffer, lines);
    const Seen call = net.backend.expect("INVITE");
    CHECK_NE(call.text().find(lines), std::string_view::npos);
    net.backend.respond(call, 481);
    net.backend.expect("ACK");
    net.phone.ack_refusal(net.phone.expect("481"));
  }
  // A body that cannot be read, and one that says it is compressed.
  for (const std::string& lines :
       {std::string("Content-Type: application/dialog-info+xml\r\n"),
        std::string("Content-Type: application/dialog-info+xml\r\nContent-Encoding: gzip\r\n")}) {
    const std::string body = "<dialog-info entity=\"sip:10.0.1.100\">";
    net.backend.request_out("NOTIFY", "sip:401@203.0.113.5", body, lines);
    const Seen relayed = net.phone.expect("NOTIFY");
    CHECK_EQ(relayed.body(), body);
    net.phone.respond(relayed, 200);
    net.backend.expect("200 NOTIFY");
  }
}

TEST_CASE("a call that is over has no other name any more") {
  Transfers net;
  net.set_up();
  const End mine(net.phone);
  net.hang_up();
  net.advance(seconds(60));
  net.phone.invite("sip:402@a.test", kSdpOffer, "Replaces: " + mine.naming_far() + "\r\n");
  const Seen invite = net.backend.expect("INVITE");
  CHECK_EQ(invite.header("Replaces"), mine.naming_far());
  net.backend.respond(invite, 481);
  net.backend.expect("ACK");
  net.phone.ack_refusal(net.phone.expect("481"));
  net.expect_quiet();
}
