#include "core/config_correlation.hpp"

namespace usher {

void read_correlation(ConfigSection section, CorrelationConfig& correlation) {
  section.expect({"x_cid", "session_id"});
  correlation.x_cid = section.boolean("x_cid").value_or(false);
  correlation.session_id = section.boolean("session_id").value_or(false);
}

}  // namespace usher
