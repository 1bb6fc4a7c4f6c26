// `?preview=true` of a write: it is checked as always, tells what it would change and what that
// touches, and changes nothing.
#pragma once

#include <string>
#include <variant>

#include "admin/message.hpp"
#include "admin/router.hpp"
#include "admin/service.hpp"
#include "storage/records.hpp"

namespace usher::admin {

// Whether it is one; or the refusal.
std::variant<bool, Answer> read_preview(const Call& call);
// The answers to a preview are those to a question, refusals too.
Respond asked_only(Respond respond, bool preview);

// A change in words, as every preview has it. Null: there is none yet, or none any more.
std::string words_of(const storage::Domain* before, const storage::Domain* after);
std::string name_of(const storage::Target& target);

// {"preview": true, "changes": ["remove set 10"]}
Answer changes_answer(std::string words);

// Of a domain also: each field before and after, what of it is alive, whom its calls and
// registrations go to from then on, and what is wrong with that.
Answer domain_preview(const Service& service, const storage::Domain* before,
                      const storage::Domain* after);

}  // namespace usher::admin
