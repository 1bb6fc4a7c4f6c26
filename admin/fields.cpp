#include "admin/fields.hpp"

#include <algorithm>

#include "core/duration.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

std::string expected(std::string_view what, const Json& found) {
  return "expected " + std::string(what) + ", found " + std::string(kind_of(found));
}

}  // namespace

bool is_printable(std::string_view text) {
  return escaped(text) == text;
}

Fields::Fields(const Json& body, std::vector<Fault>& faults, std::string prefix)
    : body_(body), faults_(faults), prefix_(std::move(prefix)) {}

const Json* Fields::take(std::string_view name) {
  known_.emplace_back(name);
  return body_.find(name);
}

void Fields::fault(std::string_view name, std::string detail) {
  faults_.push_back(Fault{path(name), std::move(detail)});
}

void Fields::require(std::string_view name) {
  if (!has(name)) fault(name, "is required");
}

void Fields::read_only(std::string_view name) {
  if (take(name)) fault(name, "is read-only: leave it out");
}

std::optional<std::string> Fields::text(std::string_view name, std::size_t most_bytes) {
  const Json* member = take(name);
  if (!member) return std::nullopt;
  const std::string* value = member->text();
  if (!value) {
    fault(name, expected("a string", *member));
  } else if (value->size() > most_bytes) {
    fault(name, "is " + std::to_string(value->size()) + " bytes long: at most " +
                    std::to_string(most_bytes));
  } else if (!is_printable(*value)) {
    fault(name, "holds control characters");
  } else {
    return *value;
  }
  return std::nullopt;
}

std::optional<bool> Fields::flag(std::string_view name) {
  const Json* member = take(name);
  if (!member) return std::nullopt;
  if (const bool* value = member->flag()) return *value;
  fault(name, expected("true or false", *member));
  return std::nullopt;
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t least,
                                            std::int64_t most) {
  const Json* member = take(name);
  if (!member) return std::nullopt;
  const std::string bounds = std::to_string(least) + " to " + std::to_string(most);
  const std::int64_t* value = member->integer();
  if (!value) {
    fault(name, expected("a whole number, " + bounds, *member));
  } else if (*value < least || *value > most) {
    fault(name, std::to_string(*value) + " is out of range: " + bounds);
  } else {
    return *value;
  }
  return std::nullopt;
}

std::optional<Duration> Fields::duration(std::string_view name, Duration least, Duration most) {
  const Json* member = take(name);
  if (!member) return std::nullopt;
  const std::string* value = member->text();
  if (!value) {
    std::string detail = expected("a duration such as \"10s\"", *member);
    if (const std::int64_t* number = member->integer()) {
      const std::string n = std::to_string(*number);
      detail = n + " has no unit: did you mean \"" + n + "s\" or \"" + n + "ms\"?";
    }
    fault(name, std::move(detail));
    return std::nullopt;
  }
  const Result<Duration> parsed = parse_duration(*value);
  if (!parsed) {
    fault(name, parsed.error().message);
  } else if (*parsed < least || *parsed > most) {
    fault(name, usher::quoted(*value) + " is out of range: " + duration_text(least) + " to " +
                    duration_text(most));
  } else {
    return *parsed;
  }
  return std::nullopt;
}

const Json::Array* Fields::array(std::string_view name, std::size_t most_items) {
  const Json* member = take(name);
  if (!member) return nullptr;
  const Json::Array* items = member->array();
  if (!items) {
    fault(name, expected("an array", *member));
  } else if (items->size() > most_items) {
    fault(name, "has " + std::to_string(items->size()) + " entries: at most " +
                    std::to_string(most_items));
    return nullptr;
  }
  return items;
}

const Json* Fields::object(std::string_view name) {
  const Json* member = take(name);
  if (!member) return nullptr;
  if (member->object()) return member;
  fault(name, expected("an object", *member));
  return nullptr;
}

void Fields::finish() {
  const Json::Object* members = body_.object();
  if (!members) return;
  for (const auto& member : *members) {
    const std::string& name = member.first;
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    std::string detail = "unknown field";
    if (name.size() <= 32) {
      const auto nearest =
          std::min_element(known_.begin(), known_.end(), [&](const auto& a, const auto& b) {
            return edit_distance(a, name) < edit_distance(b, name);
          });
      if (nearest != known_.end() && edit_distance(*nearest, name) <= 2)
        detail += ": did you mean \"" + *nearest + "\"?";
    }
    const std::string shown = usher::quoted(name);
    faults_.push_back(Fault{prefix_ + shown.substr(1, shown.size() - 2), std::move(detail)});
  }
}

}  // namespace usher::admin
