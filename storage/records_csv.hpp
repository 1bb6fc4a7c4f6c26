// Call records as lines of CSV (RFC 4180), in the file of records and in REST alike.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "storage/records.hpp"

namespace usher::storage {

// Both end with CRLF. A text that a spreadsheet would take for a formula (it begins with = + - @, a
// tabulator or a carriage return) has an apostrophe before it; what is absent is an empty cell.
std::string csv_header();
std::string csv_line(const CallRecord& record);

// From the INVITE to the answer, and from the answer to the end; nothing without an answer.
std::optional<std::chrono::milliseconds> setup_time(const CallRecord& record);
std::optional<std::chrono::milliseconds> talk_time(const CallRecord& record);

}  // namespace usher::storage
