// /v1/scanners: whose User-Agent gets silence. /v1/door-knocks: who got it lately.
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "admin/resources/filters.hpp"
#include "admin/resources/gate_representation.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher::admin {

using storage::ScannerPattern;

namespace {

Json show(const ScannerPattern& s) {
  return Json::Object{{"pattern", s.pattern}, {"comment", s.comment}};
}

// Patterns match without case, so they are the same without case.
std::optional<ScannerPattern> find(const Service& service, std::string_view pattern) {
  for (ScannerPattern& s : service.edge.scanners()) {
    if (equals_without_case(s.pattern, pattern)) return std::move(s);
  }
  return std::nullopt;
}

Answer no_scanner(std::string_view pattern) {
  return absent("scanner pattern " + usher::quoted(pattern));
}

Answer list(const Service& service, const Call& call) {
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  const auto& [limit, cursor] = std::get<routing::Page>(page);
  std::map<std::string, ScannerPattern> sorted;
  for (ScannerPattern& s : service.edge.scanners()) {
    std::string key = lower(s.pattern);
    sorted.emplace(std::move(key), std::move(s));
  }
  return page_of(
      sorted, cursor.empty() ? sorted.cbegin() : sorted.upper_bound(cursor), limit,
      [](const std::string& key) { return key; }, show);
}

Answer get(const Service& service, const Call& call) {
  const auto found = find(service, call.segment("pattern"));
  return found ? json_answer(200, show(*found)) : no_scanner(call.segment("pattern"));
}

// What is wrong with it; empty: nothing. One of two letters would silence half the world.
std::string wrong_pattern(const std::string& pattern) {
  if (pattern.size() >= 3 && pattern.size() <= kPatternBytes && is_printable(pattern)) return {};
  return usher::quoted(pattern) + " is not 3 to " + std::to_string(kPatternBytes) +
         " printable bytes";
}

ScannerPattern read(const Json& body, std::string pattern, std::vector<Fault>& faults) {
  ScannerPattern wanted;
  wanted.pattern = std::move(pattern);
  Fields fields(body, faults);
  if (auto comment = fields.text("comment", kCommentBytes)) wanted.comment = std::move(*comment);
  if (const auto repeated = fields.text("pattern", kPatternBytes);
      repeated && !equals_without_case(*repeated, wanted.pattern)) {
    fields.fault("pattern", "is " + usher::quoted(*repeated) + ", the path says " +
                                usher::quoted(wanted.pattern));
  }
  fields.finish();
  return wanted;
}

void write(const Context& context, const Call& call, const Respond& respond) {
  const Service& service = context.service;
  context.writer.submit(
      [&service, body = call.body,
       pattern = call.segment("pattern")]() -> std::variant<Write, Answer> {
        if (const std::string what = wrong_pattern(pattern); !what.empty())
          return problem(400, "invalid", "pattern: " + what, {{"pattern", what}});
        const auto old = find(service, pattern);
        std::vector<Fault> faults;
        const ScannerPattern wanted = read(body, old ? old->pattern : pattern, faults);
        if (!faults.empty()) return invalid(std::move(faults));
        if (!old && service.edge.scanners().size() >= limits::kScannerPatterns) {
          return problem(
              409, "limit",
              "there are " + std::to_string(limits::kScannerPatterns) + " patterns already");
        }
        Write w;
        w.answer = [wanted, status = old ? 200 : 201] {
          Answer answer = json_answer(status, show(wanted));
          if (status == 201)
            answer.headers.emplace_back("Location",
                                        "/v1/scanners/" + percent_encode(wanted.pattern));
          return answer;
        };
        if (old != wanted) w.changes.emplace_back(storage::PutScanner{wanted});
        return w;
      },
      respond);
}

void remove(const Context& context, const Call& call, const Respond& respond) {
  const Service& service = context.service;
  context.writer.submit(
      [&service, pattern = call.segment("pattern")]() -> std::variant<Write, Answer> {
        const auto old = find(service, pattern);
        if (!old) return no_scanner(pattern);
        return Write{{storage::DeleteScanner{old->pattern}}, no_content};
      },
      respond);
}

Json show(const storage::DoorKnock& k) {
  return Json::Object{{"when", time_text(k.when)}, {"first", time_text(k.first)},
                      {"count", k.count},          {"domain", k.domain},
                      {"source", k.source.text()}, {"method", k.method},
                      {"reason", k.reason},        {"user_agent", k.user_agent}};
}

// A cursor of the knocks, newest first: "MILLISECONDS.COUNT", the last one's time and how many of
// that very time were shown.
struct Place {
  std::int64_t when = 0;
  std::size_t shown = 0;
};

std::optional<Place> parse_place(std::string_view text) {
  Place place;
  const char* const end = text.data() + text.size();
  const auto [dot, error] = std::from_chars(text.data(), end, place.when);
  if (error != std::errc{} || dot == end || *dot != '.') return std::nullopt;
  const auto [rest, error2] = std::from_chars(dot + 1, end, place.shown);
  if (error2 != std::errc{} || rest != end) return std::nullopt;
  return place;
}

Answer knocks(const Service& service, const Call& call) {
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  const auto& [limit, cursor] = std::get<routing::Page>(page);
  const auto place = parse_place(cursor);
  if (!cursor.empty() && !place) return bad_cursor(cursor);
  std::string reason;
  Filters filters(call);
  filters.text("reason", reason);
  if (filters.refused) return std::move(*filters.refused);
  std::vector<storage::DoorKnock> all = service.edge.door_knocks(
      place || !reason.empty() ? limits::kDoorKnocks : std::min(limit + 1, limits::kDoorKnocks));
  if (!reason.empty())
    std::erase_if(all, [&](const storage::DoorKnock& k) { return k.reason != reason; });
  const auto time_of = [](const storage::DoorKnock& k) {
    return std::int64_t{k.when.time_since_epoch().count()};
  };
  auto it = all.begin();
  if (place) {
    it = std::find_if(it, all.end(), [&](const auto& k) { return time_of(k) <= place->when; });
    for (std::size_t n = 0; n < place->shown && it != all.end() && time_of(*it) == place->when; ++n)
      ++it;
  }
  Json::Array items;
  std::string next;
  Place last = place.value_or(Place{});
  for (; it != all.end(); ++it) {
    if (items.size() == limit) {
      next = std::to_string(last.when) + "." + std::to_string(last.shown);
      break;
    }
    last = time_of(*it) == last.when ? Place{last.when, last.shown + 1} : Place{time_of(*it), 1};
    items.push_back(show(*it));
  }
  return json_answer(200, page_json(std::move(items), next));
}

}  // namespace

ScannerPattern read_scanner(const Json& body, std::vector<Fault>& faults) {
  const Json* given = body.find("pattern");
  const std::string pattern = given && given->text() ? *given->text() : std::string{};
  if (std::string what = wrong_pattern(pattern); !what.empty()) {
    faults.push_back({"pattern", std::move(what)});
    return {};
  }
  return read(body, pattern, faults);
}

void add_gate(Router& router, const Context& context) {
  const Service& service = context.service;
  router.add("GET", "/v1/scanners", {"limit", "cursor"},
             [&service](const Call& call) { return list(service, call); });
  router.add("GET", "/v1/scanners/{pattern}", {},
             [&service](const Call& call) { return get(service, call); });
  router.add_write(
      "PUT", "/v1/scanners/{pattern}",
      [context](const Call& call, const Respond& respond) { write(context, call, respond); });
  router.add_write(
      "DELETE", "/v1/scanners/{pattern}",
      [context](const Call& call, const Respond& respond) { remove(context, call, respond); });
  router.add("GET", "/v1/door-knocks", {"reason", "limit", "cursor"},
             [&service](const Call& call) { return knocks(service, call); });
}

}  // namespace usher::admin
