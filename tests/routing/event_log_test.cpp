#include "routing/event_log.hpp"

#include <doctest/doctest.h>

using namespace usher;
using namespace usher::routing;

namespace {

std::string read(const EventLog& log, std::uint64_t after) {
  std::string out;
  while (const Event* e = log.next(after)) {
    out += std::to_string(e->id) + e->text + " ";
    after = e->id;
  }
  return out;
}

}  // namespace

TEST_CASE("a watcher goes on after the last event that he has seen") {
  EventLog log(100, 10);
  CHECK(log.last() == 100);
  CHECK(log.next(0) == nullptr);
  log.add({}, EventKind::target_down, "t", "a");
  log.add({}, EventKind::target_up, "t", "b");
  CHECK(read(log, 100) == "101a 102b ");
  CHECK(read(log, 101) == "102b ");
  CHECK(read(log, 102).empty());
  CHECK(read(log, 5) == "101a 102b ");
  CHECK(read(log, 1000).empty());
}

TEST_CASE("only the newest are kept, and what is missed can be counted") {
  EventLog log(0, 3);
  for (const char* text : {"a", "b", "c", "d", "e"}) log.add({}, EventKind::storm, "s", text);
  CHECK(log.size() == 3);
  CHECK(read(log, 0) == "3c 4d 5e ");
  CHECK(log.lost(0) == 2);
  CHECK(log.lost(1) == 1);
  CHECK(log.lost(2) == 0);
  CHECK(log.lost(5) == 0);
  CHECK(log.lost(99) == 0);
}

TEST_CASE("what the process before has told is no loss of this one") {
  EventLog log(1000, 2);
  for (const char* text : {"a", "b", "c"}) log.add({}, EventKind::storm, "s", text);
  CHECK(log.lost(0) == 1);
  CHECK(log.lost(999) == 1);
  CHECK(log.lost(1001) == 0);
}

TEST_CASE("texts are bounded") {
  EventLog log(0, 1);
  log.add({}, EventKind::storm, std::string(10000, 's'), std::string(10000, 't'));
  CHECK(log.next(0)->subject.size() == EventLog::kTextBytes);
  CHECK(log.next(0)->text.size() == EventLog::kTextBytes);
}

TEST_CASE("kinds have names that read back") {
  for (std::size_t i = 0; i < kEventKinds; ++i) {
    const auto kind = static_cast<EventKind>(i);
    CHECK(parse_event_kind(event_kind_name(kind)) == kind);
  }
  CHECK_FALSE(parse_event_kind("call"));
}
