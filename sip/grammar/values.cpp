#include "sip/grammar/values.hpp"

#include "core/text.hpp"

namespace usher::sip {

const Param* find_param(const Params& params, std::string_view name) {
  for (const Param& p : params) {
    if (equals_without_case(p.name, name)) return &p;
  }
  return nullptr;
}

std::string_view param_value(const Params& params, std::string_view name) {
  const Param* p = find_param(params, name);
  return p && p->value ? *p->value : std::string_view{};
}

}  // namespace usher::sip
