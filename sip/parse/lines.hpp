// The lines of a header section, for the datagram and the stream parser alike, so that both see the
// same fields.
//
// A line ends with CRLF and nothing else. A bare CR or LF in the header section is a fault: were it
// taken for a line end, or for a character, some other element on the path would see other header
// fields than this one.
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/message/message.hpp"

namespace usher::sip {

enum class LineKind : std::uint8_t {
  field,          // a header field: `out` is filled, else of no meaning
  end,            // the empty line: the header section is over
  malformed,      // a line that is no header field; skipped
  bare_line_end,  // a CR or LF that is not part of a CRLF
  truncated,      // the text ends before the line does
};

// The start line: text.substr(at, n), `at` moved behind its CRLF. False at a bare line end or
// without any.
bool take_start_line(std::string_view text, std::uint32_t& at, std::string_view& line);

// The line at `at`, which moves behind it, folds included (RFC 3261 §7.3.1). It moves in the first
// three cases only.
LineKind take_line(std::string_view text, std::uint32_t& at, HeaderField& out);

// Steps over CRLFs before a start line (§7.5).
std::uint32_t skip_empty_lines(std::string_view text);

}  // namespace usher::sip
