// What the sets' and the targets' resources share.
#pragma once

#include <variant>

#include "admin/message.hpp"
#include "admin/router.hpp"
#include "core/text.hpp"
#include "storage/records.hpp"

namespace usher::admin {

// {setid} of the path, or the refusal.
std::variant<storage::SetId, Answer> path_setid(const Call& call);
Answer no_set(storage::SetId id);

}  // namespace usher::admin
