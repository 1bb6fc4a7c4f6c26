// Contacts that REGISTERs on their way have offered to a backend. Asterisk sends its first qualify
// when it stores the Contact, which may be before its 200: the token must lead to the device
// already then. An offer is no binding: it is found by its token alone, is never stored, never
// listed, and ends with its REGISTER.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "routing/registrar.hpp"
#include "storage/records.hpp"

namespace usher::routing {

class Offers {
 public:
  void add(const Registration& r);
  void remove(const Registration& r);  // of an earlier add()
  std::optional<storage::Binding> by_token(const std::string& token) const;
  std::size_t size() const { return offers_.size(); }

 private:
  struct Offer {
    storage::Binding binding;
    std::uint32_t registers =
        0;  // that offer it now: the one that was challenged and the next may overlap
  };
  boost::unordered_flat_map<std::string, Offer> offers_;
};

}  // namespace usher::routing
