// The table of a state machine, as its specification under docs/specs has it: the rows below "##
// The table", as State | Event | Facts | Actions | Next | Why.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace usher::test {

inline const std::string kNothing = "–";

struct SpecRow {
  std::vector<std::string> states, events, facts;
  std::string actions, next;
};

// `path` from the source directory.
std::vector<SpecRow> read_spec_table(const std::string& path);
// "attempt_trying" as the specification writes it: "attempt trying".
std::string words(std::string_view name);

}  // namespace usher::test
