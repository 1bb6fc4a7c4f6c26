// Lists in pages: {"items": […], "next": "cursor" or null}. A cursor names the last item shown, so
// that items that come and go meanwhile neither repeat nor skip the others.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "admin/json.hpp"
#include "admin/message.hpp"
#include "admin/router.hpp"
#include "routing/edge.hpp"

namespace usher::admin {

// `limit` (1 to limits::kPageSize, 100 when absent) and `cursor` of a query, or the refusal.
std::variant<routing::Page, Answer> read_page(const Call& call);
Json page_json(Json::Array items, const std::string& next);
Answer bad_cursor(std::string_view cursor);

// A positive decimal number without sign or leading zero, at most `most`; 0 when the text is none.
std::int64_t read_number(std::string_view text, std::int64_t most);

// One page of an ordered map. `key_text` makes a cursor of a key; `after` is the first entry of the
// page, which has those that are `wanted`.
template <class Map, class KeyText, class Show, class Wanted>
Answer page_of(const Map& map, typename Map::const_iterator after, std::size_t limit,
               KeyText key_text, Show show, Wanted wanted) {
  Json::Array items;
  std::string next;
  for (auto it = after; it != map.end(); ++it) {
    if (!wanted(it->second)) continue;
    if (items.size() == limit) {
      next = key_text(std::prev(it)->first);
      break;
    }
    items.push_back(show(it->second));
  }
  return json_answer(200, page_json(std::move(items), next));
}
template <class Map, class KeyText, class Show>
Answer page_of(const Map& map, typename Map::const_iterator after, std::size_t limit,
               KeyText key_text, Show show) {
  return page_of(map, after, limit, key_text, show, [](const auto&) { return true; });
}

}  // namespace usher::admin
