// What names a dialog or a host of the other side: values of header fields and URIs.
#include <doctest/doctest.h>

#include "tests/sip/b2bua/hidden.hpp"

using namespace usher;
using namespace usher::sip;
using namespace usher::test;

namespace {

struct Named : Hidden {
  OneCall call;
  Named() { names = &call; }
};

}  // namespace

TEST_CASE("a dialog of ours gets the other side's name, and each tag stays in its place") {
  const Named n;
  CHECK_EQ(map_dialog_id("p@phone;to-tag=us-p;from-tag=phone", n.to_backend()),
           "b-call;to-tag=pbx;from-tag=us-b");
  CHECK_EQ(map_dialog_id("p@phone;to-tag=phone;from-tag=us-p", n.to_backend()),
           "b-call;to-tag=us-b;from-tag=pbx");
  CHECK_EQ(map_dialog_id("b-call;to-tag=us-b;from-tag=pbx", n.to_phone()),
           "p@phone;to-tag=phone;from-tag=us-p");
  CHECK_EQ(map_dialog_id("b-call;local-tag=us-b;remote-tag=pbx", n.to_phone()),
           "p@phone;local-tag=phone;remote-tag=us-p");
}

TEST_CASE("parameters beside the tags stay, whatever their order and spacing") {
  const Named n;
  CHECK_EQ(map_dialog_id("p@phone ; x=\"a;b\";FROM-TAG = phone;early-only ;to-tag=us-p;y",
                         n.to_backend()),
           "b-call ; x=\"a;b\";FROM-TAG = us-b;early-only ;to-tag=pbx;y");
}

TEST_CASE("a name that is no dialog of ours, or no name at all, stays byte for byte") {
  const Named n;
  for (const std::string_view value :
       {"q@phone;to-tag=us-p;from-tag=phone", "p@phone;to-tag=us-p;from-tag=other",
        "p@phone;to-tag=other;from-tag=phone", "p@phone;to-tag=us-p", "p@phone", "", ";;",
        "b-call;to-tag=pbx;from-tag=us-b", "P@phone;to-tag=us-p;from-tag=phone"}) {
    CAPTURE(value);
    CHECK_EQ(map_dialog_id(value, n.to_backend()), value);
  }
  // The backend's own name comes back to it as it was; it is no dialog of the phone's side.
  CHECK_EQ(map_dialog_id("p@phone;to-tag=us-p;from-tag=phone", n.to_phone()),
           "p@phone;to-tag=us-p;from-tag=phone");
}

TEST_CASE("Replaces within a Refer-To, in either direction and in any escaping") {
  const Named n;
  for (const std::string_view escaped : {"p%40phone%3Bto-tag%3Dus-p%3Bfrom-tag%3Dphone",
                                         "p%40phone%3bto-tag%3dus-p%3bfrom-tag%3dphone",
                                         "%70%40phone%3B%74o-tag%3Dus%2Dp%3Bfrom-tag%3D%70hone"}) {
    CAPTURE(escaped);
    CHECK_EQ(
        present_addresses("<sip:402@a.test?Replaces=" + std::string(escaped) + ">", n.to_backend()),
        "<sip:402@a.test?Replaces=b-call%3Bto-tag%3Dpbx%3Bfrom-tag%3Dus-b>");
  }
  CHECK_EQ(present_addresses("\"B\" <sip:402@10.0.1.100:5060;x=1?"
                             "Replaces=b-call%3Bto-tag%3Dus-b%3Bfrom-tag%3Dpbx%3Bearly-only>;y=2",
                             n.to_phone()),
           "\"B\" <sip:402@a.test;x=1?"
           "Replaces=p%40phone%3Bto-tag%3Dphone%3Bfrom-tag%3Dus-p%3Bearly-only>;y=2");
}

TEST_CASE("other header fields in the URI stay; Join and Target-Dialog are names too") {
  const Named n;
  CHECK_EQ(
      present_uri("sip:402@a.test?X-a=%3b1&Require=replaces&replaces=p%40phone%3Bto-tag%3Dus-p%3B"
                  "from-tag%3Dphone&Accept-Contact=*%3baudio&Empty=&Odd",
                  n.to_backend()),
      "sip:402@a.test?X-a=%3b1&Require=replaces&replaces=b-call%3Bto-tag%3Dpbx%3B"
      "from-tag%3Dus-b&Accept-Contact=*%3baudio&Empty=&Odd");
  CHECK_EQ(
      present_uri("sip:a.test?Join=p%40phone%3Bto-tag%3Dus-p%3Bfrom-tag%3Dphone", n.to_backend()),
      "sip:a.test?Join=b-call%3Bto-tag%3Dpbx%3Bfrom-tag%3Dus-b");
  CHECK_EQ(present_uri("sip:a.test?Target-Dialog=p%40phone%3Blocal-tag%3Dus-p%3Bremote-tag%3Dphone",
                       n.to_backend()),
           "sip:a.test?Target-Dialog=b-call%3Blocal-tag%3Dpbx%3Bremote-tag%3Dus-b");
}

TEST_CASE("a URI that needs no change keeps its escapes, its case and its faults") {
  const Named n;
  for (const std::string_view uri :
       {"sip:402@a.test?Replaces=q%40phone%3bto-tag%3d1%3bfrom-tag%3d2", "SIP:%34%302@A.test?x=%3b",
        "sip:402@a.test?Replaces=%", "sip:402@a.test?Replaces", "tel:+49?Replaces=x", "sip:", "?",
        "sip:402@a.test?Replaces=p@phone;to-tag=us-p;from-tag=phone"}) {
    CAPTURE(uri);
    CHECK_EQ(present_uri(uri, n.to_backend()), uri);
    CHECK_EQ(present_uri(uri, n.to_phone()), uri);
    CHECK_EQ(present_addresses("<" + std::string(uri) + ">", n.to_backend()),
             "<" + std::string(uri) + ">");
  }
}

TEST_CASE("hidden hosts within header fields of a URI, towards a phone only") {
  const Hidden h;
  const std::string value =
      "<sip:402@10.0.1.100?Referred-By=%3csip:401%4010.0.1.100%3e&Reason=SIP%3Bcause%3D302>;index="
      "1, "
      "<sip:403@b.test?Route=%3Csip:10.0.1.7%3Blr%3E>;index=1.1";
  CHECK_EQ(present_addresses(value, h.to_phone()),
           "<sip:402@a.test?Referred-By=%3Csip:401%40a.test%3E&Reason=SIP%3Bcause%3D302>;index=1, "
           "<sip:403@b.test?Route=%3Csip:a.test%3Blr%3E>;index=1.1");
  CHECK_EQ(present_addresses(value, h.to_backend()), value);
}

TEST_CASE("Referred-By keeps its cid, Diversion and Remote-Party-ID their parameters") {
  const Hidden h;
  CHECK_EQ(present_addresses("<sip:401@pbx.internal>;cid=\"20398@10.0.1.100\"", h.to_phone()),
           "<sip:401@a.test>;cid=\"20398@10.0.1.100\"");
  CHECK_EQ(
      present_addresses("\"A\"  <sip:401@10.0.1.100:5070>;party=calling;privacy=off", h.to_phone()),
      "\"A\"  <sip:401@a.test>;party=calling;privacy=off");
}

TEST_CASE("links: SIP URIs hide backends, all else stays") {
  const Hidden h;
  CHECK_EQ(present_links("<sip:10.0.1.100>;answer-after=0, <http://10.0.1.100/a.png>;purpose=icon,"
                         "<sips:x@[2001:db8::9]:5061;a=b>",
                         h.to_phone()),
           "<sip:a.test>;answer-after=0, <http://10.0.1.100/a.png>;purpose=icon,"
           "<sips:x@a.test;a=b>");
  for (const std::string_view value :
       {"info=alert-autoanswer", "<sip:10.0.1.100", "", "<>", "ring 3"}) {
    CHECK_EQ(present_links(value, h.to_phone()), value);
  }
  CHECK_EQ(present_links("<sip:10.0.1.100>;answer-after=0", h.to_backend()),
           "<sip:10.0.1.100>;answer-after=0");
}

TEST_CASE("Event names the dialog and the REFER it is about") {
  const Named n;
  CHECK_EQ(
      map_event("dialog;call-id=\"p@phone\";to-tag=us-p;from-tag=phone;include-session-description",
                n.to_backend()),
      "dialog;call-id=\"b-call\";to-tag=pbx;from-tag=us-b;include-session-description");
  CHECK_EQ(map_event("dialog;from-tag=pbx;to-tag=\"us-b\";call-id=b-call", n.to_phone()),
           "dialog;from-tag=us-p;to-tag=\"phone\";call-id=\"p@phone\"");
  CHECK_EQ(map_event("dialog;sla", n.to_phone()), "dialog;sla");
  CHECK_EQ(map_event("presence;call-id=p@phone;to-tag=us-p;from-tag=phone", n.to_backend()),
           "presence;call-id=p@phone;to-tag=us-p;from-tag=phone");
  CHECK_EQ(map_event("refer;id=7", n.to_phone()), "refer;id=7");
}
