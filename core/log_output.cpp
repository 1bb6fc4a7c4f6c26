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

Log::Sink stderr_log() {
  auto logger =
      std::make_shared<spdlog::logger>("usher", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(spdlog::level::trace);  // Log has filtered already
  logger->flush_on(spdlog::level::trace);   // what was logged before a crash is written
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
  return [logger](const LogLine& line) { logger->info(spdlog::string_view_t{log_text(line)}); };
}

}  // namespace usher
