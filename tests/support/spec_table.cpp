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

}  // namespace

std::vector<SpecRow> read_spec_table(const std::string& path) {
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

std::string words(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '_', ' ');
  return out;
}

}  // namespace usher::test
