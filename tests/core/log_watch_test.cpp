#include "core/log_watch.hpp"

#include <doctest/doctest.h>

using namespace usher;

namespace {

std::shared_ptr<LogWatch> watch_of(std::vector<Watched> names) {
  return std::make_shared<LogWatch>(std::move(names));
}

}  // namespace

TEST_CASE("a name is found where it stands whole") {
  CHECK(names_whole("INVITE 401@a.test to 402@a.test", "401@a.test"));
  CHECK(names_whole("INVITE 401@A.Test to 402@a.test.", "a.test"));
  CHECK(names_whole("from 192.0.2.1:5060/udp", "192.0.2.1"));
  CHECK(names_whole("1401@a.test, then 401@a.test", "401@a.test"));
  CHECK_FALSE(names_whole("INVITE 1401@a.test", "401@a.test"));
  CHECK_FALSE(names_whole("401@b.a.test", "a.test"));
  CHECK_FALSE(names_whole("401@a.test.example", "a.test"));
  CHECK_FALSE(names_whole("from 192.0.2.11:5060", "192.0.2.1"));
  CHECK_FALSE(names_whole("anything", ""));
}

TEST_CASE("a watched user's lines are written below the level, with all of his call") {
  std::vector<std::string> seen;
  Log log{[&](const LogLine& line) { seen.emplace_back(line.text); }};
  const auto say = [&](std::string_view key, std::string_view text) {
    log.write(LogCategory::call, LogLevel::debug, key, text);
  };
  say("k1", "before, INVITE 401@a.test");
  log.set_watch(watch_of({{"401@a.test", LogLevel::debug}}));
  say("k1", "INVITE 401@a.test");
  say("k1", "trying in hunting -> hunting");
  say("k2", "INVITE 402@a.test");
  say("", "no call");
  log.set_watch(nullptr);
  say("k1", "after");
  CHECK(seen == std::vector<std::string>{"INVITE 401@a.test", "trying in hunting -> hunting"});
}

TEST_CASE("a line that is written anyway names whom its call belongs to") {
  std::vector<std::string> seen;
  Log log{[&](const LogLine& line) { seen.emplace_back(line.text); }};
  log.set_watch(watch_of({{"401@a.test", LogLevel::debug}}));
  log.write(LogCategory::call, LogLevel::info, "k1", "INVITE 401@a.test");
  log.write(LogCategory::call, LogLevel::debug, "k1", "trying in hunting -> hunting");
  CHECK(seen.size() == 2);
}

TEST_CASE("a level of one's own is above the category's or below it; the most talkative counts") {
  std::vector<std::string> seen;
  Log log{[&](const LogLine& line) { seen.emplace_back(line.text); }};
  log.set_watch(watch_of({{"a.test", LogLevel::warning},
                          {"401@a.test", LogLevel::info},
                          {"192.0.2.1", LogLevel::off}}));
  const auto written = [&](LogLevel level, std::string_view key, std::string_view text) {
    seen.clear();
    log.write(LogCategory::call, level, key, text);
    return !seen.empty();
  };
  CHECK_FALSE(written(LogLevel::info, "k1", "INVITE 402@a.test"));
  CHECK_FALSE(written(LogLevel::info, "k1", "the same call, nobody named"));
  CHECK(written(LogLevel::warning, "k1", "the same call, nobody named"));
  CHECK(written(LogLevel::info, "k2", "INVITE 401@a.test"));
  CHECK_FALSE(written(LogLevel::debug, "k2", "INVITE 401@a.test"));
  CHECK_FALSE(written(LogLevel::error, "", "from 192.0.2.1:5060"));
  CHECK(written(LogLevel::info, "", "nobody named"));
  CHECK(written(LogLevel::info, "k1", "now with 401@a.test"));
  CHECK(written(LogLevel::info, "k1", "nobody named"));
}

TEST_CASE("other names leave the calls of those that stay as they are") {
  const std::vector<Watched> names{{"401@a.test", LogLevel::debug}, {"b.test", LogLevel::off}};
  const LogWatch before = [&] {
    LogWatch watch(names);
    watch.level_for({LogLevel::info, LogCategory::call, "k1", "INVITE 401@a.test"});
    watch.level_for({LogLevel::info, LogCategory::call, "k2", "INVITE 1@b.test"});
    return watch;
  }();
  const auto level = [](LogWatch watch, std::string_view key) {
    return watch.level_for({LogLevel::debug, LogCategory::call, key, "nobody named"});
  };
  const std::vector<Watched> other{{"c.test", LogLevel::error}, {"401@a.test", LogLevel::info}};
  CHECK(level(LogWatch(names, &before), "k2") == LogLevel::off);
  CHECK(level(LogWatch(other, &before), "k1") == LogLevel::info);
  CHECK_FALSE(level(LogWatch(other, &before), "k2"));
  CHECK_FALSE(level(LogWatch(other), "k1"));
}

TEST_CASE("calls beyond the bound are forgotten, the oldest first") {
  LogWatch watch({{"x", LogLevel::debug}});
  const auto takes = [&](const std::string& key, std::string_view text) {
    return watch.level_for({LogLevel::debug, LogCategory::call, key, text}).has_value();
  };
  for (std::size_t i = 0; i <= LogWatch::kKeys; ++i) CHECK(takes(std::to_string(i), "x"));
  CHECK_FALSE(takes("0", "another line"));
  CHECK(takes("1", "another line"));
}
