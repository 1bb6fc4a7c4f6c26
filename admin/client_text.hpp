// How the command line shows answers that are no table: documents of docs/rest.md, where what is
// missing is left out.
#pragma once

#include <ostream>
#include <string>

#include "admin/json.hpp"

namespace usher::admin {

// What a write has changed, one line each, `before` in front.
void print_changes(const Json& told, const std::string& before, std::ostream& out);
// What a write to a domain would change and touch.
void print_preview(const Json& told, std::ostream& out);
// One line each: when, what, why and what else is known. Null: none.
void print_steps(const Json* steps, std::ostream& out);
void print_status(const Json& status, std::ostream& out);

}  // namespace usher::admin
