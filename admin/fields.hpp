// Strict reading of a JSON object: each member is asked for by name and type; what is wrong,
// missing or left over becomes a fault that names the field. All faults are collected, not only the
// first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/json.hpp"
#include "admin/message.hpp"
#include "core/time.hpp"

namespace usher::admin {

class Fields {
 public:
  // `body` and `faults` outlive the reader. `prefix` names the object in faults: "health."; empty
  // for the body itself.
  Fields(const Json& body, std::vector<Fault>& faults, std::string prefix = {});

  // Each: the member's value; nothing when it is absent, or wrong (then a fault was added).
  std::optional<std::string> text(std::string_view name,
                                  std::size_t most_bytes);  // printable UTF-8
  std::optional<bool> flag(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
  std::optional<Duration> duration(std::string_view name, Duration least, Duration most);
  const Json::Array* array(std::string_view name, std::size_t most_items);
  const Json* object(std::string_view name);

  bool has(std::string_view name) const { return body_.find(name) != nullptr; }
  // The member must be there (whatever it is).
  void require(std::string_view name);
  // A member that is shown but not accepted.
  void read_only(std::string_view name);
  void fault(std::string_view name, std::string detail);
  std::string path(std::string_view name) const { return prefix_ + std::string(name); }

  // After all have been asked for: members that nobody asked for are faults, with the nearest known
  // name.
  void finish();

 private:
  const Json* take(std::string_view name);

  const Json& body_;
  std::vector<Fault>& faults_;
  std::string prefix_;
  std::vector<std::string> known_;
};

// Whether text is fit for a line shown to people: UTF-8 without control characters.
bool is_printable(std::string_view text);

}  // namespace usher::admin
