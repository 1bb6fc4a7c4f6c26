// application/dialog-info+xml: only what has another name on the other side changes.
#include <doctest/doctest.h>

#include <string>

#include "core/limits.hpp"
#include "sip/b2bua/dialog_info.hpp"
#include "tests/sip/b2bua/hidden.hpp"

using namespace usher;
using namespace usher::sip;
using namespace usher::test;

namespace {

struct Named : Hidden {
  OneCall call;
  Named() { names = &call; }
};

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

// RFC 4235 §4.1.6's kind of document, with comments, both quotes, odd spacing.
const std::string kRinging =
    "<?xml version=\"1.0\"?>\r\n<!-- call-id=\"b-call\" -->\r\n"
    "<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"7\" state=\"partial\"\r\n"
    "  entity=\"sip:402@10.0.1.100:5060\">\r\n"
    "  <dialog id='b-call'  call-id = 'b-call' local-tag=\"us-b\"\r\n\tremote-tag=\"pbx\" "
    "direction=\"recipient\">\r\n"
    "    <state event=\"cancelled\">early</state>\r\n"
    "    <local><identity display=\"10.0.1.100\"> sip:402@10.0.1.100;x=1 </identity>\r\n"
    "      <target uri=\"sip:402@pbx.internal:5070\"><param pname=\"+sip.rendering\" "
    "pval=\"no\"/></target></local>\r\n"
    "    <remote><identity>sip:401@a.test</identity></remote>\r\n"
    "  </dialog>\r\n</dialog-info>\r\n";

}  // namespace

TEST_CASE("towards a phone: names of our dialog, hidden hosts, and not one byte more") {
  const Named n;
  std::string expected = replaced(kRinging, "call-id = 'b-call'", "call-id = 'p@phone'");
  expected = replaced(expected, "local-tag=\"us-b\"", "local-tag=\"phone\"");
  expected = replaced(expected, "remote-tag=\"pbx\"", "remote-tag=\"us-p\"");
  expected = replaced(expected, "sip:402@10.0.1.100:5060", "sip:402@a.test");
  expected = replaced(expected, " sip:402@10.0.1.100;x=1 ", " sip:402@a.test;x=1 ");
  expected = replaced(expected, "sip:402@pbx.internal:5070", "sip:402@a.test");
  const auto shown = present_dialog_info(kRinging, n.to_phone());
  REQUIRE(shown.has_value());
  CHECK_EQ(*shown, expected);
}

TEST_CASE("towards a backend: names only") {
  const Named n;
  const std::string body =
      "<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" entity=\"sip:401@10.0.1.100\">"
      "<dialog id=\"1\" remote-tag=\"us-p\" local-tag=\"phone\" "
      "call-id=\"p@phone\"/></dialog-info>";
  CHECK_EQ(present_dialog_info(body, n.to_backend()).value_or(""),
           replaced(replaced(replaced(body, "remote-tag=\"us-p\"", "remote-tag=\"pbx\""),
                             "local-tag=\"phone\"", "local-tag=\"us-b\""),
                    "p@phone", "b-call"));
}

TEST_CASE("prefixes, no namespace at all, and elements that only look alike") {
  const Named n;
  const std::string dialog = "dialog call-id='b-call' local-tag='us-b' remote-tag='pbx'/>";
  const std::string mapped = "dialog call-id='p@phone' local-tag='phone' remote-tag='us-p'/>";
  const std::string prefixed =
      "<d:dialog-info xmlns:d='urn:ietf:params:xml:ns:dialog-info' xmlns:e='urn:else' "
      "d:entity='sip:10.0.0.1' entity='sip:10.0.0.1'>";
  CHECK_EQ(present_dialog_info(prefixed + "<d:" + dialog + "<e:" + dialog + "</d:dialog-info>",
                               n.to_phone())
               .value_or(""),
           replaced(prefixed, " entity='sip:10.0.0.1'", " entity='sip:a.test'") + "<d:" + mapped +
               "<e:" + dialog + "</d:dialog-info>");
  CHECK_EQ(
      present_dialog_info("<dialog-info><" + dialog + "</dialog-info>", n.to_phone()).value_or(""),
      "<dialog-info><" + mapped + "</dialog-info>");
  CHECK_FALSE(present_dialog_info("<x:dialog-info><" + dialog + "</x:dialog-info>", n.to_phone())
                  .has_value());  // a prefix that nobody declared
}

TEST_CASE(
    "entities, CDATA and comments within what changes; a name-addr where a URI should stand") {
  const Named n;
  const auto shown = [&](const std::string& inner) {
    const std::string all = "<dialog-info>" + inner + "</dialog-info>";
    const std::string out = present_dialog_info(all, n.to_phone()).value_or(all);
    return out.substr(13, out.size() - 27);
  };
  CHECK_EQ(shown("<dialog call-id='&#98;-call' local-tag='us&#x2D;b' remote-tag='pbx'/>"),
           "<dialog call-id='p@phone' local-tag='phone' remote-tag='us-p'/>");
  CHECK_EQ(shown("<identity>sip:4&#48;2@10.0.1.100?a=1&amp;b=2</identity>"),
           "<identity>sip:402@a.test?a=1&amp;b=2</identity>");
  CHECK_EQ(shown("<identity><![CDATA[sip:402@10.0.1.100?a=1&b=2]]></identity>"),
           "<identity>sip:402@a.test?a=1&amp;b=2</identity>");
  CHECK_EQ(shown("<identity>sip:402@<!-- x -->10.0.1.100</identity>"),
           "<identity>sip:402@a.test</identity>");
  CHECK_EQ(shown("<identity>&lt;sip:402@10.0.1.100></identity>"),
           "<identity>&lt;sip:402@a.test&gt;</identity>");
  CHECK_EQ(shown("<target uri='sip:402@10.0.1.100?a=&quot;&amp;b'/>"),
           "<target uri='sip:402@10.0.1.100?a=&quot;&amp;b'/>");  // no SIP URI
  CHECK_EQ(shown("<route-set><hop>&lt;sip:10.0.1.100;lr&gt;</hop></route-set><referred-by "
                 "display='x'>sip:pbx.internal</referred-by>"),
           "<route-set><hop>&lt;sip:a.test;lr&gt;</hop></route-set><referred-by "
           "display='x'>sip:a.test</referred-by>");
  for (const std::string same :
       {"<identity>&#10;</identity>", "<identity/>", "<identity><b>sip:10.0.1.100</b></identity>",
        "<dialog call-id='b-call' local-tag='us-b'/>", "<dialog/>",
        "<dialog call-id='&#98;-other' local-tag='us-b' remote-tag='pbx'/>",
        "<state>sip:10.0.1.100</state>", "<identity>sip:&#xFC;@10.0.1.100</identity>"}) {
    CHECK_EQ(shown(same), same);
  }
}

TEST_CASE("an early dialog that was replaced is named as well") {
  const Named n;
  CHECK_EQ(present_dialog_info("<dialog-info><dialog id='1'><replaces call-id=\"b-call\" "
                               "local-tag=\"pbx\" remote-tag=\"us-b\"/></dialog></dialog-info>",
                               n.to_phone())
               .value_or(""),
           "<dialog-info><dialog id='1'><replaces call-id=\"p@phone\" local-tag=\"us-p\" "
           "remote-tag=\"phone\"/></dialog></dialog-info>");
}

TEST_CASE(
    "what cannot be read passes: truncated anywhere, a document type, another encoding, huge") {
  const Named n;
  for (std::size_t length = 0; length + 2 < kRinging.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(present_dialog_info(kRinging.substr(0, length), n.to_phone()).has_value());
  }
  const std::string body = kRinging.substr(kRinging.find("<dialog-info"));
  REQUIRE(present_dialog_info(body, n.to_phone()).has_value());
  CHECK_FALSE(present_dialog_info("<!DOCTYPE dialog-info>" + body, n.to_phone()).has_value());
  CHECK_FALSE(
      present_dialog_info("<!DOCTYPE d [<!ENTITY a 'b'>]>" + body, n.to_phone()).has_value());
  std::string wide = "\xFF\xFE";
  for (const char c : body) wide += {c, '\0'};
  CHECK_FALSE(present_dialog_info(wide, n.to_phone()).has_value());
  CHECK_FALSE(present_dialog_info(replaced(body, "early", "fr\xFCh"), n.to_phone()).has_value());
  CHECK_FALSE(present_dialog_info(body + body, n.to_phone()).has_value());
  const std::string padding(limits::kDialogInfoBytes - body.size(), ' ');
  CHECK(present_dialog_info(body + padding, n.to_phone()).has_value());
  CHECK_FALSE(present_dialog_info(body + padding + " ", n.to_phone()).has_value());
}

TEST_CASE("nothing to change: nothing is made") {
  const Hidden h;
  CHECK_FALSE(present_dialog_info(kRinging, h.to_backend()).has_value());
  CHECK_FALSE(
      present_dialog_info("<dialog-info entity='sip:402@a.test'/>", h.to_phone()).has_value());
}
