#include "admin/client_table.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ostream>
#include <variant>

#include "core/text.hpp"

namespace usher::admin {

std::string cell(const Json* value) {
  if (!value || value->null()) return "";
  if (const std::string* text = value->text()) return escaped(*text);
  if (const std::int64_t* number = value->integer()) return std::to_string(*number);
  if (const bool* flag = value->flag()) return *flag ? "yes" : "no";
  if (const double* number = std::get_if<double>(&value->value)) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", *number);
    return text;
  }
  std::string list;
  if (const Json::Array* items = value->array()) {
    for (const Json& item : *items) list += (list.empty() ? "" : " ") + cell(&item);
  }
  return list;
}

void print_rows(const std::vector<std::vector<std::string>>& rows, std::ostream& out) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

}  // namespace usher::admin
