// RFC 4475 and RFC 5118: each message, what the parser must make of it, and why.
#include <doctest/doctest.h>

#include <map>

#include "sip/grammar/grammar.hpp"
#include "sip/parse/validate.hpp"
#include "tests/sip/parse/corpus.hpp"
#include "tests/sip/result_text.hpp"

using namespace usher;
using namespace usher::sip;
using namespace usher::sip::test;

namespace {

enum class Outcome {
  taken,     // and every header field is well formed
  invalid,   // taken, and refused by validate(): a field that is not parsed on arrival is broken
  answered,  // refused, and can be answered with the status
  dropped,   // refused, without an answer
};

struct Row {
  std::string_view file;
  Outcome outcome;
  int status;  // of `answered` and `dropped`
  std::string_view why;
};

using enum Outcome;

constexpr Row kRfc4475[] = {
    {"wsinv", taken, 0, "3.1.1.1: folds and white space everywhere, escapes in quotes"},
    {"intmeth", taken, 0,
     "3.1.1.2: all characters a token may have; NUL, BEL and DEL as quoted pairs"},
    {"esc01", taken, 0, "3.1.1.3: % escapes"},
    {"escnull", taken, 0, "3.1.1.4: %00 in a user part"},
    {"esc02", taken, 0, "3.1.1.5: % in a method is a character"},
    {"lwsdisp", taken, 0, "3.1.1.6: no space between display name and <"},
    {"longreq", taken, 0, "3.1.1.7: long values, 34 Vias"},
    {"dblreq", taken, 0, "3.1.1.8: octets after Content-Length are ignored"},
    {"semiuri", taken, 0, "3.1.1.9: ; in the user part"},
    {"transports", taken, 0, "3.1.1.10: unknown transports in Via"},
    {"mpart01", taken, 0, "3.1.1.11: binary body"},
    {"unreason", taken, 0, "3.1.1.12: UTF-8 reason phrase"},
    {"noreason", taken, 0, "3.1.1.13: empty reason phrase"},
    {"badinv01", dropped, 400, "3.1.2.1: the Via itself is broken, so there is no one to answer"},
    {"clerr", answered, 400, "3.1.2.2: Content-Length beyond the datagram"},
    {"ncl", answered, 400, "3.1.2.3: negative Content-Length"},
    {"scalar02", answered, 400, "3.1.2.4: CSeq above 2^31"},
    {"scalarlg", dropped, 400, "3.1.2.5: a response with CSeq above 2^31 is discarded"},
    {"quotbal", answered, 400, "3.1.2.6: unterminated quoted string"},
    {"ltgtruri", answered, 400, "3.1.2.7: <> around the Request-URI"},
    {"lwsruri", answered, 400, "3.1.2.8: white space in the Request-URI"},
    {"lwsstart", answered, 400, "3.1.2.9: more than one SP in the request line"},
    {"trws", answered, 400, "3.1.2.10: SP at the end of the request line"},
    {"escruri", answered, 400,
     "3.1.2.11: header fields in the Request-URI, refused so that nothing carries them on"},
    {"baddate", taken, 0, "3.1.2.12: nobody reads the Date, so it is no reason to refuse"},
    {"regbadct", invalid, 0, "3.1.2.13: ? in a Contact without <>"},
    {"badaspec", answered, 400, "3.1.2.14: spaces within <>"},
    {"baddn", answered, 400,
     "3.1.2.15: unquoted comma in a display name; and no empty line at the end"},
    {"badvers", answered, 505, "3.1.2.16: SIP/7.0"},
    {"mismatch01", answered, 400, "3.1.2.17: CSeq method differs"},
    {"mismatch02", answered, 501, "3.1.2.18: CSeq method differs, and the method is unknown"},
    {"bigcode", dropped, 400, "3.1.2.19: status 4294967301"},
    {"badbranch", taken, 0, "3.2.1: branch=z9hG4bK, for the transaction layer to judge"},
    {"insuf", dropped, 400, "3.3.1: no From, To or Call-ID, without which no response can be made"},
    {"unkscm", taken, 0, "3.3.2: unknown scheme, for the edge to answer with 416"},
    {"novelsc", taken, 0, "3.3.3: soap.beep:, for the edge to answer with 416"},
    {"unksm2", taken, 0, "3.3.4: unknown schemes in To, From, Contact"},
    {"bext01", taken, 0, "3.3.5: unknown Require and Proxy-Require"},
    {"invut", taken, 0, "3.3.6: unknown Content-Type"},
    {"regaut01", taken, 0, "3.3.7: unknown Authorization scheme"},
    {"multi01", answered, 400, "3.3.8: repeated From, To, Call-ID, CSeq, Max-Forwards"},
    {"mcl01", answered, 400, "3.3.9: two Content-Lengths"},
    {"bcast", taken, 0, "3.3.10: a response via 255.255.255.255, which nobody sends on"},
    {"zeromf", taken, 0, "3.3.11: Max-Forwards 0, for the edge to answer with 483"},
    {"cparam01", taken, 0, "3.3.12: unknown Contact parameter"},
    {"cparam02", taken, 0, "3.3.13: unknown URI parameter in a Contact"},
    {"regescrt", taken, 0, "3.3.14: header fields in a Contact URI"},
    {"sdp01", taken, 0, "3.3.15: Accept without SDP"},
    {"inv2543", taken, 0,
     "3.4.1: RFC 2543: no branch, no From tag, no Content-Length, no Max-Forwards"},
};

constexpr Row kRfc5118[] = {
    {"ipv6-good", taken, 0, "4.1: IPv6 reference"},
    {"ipv6-bad", answered, 400, "4.2: IPv6 without brackets in the Request-URI"},
    {"port-ambiguous", taken, 0, "4.3: :5070 within the brackets belongs to the address"},
    {"port-unambiguous", taken, 0, "4.4: the port behind the brackets"},
    {"via-received-param-with-delim", taken, 0,
     "4.5: received=[…], strictly wrong, to be tolerated"},
    {"via-received-param-no-delim", taken, 0, "4.5: received without brackets"},
    {"ipv6-in-sdp", taken, 0, "4.6: IPv6 in SDP"},
    {"mult-ip-in-header", taken, 0, "4.7: Vias of both families"},
    {"mult-ip-in-sdp", taken, 0, "4.8: both families in SDP"},
    {"ipv4-mapped-ipv6", taken, 0, "4.9: ::ffff:192.0.2.1"},
    {"ipv6-bug-abnf-3-colons", taken, 0,
     "4.10: three colons as the grammar's bug has them; robust, not refused"},
    {"ipv6-correct-abnf-2-colons", taken, 0, "4.10: the correct form"},
};

template <std::size_t N>
void check_all(std::string_view folder, const Row (&rows)[N]) {
  std::map<std::string_view, const Row*> by_file;
  for (const Row& row : rows) by_file[row.file] = &row;
  const std::vector<CorpusFile> files = rfc_corpus(folder);
  CHECK(files.size() == N);
  for (const CorpusFile& file : files) {
    INFO(file.name);
    REQUIRE(by_file.contains(file.name));
    const Row& row = *by_file[file.name];
    INFO(row.why);
    const Parsed parsed = parse(file.bytes);
    const MessageRef message = accepted(parsed);
    const Malformed* malformed = refused(parsed);
    switch (row.outcome) {
      case Outcome::taken: {
        INFO((malformed ? malformed->reason : std::string()));
        REQUIRE(message);
        const Result<void> valid = validate(*message);
        INFO((valid ? std::string() : valid.error().message));
        CHECK(valid.has_value());
        break;
      }
      case Outcome::invalid:
        REQUIRE(message);
        CHECK_FALSE(validate(*message).has_value());
        break;
      case Outcome::answered:
      case Outcome::dropped:
        REQUIRE(malformed);
        CHECK(malformed->status == row.status);
        CHECK((malformed->request != nullptr) == (row.outcome == Outcome::answered));
        CHECK_FALSE(malformed->reason.empty());
        for (char c : malformed->reason) CHECK((c >= ' ' && c < 0x7F));
        break;
    }
  }
}

MessageRef torture(std::string_view folder, std::string_view name) {
  for (const CorpusFile& file : rfc_corpus(folder)) {
    if (file.name == name) return accepted(parse(file.bytes));
  }
  return {};
}

}  // namespace

TEST_CASE("RFC 4475: each torture message has its outcome") {
  check_all("rfc4475", kRfc4475);
}

TEST_CASE("RFC 5118: each IPv6 message has its outcome") {
  check_all("rfc5118", kRfc5118);
}

TEST_CASE(
    "RFC 3665, 3666, 5359: every message is accepted, and only the RFCs' own typing errors are "
    "invalid") {
  // What the RFC printed wrongly.
  const std::map<std::string_view, std::string_view> invalid = {
      {"rfc3666_2.3_F14", "a Route without \"sip:\""},
      {"rfc3666_2.3_F16", "a Route without \"sip:\""},
  };
  const std::vector<CorpusFile> files = rfc_corpus("rfc-flows");
  CHECK(files.size() == 406);
  for (const CorpusFile& file : files) {
    INFO(file.name);
    const MessageRef message = accepted(parse(file.bytes));
    REQUIRE(message);
    CHECK(validate(*message).has_value() == !invalid.contains(file.name));
  }
}

TEST_CASE("RFC 4475 3.1.1.1: the tortuous INVITE reads as the RFC lists it") {
  const MessageRef m = torture("rfc4475", "wsinv");
  REQUIRE(m);
  CHECK(m->method() == Method::invite);
  CHECK(m->request_uri() == "sip:vivekg@chair-dnrc.example.com;unknownparam");
  CHECK(m->max_forwards() == 68);
  CHECK(m->cseq().number == 9);
  CHECK(m->cseq().method == Method::invite);
  CHECK(m->from_tag() == "98asjd8");
  CHECK(m->to_tag() == "1918181833n");
  CHECK(m->call_id() == "wsinv.ndaksdj@192.0.2.1");
  CHECK(m->top_via().host == "192.0.2.2");
  CHECK(m->top_via().transport == "UDP");
  CHECK(m->top_via().branch() == "390skdjuw");
  CHECK(m->count(HeaderId::via) == 2);
  CHECK(m->header(HeaderId::subject).empty());
  REQUIRE(m->find("NewFangledHeader"));
  CHECK(m->value(*m->find("newfangledheader")) ==
        "newfangled value\r\n continued newfangled value");
  CHECK(m->body().size() == 150);
}

TEST_CASE("RFC 4475 3.1.1.8: the second request in the datagram is no part of the body") {
  const MessageRef m = torture("rfc4475", "dblreq");
  REQUIRE(m);
  CHECK(m->method() == Method::register_);
  CHECK(m->body().empty());
}

TEST_CASE("RFC 4475 3.1.1.5: an escape in a method does not make it REGISTER") {
  const MessageRef m = torture("rfc4475", "esc02");
  REQUIRE(m);
  CHECK(m->method() == Method::other);
  CHECK(m->method_name() == "RE%47IST%45R");
}

TEST_CASE("RFC 4475 3.1.2.18 is answered with the RFC's 501, a known method with 400") {
  const auto status = [](std::string_view method) {
    const Parsed p = parse(
        std::string(method) +
        " sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
        "<sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
    const Malformed* m = refused(p);
    return m ? m->status : 0;
  };
  CHECK(status("NEWMETHOD") == 501);
  CHECK(status("BYE") == 400);
  CHECK(status("INVITE") == 0);
}

TEST_CASE("RFC 5118 4.3 and 4.4: a port belongs to the URI only behind the brackets") {
  const MessageRef within = torture("rfc5118", "port-ambiguous");
  const MessageRef behind = torture("rfc5118", "port-unambiguous");
  REQUIRE(within);
  REQUIRE(behind);
  const Result<Uri> a = parse_uri(within->request_uri()), b = parse_uri(behind->request_uri());
  REQUIRE(a);
  REQUIRE(b);
  CHECK(a->host == "[2001:db8::10:5070]");
  CHECK_FALSE(a->port.has_value());
  CHECK(b->host == "[2001:db8::10]");
  CHECK(b->port == 5070);
}
