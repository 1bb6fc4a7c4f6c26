#include "core/process_figures.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

namespace usher {

namespace {

Duration duration_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// /proc/self/statm: pages of address space and of memory.
void read_memory(ProcessFigures& out) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/statm", "re"),
                                                             std::fclose);
  unsigned long long size = 0, resident = 0;
  if (!file || std::fscanf(file.get(), "%llu %llu", &size, &resident) != 2) return;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  out.virtual_bytes = size * page;
  out.resident_bytes = resident * page;
}

void read_files(ProcessFigures& out) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out.most_fds = limit.rlim_cur;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), ::closedir);
  if (!directory) return;
  std::uint64_t count = 0;
  while (::readdir(directory.get()) != nullptr) ++count;
  // Less ".", "..", and the directory itself.
  if (count >= 3) out.open_fds = count - 3;
}

}  // namespace

ProcessFigures process_figures() {
  ProcessFigures out;
  read_memory(out);
  read_files(out);
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0)
    out.cpu = duration_of(usage.ru_utime) + duration_of(usage.ru_stime);
  return out;
}

}  // namespace usher
