#include "core/log.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "core/log_output.hpp"

using namespace usher;

TEST_CASE("levels and categories have names that read back") {
  for (const auto level :
       {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error, LogLevel::off}) {
    CHECK(parse_level(level_name(level)) == level);
  }
  for (std::size_t i = 0; i < kLogCategories; ++i) {
    const auto category = static_cast<LogCategory>(i);
    CHECK(parse_category(category_name(category)) == category);
  }
  CHECK_FALSE(parse_level("INFO"));
  CHECK_FALSE(parse_category(""));
}

TEST_CASE("a log filters by category, changeable at run time") {
  std::vector<std::string> seen;
  Log log{[&](const LogLine& line) { seen.emplace_back(line.text); }};
  log.write(LogCategory::sip, LogLevel::debug, "", "not yet");
  log.set_level(LogCategory::sip, LogLevel::debug);
  log.write(LogCategory::sip, LogLevel::debug, "", "now");
  log.write(LogCategory::net, LogLevel::debug, "", "another category");
  log.set_level(LogCategory::sip, LogLevel::off);
  log.write(LogCategory::sip, LogLevel::error, "", "off");
  CHECK(seen == std::vector<std::string>{"now"});
  CHECK(log.level(LogCategory::sip) == LogLevel::off);
}

TEST_CASE("a log without a sink wants nothing") {
  const Log log;
  CHECK_FALSE(log.wants(LogCategory::core, LogLevel::error));
  log.write(LogCategory::core, LogLevel::error, "", "dropped");
}

TEST_CASE("a line shows level, category, call and text") {
  CHECK(log_text({LogLevel::warning, LogCategory::gate, "",
                  "Door-knock blocked: domain=a.example src=192.0.2.1 (unknown domain)"}) ==
        "warning gate Door-knock blocked: domain=a.example src=192.0.2.1 (unknown domain)");
  CHECK(log_text({LogLevel::info, LogCategory::call, "k3v9", "ended"}) ==
        "info call call=k3v9 ended");
}

TEST_CASE("a peer cannot forge a line") {
  CHECK(log_text({LogLevel::info, LogCategory::sip, "a\nb", "x\r\n2026 error core fire\x1b[2J"}) ==
        "info sip call=a\\nb x\\r\\n2026 error core fire\\x1b[2J");
}

TEST_CASE("a line as JSON reads back whatever a peer wrote") {
  CHECK(log_json({LogLevel::info, LogCategory::call, "k3v9", "a \"b\" \\ c\n\xff"}) ==
        R"("level":"info","category":"call","call":"k3v9","text":"a \"b\" \\ c\\n\\xff")");
  CHECK(log_json({LogLevel::warning, LogCategory::gate, "", "x"}) ==
        R"("level":"warning","category":"gate","text":"x")");
}
