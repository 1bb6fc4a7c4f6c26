#include "tests/support/spec_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace usher::test {
namespace {

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string> parts_of(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(trimmed(part));
  return parts;
}

std::vector<SpecRow> read(const std::string& path) {
  std::ifstream file(std::string(USHER_SOURCE_DIR) + "/" + path);
  REQUIRE(file.good());
  std::vector<SpecRow> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) inside = line == "## The table";
    if (!inside || !line.starts_with("|") || line.starts_with("|-") || line.starts_with("| State"))
      continue;
    const auto cells = parts_of(line, '|');  // the first one is empty
    CAPTURE(line);
    REQUIRE_GE(cells.size(), 6);
    rows.push_back({parts_of(cells[1], ','), parts_of(cells[2], ','), parts_of(cells[3], ','),
                    cells[4], cells[5]});
  }
  return rows;
}

}  // namespace

SpecTable::SpecTable(const std::string& path) : rows_(read(path)), reached_(rows_.size()) {}

const SpecRow& SpecTable::row(std::string_view state, std::string_view event,
                              const std::function<bool(const std::string& fact)>& holds) {
  const std::string state_words = words(state), event_words = words(event);
  const SpecRow* found = nullptr;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const SpecRow& row = rows_[i];
    const bool covers = row.facts == std::vector<std::string>{kNothing} ||
                        std::all_of(row.facts.begin(), row.facts.end(), holds);
    if (!covers || std::count(row.states.begin(), row.states.end(), state_words) == 0) continue;
    const auto n = std::count(row.events.begin(), row.events.end(), event_words);
    if (n == 0) continue;
    CHECK_EQ(n, 1);
    CHECK_MESSAGE(found == nullptr, state_words << ", " << event_words << " stands twice");
    found = &row;
    reached_[i] = true;
  }
  REQUIRE_MESSAGE(found != nullptr, state_words << ", " << event_words << " is missing");
  return *found;
}

void SpecTable::check_each_was_reached() const {
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    CAPTURE(i);
    CHECK_MESSAGE(reached_[i], "a row that nothing reaches");
  }
}

std::string words(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '_', ' ');
  return out;
}

}  // namespace usher::test
