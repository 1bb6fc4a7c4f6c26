#include <doctest/doctest.h>

#include "core/limits.hpp"
#include "sip/grammar/grammar.hpp"
#include "tests/sip/result_text.hpp"

using namespace usher;
using namespace usher::sip;

TEST_CASE("CSeq is below 2^31, a method behind it") {
  CHECK(parse_cseq("4711 INVITE")->number == 4711);
  CHECK(parse_cseq(" 0009\r\n  INVITE ")->number == 9);
  CHECK(parse_cseq("1 X-Custom")->method == Method::other);
  CHECK(parse_cseq("1 X-Custom")->method_name == "X-Custom");
  CHECK(parse_cseq("1 invite")->method == Method::other);  // methods are compared with case
  CHECK(parse_cseq("2147483647 ACK")->number == 2147483647u);
  CHECK_FALSE(parse_cseq("2147483648 ACK"));
  CHECK_FALSE(parse_cseq("36893488147419103232 ACK"));
  CHECK_FALSE(parse_cseq("-1 ACK"));
  CHECK_FALSE(parse_cseq("1ACK"));
  CHECK_FALSE(parse_cseq("1"));
  CHECK_FALSE(parse_cseq("ACK"));
  CHECK_FALSE(parse_cseq("1 ACK x"));
  CHECK_FALSE(parse_cseq(""));
}

TEST_CASE("RAck") {
  const Result<RAck> r = parse_rack("776656 1 INVITE");
  REQUIRE(r);
  CHECK(r->rseq == 776656);
  CHECK(r->cseq.number == 1);
  CHECK(r->cseq.method == Method::invite);
  CHECK_FALSE(parse_rack("1 INVITE"));
  CHECK_FALSE(parse_rack("1 1"));
}

TEST_CASE("numbers are never cut off or wrapped") {
  CHECK(*parse_number("0") == 0);
  CHECK(*parse_number(" 0070 ") == 70);
  CHECK(*parse_number("4294967295") == 4294967295u);
  CHECK_FALSE(parse_number("4294967296"));
  CHECK_FALSE(parse_number("18446744073709551617"));
  CHECK_FALSE(parse_number(""));
  CHECK_FALSE(parse_number("1 2"));
  CHECK_FALSE(parse_number("0x10"));
  CHECK_FALSE(parse_number("1.5"));
  CHECK(*parse_delta_seconds("3600") == 3600);
  CHECK_FALSE(parse_delta_seconds("4294967296"));
  CHECK_FALSE(parse_delta_seconds("-1"));
}

TEST_CASE("q values in thousandths") {
  CHECK(*parse_qvalue("0") == 0);
  CHECK(*parse_qvalue("0.") == 0);
  CHECK(*parse_qvalue("0.7") == 700);
  CHECK(*parse_qvalue("0.05") == 50);
  CHECK(*parse_qvalue("0.333") == 333);
  CHECK(*parse_qvalue("1") == 1000);
  CHECK(*parse_qvalue("1.000") == 1000);
  CHECK_FALSE(parse_qvalue("1.001"));
  CHECK_FALSE(parse_qvalue("0.1234"));
  CHECK_FALSE(parse_qvalue(".5"));
  CHECK_FALSE(parse_qvalue("2"));
  CHECK_FALSE(parse_qvalue(""));
}

TEST_CASE("Replaces, Join and Target-Dialog need one tag of each side") {
  const Result<DialogId> r =
      parse_replaces("425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only");
  REQUIRE(r);
  CHECK(r->call_id == "425928@bobster.example.org");
  CHECK(r->to_tag == "7743");
  CHECK(r->from_tag == "6472");
  CHECK(find_param(r->params, "early-only"));
  const Result<DialogId> t =
      parse_replaces("fa77as7dad8-sd98ajzz@host.example.com ;local-tag=kkaz- ;remote-tag=6544");
  REQUIRE(t);
  CHECK(t->from_tag == "kkaz-");
  CHECK(t->to_tag == "6544");
  CHECK_FALSE(parse_replaces("x@y;to-tag=1"));
  CHECK_FALSE(parse_replaces("x@y;from-tag=1"));
  CHECK_FALSE(parse_replaces("x@y;to-tag;from-tag=1"));
  CHECK_FALSE(parse_replaces("x@y;to-tag=1;to-tag=2;from-tag=3"));
  CHECK_FALSE(parse_replaces(";to-tag=1;from-tag=2"));
}

TEST_CASE("challenges and credentials keep their values as written") {
  const Result<AuthValue> a = parse_auth(
      "Digest  realm=\"a.test, \\\"b\\\"\" ,\r\n nonce=\"12,34\", stale=FALSE, algorithm=MD5, "
      "qop=\"auth,auth-int\"");
  REQUIRE(a);
  CHECK(a->scheme == "Digest");
  CHECK(a->params.size() == 5);
  CHECK(param_value(a->params, "realm") == "\"a.test, \\\"b\\\"\"");
  CHECK(param_value(a->params, "Nonce") == "\"12,34\"");
  CHECK(param_value(a->params, "stale") == "FALSE");
  CHECK(parse_auth("NoOneKnowsThisScheme opaque-data=here")->params.size() == 1);
  CHECK(parse_auth("Bearer eyJhbGciOi.J_-x/+~==")->scheme == "Bearer");
  CHECK(parse_auth("Bearer eyJhbGciOi.J_-x/+~==")->params.empty());
  CHECK(parse_auth("Negotiate")->params.empty());
  CHECK_FALSE(parse_auth("Digest realm=\"a\" nonce=\"b\""));
  CHECK_FALSE(parse_auth("Digest realm=\"a"));
  CHECK_FALSE(parse_auth("Digest realm=\"a\","));
  CHECK_FALSE(parse_auth("Digest realm=, nonce=\"b\""));
  CHECK_FALSE(parse_auth(""));
  std::string many = "Digest a=1";
  for (std::size_t i = 0; i < limits::kParameterCount; ++i) many += ",a=1";
  CHECK(parse_auth(many).error().code == Errc::limit);
}

TEST_CASE("a token with parameters") {
  CHECK(parse_token_params("application / sdp ; charset=utf-8")->params.size() == 1);
  CHECK(parse_token_params("message/sipfrag;version=2.0")->token == "message/sipfrag");
  CHECK(parse_token_params("dialog;id=\"x;y\"")->token == "dialog");
  CHECK(param_value(parse_token_params("active;expires=3600")->params, "expires") == "3600");
  CHECK(parse_token_params("Q.850 ;cause=16 ;text=\"Terminated\"")->params.size() == 2);
  CHECK(parse_token_params("1800;refresher=uac")->token == "1800");
  CHECK_FALSE(parse_token_params("application/"));
  CHECK_FALSE(parse_token_params(";x"));
  CHECK_FALSE(parse_token_params("a b"));
  CHECK_FALSE(parse_token_params(""));
}

TEST_CASE("lists of tokens may be empty as a whole, never within") {
  CHECK(parse_token_list("INVITE, ACK ,BYE,\r\n CANCEL")->size() == 4);
  CHECK(parse_token_list("INVITE, ACK ,BYE,\r\n CANCEL")->at(3) == "CANCEL");
  CHECK(parse_token_list("")->empty());
  CHECK(parse_token_list("  ")->empty());
  CHECK_FALSE(parse_token_list("a,,b"));
  CHECK_FALSE(parse_token_list("a,"));
  CHECK_FALSE(parse_token_list("a b"));
  std::string many = "a";
  for (std::size_t i = 0; i < limits::kListEntries; ++i) many += ",a";
  CHECK(parse_token_list(many).error().code == Errc::limit);
}

TEST_CASE("a list is split at commas outside quotes, brackets and comments") {
  const auto l = split_list(
      "\"a,b\" <sip:c,d@e>;x=\"f,g\" , <sip:h@i> ,token (comment, with (nested, one)) ,\r\n last");
  REQUIRE(l);
  REQUIRE(l->size() == 4);
  CHECK(l->at(0) == "\"a,b\" <sip:c,d@e>;x=\"f,g\"");
  CHECK(l->at(1) == "<sip:h@i>");
  CHECK(l->at(2) == "token (comment, with (nested, one))");
  CHECK(l->at(3) == "last");
  CHECK(split_list("sip:a(b@c, sip:d)e@f")->size() ==
        2);  // parentheses of user parts are no comments
  CHECK_FALSE(split_list(""));
  CHECK_FALSE(split_list("a,"));
  CHECK_FALSE(split_list("a, ,b"));
  CHECK_FALSE(split_list("\"open"));
  CHECK_FALSE(split_list("<open"));
  CHECK_FALSE(split_list("a (open"));
  std::string many = "a";
  for (std::size_t i = 0; i < limits::kListEntries; ++i) many += ",a";
  CHECK(split_list(many).error().code == Errc::limit);
}

TEST_CASE("tokens") {
  CHECK(is_token("z9hG4bK-.!%66*_+`'~"));
  CHECK_FALSE(is_token(""));
  CHECK_FALSE(is_token("a b"));
  CHECK_FALSE(is_token("a/b"));
  CHECK_FALSE(is_token("a\xC3\xA9"));
  CHECK_FALSE(is_token(std::string_view("a\0", 2)));
}
