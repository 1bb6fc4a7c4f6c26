// The simulator: one seed or many, each run twice where determinism is asked for.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/sim/checkers/checkers.hpp"
#include "tests/sim/world.hpp"

namespace {

using namespace usher::sim;

struct Arguments {
  std::uint64_t seed = 1, seeds = 1;
  int calls = 200;
  bool log = false, twice = false, calls_survive = false, brief = false;
  int call = 0;
  std::uint64_t failures = 5;
};

[[noreturn]] void usage() {
  std::fprintf(stderr,
               "sim [--seed N] [--seeds K] [--calls M] [--twice] [--log] [--call NUMBER] "
               "[--failures N] [--brief] [--calls-survive]\n"
               "  K runs from seed N on, of M calls each. --twice: each run must repeat itself.\n"
               "  --call: the ladder of this call, whatever the checkers say. --log: the edge's "
               "log.\n"
               "  --failures: stop after N seeds that failed. --brief: no ladders. "
               "--calls-survive: calls lost at a "
               "crash are faults.\n");
  std::exit(2);
}

Arguments read(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto number = [&] {
      if (i + 1 >= argc) usage();
      return std::strtoull(argv[++i], nullptr, 10);
    };
    if (name == "--seed")
      a.seed = number();
    else if (name == "--seeds")
      a.seeds = number();
    else if (name == "--calls")
      a.calls = static_cast<int>(number());
    else if (name == "--call")
      a.call = static_cast<int>(number());
    else if (name == "--failures")
      a.failures = number();
    else if (name == "--log")
      a.log = true;
    else if (name == "--brief")
      a.brief = true;
    else if (name == "--twice")
      a.twice = true;
    else if (name == "--calls-survive")
      a.calls_survive = true;
    else
      usage();
  }
  return a;
}

// What all runs together have seen.
struct Totals {
  std::uint64_t records = 0, answered = 0, pracks = 0, subscriptions = 0, crashes = 0;

  void add(const Trace& trace) {
    records += trace.records.size();
    for (const Record& r : trace.records) {
      answered += r.fact == Fact::leg_answers;
      subscriptions += r.fact == Fact::watch_begins && r.caller;
      crashes += r.fact == Fact::edge_crashed;
      pracks += r.step == Step::agent_sends && r.text && r.text->is_request() &&
                r.text->method() == "PRACK";
    }
  }
};

// True when every checker was content.
bool run_seed(const Arguments& a, std::uint64_t seed, Totals& totals) {
  World world({seed, a.calls, a.log});
  world.run();
  totals.add(world.trace);
  Terms terms;
  terms.calm = world.mood.calm;
  terms.ring_limit = world.mood.ring_limit;
  terms.call_probe = world.mood.call_probe;
  terms.slow_store = world.mood.slow_store;
  terms.excuse_calls_at_crash = !a.calls_survive;
  const std::vector<Violation> found = check_all(world.trace, world.remains, terms);
  std::string text;
  if (a.twice) {
    World again({seed, a.calls, false});
    again.run();
    if (again.trace.hash() != world.trace.hash())
      text += "checker deterministic: a second run of this seed went another way\n";
  }
  std::size_t shown = 0;
  for (const Violation& v : found) {
    if (++shown > 3) {
      text += "and " + std::to_string(found.size() - 3) + " more\n";
      break;
    }
    text += "checker " + v.checker + ": " + v.text + "\n";
    if (v.call != 0 && a.brief) text += "call " + std::to_string(v.call) + "\n";
    if (v.call != 0 && !a.brief) {
      text += "call " + std::to_string(v.call) + ":\n" + world.trace.ladder(v.call);
    }
  }
  if (a.call != 0) std::printf("%s", world.trace.ladder(a.call, 2000).c_str());
  if (text.empty()) return true;
  std::printf("seed %llu FAILED\n%sreplay: ./dev sim --seed %llu --calls %d\n\n",
              static_cast<unsigned long long>(seed), text.c_str(),
              static_cast<unsigned long long>(seed), a.calls);
  std::fflush(stdout);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments a = read(argc, argv);
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t failed = 0, runs = 0;
  Totals totals;
  for (std::uint64_t seed = a.seed; seed < a.seed + a.seeds && failed < a.failures; ++seed) {
    ++runs;
    if (!run_seed(a, seed, totals)) ++failed;
  }
  const double took =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const double calls = static_cast<double>(runs) * a.calls * (a.twice ? 2 : 1);
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "%llu seeds, %.0f calls (%llu answered), %llu subscriptions, %llu PRACKs, %llu crashes, "
      "%llu records, %llu failed; %.1f s, %.0f calls/s\n",
      number(runs), calls, number(totals.answered), number(totals.subscriptions),
      number(totals.pracks), number(totals.crashes), number(totals.records), number(failed), took,
      calls / took);
  return failed == 0 ? 0 : 1;
}
