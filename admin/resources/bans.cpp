// /v1/bans: who gets silence, by rule or by the operator; the list as other tools read it.
#include <algorithm>

#include "admin/resources/filters.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher::admin {

using storage::Ban;

namespace {

constexpr std::chrono::seconds kShortest{1};
constexpr std::chrono::hours kLongest{10 * 365 * 24};
constexpr std::string_view kOperator = "operator";

Json show(const Ban& b) {
  return Json::Object{{"network", b.network.text()},
                      {"reason", b.reason},
                      {"made_by", b.made_by},
                      {"since", time_text(b.since)},
                      {"until", b.until == WallTime{} ? Json{} : Json{time_text(b.until)}},
                      {"hits", b.hits},
                      {"times", b.times},
                      {"enforced", b.enforced}};
}

std::variant<net::Cidr, Answer> path_network(const Call& call) {
  Result<net::Cidr> network = net::Cidr::parse(call.segment("network"));
  if (network) return *network;
  return problem(400, "invalid", "network: " + network.error().message,
                 {{"network", network.error().message}});
}

Answer no_ban(const net::Cidr& network) {
  return absent("ban of " + network.text());
}

Answer list(const Service& service, const Call& call) {
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  const auto& [limit, cursor] = std::get<routing::Page>(page);
  const auto& bans = service.edge.bans();
  auto from = bans.begin();
  if (!cursor.empty()) {
    const auto last = net::Cidr::parse(cursor);
    if (!last) return bad_cursor(cursor);
    from = bans.upper_bound(*last);
  }
  std::optional<bool> enforced;
  Filters filters(call);
  filters.flag("enforced", enforced);
  if (filters.refused) return std::move(*filters.refused);
  return page_of(
      bans, from, limit, [](const net::Cidr& network) { return network.text(); }, show,
      [&](const Ban& b) { return !enforced || b.enforced == *enforced; });
}

Answer get(const Service& service, const Call& call) {
  const auto network = path_network(call);
  if (const Answer* refused = std::get_if<Answer>(&network)) return *refused;
  const auto found = service.edge.bans().find(std::get<net::Cidr>(network));
  return found == service.edge.bans().end() ? no_ban(std::get<net::Cidr>(network))
                                            : json_answer(200, show(found->second));
}

Ban read(const Json& body, WallTime now, std::vector<Fault>& faults) {
  Ban wanted;
  wanted.made_by = kOperator;
  wanted.since = now;
  Fields fields(body, faults);
  fields.require("network");
  if (const auto text = fields.text("network", 64)) {
    if (const auto network = net::Cidr::parse(*text))
      wanted.network = *network;
    else
      fields.fault("network", network.error().message);
  }
  if (const auto length = fields.duration("ttl", kShortest, kLongest))
    wanted.until = now + std::chrono::duration_cast<std::chrono::milliseconds>(*length);
  if (auto reason = fields.text("reason", kCommentBytes)) wanted.reason = std::move(*reason);
  fields.finish();
  return wanted;
}

// Made, or replaced.
void make(const Context& context, const Call& call, const Respond& respond) {
  const Service& service = context.service;
  context.writer.submit(
      [&service, body = call.body]() -> std::variant<Write, Answer> {
        std::vector<Fault> faults;
        Ban wanted = read(body, service.now().wall, faults);
        if (!faults.empty()) return invalid(std::move(faults));
        if (const std::string owner = service.edge.protected_owner(wanted.network);
            !owner.empty()) {
          const std::string what = wanted.network.text() + " holds " + owner;
          return problem(409, "conflict", "network: " + what + ": it cannot be banned",
                         {{"network", what}});
        }
        const auto& bans = service.edge.bans();
        const auto old = bans.find(wanted.network);
        if (old == bans.end() && bans.size() >= limits::kBans) {
          return problem(409, "limit",
                         "there are " + std::to_string(limits::kBans) + " bans already");
        }
        if (old != bans.end()) wanted.hits = old->second.hits;
        Write w;
        w.answer = [wanted, status = old == bans.end() ? 201 : 200] {
          Answer answer = json_answer(status, show(wanted));
          if (status == 201)
            answer.headers.emplace_back("Location",
                                        "/v1/bans/" + percent_encode(wanted.network.text()));
          return answer;
        };
        w.changes.emplace_back(storage::PutBan{std::move(wanted)});
        return w;
      },
      respond);
}

void remove(const Context& context, const Call& call, const Respond& respond) {
  const auto network = path_network(call);
  if (const Answer* refused = std::get_if<Answer>(&network)) return respond(*refused);
  const Service& service = context.service;
  context.writer.submit(
      [&service, key = std::get<net::Cidr>(network)]() -> std::variant<Write, Answer> {
        if (!service.edge.bans().contains(key)) return no_ban(key);
        return Write{{storage::DeleteBan{key}}, no_content};
      },
      respond);
}

std::string nft_set(const char* name, const char* type, const std::string& elements) {
  std::string out = std::string{"  set "} + name + " {\n    type " + type +
                    "\n    flags interval\n    auto-merge\n";
  if (!elements.empty()) out += "    elements = { " + elements + " }\n";
  return out + "  }\n";
}

// A file for `nft -f`, to be loaded again and again. It drops before any other table of the kind.
std::string nftables(const std::vector<const Ban*>& bans) {
  std::string four, six;
  for (const Ban* b : bans) {
    std::string& list = b->network.base.is_v4() ? four : six;
    list.append(list.empty() ? "" : ", ").append(b->network.text());
  }
  return "table inet usher_bans\ndelete table inet usher_bans\ntable inet usher_bans {\n" +
         nft_set("banned4", "ipv4_addr", four) + nft_set("banned6", "ipv6_addr", six) +
         "  chain input {\n    type filter hook input priority -10; policy accept;\n"
         "    ip saddr @banned4 drop\n    ip6 saddr @banned6 drop\n  }\n}\n";
}

Answer export_list(const Service& service, const Call& call) {
  std::string format = "plain";
  Filters filters(call);
  filters.one_of("format", {"plain", "nftables", "fail2ban"}, format);
  if (filters.refused) return std::move(*filters.refused);
  std::vector<const Ban*> bans;
  for (const auto& [network, ban] : service.edge.bans()) {
    if (ban.enforced) bans.push_back(&ban);
  }
  std::string text;
  if (format == "nftables") {
    text = nftables(bans);
  } else if (format == "fail2ban") {
    for (const Ban* b : bans) text += "fail2ban-client set usher banip " + b->network.text() + "\n";
  } else {
    for (const Ban* b : bans) text += b->network.text() + "\n";
  }
  return Answer{200, "text/plain; charset=utf-8", std::move(text), {}, false};
}

}  // namespace

void add_bans(Router& router, const Context& context) {
  const Service& service = context.service;
  router.add("GET", "/v1/bans", {"enforced", "limit", "cursor"},
             [&service](const Call& call) { return list(service, call); });
  router.add_write("POST", "/v1/bans", [context](const Call& call, const Respond& respond) {
    make(context, call, respond);
  });
  Route text;
  text.method = "GET";
  text.pattern = "/v1/bans/export";
  text.query = {"format"};
  text.produces = {"text/plain"};
  text.handler = [&service](const Call& call, const Respond& respond) {
    respond(export_list(service, call));
  };
  router.add(std::move(text));  // before the next, which would take "export" for a network
  router.add("GET", "/v1/bans/{network}", {},
             [&service](const Call& call) { return get(service, call); });
  router.add_write(
      "DELETE", "/v1/bans/{network}",
      [context](const Call& call, const Respond& respond) { remove(context, call, respond); });
}

}  // namespace usher::admin
