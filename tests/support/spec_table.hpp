// The table of a state machine, as its specification under docs/specs has it: the rows below "##
// The table", as State | Event | Facts | Actions | Next | Why.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace usher::test {

inline const std::string kNothing = "–";

struct SpecRow {
  std::vector<std::string> states, events, facts;
  std::string actions, next;
};

// "attempt_trying" as the specification writes it: "attempt trying".
std::string words(std::string_view name);

class SpecTable {
 public:
  explicit SpecTable(const std::string& path);  // from the source directory

  // The row of this state, event and facts, of which `holds` says whether they do; missing, or
  // there twice, it fails the test. Names are the code's: attempt_trying.
  const SpecRow& row(std::string_view state, std::string_view event,
                     const std::function<bool(const std::string& fact)>& holds);
  // A row that nothing has reached fails the test.
  void check_each_was_reached() const;

  // Actions as a row has them.
  template <class Actions, class Name>
  static std::string text(const Actions& actions, Name name) {
    std::string out;
    for (const auto action : actions) out += (out.empty() ? "" : ", ") + words(name(action));
    return out.empty() ? kNothing : out;
  }

 private:
  std::vector<SpecRow> rows_;
  std::vector<bool> reached_;
};

}  // namespace usher::test
