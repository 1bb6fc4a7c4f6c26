#include "core/log_output.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>

#include "core/text.hpp"

namespace usher {

std::string log_text(const LogLine& line) {
  std::string out{level_name(line.level)};
  out.append(" ").append(category_name(line.category));
  if (!line.key.empty()) out.append(" call=").append(escaped(line.key));
  return out.append(" ").append(escaped(line.text));
}

std::string log_json(const LogLine& line) {
  const auto member = [](std::string_view name, std::string_view text) {
    std::string out{"\""};
    out.append(name).append("\":\"");
    // Only these two of what escaped() leaves mean something within a JSON string (RFC 8259 §7).
    for (const char c : escaped(text)) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out.append("\"");
  };
  std::string out = member("level", level_name(line.level));
  out.append(",").append(member("category", category_name(line.category)));
  if (!line.key.empty()) out.append(",").append(member("call", line.key));
  return out.append(",").append(member("text", line.text));
}

Log::Sink stderr_log(bool json) {
  auto logger =
      std::make_shared<spdlog::logger>("usher", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(spdlog::level::trace);  // Log has filtered already
  logger->flush_on(spdlog::level::trace);   // what was logged before a crash is written
  logger->set_pattern(json ? R"({"at":"%Y-%m-%dT%H:%M:%S.%eZ",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %v",
                      spdlog::pattern_time_type::utc);
  return [logger, json](const LogLine& line) {
    logger->info(spdlog::string_view_t{json ? log_json(line) : log_text(line)});
  };
}

}  // namespace usher
