#include "storage/sqlite/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace usher::storage {

LockFile::LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

LockFile::~LockFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<LockFile> LockFile::take(const std::string& path) {
  const std::string name = path + ".lock";
  LockFile lock;
  lock.fd_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock.fd_ < 0) {
    return fail(Errc::io, "cannot open " + name + ": " + std::generic_category().message(errno));
  }
  if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return fail(Errc::io, "cannot lock " + name + ": " + std::generic_category().message(errno));
    }
    // The holder's pid is a help for the reader only; the lock itself is the kernel's.
    std::array<char, 16> pid{};
    const ssize_t size = ::pread(lock.fd_, pid.data(), pid.size(), 0);
    const std::string holder{pid.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    return fail(Errc::unavailable, path + " is in use by another usher process" +
                                       (holder.empty() ? "" : " (pid " + holder + ")") +
                                       ": stop it first, or name another file");
  }
  const std::string pid = std::to_string(::getpid());
  // A disk that takes no pid is found by the self-test, which says it better.
  if (::ftruncate(lock.fd_, 0) != 0 || ::pwrite(lock.fd_, pid.data(), pid.size(), 0) < 0)
    return lock;
  return lock;
}

}  // namespace usher::storage
