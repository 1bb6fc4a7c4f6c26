#include "core/config_reader.hpp"

#include <toml++/toml.h>

#include <algorithm>

#include "core/duration.hpp"
#include "core/text.hpp"

namespace usher {

namespace {

const toml::table& as_table(const void* table) {
  return *static_cast<const toml::table*>(table);
}

int line_of(const toml::node& node) {
  return static_cast<int>(node.source().begin.line);
}

std::string_view found_type(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "an integer";
    case toml::node_type::floating_point: return "a floating point number";
    case toml::node_type::boolean: return "a boolean";
    case toml::node_type::date: return "a date";
    case toml::node_type::time: return "a time";
    case toml::node_type::date_time: return "a date and time";
    case toml::node_type::none: break;
  }
  return "nothing";
}

std::string list(const std::vector<std::string_view>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  return out;
}

// The known name that `key` was probably meant to be; empty when none is near.
std::string_view nearest(std::string_view key, const std::vector<std::string_view>& known) {
  constexpr std::size_t kLongest = 64;
  if (key.size() > kLongest) return {};
  std::string_view best;
  std::size_t least = 3;  // more mistakes than two make another word
  for (const std::string_view name : known) {
    const std::size_t distance = edit_distance(lower(key), name);
    if (distance < least && distance < name.size()) {
      least = distance;
      best = name;
    }
  }
  return best;
}

}  // namespace

void ConfigSection::expect(const std::vector<std::string_view>& known) {
  for (const auto& [key, node] : as_table(table_)) {
    if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
    const std::string_view near = nearest(key.str(), known);
    reader_->fault(static_cast<int>(key.source().begin.line), name_of(escaped(key.str())),
                   "unknown key: " + (near.empty() ? "expected " + list(known)
                                                   : "did you mean " + std::string{near} + "?"));
  }
}

bool ConfigSection::has(std::string_view key) const {
  return as_table(table_).contains(key);
}

bool ConfigSection::is_empty_array(std::string_view key) const {
  const toml::node* node = as_table(table_).get(key);
  return node && node->is_array() && node->as_array()->empty();
}

std::optional<std::string> ConfigSection::string(std::string_view key) {
  const toml::node* node = as_table(table_).get(key);
  if (!node) return std::nullopt;
  if (const auto* text = node->as_string()) return text->get();
  wrong_type(key, "a string in double quotes");
  return std::nullopt;
}

std::optional<bool> ConfigSection::boolean(std::string_view key) {
  const toml::node* node = as_table(table_).get(key);
  if (!node) return std::nullopt;
  if (const auto* value = node->as_boolean()) return value->get();
  wrong_type(key, "true or false");
  return std::nullopt;
}

std::optional<std::size_t> ConfigSection::number(std::string_view key, std::size_t least,
                                                 std::size_t most) {
  const toml::node* node = as_table(table_).get(key);
  if (!node) return std::nullopt;
  const std::string expected =
      "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  const auto* value = node->as_integer();
  if (!value) {
    wrong_type(key, expected);
    return std::nullopt;
  }
  if (value->get() < static_cast<std::int64_t>(least) ||
      value->get() > static_cast<std::int64_t>(most)) {
    fault(key, std::to_string(value->get()) + " is out of bounds: expected " + expected);
    return std::nullopt;
  }
  return static_cast<std::size_t>(value->get());
}

std::optional<Duration> ConfigSection::duration(std::string_view key) {
  const toml::node* node = as_table(table_).get(key);
  if (!node) return std::nullopt;
  if (const auto* text = node->as_string()) {
    const auto parsed = parse_duration(text->get());
    if (parsed) return *parsed;
    fault(key, parsed.error().message);
  } else if (const auto* number = node->as_integer()) {
    const std::string bare = std::to_string(number->get());
    fault(key, "expected a duration with a unit, such as \"30s\": " + bare + " could mean " + bare +
                   "s or " + bare + "ms");
  } else {
    wrong_type(key, "a duration with a unit, such as \"30s\"");
  }
  return std::nullopt;
}

std::optional<net::Endpoint> ConfigSection::endpoint(std::string_view key) {
  const auto text = string(key);
  if (!text) return std::nullopt;
  const auto parsed = net::Endpoint::parse(*text);
  if (!parsed) {
    fault(key, parsed.error().message);
    return std::nullopt;
  }
  if (parsed->port == 0) {
    fault(key, quoted(*text) + " has port 0: expected 1 to 65535");
    return std::nullopt;
  }
  return *parsed;
}

std::optional<std::vector<std::string>> ConfigSection::strings(std::string_view key) {
  const toml::node* node = as_table(table_).get(key);
  if (!node) return std::nullopt;
  const toml::array* array = node->as_array();
  if (!array) {
    wrong_type(key, "an array of text, as in " + std::string{key} + " = [\"…\"]");
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (std::size_t i = 0; i < array->size(); ++i) {
    const toml::node& one = *array->get(i);
    if (const auto* text = one.as_string()) {
      out.push_back(text->get());
      continue;
    }
    reader_->fault(line_of(one), name_of(key) + "[" + std::to_string(i) + "]",
                   "expected text, found " + std::string{found_type(one)});
    return std::nullopt;
  }
  return out;
}

std::optional<ConfigSection> ConfigSection::table(std::string_view key) {
  const toml::node* node = as_table(table_).get(key);
  if (!node) return std::nullopt;
  if (const auto* found = node->as_table()) return ConfigSection{*reader_, found, name_of(key)};
  wrong_type(key, "a table, [" + name_of(key) + "]");
  return std::nullopt;
}

std::vector<ConfigSection> ConfigSection::tables(std::string_view key) {
  std::vector<ConfigSection> out;
  const toml::node* node = as_table(table_).get(key);
  if (!node) return out;
  const toml::array* array = node->as_array();
  if (!array) {
    wrong_type(key, "[[" + std::string{key} + "]], with double brackets");
    return out;
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    const std::string name = name_of(key) + "[" + std::to_string(i) + "]";
    if (const auto* one = array->get(i)->as_table()) {
      out.push_back(ConfigSection{*reader_, one, name});
    } else {
      reader_->fault(line_of(*array->get(i)), name,
                     "expected a table, found " + std::string{found_type(*array->get(i))});
    }
  }
  return out;
}

void ConfigSection::fault(std::string_view key, std::string reason) {
  const toml::node* node = as_table(table_).get(key);
  reader_->fault(line_of(node ? *node : static_cast<const toml::node&>(as_table(table_))),
                 name_of(key), std::move(reason));
}

std::string ConfigSection::name_of(std::string_view key) const {
  return path_.empty() ? std::string{key} : path_ + "." + std::string{key};
}

void ConfigSection::wrong_type(std::string_view key, std::string_view expected) {
  const toml::node& node = *as_table(table_).get(key);
  fault(key, "expected " + std::string{expected} + ", found " + std::string{found_type(node)});
}

struct ConfigReader::Impl {
  toml::table root;
};

ConfigReader::ConfigReader(std::string file)
    : file_(std::move(file)), impl_(std::make_unique<Impl>()) {}
ConfigReader::~ConfigReader() = default;

bool ConfigReader::parse(std::string_view toml) {
  // The library as packaged reports by exceptions; they end here.
  try {
    impl_->root = toml::parse(toml, file_);
    return true;
  } catch (const toml::parse_error& e) {
    fault(static_cast<int>(e.source().begin.line), "", "not TOML: " + escaped(e.description()));
  }
  return false;
}

ConfigSection ConfigReader::top() {
  return {*this, &impl_->root, ""};
}

void ConfigReader::fault(int line, std::string key, std::string reason) {
  faults_.push_back({file_, std::move(key), std::move(reason), line});
}

std::vector<ConfigFault> ConfigReader::take_faults() {
  std::stable_sort(faults_.begin(), faults_.end(), [](const ConfigFault& a, const ConfigFault& b) {
    return a.line != b.line && (b.line == 0 || (a.line != 0 && a.line < b.line));
  });
  return std::move(faults_);
}

}  // namespace usher
