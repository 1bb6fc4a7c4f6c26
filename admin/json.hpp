// JSON values as the REST resources read and write them. A small value of our own in front of
// nlohmann/json, which only json.cpp sees: members keep their order, a name stands once, depth and
// size are bounded, numbers are exact or refused.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.hpp"

namespace usher::admin {

struct Json {
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;
  using Value =
      std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object>;

  Value value = nullptr;

  Json() = default;
  // Defined in json.cpp: in line, the variant's bulk would stand at every use.
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();
  Json(std::nullptr_t) {}
  template <std::same_as<bool> B>
  Json(B b) : value(b) {}
  template <std::integral I>
  requires(!std::same_as<I, bool>) Json(I number) : value(static_cast<std::int64_t>(number)) {}
  Json(double number) : value(number) {}
  Json(std::string text) : value(std::move(text)) {}
  Json(std::string_view text) : value(std::string(text)) {}
  Json(const char* text) : value(std::string(text)) {}
  Json(Array items) : value(std::move(items)) {}
  Json(Object members) : value(std::move(members)) {}

  // Each: null when the value is of another kind.
  const Object* object() const { return std::get_if<Object>(&value); }
  const Array* array() const { return std::get_if<Array>(&value); }
  const std::string* text() const { return std::get_if<std::string>(&value); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value); }
  const bool* flag() const { return std::get_if<bool>(&value); }
  bool null() const { return std::holds_alternative<std::nullptr_t>(value); }

  // A member of an object; null when there is none, or this is no object.
  const Json* find(std::string_view name) const;

  friend bool operator==(const Json&, const Json&) = default;
};

// "an object", "a string", …: for messages.
std::string_view kind_of(const Json& value);

inline constexpr std::size_t kJsonDepth = 16;

// Errc::syntax: not JSON (with the place), invalid UTF-8, a name twice in one object; Errc::limit:
// nested deeper than kJsonDepth. The caller bounds the size. A whole number beyond 64 bits becomes
// a double.
Result<Json> parse_json(std::string_view text);

// Indented text with a final line end. Bytes that are not UTF-8 (they come from SIP) are replaced
// by U+FFFD.
std::string json_text(const Json& value);
std::string json_line(const Json& value);  // the same in one line, without its end

// RFC 7396: members of `patch` replace those of `target`, null takes one away.
Json merge_patch(Json target, const Json& patch);

}  // namespace usher::admin
