// /v1/cdrs: the records of calls that have ended, out of the store: page by page, as JSON or CSV.
#include <charconv>
#include <optional>
#include <variant>
#include <vector>

#include "admin/resources/filters.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"
#include "storage/records_csv.hpp"

namespace usher::admin {

namespace {

using storage::CallRecord;
using storage::RecordPage;
using storage::RecordQuery;

Json time_or_null(const std::optional<WallTime>& when) {
  return when ? Json{time_text(*when)} : Json{};
}

Json show(const CallRecord& r) {
  const auto setup = storage::setup_time(r);
  const auto talk = storage::talk_time(r);
  return Json::Object{
      {"id", r.id},
      {"from", r.from},
      {"to", r.to},
      {"domain", r.domain},
      {"origin_side", storage::leg_side_name(r.origin_side)},
      {"origin", r.origin.text()},
      {"target", r.target == 0 ? Json{} : Json{r.target}},
      {"destination", r.destination.empty() ? Json{} : Json{r.destination}},
      {"origin_call_id", r.origin_call_id},
      {"new_call_id", r.new_call_id.empty() ? Json{} : Json{r.new_call_id}},
      {"attempts", r.attempts},
      {"failovers", r.failovers},
      {"status", r.status},
      {"cause", r.cause},
      {"ended_by", storage::call_ender_name(r.ended_by)},
      {"started", time_text(r.started)},
      {"ringing", time_or_null(r.ringing)},
      {"answered", time_or_null(r.answered)},
      {"ended", time_or_null(r.ended)},
      {"setup_ms", setup ? Json{setup->count()} : Json{}},
      {"talk_s", talk ? Json{static_cast<double>(talk->count()) / 1000.0} : Json{}}};
}

// A cursor: "MILLISECONDS.ROW", the last record that was looked at.
std::string cursor_text(const storage::RecordPlace& place) {
  return std::to_string(place.ended.time_since_epoch().count()) + "." + std::to_string(place.seq);
}

std::optional<storage::RecordPlace> parse_cursor(std::string_view text) {
  std::int64_t ended = 0;
  storage::RecordPlace place;
  const char* const end = text.data() + text.size();
  const auto [dot, error] = std::from_chars(text.data(), end, ended);
  if (error != std::errc{} || dot == end || *dot != '.') return std::nullopt;
  const auto [rest, error2] = std::from_chars(dot + 1, end, place.seq);
  if (error2 != std::errc{} || rest != end) return std::nullopt;
  place.ended = WallTime{std::chrono::milliseconds{ended}};
  return place;
}

// `csv`: the format asked for.
std::variant<RecordQuery, Answer> read_query(const Call& call, bool& csv) {
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  const auto& [limit, cursor] = std::get<routing::Page>(page);
  RecordQuery query;
  query.limit = limit;
  if (!cursor.empty()) {
    query.after = parse_cursor(cursor);
    if (!query.after) return bad_cursor(cursor);
  }
  Filters filters(call);
  filters.time("from", query.filter.from);
  filters.time("to", query.filter.to);
  filters.domain("domain", query.filter.domain);
  filters.number("target", 1, kHighestTarget, query.filter.target);
  filters.number("status", 0, 699, query.filter.status);
  filters.text("user", query.filter.user);
  filters.text("call_id", query.filter.call_id);
  filters.flag("answered", query.filter.answered);
  std::string format;
  filters.one_of("format", {"json", "csv"}, format);
  if (filters.refused) return *filters.refused;
  if (query.filter.from && query.filter.to && *query.filter.from >= *query.filter.to)
    return bad_query("to", "is not later than from");
  csv = format == "csv";
  return query;
}

Answer refusal(const Error& error) {
  Answer answer = problem(503, "store", error.message);
  answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

Answer as_json(const RecordPage& page) {
  Json::Array items;
  for (const CallRecord& record : page.records) items.push_back(show(record));
  return json_answer(
      200, page_json(std::move(items), page.next ? cursor_text(*page.next) : std::string{}));
}

// The next page's address is in a header: a table has no place for it (RFC 8288).
Answer as_csv(const RecordPage& page, const Call& call) {
  Answer answer{200, "text/csv; charset=utf-8; header=present", storage::csv_header(), {}, false};
  for (const CallRecord& record : page.records) answer.body += storage::csv_line(record);
  answer.headers.emplace_back("Content-Disposition", "attachment; filename=\"cdrs.csv\"");
  if (page.next) {
    std::string link = "</v1/cdrs?";
    for (const auto& [name, value] : call.query) {
      if (name != "cursor") link += name + "=" + percent_encode(value) + "&";
    }
    answer.headers.emplace_back("Link",
                                link + "cursor=" + cursor_text(*page.next) + ">; rel=\"next\"");
  }
  return answer;
}

void list(const Service& service, const Call& call, const Respond& respond) {
  bool csv = false;
  auto query = read_query(call, csv);
  if (Answer* refused = std::get_if<Answer>(&query)) return respond(std::move(*refused));
  service.store.read(std::move(std::get<RecordQuery>(query)), [call, respond, csv](
                                                                  const Result<RecordPage>& page) {
    respond(!page ? refusal(page.error()) : csv ? as_csv(*page, call) : as_json(*page));
  });
}

void get(const Service& service, const Call& call, const Respond& respond) {
  const std::string& id = call.segment("id");
  if (id.size() > limits::kRecordTextBytes) return respond(absent("record " + usher::quoted(id)));
  RecordQuery query;
  query.filter.id = id;
  query.limit = 1;
  service.store.read(std::move(query), [id, respond](const Result<RecordPage>& page) {
    respond(!page                   ? refusal(page.error())
            : page->records.empty() ? absent("record " + usher::quoted(id))
                                    : json_answer(200, show(page->records.front())));
  });
}

}  // namespace

void add_cdrs(Router& router, const Context& context) {
  const Service& service = context.service;
  const auto add = [&](std::string pattern, std::vector<std::string> query,
                       std::vector<std::string> produces, auto handler) {
    Route route;
    route.method = "GET";
    route.pattern = std::move(pattern);
    route.query = std::move(query);
    route.produces = std::move(produces);
    route.handler = [&service, handler](const Call& call, const Respond& respond) {
      handler(service, call, respond);
    };
    router.add(std::move(route));
  };
  add("/v1/cdrs",
      {"from", "to", "domain", "target", "status", "user", "call_id", "answered", "limit", "cursor",
       "format"},
      {"application/json", "text/csv"}, list);
  add("/v1/cdrs/{id}", {}, {"application/json"}, get);
}

}  // namespace usher::admin
