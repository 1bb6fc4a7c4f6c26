// The verdict over the steps of one trace.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/time.hpp"
#include "routing/explain.hpp"

namespace usher::routing {

struct Story {
  std::vector<const Record*> steps;  // of one trace, in order; not empty
  Instant now{};
  // What the messages show besides; empty: nothing of that kind.
  std::string other_nonce, private_media;

  // The last step of that kind; null: there is none.
  const Step* last(std::string_view what) const;
  const Record* last_record(std::string_view what) const;
  // The last final response with that status that was made here.
  const Step* own_response(std::string_view status) const;
  std::string_view method() const;
  std::string_view kind() const;  // see Explanation
};

Verdict judge(const Story& story);

}  // namespace usher::routing
