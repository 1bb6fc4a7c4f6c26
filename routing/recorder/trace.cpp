#include "routing/recorder/trace.hpp"

#include <algorithm>

#include "core/rng.hpp"

namespace usher::routing {

namespace {

constexpr std::size_t kTraceText = 13;

// NUL ends each piece, so none may hold one.
void write_piece(std::string& out, std::string_view text) {
  const std::size_t begin = out.size();
  out.append(text.substr(0, kStepValue));
  std::replace(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), '\0', ' ');
  out.push_back('\0');
}

std::string_view take_piece(std::string_view& bytes) {
  const std::size_t end = std::min(bytes.find('\0'), bytes.size());
  const std::string_view piece = bytes.substr(0, end);
  bytes.remove_prefix(std::min(end + 1, bytes.size()));
  return piece;
}

}  // namespace

std::string trace_text(TraceId id) {
  return base32(id);
}

std::optional<TraceId> parse_trace(std::string_view text) {
  if (text.size() != kTraceText) return std::nullopt;
  TraceId id = 0;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'v')) return std::nullopt;
    id = id * 32 + static_cast<TraceId>(digit ? c - '0' : c - 'a' + 10);
  }
  // 13 digits have room for one bit more.
  if (id == 0 || trace_text(id) != text) return std::nullopt;
  return id;
}

std::string_view Step::field(std::string_view name) const {
  for (const auto& [known, value] : fields) {
    if (known == name) return value;
  }
  return {};
}

void write_field(std::string& out, std::string_view name, std::string_view value) {
  write_piece(out, name);
  write_piece(out, value);
}

void write_step(std::string& out, std::string_view what, std::string_view why,
                std::initializer_list<StepField> fields) {
  write_piece(out, what);
  write_piece(out, why);
  for (const auto& [name, value] : fields) {
    if (!value.empty()) write_field(out, name, value);
  }
}

StepView::StepView(std::string_view bytes) {
  what_ = take_piece(bytes);
  why_ = take_piece(bytes);
  fields_ = bytes;
}

std::optional<StepField> StepView::next() {
  if (fields_.empty()) return std::nullopt;
  const std::string_view name = take_piece(fields_);
  return StepField{name, take_piece(fields_)};
}

std::string_view StepView::field(std::string_view name) const {
  StepView rest = *this;
  while (const auto one = rest.next()) {
    if (one->first == name) return one->second;
  }
  return {};
}

Step read_step(std::string_view bytes) {
  StepView view(bytes);
  Step step;
  step.what = view.what();
  step.why = view.why();
  while (const auto one = view.next()) step.fields.emplace_back(one->first, one->second);
  return step;
}

}  // namespace usher::routing
