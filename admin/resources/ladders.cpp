// /v1/ladder and /v1/pcap, of a live call or of whatever the recorder still holds; /v1/recorder,
// its switch.
#include <functional>
#include <limits>
#include <optional>
#include <variant>

#include "admin/fields.hpp"
#include "admin/ladder/ladder.hpp"
#include "admin/ladder/pcap.hpp"
#include "admin/resources/filters.hpp"
#include "admin/resources/live_id.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher::admin {

using routing::Ladder;
using routing::Lookup;

namespace {

constexpr std::size_t kMostCallId = 512;  // longer ones are in the recorder, but nobody types them
constexpr std::size_t kItems = 250;       // of a ladder, when nobody says how many
constexpr const char* kPcap = "application/vnd.tcpdump.pcap";

// What the query asks for, or the refusal.
std::variant<Lookup, Answer> read_lookup(const Call& call) {
  Lookup lookup;
  std::string call_id;
  Filters filters(call);
  filters.text("call_id", call_id, kMostCallId);
  filters.aor("aor", lookup.aor);
  filters.address("source", lookup.source);
  std::string key;
  filters.text("key", key);
  if (filters.refused) return std::move(*filters.refused);
  if (!key.empty() && !(lookup.trace = routing::parse_trace(key)))
    return bad_query("key", usher::quoted(key) + " is no key of a call, a registration or a drop");
  if (!call_id.empty()) lookup.call_ids.push_back(call_id);
  if (lookup.call_ids.size() + !lookup.aor.empty() + lookup.source.has_value() +
          lookup.trace.has_value() !=
      1)
    return bad_query("call_id",
                     "exactly one of call_id, aor, source and key says what to look for");
  return lookup;
}

std::variant<Lookup, Answer> live_lookup(const Service& service, const Call& call) {
  const std::string& id = call.segment("id");
  const auto view = live_call(service, id);
  Lookup lookup;
  if (!view) {
    // One that is over is known by its key.
    lookup.trace = routing::parse_trace(id);
    if (lookup.trace && !service.edge.recorder().find(lookup, {.limit = 1}).items.empty())
      return lookup;
    return absent("live call, or call in the flight recorder, " + usher::quoted(id));
  }
  lookup.call_ids = {std::string{view->origin_call_id}, std::string{view->new_call_id}};
  lookup.trace = routing::parse_trace(view->key);
  return lookup;
}

// The part of what is asked for that the query wants, `usual` at most when it does not say;
// or the refusal.
std::variant<Ladder, Answer> find_ladder(const Service& service, const Call& call,
                                         std::variant<Lookup, Answer> asked, std::size_t usual) {
  if (Answer* refused = std::get_if<Answer>(&asked)) return std::move(*refused);
  std::optional<std::size_t> limit;
  std::optional<std::uint64_t> before;
  Filters filters(call);
  filters.number("limit", 1, limits::kRecords, limit);
  filters.number("before", 1, std::numeric_limits<std::int64_t>::max(), before);
  if (filters.refused) return std::move(*filters.refused);
  routing::Window window;
  window.limit = limit.value_or(usual);
  if (before) window.before = *before;
  return routing::make_ladder(
      service.edge.recorder().find(std::get<Lookup>(asked), window),
      [&](const net::IpAddress& address) { return service.edge.is_backend(address); });
}

Answer draw(const Service& service, const Call& call, std::variant<Lookup, Answer> asked) {
  std::string format;
  Filters filters(call);
  filters.one_of("format", {"json", "text", "svg"}, format);
  if (filters.refused) return std::move(*filters.refused);
  auto found = find_ladder(service, call, std::move(asked), kItems);
  if (Answer* refused = std::get_if<Answer>(&found)) return std::move(*refused);
  const Ladder& ladder = std::get<Ladder>(found);
  Answer answer;
  if (format == "text") {
    answer.content_type = "text/plain; charset=utf-8";
    answer.body = ladder_text(ladder);
  } else if (format == "svg") {
    answer.content_type = "image/svg+xml";
    answer.body = ladder_svg(ladder);
  } else {
    return json_answer(200, ladder_json(ladder));
  }
  return answer;
}

Answer capture(const Service& service, const Call& call, std::variant<Lookup, Answer> asked) {
  auto found = find_ladder(service, call, std::move(asked), limits::kRecords);
  if (Answer* refused = std::get_if<Answer>(&found)) return std::move(*refused);
  Answer answer;
  answer.content_type = kPcap;
  answer.body = ladder_pcap(std::get<Ladder>(found));
  answer.headers.emplace_back("Content-Disposition", "attachment; filename=\"usher.pcapng\"");
  return answer;
}

Answer show_recorder(const Service& service) {
  const routing::RecorderCounts counts = service.edge.recorder().counts();
  return json_answer(
      200, Json::Object{{"enabled", counts.enabled},
                        {"memory_bytes", counts.memory},
                        {"used_bytes", counts.used},
                        {"messages", counts.messages},
                        {"steps", counts.steps},
                        {"oldest", counts.oldest ? Json{time_text(*counts.oldest)} : Json{}}});
}

// Not kept over a restart: the configuration file says how a process starts.
Answer switch_recorder(const Service& service, const Call& call) {
  std::vector<Fault> faults;
  Fields fields(call.body, faults);
  fields.require("enabled");
  const auto enabled = fields.flag("enabled");
  for (const char* shown : {"memory_bytes", "used_bytes", "messages", "steps", "oldest"})
    fields.read_only(shown);
  fields.finish();
  if (!faults.empty()) return invalid(std::move(faults));
  service.edge.enable_recorder(*enabled);
  return show_recorder(service);
}

}  // namespace

void add_ladders(Router& router, const Context& context) {
  const Service& service = context.service;
  const auto add = [&](std::string pattern, std::vector<std::string> query,
                       std::vector<std::string> produces,
                       std::function<Answer(const Call&)> handler) {
    Route route;
    route.method = "GET";
    route.pattern = std::move(pattern);
    route.query = std::move(query);
    route.produces = std::move(produces);
    route.handler = [handler = std::move(handler)](const Call& call, const Respond& respond) {
      respond(handler(call));
    };
    router.add(std::move(route));
  };
  const std::vector<std::string> drawings{"application/json", "text/plain", "image/svg+xml"};
  add("/v1/ladder", {"call_id", "aor", "source", "key", "format", "limit", "before"}, drawings,
      [&service](const Call& call) { return draw(service, call, read_lookup(call)); });
  add("/v1/calls/{id}/ladder", {"format", "limit", "before"}, drawings,
      [&service](const Call& call) { return draw(service, call, live_lookup(service, call)); });
  add("/v1/pcap", {"call_id", "aor", "source", "key", "limit", "before"}, {kPcap},
      [&service](const Call& call) { return capture(service, call, read_lookup(call)); });
  add("/v1/calls/{id}/pcap", {"limit", "before"}, {kPcap},
      [&service](const Call& call) { return capture(service, call, live_lookup(service, call)); });
  router.add("GET", "/v1/recorder", {}, [&service](const Call&) { return show_recorder(service); });
  router.add("PUT", "/v1/recorder", {},
             [&service](const Call& call) { return switch_recorder(service, call); });
}

}  // namespace usher::admin
