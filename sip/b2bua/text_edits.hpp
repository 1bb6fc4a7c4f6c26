// A text of which some pieces are replaced while all else stays byte for byte.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.hpp"

namespace usher::sip {

class TextEdits {
 public:
  explicit TextEdits(std::string_view text) : text_(text) {}  // outlives this

  // `piece` is a view into the text; pieces do not overlap. In any order.
  void replace(std::string_view piece, std::string by) {
    const auto begin = static_cast<std::size_t>(piece.data() - text_.data());
    USHER_CHECK(begin <= text_.size() && piece.size() <= text_.size() - begin);
    edits_.push_back({begin, begin + piece.size(), std::move(by)});
  }
  bool none() const { return edits_.empty(); }

  std::string finish() {
    std::sort(edits_.begin(), edits_.end(),
              [](const Edit& a, const Edit& b) { return a.begin < b.begin; });
    std::string out;
    std::size_t at = 0;
    for (const Edit& edit : edits_) {
      out.append(text_.substr(at, edit.begin - at)).append(edit.by);
      at = edit.end;
    }
    return out.append(text_.substr(at));
  }

 private:
  struct Edit {
    std::size_t begin, end;
    std::string by;
  };
  std::string_view text_;
  std::vector<Edit> edits_;
};

}  // namespace usher::sip
