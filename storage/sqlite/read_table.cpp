#include "storage/sqlite/read_table.hpp"

#include <utility>

namespace usher::storage {

Result<void> read_configuration(Database& database, Snapshot& out) {
  if (auto r = read_table(database, out.domains); !r) return r;
  if (auto r = read_table(database, out.sets); !r) return r;
  if (auto r = read_table(database, out.targets); !r) return r;
  if (auto r = read_table(database, out.scanners); !r) return r;
  std::vector<GateSettings> gate;
  if (auto r = read_table(database, gate); !r) return r;
  if (!gate.empty()) out.gate = std::move(gate.front());
  return {};
}

}  // namespace usher::storage
