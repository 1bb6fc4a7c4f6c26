// The filters of a query, each into its place; the first that cannot be understood is the refusal
// (400, with its name as the field). A parameter that is not given leaves its place as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "admin/message.hpp"
#include "admin/router.hpp"
#include "core/limits.hpp"
#include "core/net/address.hpp"
#include "core/time.hpp"

namespace usher::admin {

// 400 for a query parameter: `what` is wrong with `field`.
Answer bad_query(std::string_view field, const std::string& what);

class Filters {
 public:
  explicit Filters(const Call& call) : call_(call) {}

  void time(std::string_view name, std::optional<WallTime>& out);
  void text(std::string_view name, std::string& out, std::size_t most = limits::kRecordTextBytes);
  void domain(std::string_view name, std::string& out);  // in its normal spelling
  // "401@a.test" or "sip:401@a.test": without the scheme, the host in lower case.
  void aor(std::string_view name, std::string& out);
  void address(std::string_view name, std::optional<net::IpAddress>& out);
  void network(std::string_view name, std::optional<net::Cidr>& out);  // or an address
  void one_of(std::string_view name, std::initializer_list<std::string_view> words,
              std::string& out);
  void flag(std::string_view name, bool& out);  // "true", "false"
  void flag(std::string_view name, std::optional<bool>& out);
  template <class Number>
  void number(std::string_view name, std::int64_t least, std::int64_t most,
              std::optional<Number>& out) {
    std::optional<std::int64_t> value;
    integer(name, least, most, value);
    if (value) out = static_cast<Number>(*value);
  }

  std::optional<Answer> refused;

 private:
  // `take` gives what is wrong with the value; empty: nothing.
  void read(std::string_view name, const std::function<std::string(const std::string&)>& take);
  void integer(std::string_view name, std::int64_t least, std::int64_t most,
               std::optional<std::int64_t>& out);
  const Call& call_;
};

}  // namespace usher::admin
