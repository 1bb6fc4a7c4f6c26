#include "storage/keys.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace usher::storage {

namespace {

constexpr std::size_t kBytes = 16;

std::uint64_t read_u64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i)
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

std::string write_u64(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

}  // namespace

Result<Keys> read_keys(const Snapshot& snapshot, const std::function<std::uint64_t()>& entropy) {
  Keys keys;
  for (const auto& [name, key] : {std::pair{"contact-token-key", &keys.contact_tokens},
                                  std::pair{"relay-name-key", &keys.names}}) {
    const auto found = std::find_if(
        snapshot.secrets.begin(), snapshot.secrets.end(),
        [wanted = std::string_view{name}](const Secret& secret) { return secret.name == wanted; });
    if (found == snapshot.secrets.end()) {
      *key = {entropy(), entropy()};
      keys.missing.emplace_back(PutSecret{{name, write_u64(key->k0) + write_u64(key->k1)}});
    } else if (const std::string_view bytes = found->value; bytes.size() == kBytes) {
      *key = {read_u64(bytes), read_u64(bytes.substr(8))};
    } else {
      return fail(Errc::syntax, "table secrets: " + std::string{name} + " has " +
                                    std::to_string(bytes.size()) + " bytes, expected " +
                                    std::to_string(kBytes));
    }
  }
  return keys;
}

}  // namespace usher::storage
