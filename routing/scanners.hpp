// Known scanners, told by their User-Agent. The list belongs to the operator and lives in the
// store.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/records.hpp"

namespace usher::routing {

class Scanners {
 public:
  void put(storage::ScannerPattern pattern);
  void erase(std::string_view pattern);
  // A pattern matches anywhere in the value, without case.
  bool match(std::string_view user_agent) const;
  std::vector<storage::ScannerPattern> list() const;  // by pattern

 private:
  struct Entry {
    std::string lower;
    storage::ScannerPattern pattern;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace usher::routing
