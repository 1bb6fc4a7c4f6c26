// Where log lines go: standard error or a file.
#pragma once

#include <string>

#include "core/log.hpp"
#include "core/result.hpp"

namespace usher {

// One line per entry: `2026-01-31T12:00:00.123Z warning gate call=1f3k9 text`. Safe from any
// thread.
Log::Sink stderr_log();

// The same, appended to a file. Errc::io when it can't be opened.
Result<Log::Sink> file_log(const std::string& path);

// A line without its time. What a peer sent may stand in `text` and `key`: control characters are
// escaped, so that no peer can forge a line or drive a terminal.
std::string log_text(const LogLine& line);

}  // namespace usher
