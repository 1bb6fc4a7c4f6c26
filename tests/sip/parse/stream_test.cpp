#include <doctest/doctest.h>

#include "core/limits.hpp"
#include "sip/parse/stream.hpp"
#include "tests/sip/parse/corpus.hpp"
#include "tests/sip/result_text.hpp"

using namespace usher;
using namespace usher::sip;
using namespace usher::sip::test;

namespace {

struct Outcome {
  std::vector<std::string> messages;
  int pongs = 0;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

Outcome feed(const std::vector<std::string_view>& pieces) {
  StreamParser parser;
  Outcome outcome;
  std::vector<Bytes> out;
  for (std::string_view piece : pieces) {
    if (Result<void> fed = parser.feed(piece, out, outcome.pongs); !fed) {
      outcome.error = fed.error().message;
      break;
    }
  }
  for (const Bytes& b : out) outcome.messages.emplace_back(b.view());
  return outcome;
}

Outcome feed_bytewise(std::string_view text) {
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < text.size(); ++i) pieces.push_back(text.substr(i, 1));
  return feed(pieces);
}

const std::string kMessage =
    "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
    "<sip:a@b>\r\nCall-ID: "
    "1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 4\r\n\r\nbody";

std::string with(std::string_view field) {
  return "OPTIONS sip:a@b SIP/2.0\r\n" + std::string(field) + "\r\n\r\n0123456789";
}

}  // namespace

TEST_CASE("every message of the corpora, split at every byte, gives what the whole gives") {
  for (const CorpusFile& file : whole_corpus()) {
    INFO(file.name);
    const std::string_view text = file.bytes;
    const Outcome whole = feed({text});
    if (whole.messages.empty() && whole.error.empty()) continue;  // no complete message
    bool same = feed_bytewise(text) == whole;
    for (std::size_t at = 0; at <= text.size() && same; ++at)
      same = feed({text.substr(0, at), text.substr(at)}) == whole;
    CHECK(same);
  }
}

TEST_CASE(
    "all messages of the corpora back to back come out as they went in, however they are cut") {
  std::string all;
  std::vector<std::string> wanted;
  for (const CorpusFile& file : whole_corpus()) {
    const Outcome alone = feed({file.bytes});
    if (!alone.error.empty() || alone.messages.size() != 1 || alone.messages[0] != file.bytes)
      continue;
    all += file.bytes;
    wanted.push_back(file.bytes);
  }
  REQUIRE(wanted.size() > 400);
  CHECK(feed({all}).messages == wanted);
  CHECK(feed_bytewise(all).messages == wanted);
  for (std::size_t step : {7u, 536u, 1460u, 16384u}) {
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < all.size(); at += step)
      pieces.push_back(std::string_view(all).substr(at, step));
    CHECK(feed(pieces).messages == wanted);
  }
}

TEST_CASE(
    "a stream frames as a datagram does: the parser of one finds nothing left over in the other") {
  for (const CorpusFile& file : whole_corpus()) {
    INFO(file.name);
    const Outcome framed = feed({file.bytes});
    if (framed.messages.empty()) continue;
    const MessageRef from_stream = accepted(parse(framed.messages[0]));
    const MessageRef from_datagram = accepted(parse(file.bytes));
    REQUIRE((from_stream != nullptr) == (from_datagram != nullptr));
    if (!from_stream) continue;
    CHECK(from_stream->body() == from_datagram->body());
    CHECK(from_stream->headers().size() == from_datagram->headers().size());
    CHECK(from_stream->body().data() + from_stream->body().size() ==
          from_stream->text().data() + from_stream->text().size());
  }
}

TEST_CASE(
    "a double CRLF between messages is a ping, a single one is nothing, a CRLF in a body is "
    "neither") {
  CHECK(feed({"\r\n\r\n"}).pongs == 1);
  CHECK(feed_bytewise("\r\n\r\n").pongs == 1);
  CHECK(feed({"\r\n\r\n\r\n\r\n"}).pongs == 2);
  CHECK(feed({"\r\n"}).pongs == 0);
  const Outcome mixed =
      feed_bytewise("\r\n" + kMessage + "\r\n\r\n" + kMessage + "\r\n" + kMessage);
  CHECK(mixed.pongs == 1);
  CHECK(mixed.messages == std::vector<std::string>{kMessage, kMessage, kMessage});
  std::string crlf_body = kMessage;
  crlf_body.replace(crlf_body.size() - 4, 4, "\r\n\r\n");
  CHECK(feed({crlf_body + kMessage}).pongs == 0);
  CHECK(feed({crlf_body + kMessage}).messages.size() == 2);
}

TEST_CASE("a message is not handed over before its last byte") {
  CHECK(feed({std::string_view(kMessage).substr(0, kMessage.size() - 1)}).messages.empty());
}

TEST_CASE("what leaves the next message's start unknown ends the stream") {
  CHECK(feed({with("X: y")}).error == "no Content-Length");
  CHECK(feed({with("Content-Length: 3\r\nl: 3")}).error == "repeated Content-Length");
  CHECK(feed({with("Content-Length: -1")}).error.starts_with("bad Content-Length"));
  CHECK(feed({with("Content-Length: 5 5")}).error.starts_with("bad Content-Length"));
  CHECK(feed({with("Content-Length: 4294967297")}).error.starts_with("bad Content-Length"));
  CHECK(feed({with("X: a\nContent-Length: 9\r\nContent-Length: 3")}).error ==
        "a line ends without CRLF");
  CHECK(feed({"GET / HTTP/1.1\r\nHost: h\r\n\r\n"}).error == "no Content-Length");
  CHECK(feed({with("X: y")}).messages.empty());
}

TEST_CASE("messages before the fault are still handed over") {
  const Outcome o = feed({kMessage + with("X: y")});
  CHECK(o.messages.size() == 1);
  CHECK_FALSE(o.error.empty());
}

TEST_CASE("a malformed message that can be framed is framed, for the datagram parser to answer") {
  const std::string bad = with("no colon\r\nContent-Length: 10");
  CHECK(feed({bad + kMessage}).messages == std::vector<std::string>{bad, kMessage});
}

TEST_CASE("sizes are limited before anything is kept") {
  const std::string endless =
      "OPTIONS sip:a@b SIP/2.0\r\nX: " + std::string(limits::kMessageBytes, 'x');
  CHECK(feed({endless}).error == "header section too large");
  CHECK(feed_bytewise(endless).error == "header section too large");
}

TEST_CASE(
    "of a message that is too large the header section comes out, and the next message is found "
    "behind its body") {
  for (const std::size_t size : {std::size_t{65535}, std::size_t{1'000'000}}) {
    const std::string section =
        kMessage.substr(0, kMessage.find("4\r\n\r\n")) + std::to_string(size) + "\r\n\r\n";
    const std::string all = section + std::string(size, 'x') + kMessage;
    const Outcome whole = feed({all});
    CHECK(whole.error.empty());
    CHECK(whole.messages == std::vector<std::string>{section, kMessage});
    CHECK(feed_bytewise(all).messages == whole.messages);
    const auto parsed = parse(section);
    const auto* bad = std::get_if<Malformed>(&parsed);
    REQUIRE(bad != nullptr);
    CHECK(bad->status == 513);
  }
}

TEST_CASE("until its skipped body is over, a message that is too large has not come to its end") {
  StreamParser parser;
  std::vector<Bytes> out;
  int pongs = 0;
  const std::string section = kMessage.substr(0, kMessage.find("4\r\n\r\n")) + "100000\r\n\r\n";
  REQUIRE(parser.feed(section + std::string(99'999, 'x'), out, pongs).has_value());
  CHECK(parser.amid_message());
  REQUIRE(parser.feed("x", out, pongs).has_value());
  CHECK_FALSE(parser.amid_message());
}

TEST_CASE("a slow sender costs linear time") {
  // 64 kB byte by byte: with a search from the start at each byte this would be two thousand
  // million steps.
  const std::string text =
      "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\nX: " + std::string(65000, 'x') + "\r\n\r\n";
  CHECK(feed_bytewise(text).messages.size() == 1);
}
