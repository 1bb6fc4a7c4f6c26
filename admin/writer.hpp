// An operator's writes, one after another: checked against what is live at that moment, made
// durable, then made live, then answered. An error of the store leaves memory as it was.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "admin/message.hpp"
#include "admin/service.hpp"
#include "storage/records.hpp"

namespace usher::admin {

inline constexpr std::size_t kPendingWrites = 1000;

struct Write {
  std::vector<storage::Change>
      changes;  // in order, all or none; empty: nothing changes, the answer comes at once
  std::function<Answer()> answer;  // called once they are live
  bool live = true;                // false: memory has them already, only durability is awaited
};
// Called when it is this write's turn: what is to be done, or why it is refused.
using Prepare = std::function<std::variant<Write, Answer>()>;

class Writer {
 public:
  explicit Writer(const Service& service);
  ~Writer();  // pending writes are answered with 503
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void submit(Prepare prepare, Respond respond);
  std::size_t pending() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Checks the changes in order against the directory, each upon those before it. `not_found` and
// `conflict` name the fields that a missing reference and a duplicate are reported as; empty: the
// record itself.
std::optional<Answer> check(const routing::Directory& directory,
                            const std::vector<storage::Change>& changes, std::string_view not_found,
                            std::string_view conflict);

}  // namespace usher::admin
