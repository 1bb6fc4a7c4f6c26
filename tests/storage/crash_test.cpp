// kill -9 and size: what was acknowledged is there, and a large database opens fast.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <random>
#include <set>

#include "support.hpp"

namespace usher::storage {

namespace {

// Applies batches until it is killed, and reports each acknowledged one by its number. One batch
// holds a pair, so that a half-applied one would show.
[[noreturn]] void work_until_killed(const std::string& path, int first, int report) {
  Posts posts;
  auto store = open_sqlite({path, posts.door()});
  if (!store || !(*store)->load(kNow)) ::_exit(2);
  int acknowledged = 0;
  for (int n = first;; ++n) {
    const std::string token = std::to_string(n);
    (*store)->apply(
        {PutBinding{sample_binding(token + "-a")}, PutBinding{sample_binding(token + "-b")}},
        n % 2 == 0 ? Durability::required : Durability::eventual,
        [n, report, &acknowledged](Result<void> r) {
          if (!r || ::write(report, &n, sizeof n) != sizeof n) ::_exit(3);
          ++acknowledged;
        });
    // Never more than 20 behind: some batches are always on their way when the end comes.
    if (!posts.run_until([&] { return n - first - acknowledged < 20; })) ::_exit(4);
  }
}

}  // namespace

TEST_CASE("what was acknowledged survives kill -9, and no batch is there in part") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  std::mt19937 random(20);
  std::set<std::string> acknowledged;
  int first = 0;
  for (int round = 0; round < 5; ++round) {
    std::array<int, 2> pipe{};
    REQUIRE(::pipe(pipe.data()) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::close(pipe[0]);
      work_until_killed(path, first, pipe[1]);
    }
    ::close(pipe[1]);
    const int stop_after = std::uniform_int_distribution<int>(1, 1500)(random);
    int n = 0;
    for (int seen = 0; ::read(pipe[0], &n, sizeof n) == sizeof n;) {
      acknowledged.insert(std::to_string(n));
      if (++seen == stop_after)
        ::kill(child, SIGKILL);  // what it reported before it died still counts
    }
    ::close(pipe[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    first = n + 1000;

    Fixture f(path);  // the lock of the dead is no obstacle
    std::set<std::string> a, b;
    for (const Binding& binding : f.load().bindings) {
      const std::string number = binding.token.substr(0, binding.token.size() - 2);
      (binding.token.ends_with("-a") ? a : b).insert(number);
    }
    CHECK(a == b);
    std::size_t missing = 0;
    for (const std::string& number : acknowledged) missing += a.contains(number) ? 0 : 1;
    CHECK(missing == 0);
  }
  CHECK(acknowledged.size() > 5);
}

TEST_CASE("100,000 bindings are loaded at a start") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  constexpr int kBindings = 100'000;
  auto elapsed = [begin = std::chrono::steady_clock::now()]() mutable {
    const auto now = std::chrono::steady_clock::now();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - std::exchange(begin, now))
        .count();
  };
  {
    Fixture f(path);
    int answers = 0;
    for (int i = 0; i < kBindings; i += 100) {
      std::vector<Change> batch;
      for (int k = i; k < i + 100; ++k) {
        const std::string user = std::to_string(k);
        batch.push_back(PutBinding{sample_binding(user + "-token", user + "@tenant.example.org")});
      }
      f.store->apply(std::move(batch), Durability::eventual,
                     [&](Result<void> r) { answers += r ? 1 : 0; });
    }
    REQUIRE(f.posts.run_until([&] { return answers == kBindings / 100; }));
  }
  const auto written = elapsed();
  Fixture f(path);
  const auto opened = elapsed();
  const Snapshot s = f.load();
  const auto loaded = elapsed();
  CHECK(s.bindings.size() == kBindings);
  MESSAGE("100,000 bindings: written in "
          << written << " ms, opened and checked in " << opened << " ms, loaded in " << loaded
          << " ms, " << std::filesystem::file_size(path) / kBindings << " bytes each on disk");
}

}  // namespace usher::storage
