// What is built from a parsed message parses to the same.
#include <doctest/doctest.h>

#include "sip/grammar/grammar.hpp"
#include "sip/message/builder.hpp"
#include "tests/sip/parse/corpus.hpp"
#include "tests/sip/result_text.hpp"

using namespace usher;
using namespace usher::sip;
using namespace usher::sip::test;

namespace {

MessageBuilder start(const Message& m) {
  return m.is_request() ? MessageBuilder::request(m.method_name(), m.request_uri())
                        : MessageBuilder::response(m.status(), m.reason_phrase());
}

}  // namespace

TEST_CASE(
    "a message whose fields are all passed on is the same message, field by field to the byte") {
  for (const CorpusFile& file : whole_corpus()) {
    const MessageRef m = accepted(parse(file.bytes));
    if (!m) continue;
    INFO(file.name);
    MessageBuilder b = start(*m);
    for (const HeaderField& h : m->headers()) {
      if (h.id != HeaderId::content_length) b.pass(*m, h);
    }
    const MessageRef again = accepted(parse_message(b.finish(m->body())));
    REQUIRE(again);
    CHECK(again->method_name() == m->method_name());
    CHECK(again->status() == m->status());
    CHECK(again->request_uri() == m->request_uri());
    CHECK(again->reason_phrase() == m->reason_phrase());
    CHECK(again->call_id() == m->call_id());
    CHECK(again->from_value() == m->from_value());
    CHECK(again->to_value() == m->to_value());
    CHECK(again->from_tag() == m->from_tag());
    CHECK(again->to_tag() == m->to_tag());
    CHECK(again->cseq().number == m->cseq().number);
    CHECK(again->max_forwards() == m->max_forwards());
    CHECK(again->top_via().raw == m->top_via().raw);
    CHECK(again->body() == m->body());
    std::size_t next = 0;
    for (const HeaderField& h : m->headers()) {
      if (h.id == HeaderId::content_length) continue;
      REQUIRE(next < again->headers().size());
      const HeaderField& copy = again->headers()[next++];
      CHECK(again->line(copy) == m->line(h));
      CHECK(again->value(copy) == m->value(h));
      CHECK(copy.id == h.id);
    }
  }
}

TEST_CASE("fields written anew by name and value parse to the same values") {
  for (const CorpusFile& file : whole_corpus()) {
    const MessageRef m = accepted(parse(file.bytes));
    if (!m) continue;
    INFO(file.name);
    MessageBuilder b = start(*m);
    for (const HeaderField& h : m->headers()) {
      if (h.id != HeaderId::content_length) b.header(m->name(h), m->value(h));
    }
    const MessageRef again = accepted(parse_message(b.finish(m->body())));
    REQUIRE(again);
    CHECK(again->from_tag() == m->from_tag());
    CHECK(again->to_tag() == m->to_tag());
    CHECK(again->top_via().branch() == m->top_via().branch());
    CHECK(again->cseq().number == m->cseq().number);
    const Result<Contacts> before = parse_contacts(m->header(HeaderId::contact));
    const Result<Contacts> after = parse_contacts(again->header(HeaderId::contact));
    REQUIRE(before.has_value() == after.has_value());
    if (!before) continue;
    REQUIRE(before->contacts.size() == after->contacts.size());
    for (std::size_t i = 0; i < before->contacts.size(); ++i) {
      CHECK(before->contacts[i].uri.raw == after->contacts[i].uri.raw);
      CHECK(before->contacts[i].params.size() == after->contacts[i].params.size());
    }
  }
}
