// /v1/events: what happens, as it happens (Server-Sent Events, as the HTML standard has them), or a
// page of it.
#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "admin/resources/filters.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

using routing::Event;
using routing::EventLog;

using Kinds = std::vector<EventKind>;  // empty: all

bool is_wanted(const Kinds& kinds, const Event& event) {
  return kinds.empty() || std::find(kinds.begin(), kinds.end(), event.kind) != kinds.end();
}

// What its viewer has not taken yet stays in the log of events, whose size is bounded; what is
// given up there before it was taken is told as a gap.
class EventStream final : public Stream {
 public:
  EventStream(const EventLog& events, std::uint64_t after, Kinds kinds)
      : events_(events), after_(after), kinds_(std::move(kinds)) {}

  std::string take(std::size_t most) override {
    std::string out;
    if (!std::exchange(begun_, true)) out = "retry: 2000\n\n";
    if (const std::uint64_t lost = events_.lost(after_); lost > 0)
      out += "event: gap\ndata: " + json_line(Json::Object{{"lost", lost}}) + "\n\n";
    for (const Event* e = nullptr; out.size() < most && (e = events_.next(after_)) != nullptr;) {
      after_ = e->id;
      if (!is_wanted(kinds_, *e)) continue;
      out.append("id: ").append(std::to_string(e->id)).append("\nevent: ");
      out.append(event_kind_name(e->kind)).append("\ndata: ");
      out.append(json_line(event_json(*e))).append("\n\n");
    }
    return out;
  }
  std::string idle() const override { return ":\n\n"; }

 private:
  const EventLog& events_;
  std::uint64_t after_;
  Kinds kinds_;
  bool begun_ = false;
};

Answer page(const EventLog& events, std::uint64_t after, std::size_t limit, const Kinds& kinds) {
  Json::Array items;
  const std::uint64_t lost = events.lost(after);
  const Event* e = events.next(after);
  for (; e != nullptr && items.size() < limit; e = events.next(after)) {
    after = e->id;
    if (is_wanted(kinds, *e)) items.push_back(event_json(*e));
  }
  return json_answer(200,
                     Json::Object{{"items", std::move(items)}, {"last", after}, {"lost", lost}});
}

// The number after which the newest `limit` of these kinds come.
std::uint64_t before_newest(const EventLog& events, std::size_t limit, const Kinds& kinds) {
  std::vector<std::uint64_t> wanted;
  std::uint64_t after = events.last() - events.size();
  for (const Event* e = nullptr; (e = events.next(after)) != nullptr; after = e->id) {
    if (is_wanted(kinds, *e)) wanted.push_back(e->id);
  }
  return wanted.size() > limit ? wanted[wanted.size() - limit - 1] : events.last() - events.size();
}

std::optional<Answer> read_kinds(const std::string& text, Kinds& out) {
  for (std::string_view rest = text; !rest.empty();) {
    const auto comma = rest.find(',');
    const std::string_view name = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    const auto kind = parse_event_kind(name);
    if (!kind) return bad_query("kind", usher::quoted(name) + " is no kind of event");
    out.push_back(*kind);
  }
  return std::nullopt;
}

// The number to go on after: the query's, or the header's that a browser sends when it connects
// again. Left as it is when there is none.
std::optional<Answer> read_after(const Call& call, std::uint64_t newest, std::uint64_t& after) {
  std::string text = call.parameter("after");
  const std::string* header = call.request->header("last-event-id");
  if (text.empty() && header != nullptr) text = *header;
  if (text.empty()) return std::nullopt;
  std::uint64_t asked = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), asked);
  if (error == std::errc{} && end == text.data() + text.size()) {
    after = std::min(asked, newest);  // one from the future is of another process
    return std::nullopt;
  }
  return bad_query("after", usher::quoted(text) + " is not the number of an event");
}

Answer events(const Service& service, const Call& call) {
  const EventLog& events = service.edge.events();
  Kinds kinds;
  if (auto refused = read_kinds(call.parameter("kind"), kinds)) return *refused;
  std::string format;
  Filters filters(call);
  filters.one_of("format", {"sse", "json"}, format);
  if (filters.refused) return std::move(*filters.refused);
  if (const std::string* accept = call.request->header("accept");
      format.empty() && accept != nullptr && !accepts(*accept, "text/event-stream"))
    format = "json";
  if (format == "json") {
    const auto asked = read_page(call);
    if (const Answer* refused = std::get_if<Answer>(&asked)) return *refused;
    const std::size_t limit = std::get<routing::Page>(asked).limit;
    std::uint64_t after = before_newest(events, limit, kinds);
    if (auto refused = read_after(call, events.last(), after)) return *refused;
    return page(events, after, limit, kinds);
  }
  std::uint64_t after = events.last();
  if (auto refused = read_after(call, events.last(), after)) return *refused;
  Answer answer;
  answer.content_type = "text/event-stream";
  answer.stream = std::make_shared<EventStream>(events, after, std::move(kinds));
  return answer;
}

}  // namespace

void add_events(Router& router, const Context& context) {
  Route route;
  route.method = "GET";
  route.pattern = "/v1/events";
  route.query = {"after", "format", "kind", "limit"};
  route.produces = {"text/event-stream", "application/json"};
  route.handler = [&service = context.service](const Call& call, const Respond& respond) {
    respond(events(service, call));
  };
  router.add(std::move(route));
}

}  // namespace usher::admin
