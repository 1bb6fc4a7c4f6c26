// Who changed what, and what it was before: each write that got past the door, newest kept.
#pragma once

#include <deque>
#include <string>

#include "admin/message.hpp"
#include "admin/router.hpp"
#include "admin/service.hpp"
#include "storage/records.hpp"

namespace usher::admin {

class Audit {
 public:
  // Goes on with service.audit, newest first.
  explicit Audit(const Service& service);

  // Whether this is a write, that is, to be recorded unless its answer was all that was asked for.
  static bool is_write(const Request& request);
  // Records the write when it is answered: gives the function to answer it with. `router` shows the
  // resource as it is now.
  Respond watch(const Request& request, const Router& router, Respond respond);
  const std::deque<storage::AuditEntry>& entries() const { return entries_; }  // newest first

 private:
  void add(storage::AuditEntry entry);

  const Service& service_;
  std::deque<storage::AuditEntry> entries_;
  std::int64_t last_ = 0;
};

// What the token is called; "none" when none is configured.
std::string_view token_name(const Service& service);

void add_audit(Router& router, const Audit& audit);  // /v1/audit

}  // namespace usher::admin
