#include <doctest/doctest.h>

#include "core/limits.hpp"
#include "sip/parse/validate.hpp"
#include "tests/sip/parse/corpus.hpp"
#include "tests/sip/result_text.hpp"

using namespace usher;
using namespace usher::sip;
using namespace usher::sip::test;

namespace {

// A correct request whose fields can be replaced, removed or added one at a time.
struct Draft {
  std::string first = "OPTIONS sip:401@a.test SIP/2.0";
  std::vector<std::string> fields = {"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK77",
                                     "From: <sip:402@a.test>;tag=f1",
                                     "To: <sip:401@a.test>",
                                     "Call-ID: c1@192.0.2.1",
                                     "CSeq: 7 OPTIONS",
                                     "Max-Forwards: 70"};
  std::string body;
  bool with_length = true;

  Draft& replace(std::string_view name, const std::string& field) {
    for (std::string& f : fields) {
      if (f.starts_with(name)) f = field;
    }
    return *this;
  }
  Draft& remove(std::string_view name) {
    std::erase_if(fields, [&](const std::string& f) { return f.starts_with(name); });
    return *this;
  }
  Draft& add(std::string field) {
    fields.push_back(std::move(field));
    return *this;
  }
  std::string text() const {
    std::string out = first + "\r\n";
    for (const std::string& f : fields) out += f + "\r\n";
    if (with_length) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return out + "\r\n" + body;
  }
  Parsed parse() const { return test::parse(text()); }
};

std::string fault(const Parsed& parsed) {
  const Malformed* m = refused(parsed);
  return m ? std::to_string(m->status) + " " + m->reason + (m->request ? "" : " (no answer)")
           : "accepted";
}

}  // namespace

TEST_CASE("what matching needs is parsed on arrival") {
  Draft d;
  d.body = "hello";
  const MessageRef m = accepted(d.parse());
  REQUIRE(m);
  CHECK(m->is_request());
  CHECK(m->method() == Method::options);
  CHECK(m->method_name() == "OPTIONS");
  CHECK(m->request_uri() == "sip:401@a.test");
  CHECK(m->top_via().host == "192.0.2.1");
  CHECK(m->top_via().port == 5060);
  CHECK(m->top_via().branch() == "z9hG4bK77");
  CHECK(m->from_tag() == "f1");
  CHECK(m->to_tag().empty());
  CHECK(m->from_value() == "<sip:402@a.test>;tag=f1");
  CHECK(m->call_id() == "c1@192.0.2.1");
  CHECK(m->cseq().number == 7);
  CHECK(m->max_forwards() == 70);
  CHECK(m->body() == "hello");
  CHECK(m->headers().size() == 7);
  CHECK(m->line(m->headers()[2]) == "To: <sip:401@a.test>\r\n");
}

TEST_CASE("a response takes its method from CSeq") {
  Draft d;
  d.first = "SIP/2.0 404 Not Found";
  const MessageRef m = accepted(d.parse());
  REQUIRE(m);
  CHECK_FALSE(m->is_request());
  CHECK(m->status() == 404);
  CHECK(m->reason_phrase() == "Not Found");
  CHECK(m->method() == Method::options);
  CHECK(m->method_name() == "OPTIONS");
}

TEST_CASE("status codes from 100 to 699 are responses, others are not") {
  const auto status = [](std::string first) {
    Draft d;
    d.first = std::move(first);
    const MessageRef m = accepted(d.parse());
    return m ? m->status() : 0;
  };
  CHECK(status("SIP/2.0 100 Trying") == 100);
  CHECK(status("SIP/2.0 699 x") == 699);
  CHECK(status("sip/2.0 200 OK") == 200);
  CHECK(status("SIP/2.0 200") == 200);
  CHECK(status("SIP/2.0 099 x") == 0);
  CHECK(status("SIP/2.0 700 x") == 0);
  CHECK(status("SIP/2.0 20 x") == 0);
  CHECK(status("SIP/2.0 2000 x") == 0);
  CHECK(status("SIP/2.0  200 x") == 0);
  CHECK(status("SIP/3.0 200 x") == 0);
}

TEST_CASE("what is missing is named, and no answer is tried where none can be made") {
  CHECK(fault(Draft{}.remove("Via").parse()) == "400 Missing Via header (no answer)");
  CHECK(fault(Draft{}.remove("From").parse()) == "400 Missing From header (no answer)");
  CHECK(fault(Draft{}.remove("To").parse()) == "400 Missing To header (no answer)");
  CHECK(fault(Draft{}.remove("Call-ID").parse()) == "400 Missing Call-ID header (no answer)");
  CHECK(fault(Draft{}.remove("CSeq").parse()) == "400 Missing CSeq header (no answer)");
  CHECK(fault(Draft{}.replace("To", "To:").parse()) == "400 Empty To header (no answer)");
  CHECK(accepted(Draft{}.remove("Max-Forwards").parse()));
}

TEST_CASE(
    "a field that must stand once and stands twice is refused by name, also with the same value") {
  CHECK(fault(Draft{}.add("f: <sip:x@y>;tag=2").parse()) == "400 Repeated From header");
  CHECK(fault(Draft{}.add("t: <sip:401@a.test>").parse()) == "400 Repeated To header");
  CHECK(fault(Draft{}.add("i: c1@192.0.2.1").parse()) == "400 Repeated Call-ID header");
  CHECK(fault(Draft{}.add("cseq: 7 OPTIONS").parse()) == "400 Repeated CSeq header");
  CHECK(fault(Draft{}.add("max-forwards: 70").parse()) == "400 Repeated Max-Forwards header");
  CHECK(fault(Draft{}.add("l: 0").parse()) == "400 Repeated Content-Length header");
  CHECK(accepted(Draft{}.add("Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK2").parse()));
}

TEST_CASE("a malformed ACK and a malformed response are never to be answered") {
  Draft ack;
  ack.first = "ACK sip:401@a.test SIP/2.0";
  CHECK(fault(ack.parse()) == "400 CSeq method differs from the request's (no answer)");
  Draft response;
  response.first = "SIP/2.0 200 OK";
  CHECK(fault(response.replace("CSeq", "CSeq: x").parse()).ends_with("(no answer)"));
}

TEST_CASE("the request line is method, URI and version, one space apart") {
  const auto first = [](std::string line) {
    Draft d;
    d.first = std::move(line);
    return fault(d.parse());
  };
  CHECK(first("OPTIONS sip:401@a.test sip/2.0") == "accepted");
  CHECK(first("OPTIONS sip:401@a.test SIP/3.0") == "505 Version Not Supported");
  CHECK(first("OPTIONS sip:401@a.test HTTP/1.1").starts_with("400 Bad request line"));
  CHECK(first("OPTIONS  sip:401@a.test SIP/2.0").starts_with("400 Bad request line"));
  CHECK(first("OPTIONS sip:401@a.test").starts_with("400 Bad request line"));
  CHECK(first("OPT(IONS sip:401@a.test SIP/2.0").starts_with("400 Bad request line"));
  CHECK(first("OPTIONS sip: SIP/2.0").starts_with("400 Bad Request-URI"));
  CHECK(first("OPTIONS sip:401@a.test>x SIP/2.0").starts_with("400 Bad Request-URI"));
  CHECK(first("OPTIONS sip:401@a.test?Route=%3Csip:evil%3E SIP/2.0")
            .starts_with("400 Bad Request-URI"));
  CHECK(first("OPTIONS unknown:whatever SIP/2.0") == "accepted");
  CHECK(first("") == "400 Bad request line (no answer)");
}

TEST_CASE("header names: any case, compact, white space before the colon, folds after it") {
  const MessageRef m =
      accepted(parse("OPTIONS sip:401@a.test SIP/2.0\r\nv \t:\r\n SIP/2.0/UDP "
                     "h;branch=z9hG4bK1\r\nFROM:<sip:a@b>;tag=1\r\nt  :  <sip:c@d>  "
                     "\r\ni:\r\n\tx\r\ncSeQ:  1 \r\n OPTIONS\r\nX-Empty:\r\nl:0\r\n\r\n"));
  REQUIRE(m);
  CHECK(m->top_via().branch() == "z9hG4bK1");
  CHECK(m->to_value() == "<sip:c@d>");
  CHECK(m->call_id() == "x");
  CHECK(m->cseq().method == Method::options);
  REQUIRE(m->find("x-empty"));
  CHECK(m->value(*m->find("x-empty")).empty());
}

TEST_CASE(
    "only CRLF ends a line: a bare CR or LF in the header section is refused, in the body it is "
    "data") {
  CHECK(fault(Draft{}.add("X: a\nContent-Length: 9").parse()) ==
        "400 Bad header section: a line ends without CRLF");
  CHECK(fault(Draft{}.add("X: a\rb").parse()) ==
        "400 Bad header section: a line ends without CRLF");
  CHECK(fault(parse("OPTIONS sip:a SIP/2.0\n\n")) ==
        "400 The first line has no line end (no answer)");
  Draft d;
  d.body = "a\nb\rc\n\n";
  const MessageRef m = accepted(d.parse());
  REQUIRE(m);
  CHECK(m->body() == "a\nb\rc\n\n");
}

TEST_CASE("a header section needs its empty line") {
  std::string text = Draft{}.text();
  text.resize(text.size() - 2);
  CHECK(fault(parse(text)) == "400 No empty line after the header fields");
  CHECK(fault(parse("")) == "400 The first line has no line end (no answer)");
  CHECK(fault(parse("\r\n\r\n")) == "400 The first line has no line end (no answer)");
}

TEST_CASE("empty lines before the start line are stepped over") {
  const MessageRef m = accepted(parse("\r\n\r\n" + Draft{}.text()));
  REQUIRE(m);
  CHECK(m->request_uri() == "sip:401@a.test");
}

TEST_CASE("a line that is no header field is refused, not skipped") {
  CHECK(fault(Draft{}.add("no colon here").parse()) ==
        "400 Bad header line: expected a name and a colon");
  CHECK(fault(Draft{}.add(": value").parse()) ==
        "400 Bad header line: expected a name and a colon");
  CHECK(fault(Draft{}.add("Na me: value").parse()) ==
        "400 Bad header line: expected a name and a colon");
}

TEST_CASE("Content-Length rules the body") {
  Draft d;
  d.with_length = false;
  d.body = "all of it";
  MessageRef m = accepted(d.parse());
  REQUIRE(m);
  CHECK(m->body() == "all of it");  // §18.3: without one, to the end of the packet
  m = accepted(Draft(d).add("Content-Length: 3").parse());
  REQUIRE(m);
  CHECK(m->body() == "all");
  CHECK(fault(Draft(d).add("Content-Length: 10").parse()) ==
        "400 Content-Length is larger than the message");
  CHECK(fault(Draft(d).add("Content-Length: 3x").parse())
            .starts_with("400 Bad Content-Length header"));
  CHECK(fault(Draft(d).add("Content-Length: -3").parse())
            .starts_with("400 Bad Content-Length header"));
  CHECK(fault(Draft(d).add("Content-Length: 18446744073709551619").parse())
            .starts_with("400 Bad Content-Length header"));
  CHECK(
      fault(Draft(d).add("Content-Length:").parse()).starts_with("400 Bad Content-Length header"));
}

TEST_CASE("Max-Forwards above 255 is as if absent, not a number is refused") {
  const auto parsed = [](std::string value) {
    return Draft{}.replace("Max-Forwards", "Max-Forwards: " + value).parse();
  };
  CHECK(accepted(parsed("255"))->max_forwards() == 255);
  CHECK(accepted(parsed("0"))->max_forwards() == 0);
  CHECK_FALSE(accepted(parsed("256"))->max_forwards().has_value());
  CHECK_FALSE(accepted(parsed("99999999999999999999"))->max_forwards().has_value());
  CHECK(fault(parsed("many")).starts_with("400 Bad Max-Forwards header"));
}

TEST_CASE("limits refuse before they are passed") {
  SUBCASE("header fields") {
    Draft d;
    while (d.fields.size() < limits::kHeaderCount - 1) d.add("X: y");
    CHECK(accepted(d.parse()));
    CHECK(fault(d.add("X: y").parse()) == "513 Too many header fields");
  }
  SUBCASE("a header field's value") {
    CHECK(accepted(Draft{}.add("X: " + std::string(limits::kHeaderBytes, 'y')).parse()));
    CHECK(fault(Draft{}.add("X: " + std::string(limits::kHeaderBytes + 1, 'y')).parse()) ==
          "513 A header field is too long");
  }
  SUBCASE("the Request-URI") {
    Draft d;
    d.first = "OPTIONS sip:" + std::string(limits::kUriBytes, 'a') + " SIP/2.0";
    CHECK(fault(d.parse()) == "414 Request-URI Too Long");
  }
  SUBCASE("parameters") {
    std::string to = "To: <sip:a@b>";
    for (std::size_t i = 0; i < limits::kParameterCount; ++i) to += ";p";
    CHECK(accepted(Draft{}.replace("To", to).parse()));
    CHECK(fault(Draft{}.replace("To", to + ";p").parse()) ==
          "400 Bad To header: more than allowed: parameters");
  }
  SUBCASE("the message") {
    Draft d;
    d.body.assign(limits::kMessageBytes, 'x');
    CHECK(fault(d.parse()) == "513 Message too large (no answer)");
  }
}

TEST_CASE("bytes above 127 and NUL in values that nobody reads pass") {
  const std::string value("caf\xC3\xA9 \xFF \0 end", 13);
  const MessageRef m = accepted(Draft{}.add("Subject: " + value).parse());
  REQUIRE(m);
  CHECK(m->header(HeaderId::subject) == value);
}

TEST_CASE("a fault's reason shows printable ASCII only, on one line") {
  const Parsed p =
      Draft{}.replace("CSeq", std::string("CSeq: \x01\xFF\"\x7F") + std::string(300, 'x')).parse();
  REQUIRE(refused(p));
  CHECK(refused(p)->reason.size() < 120);
  for (char c : refused(p)->reason) CHECK((c >= ' ' && c < 0x7F));
}

TEST_CASE("validate looks at what arrival does not, and leaves text for people alone") {
  const auto problem = [](std::string field) {
    const MessageRef m = accepted(Draft{}.add(std::move(field)).parse());
    REQUIRE(m);
    const Result<void> valid = validate(*m);
    return valid ? std::string() : valid.error().message;
  };
  CHECK(problem("Contact: <sip:a@b>;q=0.5, *").starts_with("Bad Contact header"));
  CHECK(problem("Contact: *").empty());
  CHECK(problem("Route: <sip:a>, ").starts_with("Bad Route header"));
  CHECK(problem("Via: nonsense").starts_with("Bad Via header"));
  CHECK(problem("Expires: soon").starts_with("Bad Expires header"));
  CHECK(problem("Expires: 4294967296").starts_with("Bad Expires header"));
  CHECK(problem("Require: 100rel,,timer").starts_with("Bad Require header"));
  CHECK(problem("Require:").starts_with("Bad Require header"));
  CHECK(problem("Supported:").empty());
  CHECK(problem("Allow:").empty());
  CHECK(problem("Accept:").empty());
  CHECK(problem("Accept: application/sdp;level=1, */*;q=0.1").empty());
  CHECK(problem("Accept: application/").starts_with("Bad Accept header"));
  CHECK(problem("Content-Type: multipart/mixed;boundary=\"a b\"").empty());
  CHECK(problem("Session-Expires: 1800;refresher=uac").empty());
  CHECK(problem("Session-Expires: long").starts_with("Bad Session-Expires header"));
  CHECK(problem("Retry-After: 18000 (in a meeting);duration=3600").empty());
  CHECK(problem("Retry-After: later").starts_with("Bad Retry-After header"));
  CHECK(problem("Reason: SIP;cause=200;text=\"Call completed elsewhere\", Q.850;cause=16").empty());
  // RFC 3665 2.1 F3 itself misses a comma: the backend judges credentials, not the edge.
  CHECK(problem("Authorization: Digest username=\"a\" realm=\"b\"").empty());
  CHECK(problem("Replaces: abc;to-tag=1").starts_with("Bad Replaces header"));
  CHECK(problem("RAck: 1 2").starts_with("Bad RAck header"));
  CHECK(problem("Date: yesterday").empty());
  CHECK(problem("Warning: whatever").empty());
  CHECK(problem("User-Agent: (((").empty());
}
