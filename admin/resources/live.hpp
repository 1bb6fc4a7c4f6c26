// What the lists of live calls, subscriptions and connections have in common.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "admin/resources/live_id.hpp"
#include "admin/resources/paging.hpp"
#include "sip/plan.hpp"

namespace usher::admin {

std::string_view side_name(sip::Side side);

// Whose it is to be. What is empty restricts nothing.
struct WantedParty {
  std::string aor;  // in its normal spelling, without the scheme
  std::string user;

  bool anybody() const { return aor.empty() && user.empty(); }
  // Whether it is this party's; of others than SIP URIs it is nobody's.
  bool is(std::string_view uri) const;
};

// One page of what `each(visit)` shows in the order of its ids (Edge::each_call): those that are
// `wanted`. `id` gives a view's.
template <class View, class IdOf, class Each, class Wanted, class Show>
Answer live_page(std::size_t limit, IdOf id, Each each, Wanted wanted, Show show) {
  Json::Array items;
  std::string next;
  std::decay_t<std::invoke_result_t<IdOf, const View&>> shown{};
  each([&](const View& view) {
    if (!wanted(view)) return true;
    if (items.size() == limit) {
      next = id_text(shown);
      return false;
    }
    items.push_back(show(view));
    shown = std::invoke(id, view);
    return true;
  });
  return json_answer(200, page_json(std::move(items), next));
}

}  // namespace usher::admin
