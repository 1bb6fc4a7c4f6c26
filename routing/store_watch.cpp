#include "routing/store_watch.hpp"

#include <utility>

namespace usher::routing {

std::optional<std::string> StoreWatch::answered(const std::string& error) {
  if (!error.empty()) {
    if (++failed_ > 1) return std::nullopt;
    return "the store fails: " + error + "; calls and registrations go on in memory";
  }
  if (failed_ == 0) return std::nullopt;
  return "the store takes writes again; it had refused " +
         std::to_string(std::exchange(failed_, 0)) + " of them";
}

std::optional<std::string> StoreWatch::late() {
  if (++late_ > 1) return std::nullopt;
  return "the store took longer than 500 ms: a registration is confirmed before it is durable";
}

std::optional<std::string> StoreWatch::in_time() {
  if (late_ == 0) return std::nullopt;
  return "the store is fast enough again; " + std::to_string(std::exchange(late_, 0)) +
         " registration(s) were confirmed before they were durable";
}

}  // namespace usher::routing
