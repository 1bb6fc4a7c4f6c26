// A TOML file read with every fault kept: the mechanics under core/config.cpp. The TOML library
// stays behind config_reader.cpp.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.hpp"
#include "core/time.hpp"

namespace usher {

class ConfigReader;

// One table of the file. The reader of a key that is absent returns nothing; of one whose value is
// wrong, it reports the fault and returns nothing. Lives no longer than its reader.
class ConfigSection {
 public:
  // Reports each key that is not among `known`.
  void expect(std::initializer_list<std::string_view> known) {
    expect(std::vector<std::string_view>(known));
  }
  void expect(const std::vector<std::string_view>& known);

  bool has(std::string_view key) const;
  bool is_empty_array(std::string_view key) const;
  std::optional<std::string> string(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  // A whole number from `least` to `most`.
  std::optional<std::size_t> number(std::string_view key, std::size_t least, std::size_t most);
  std::optional<Duration> duration(std::string_view key);
  std::optional<net::Endpoint> endpoint(std::string_view key);  // the port is not 0
  // An array of text; an element of another type is a fault of its own.
  std::optional<std::vector<std::string>> strings(std::string_view key);
  std::optional<ConfigSection> table(std::string_view key);
  std::vector<ConfigSection> tables(std::string_view key);  // [[key]]

  // Reported at the key's line, or at the table's when the key is absent.
  void fault(std::string_view key, std::string reason);

 private:
  friend class ConfigReader;
  ConfigSection(ConfigReader& reader, const void* table, std::string path)
      : reader_(&reader), table_(table), path_(std::move(path)) {}
  std::string name_of(std::string_view key) const;
  void wrong_type(std::string_view key, std::string_view expected);

  ConfigReader* reader_;
  const void* table_;  // toml::table
  std::string path_;   // "listen[0]"; empty at the top
};

class ConfigReader {
 public:
  explicit ConfigReader(std::string file);
  ~ConfigReader();
  ConfigReader(const ConfigReader&) = delete;
  ConfigReader& operator=(const ConfigReader&) = delete;

  // False when the text is not TOML; the fault says where.
  bool parse(std::string_view toml);
  ConfigSection top();
  void fault(int line, std::string key, std::string reason);
  std::vector<ConfigFault>
  take_faults();  // in the order of the file; those without a line come last

 private:
  struct Impl;
  std::string file_;
  std::unique_ptr<Impl> impl_;
  std::vector<ConfigFault> faults_;
};

}  // namespace usher
