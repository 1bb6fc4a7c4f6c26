#include "admin/resources/filters.hpp"

#include <algorithm>

#include "admin/resources/paging.hpp"
#include "admin/resources/representation.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

std::string too_long(const std::string& text, std::size_t most) {
  return text.size() > most ? "is longer than " + std::to_string(most) + " bytes" : std::string{};
}

}  // namespace

Answer bad_query(std::string_view field, const std::string& what) {
  return problem(400, "query", std::string{field} + ": " + what, {{std::string{field}, what}});
}

void Filters::read(std::string_view name,
                   const std::function<std::string(const std::string&)>& take) {
  const auto given = call_.query.find(name);
  if (refused || given == call_.query.end()) return;
  if (const std::string fault = take(given->second); !fault.empty())
    refused = bad_query(name, fault);
}

void Filters::time(std::string_view name, std::optional<WallTime>& out) {
  read(name, [&](const std::string& text) -> std::string {
    const Result<WallTime> when = parse_time(text);
    if (!when) return when.error().message;
    out = *when;
    return {};
  });
}

void Filters::text(std::string_view name, std::string& out, std::size_t most) {
  read(name, [&](const std::string& text) -> std::string {
    if (std::string fault = too_long(text, most); !fault.empty()) return fault;
    out = text;
    return {};
  });
}

void Filters::domain(std::string_view name, std::string& out) {
  read(name, [&](const std::string& text) -> std::string {
    Result<std::string> domain = normal_domain(text);
    if (!domain) return domain.error().message;
    out = std::move(*domain);
    return {};
  });
}

void Filters::aor(std::string_view name, std::string& out) {
  read(name, [&](const std::string& text) -> std::string {
    if (std::string fault = too_long(text, limits::kRecordTextBytes); !fault.empty()) return fault;
    const std::string aor = text.substr(text.starts_with("sip:") ? 4 : 0);
    const std::size_t at = aor.rfind('@');
    if (at == std::string::npos || at == 0 || at + 1 == aor.size())
      return usher::quoted(text) + " is no address of record such as 401@a.test";
    out = aor.substr(0, at + 1) + lower(std::string_view{aor}.substr(at + 1));
    return {};
  });
}

void Filters::address(std::string_view name, std::optional<net::IpAddress>& out) {
  read(name, [&](const std::string& text) -> std::string {
    const Result<net::IpAddress> address = net::IpAddress::parse(text);
    if (!address) return address.error().message;
    out = *address;
    return {};
  });
}

void Filters::network(std::string_view name, std::optional<net::Cidr>& out) {
  read(name, [&](const std::string& text) -> std::string {
    const Result<net::Cidr> network = net::Cidr::parse(text);
    if (!network) return network.error().message;
    out = *network;
    return {};
  });
}

void Filters::one_of(std::string_view name, std::initializer_list<std::string_view> words,
                     std::string& out) {
  read(name, [&](const std::string& text) -> std::string {
    if (std::find(words.begin(), words.end(), text) == words.end()) {
      std::string fault = usher::quoted(text.substr(0, 64)) + " is none of ";
      for (const std::string_view word : words)
        fault.append(word == *words.begin() ? "" : ", ").append(word);
      return fault;
    }
    out = text;
    return {};
  });
}

void Filters::flag(std::string_view name, bool& out) {
  read(name, [&](const std::string& text) -> std::string {
    if (text != "true" && text != "false")
      return usher::quoted(text) + " is neither true nor false";
    out = text == "true";
    return {};
  });
}

void Filters::flag(std::string_view name, std::optional<bool>& out) {
  bool value = false;
  flag(name, value);
  if (!refused && call_.query.contains(std::string{name})) out = value;
}

void Filters::integer(std::string_view name, std::int64_t least, std::int64_t most,
                      std::optional<std::int64_t>& out) {
  read(name, [&](const std::string& text) -> std::string {
    const std::int64_t value = text == "0" ? 0 : read_number(text, most);
    if ((value == 0 && text != "0") || value < least)
      return usher::quoted(text) + " is not a whole number from " + std::to_string(least) + " to " +
             std::to_string(most);
    out = value;
    return {};
  });
}

}  // namespace usher::admin
