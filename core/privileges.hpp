// What a process that was started by root keeps of it: nothing but, until its sockets are open, the
// right to bind ports below 1024.
#pragma once

#include <string>

#include "core/result.hpp"

namespace usher {

// Whether the process runs as root.
bool is_root();

// Becomes `user`, with his groups. With `low_ports` the right to bind such ports stays, for this
// thread and for those that it starts, until give_up_low_ports(). Errc::not_found: no such user;
// Errc::unavailable: not started by root, so that nothing can be given up; Errc::io: the system's
// text. What is opened from here on must be open to that user.
Result<void> become_user(const std::string& user, bool low_ports);
Result<void> give_up_low_ports();

}  // namespace usher
