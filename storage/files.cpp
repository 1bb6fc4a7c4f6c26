#include "storage/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace usher::storage {

namespace {

Result<void> sync(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return file_error("cannot open " + path, last_error());
  const bool done = ::fsync(fd) == 0;
  const std::error_code why = last_error();
  ::close(fd);
  if (!done) return file_error("cannot write " + path, why);
  return {};
}

}  // namespace

Error file_error(const std::string& what, const std::error_code& why) {
  return fail(Errc::io, what + ": " + why.message());
}

std::error_code last_error() {
  return {errno, std::generic_category()};
}

std::string folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

Result<void> sync_file(const std::string& path) {
  return sync(path, O_RDONLY);
}

Result<void> sync_folder(const std::string& folder) {
  return sync(folder, O_RDONLY | O_DIRECTORY);
}

}  // namespace usher::storage
