// Hosts that a phone must not see, and the two ways to present text.
#pragma once

#include "sip/b2bua/identity_map.hpp"

namespace usher::test {

struct Hidden {
  sip::HiddenHosts hosts;
  const sip::DialogNames* names = nullptr;
  Hidden() {
    hosts.networks.push_back(net::Cidr::parse("10.0.0.0/8").value());
    hosts.networks.push_back(net::Cidr::parse("2001:db8::/32").value());
    hosts.names.insert("pbx.internal");
    hosts.addresses.insert("203.0.113.5");
  }
  sip::Presentation to_phone() const { return {sip::Side::phone, &hosts, "a.test", names}; }
  sip::Presentation to_backend() const { return {sip::Side::backend, &hosts, "a.test", names}; }
};

// Two legs of one call: the phone is "phone" on Call-ID p@phone, the backend "pbx" on b-call; we
// are us-p and us-b.
struct OneCall : sip::DialogNames {
  std::optional<sip::DialogName> across(std::string_view call_id, std::string_view tag,
                                        std::string_view other_tag,
                                        sip::Side towards) const override {
    const bool to_backend = towards == sip::Side::backend;
    if (call_id != (to_backend ? "p@phone" : "b-call")) return std::nullopt;
    const auto other = [&](std::string_view t) -> std::string {
      if (to_backend) return t == "phone" ? "us-b" : t == "us-p" ? "pbx" : "";
      return t == "pbx" ? "us-p" : t == "us-b" ? "phone" : "";
    };
    if (other(tag).empty() || other(other_tag).empty() || tag == other_tag) return std::nullopt;
    return sip::DialogName{to_backend ? "b-call" : "p@phone", other(tag), other(other_tag)};
  }
};

}  // namespace usher::test
