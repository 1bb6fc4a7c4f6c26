#include "core/process_figures.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <vector>

namespace usher {

TEST_CASE("open files and memory are counted as the kernel has them") {
  const ProcessFigures before = process_figures();
  REQUIRE(before.open_fds);
  REQUIRE(before.resident_bytes);
  CHECK(*before.open_fds >= 3);
  CHECK(*before.most_fds >= *before.open_fds);
  CHECK(*before.virtual_bytes > *before.resident_bytes);
  CHECK(before.cpu);
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  CHECK(*process_figures().open_fds == *before.open_fds + 1);
  ::close(fd);
  const std::vector<char> much(std::size_t{64} << 20, 'x');
  CHECK(*process_figures().resident_bytes >= *before.resident_bytes + (much.size() / 2));
}

}  // namespace usher
