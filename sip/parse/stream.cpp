#include "sip/parse/stream.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/parse/lines.hpp"

namespace usher::sip {
namespace {

constexpr std::string_view kEmptyLine = "\r\n\r\n";

// The value of the one Content-Length of a complete header section, read with the lines of the
// datagram parser.
Result<std::uint32_t> content_length(std::string_view section) {
  std::uint32_t at = 0;
  std::string_view start_line;
  if (!take_start_line(section, at, start_line))
    return fail(Errc::syntax, "a line ends without CRLF");
  bool found = false;
  std::string_view value;
  for (std::size_t fields = 0;; ++fields) {
    HeaderField field;
    switch (take_line(section, at, field)) {
      case LineKind::field:
        if (field.id != HeaderId::content_length) break;
        if (found) return fail(Errc::syntax, "repeated Content-Length");
        found = true;
        value = section.substr(field.value_begin, field.value_length);
        break;
      case LineKind::malformed: break;  // the datagram parser answers it
      case LineKind::end: {
        if (!found) return fail(Errc::syntax, "no Content-Length");
        Result<std::uint32_t> length = parse_number(value);
        if (!length) return fail(Errc::syntax, "bad Content-Length: " + length.error().message);
        return length;
      }
      case LineKind::bare_line_end:
      case LineKind::truncated: return fail(Errc::syntax, "a line ends without CRLF");
    }
  }
}

}  // namespace

Result<void> StreamParser::feed(std::string_view bytes, std::vector<Bytes>& out, int& pongs) {
  pending_.append(bytes);
  std::size_t begin = 0;  // of the message at the front
  const auto rest = [&] { return std::string_view(pending_).substr(begin); };
  const auto keep_rest = [&] { pending_.erase(0, begin); };

  for (;;) {
    if (to_skip_ > 0) {
      const auto skipped =
          static_cast<std::uint32_t>(std::min<std::size_t>(to_skip_, rest().size()));
      begin += skipped;
      to_skip_ -= skipped;
      if (to_skip_ > 0) break;
    }
    if (needed_ == 0) {
      // RFC 5626 §3.5.1: between messages CRLF CRLF is a ping, a single CRLF a pong or an empty
      // line (RFC 3261 §7.5).
      while (scanned_ == 0 && rest().starts_with("\r\n")) {
        if (rest().size() < 4 && kEmptyLine.starts_with(rest())) break;  // may become a ping
        const bool ping = rest().starts_with(kEmptyLine);
        pongs += ping ? 1 : 0;
        begin += ping ? 4 : 2;
      }
      if (rest().empty() || (scanned_ == 0 && kEmptyLine.starts_with(rest()))) break;
      const std::size_t end = rest().find(kEmptyLine, scanned_);
      const std::size_t section =
          end == std::string_view::npos ? rest().size() : end + kEmptyLine.size();
      if (section > limits::kMessageBytes) return fail(Errc::limit, "header section too large");
      if (end == std::string_view::npos) {
        // The empty line may begin in the last three bytes.
        scanned_ = section < kEmptyLine.size() ? 1 : section - (kEmptyLine.size() - 1);
        break;
      }
      const Result<std::uint32_t> length = content_length(rest().substr(0, section));
      if (!length) return length.error();
      if (*length > limits::kMessageBytes - section) {
        // Its header section alone: the parser of it says 513 (RFC 3261 §21.5.7).
        out.emplace_back(rest().substr(0, section));
        begin += section;
        scanned_ = 0;
        to_skip_ = *length;
        continue;
      }
      needed_ = section + *length;
    }
    if (rest().size() < needed_) break;
    out.emplace_back(rest().substr(0, needed_));
    begin += needed_;
    needed_ = 0;
    scanned_ = 0;
  }
  keep_rest();
  return {};
}

}  // namespace usher::sip
