#include "core/privileges.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "core/text.hpp"

namespace usher {

namespace {

// capset(2) has no wrapper in the C library.
bool keep_capabilities(std::uint32_t bits) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  data[0].effective = data[0].permitted = bits;
  return syscall(SYS_capset, &header, data.data()) == 0;
}

Error system_error(const std::string& what) {
  return fail(Errc::io, what + ": " + std::strerror(errno));
}

}  // namespace

bool is_root() {
  return geteuid() == 0;
}

Result<void> become_user(const std::string& user, bool low_ports) {
  std::vector<char> room(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(user.c_str(), &entry, room.data(), room.size(), &found) != 0 || !found)
    return fail(Errc::not_found, quoted(user) + " is no user of this system");
  if (entry.pw_uid == geteuid()) return {};
  if (!is_root())
    return fail(Errc::unavailable, "only a process started by root can become " + quoted(user));
  if (low_ports && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return system_error("prctl");
  if (initgroups(entry.pw_name, entry.pw_gid) != 0) return system_error("initgroups");
  if (setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid) != 0) return system_error("setresgid");
  if (setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid) != 0) return system_error("setresuid");
  if (low_ports && !keep_capabilities(1U << CAP_NET_BIND_SERVICE)) return system_error("capset");
  // Nothing that is started from here on can get more than it has now.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_error("prctl");
  return {};
}

Result<void> give_up_low_ports() {
  if (is_root()) return {};
  if (!keep_capabilities(0)) return system_error("capset");
  return {};
}

}  // namespace usher
