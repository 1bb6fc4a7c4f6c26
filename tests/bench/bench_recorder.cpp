// What the flight recorder costs: for each message, for each step of a trace, and for a search over
// its full memory.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "routing/recorder/recorder.hpp"

namespace {

using namespace usher;

double now_ns() {
  return std::chrono::duration<double, std::nano>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string message(std::size_t bytes, unsigned call) {
  std::string text =
      "INVITE sip:402@a.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport\r\n"
      "Max-Forwards: 70\r\nFrom: <sip:401@a.test>;tag=1\r\nTo: <sip:402@a.test>\r\nCall-ID: " +
      std::to_string(call) + "@192.0.2.1\r\nCSeq: 1 INVITE\r\n\r\n";
  text.resize(std::max(bytes, text.size()), 'b');
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 201;
  constexpr std::size_t kMemory = 64 << 20;
  constexpr int kEach = 1000;
  for (const std::size_t bytes : {std::size_t{500}, std::size_t{1200}}) {
    routing::Recorder recorder({.enabled = true, .memory = kMemory}, HashKey{1, 2});
    const Now now{Instant{std::chrono::hours(1)}, WallTime{}};
    unsigned call = 0;
    std::vector<sip::Send> sends;
    for (int i = 0; i < kEach; ++i) sends.push_back({{}, Bytes{message(bytes, ++call)}});
    // Filled once first: a fresh page costs more than one that is written to again.
    for (std::size_t i = 0; i < 2 * kMemory / bytes; ++i) recorder.sent(now, sends[i % kEach]);
    std::vector<double> sent, steps, finds;
    for (int r = 0; r < rounds; ++r) {
      const double begin = now_ns();
      for (const sip::Send& send : sends) recorder.sent(now, send);
      sent.push_back((now_ns() - begin) / kEach);
    }
    std::string step;
    for (int r = 0; r < rounds; ++r) {
      const double begin = now_ns();
      for (int i = 0; i < kEach; ++i) {
        step.clear();
        routing::write_step(step, routing::step::kAttempt, "INVITE, 1 of 2",
                            {{"destination", "192.0.2.10:5060"}, {"transport", "udp"}});
        recorder.note(now, 1, step, "a@192.0.2.1", "b@192.0.2.1");
      }
      steps.push_back((now_ns() - begin) / kEach);
    }
    for (std::size_t i = 0; i < 2 * kMemory / bytes; ++i) recorder.sent(now, sends[i % kEach]);
    const auto counts = recorder.counts();
    for (int r = 0; r < std::min(rounds, 21); ++r) {
      const double begin = now_ns();
      const auto found =
          recorder.find({.call_ids = {"77@192.0.2.1"}, .aor = {}, .source = {}, .trace = {}});
      finds.push_back((now_ns() - begin) / 1e6);
      if (found.items.empty()) return 1;
    }
    std::printf(
        "recorder: messages of %4zu bytes  %4.0f ns each   %zu kept in 64 MB   a step %4.0f ns   a "
        "search %5.2f ms\n",
        bytes, median(sent), counts.messages, median(steps), median(finds));
  }
  return 0;
}
