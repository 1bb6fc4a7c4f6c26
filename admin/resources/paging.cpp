#include "admin/resources/paging.hpp"

#include <charconv>

#include "admin/resources/filters.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher::admin {

std::int64_t read_number(std::string_view text, std::int64_t most) {
  std::int64_t number = 0;
  if (text.empty() || text.front() < '1' || text.front() > '9') return 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number <= most ? number : 0;
}

std::variant<routing::Page, Answer> read_page(const Call& call) {
  routing::Page page;
  if (const auto given = call.query.find("limit"); given != call.query.end()) {
    constexpr auto kMost = static_cast<std::int64_t>(limits::kPageSize);
    const std::int64_t limit = read_number(given->second, kMost);
    if (limit == 0) {
      return bad_query("limit", usher::quoted(given->second) + " is not a whole number from 1 to " +
                                    std::to_string(kMost));
    }
    page.limit = static_cast<std::size_t>(limit);
  }
  page.cursor = call.parameter("cursor");
  return page;
}

Json page_json(Json::Array items, const std::string& next) {
  return Json::Object{{"items", std::move(items)}, {"next", next.empty() ? Json{} : Json{next}}};
}

Answer bad_cursor(std::string_view cursor) {
  return bad_query("cursor", usher::quoted(cursor) + " is no cursor that this list has given");
}

}  // namespace usher::admin
