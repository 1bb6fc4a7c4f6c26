// Runs a fuzz target without libFuzzer: every corpus file as it is, then seeded mutations of them.
// The same seed gives the same inputs, so a failure is repeated by running it again.
//
//   smoke_<target> [--iterations N] [--seed S] [--prefix] DIRECTORY...
//
// --prefix: the target's first byte is a selector, so each file is run behind each of a few values
// of it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_support.hpp"

namespace {

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random_() % n); }

  void mutate(std::string& text, const std::vector<std::string>& others) {
    for (std::size_t n = 1 + below(4); n > 0; --n) once(text, others);
  }

 private:
  void once(std::string& text, const std::vector<std::string>& others) {
    // What the grammar turns on, more often than chance would have it.
    static constexpr std::string_view kTelling =
        "\r\n \t;,<>\"\\:=@()[]%?&/*-+._0159azAZ\x01\x7F\xC3\xFF";
    const std::size_t at = below(text.size() + 1);
    switch (below(8)) {
      case 0: text.insert(at, 1, kTelling[below(kTelling.size())]); break;
      case 1: text.insert(at, 1, static_cast<char>(below(256))); break;
      case 2: text.erase(at, 1 + below(8)); break;
      case 3:
        if (at < text.size()) text[at] = kTelling[below(kTelling.size())];
        break;
      case 4:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 5:
        text.insert(at, text.substr(below(text.size() + 1), below(64)));
        break;  // repeat a piece
      case 6: text.resize(at); break;
      case 7: {
        const std::string& other = others[below(others.size())];
        text.insert(at, other.substr(below(other.size() + 1), below(128)));
        break;
      }
    }
  }

  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  std::size_t iterations = 20000;
  std::uint64_t seed = 1;
  bool prefix = false;
  std::vector<std::string> inputs;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--iterations" && i + 1 < argc) {
      iterations = std::strtoull(argv[++i], nullptr, 10);
    } else if (arg == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (arg == "--prefix") {
      prefix = true;
    } else {
      for (const auto& entry : std::filesystem::directory_iterator(arg)) {
        if (!entry.is_regular_file()) continue;
        std::ifstream in(entry.path(), std::ios::binary);
        inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
      }
    }
  }
  if (inputs.empty()) {
    std::fprintf(stderr, "no corpus files given\n");
    return 2;
  }
  std::sort(inputs.begin(), inputs.end());  // directories have no order of their own
  Mutator mutator(seed);
  const auto with_prefix = [&](std::string text) {
    return prefix ? std::string(1, static_cast<char>(mutator.below(256))) + text : text;
  };
  for (const std::string& input : inputs) run(with_prefix(input));
  for (std::size_t i = 0; i < iterations; ++i) {
    std::string text = inputs[mutator.below(inputs.size())];
    mutator.mutate(text, inputs);
    run(with_prefix(std::move(text)));
  }
  std::printf("%zu corpus files, %zu mutations, seed %llu: no fault\n", inputs.size(), iterations,
              static_cast<unsigned long long>(seed));
  return 0;
}
