// Tells of a store that fails or lags once when it begins and once when it is over, however many
// writes meet it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace usher::routing {

class StoreWatch {
 public:
  // A write was answered: `error` is empty when it is durable. A line for the log, or nothing.
  std::optional<std::string> answered(const std::string& error);
  // A registration was confirmed before its write was answered.
  std::optional<std::string> late();
  // One was durable in its time.
  std::optional<std::string> in_time();

 private:
  std::uint64_t failed_ = 0;  // writes of this failure
  std::uint64_t late_ = 0;
};

}  // namespace usher::routing
