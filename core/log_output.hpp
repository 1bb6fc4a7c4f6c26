// Where log lines go: standard error.
#pragma once

#include <string>

#include "core/log.hpp"

namespace usher {

// One line per entry: `2026-01-31T12:00:00.123Z warning gate call=1f3k9 text`, or as JSON
// `{"at":"2026-01-31T12:00:00.123Z","level":"warning","category":"gate","call":"1f3k9","text":"…"}`.
// Safe from any thread.
Log::Sink stderr_log(bool json);

// A line without its time. What a peer sent may stand in `text` and `key`: control characters are
// escaped, so that no peer can forge a line or drive a terminal.
std::string log_text(const LogLine& line);

// The same as the members of a JSON object, without braces. What is not UTF-8 is escaped first, so
// that every line is one object that reads back.
std::string log_json(const LogLine& line);

}  // namespace usher
