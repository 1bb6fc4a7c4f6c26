#include "admin/json.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/text.hpp"

namespace usher::admin {

namespace {

// Builds a Json from the parser's events. nlohmann's own parser is iterative, so depth costs no
// stack; the values that are built are destroyed recursively, hence the bound.
class Builder {
 public:
  using json = nlohmann::json;

  bool null() { return put(Json{}); }
  bool boolean(bool b) { return put(Json{b}); }
  bool number_integer(json::number_integer_t n) { return put(Json{n}); }
  bool number_unsigned(json::number_unsigned_t n) {
    constexpr auto kMost =
        static_cast<json::number_unsigned_t>(std::numeric_limits<std::int64_t>::max());
    return n <= kMost ? put(Json{n}) : put(Json{static_cast<double>(n)});
  }
  bool number_float(json::number_float_t n, const json::string_t&) { return put(Json{n}); }
  bool string(json::string_t& text) { return put(Json{std::move(text)}); }
  bool binary(json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(Json{Json::Object{}}); }
  bool start_array(std::size_t) { return open(Json{Json::Array{}}); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(json::string_t& name) {
    auto& members = std::get<Json::Object>(open_.back().value);
    for (const auto& [known, ignored] : members) {
      if (known == name)
        return refuse(Errc::syntax, "the member " + usher::quoted(name) + " stands twice");
    }
    if (members.size() >= kMembers) return refuse(Errc::limit, "an object has too many members");
    members.emplace_back(std::move(name), Json{});
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const json::exception& e) {
    std::string what = e.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: …": the part for a reader.
    if (const auto start = what.find("parse error"); start != std::string::npos)
      what.erase(0, start);
    (void)position;
    return refuse(Errc::syntax, escaped(what));
  }

  Result<Json> finish(bool ok) {
    if (!ok) return error_;
    return std::move(root_);
  }

 private:
  static constexpr std::size_t kMembers = 1000;

  bool refuse(Errc code, std::string message) {
    error_ = fail(code, std::move(message));
    return false;
  }
  bool open(Json container) {
    if (open_.size() >= kJsonDepth) {
      return refuse(Errc::limit, "nested deeper than " + std::to_string(kJsonDepth) + " levels");
    }
    open_.push_back(std::move(container));
    return true;
  }
  bool close() {
    Json done = std::move(open_.back());
    open_.pop_back();
    return put(std::move(done));
  }
  bool put(Json v) {
    if (open_.empty()) {
      root_ = std::move(v);
    } else if (auto* items = std::get_if<Json::Array>(&open_.back().value)) {
      items->push_back(std::move(v));
    } else {
      std::get<Json::Object>(open_.back().value).back().second = std::move(v);
    }
    return true;
  }

  std::vector<Json> open_;
  Json root_;
  Error error_{Errc::syntax, "not JSON"};
};

// Writes the text in one go: a document of nlohmann's own in between would cost more than all else
// that an answer costs. Indented by two for each level, or in one line.
class JsonWriter {
 public:
  explicit JsonWriter(bool indented) : indented_(indented) {}

  void operator()(std::nullptr_t) { out += "null"; }
  void operator()(bool b) { out += b ? "true" : "false"; }
  void operator()(std::int64_t n) { out += std::to_string(n); }
  void operator()(double n) { out += nlohmann::json(n).dump(); }
  void operator()(const std::string& text) {
    if (!is_ascii(text)) {
      out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
      return;
    }
    out += '"';
    for (const char c : text) {
      switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\r': out += "\\r"; break;
        case '\n': out += "\\n"; break;
        default: out += c;
      }
    }
    out += '"';
  }
  void operator()(const Json::Array& items) {
    list('[', ']', items, [&](const Json& item) { std::visit(*this, item.value); });
  }
  void operator()(const Json::Object& members) {
    list('{', '}', members, [&](const auto& member) {
      (*this)(member.first);
      out += indented_ ? ": " : ":";
      std::visit(*this, member.second.value);
    });
  }

  std::string out;

 private:
  // UTF-8 and control characters are for the library.
  static bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= ' ' && c < 0x7f) || c == '\r' || c == '\n'; });
  }
  void next_line() {
    if (indented_) out.append("\n").append(2 * depth_, ' ');
  }
  template <class Items, class Write>
  void list(char open, char close, const Items& items, Write write) {
    out += open;
    ++depth_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out += ',';
      next_line();
      write(items[i]);
    }
    --depth_;
    if (!items.empty()) next_line();
    out += close;
  }

  bool indented_;
  std::size_t depth_ = 0;
};

std::string written(const Json& value, bool indented) {
  JsonWriter writer(indented);
  std::visit(writer, value.value);
  return std::move(writer.out);
}

}  // namespace

Json::Json(const Json& other) = default;
Json::Json(Json&& other) noexcept = default;
Json& Json::operator=(const Json& other) = default;
Json& Json::operator=(Json&& other) noexcept = default;
Json::~Json() = default;

const Json* Json::find(std::string_view name) const {
  const Object* members = object();
  if (!members) return nullptr;
  const auto found = std::find_if(members->begin(), members->end(),
                                  [&](const auto& m) { return m.first == name; });
  return found == members->end() ? nullptr : &found->second;
}

std::string_view kind_of(const Json& value) {
  switch (value.value.index()) {
    case 0: return "null";
    case 1: return "true or false";
    case 2: return "a whole number";
    case 3: return "a number";
    case 4: return "a string";
    case 5: return "an array";
    default: return "an object";
  }
}

Result<Json> parse_json(std::string_view text) {
  Builder builder;
  const bool ok = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.finish(ok);
}

std::string json_text(const Json& value) {
  return written(value, true) + "\n";
}

std::string json_line(const Json& value) {
  return written(value, false);
}

Json merge_patch(Json target, const Json& patch) {
  const Json::Object* changes = patch.object();
  if (!changes) return patch;
  if (!target.object()) target = Json{Json::Object{}};
  auto& members = std::get<Json::Object>(target.value);
  for (const auto& member : *changes) {
    const std::string& name = member.first;
    const Json& change = member.second;
    const auto found = std::find_if(members.begin(), members.end(),
                                    [&](const auto& m) { return m.first == name; });
    if (change.null()) {
      if (found != members.end()) members.erase(found);
    } else if (found != members.end()) {
      found->second = merge_patch(std::move(found->second), change);
    } else {
      members.emplace_back(name, merge_patch(Json{}, change));
    }
  }
  return target;
}

}  // namespace usher::admin
