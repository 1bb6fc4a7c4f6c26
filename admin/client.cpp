#include "admin/client.hpp"

#include <iostream>

#include "admin/client_table.hpp"
#include "admin/client_text.hpp"
#include "admin/json.hpp"
#include "admin/router.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

struct Column {
  const char* title;
  const char* member;
};

class Runner {
 public:
  Runner(const Fetch& fetch, const Pause& pause, bool json, std::ostream& out, std::ostream& err)
      : fetch_(fetch), pause_(pause), json_(json), out_(out), err_(err) {}

  int operator()(const command::Status&) {
    return show("/v1/status", [this](const Json& j) { print_status(j, out_); });
  }
  int operator()(const command::Timers&) {
    return show("/v1/timers", [this](const Json& j) {
      std::vector<std::vector<std::string>> rows{{"TIMER", "VALUE", "MEANING"}};
      for (const auto& [name, timer] : *j.object())
        rows.push_back({name, cell(timer.find("value")), cell(timer.find("meaning"))});
      print_rows(std::move(rows), out_);
    });
  }
  int operator()(const command::Calls& c) {
    return list(filtered("/v1/calls?limit=1000", {{"aor", c.aor},
                                                  {"user", c.user},
                                                  {"domain", c.domain},
                                                  {"target", c.target},
                                                  {"state", c.state},
                                                  {"call_id", c.call_id},
                                                  {"key", c.key}}),
                {{"ID", "id"},
                 {"STATE", "state"},
                 {"FROM", "from"},
                 {"TO", "to"},
                 {"ORIGIN", "origin"},
                 {"DESTINATION", "destination"},
                 {"SECONDS", "duration_s"},
                 {"KEY", "key"}});
  }
  int operator()(const command::Requests& c) {
    return list(filtered("/v1/requests?limit=1000", {{"kind", c.kind},
                                                     {"method", c.method},
                                                     {"status", c.status},
                                                     {"domain", c.domain},
                                                     {"target", c.target},
                                                     {"source", c.source}}),
                {{"AT", "at"},
                 {"ID", "id"},
                 {"METHOD", "method"},
                 {"FROM", "from"},
                 {"TO", "to"},
                 {"SOURCE", "source"},
                 {"STATUS", "status"},
                 {"VERDICT", "verdict"}});
  }
  int operator()(const command::EndCall& c) {
    return change("DELETE", "/v1/calls/" + percent_encode(c.id), {}, "ending " + c.id);
  }
  int operator()(const command::Subscriptions& c) {
    return list(filtered("/v1/subscriptions?limit=1000", {{"aor", c.aor},
                                                          {"domain", c.domain},
                                                          {"event", c.event},
                                                          {"target", c.target},
                                                          {"call_id", c.call_id},
                                                          {"key", c.key}}),
                {{"ID", "id"},
                 {"STATE", "state"},
                 {"EVENT", "event"},
                 {"SUBSCRIBER", "subscriber"},
                 {"NOTIFIER", "notifier"},
                 {"SUBSCRIBER AT", "subscriber_at"},
                 {"NOTIFIER AT", "notifier_at"},
                 {"EXPIRES", "expires"},
                 {"KEY", "key"}});
  }
  int operator()(const command::Connections& c) {
    return list(filtered("/v1/connections?limit=1000",
                         {{"transport", c.transport}, {"source", c.source}, {"silent", c.silent}}),
                {{"ID", "id"},
                 {"TRANSPORT", "transport"},
                 {"STATE", "state"},
                 {"REMOTE", "remote"},
                 {"LOCAL", "local"},
                 {"MADE BY", "made_by"},
                 {"SILENT", "silent"},
                 {"OPENED", "opened"},
                 {"LAST TRAFFIC", "last_traffic"},
                 {"QUEUED", "queued_bytes"}});
  }
  int operator()(const command::Registrations& c) {
    return list(filtered("/v1/registrations?limit=1000",
                         {{"domain", c.domain}, {"user", c.user}, {"source", c.source}}),
                {{"AOR", "aor"},
                 {"CONTACT", "contact"},
                 {"SOURCE", "source"},
                 {"VIA", "transport"},
                 {"TARGET", "target"},
                 {"EXPIRES IN", "expires_in_s"},
                 {"TOKEN", "token"},
                 {"USER AGENT", "user_agent"}});
  }
  int operator()(const command::SetList&) {
    return list("/v1/dispatcher/sets?limit=1000", {{"SETID", "setid"},
                                                   {"ALGORITHM", "algorithm"},
                                                   {"TARGETS", "targets"},
                                                   {"COMMENT", "comment"}});
  }
  int operator()(const command::DomainList&) {
    return list(
        "/v1/domains?limit=1000",
        {{"DOMAIN", "domain"}, {"SETID", "setid"}, {"ENABLED", "enabled"}, {"COMMENT", "comment"}});
  }
  int operator()(const command::DomainAdd& c) {
    return change_domain(
        "PUT", c.domain, c.preview,
        Json::Object{{"setid", c.setid}, {"enabled", !c.disabled}, {"comment", c.comment}},
        "domain " + c.domain + " uses set " + std::to_string(c.setid));
  }
  int operator()(const command::DomainMove& c) {
    return change_domain("PATCH", c.domain, c.preview, Json::Object{{"setid", c.setid}},
                         "domain " + c.domain + " uses set " + std::to_string(c.setid));
  }
  int operator()(const command::DomainRemove& c) {
    return change_domain("DELETE", c.domain, c.preview, {}, "domain " + c.domain + " removed");
  }
  int operator()(const command::TargetList& c) {
    return list(targets(c.setid) + "?limit=1000", {{"ID", "id"},
                                                   {"DESTINATION", "destination"},
                                                   {"STATE", "state"},
                                                   {"HEALTH", "health"},
                                                   {"RTT MS", "rtt_ms"},
                                                   {"CALLS", "live_calls"},
                                                   {"PRIORITY", "priority"},
                                                   {"WEIGHT", "weight"},
                                                   {"SOURCES", "sources"},
                                                   {"MAINTENANCE UNTIL", "maintenance_until"},
                                                   {"REASON", "reason"}});
  }
  int operator()(const command::TargetAdd& c) {
    Json::Object body{{"destination", c.destination}, {"comment", c.comment}};
    if (c.weight) body.emplace_back("weight", *c.weight);
    if (c.priority) body.emplace_back("priority", *c.priority);
    if (!c.sources.empty())
      body.emplace_back("sources", Json::Array(c.sources.begin(), c.sources.end()));
    const auto made = send("POST", targets(c.setid), std::move(body));
    if (!made) return 1;
    if (!json_) {
      out_ << "target " << cell(made->find("id")) << " of set " << c.setid << ": "
           << cell(made->find("destination")) << '\n';
    }
    return 0;
  }
  int operator()(const command::TargetRemove& c) {
    return change("DELETE", target(c.setid, c.id), {},
                  "target " + std::to_string(c.id) + " removed");
  }
  int operator()(const command::TargetState& c) {
    return change("PATCH", target(c.setid, c.id), Json::Object{{"state", c.state}},
                  "target " + std::to_string(c.id) + " is " + c.state);
  }
  int operator()(const command::TargetMaintenance& c) {
    const bool changes = c.clear || !c.from.empty();
    quiet_ = changes;  // what there was is not what is asked for
    auto shown = send("GET", target(c.setid, c.id), std::nullopt);
    quiet_ = false;
    if (!shown) return 1;
    if (changes) {
      const Json* there = shown->find("maintenance");
      Json::Array windows = there && there->array() && !c.clear ? *there->array() : Json::Array{};
      if (!c.from.empty())
        windows.emplace_back(
            Json::Object{{"from", c.from}, {"until", c.until}, {"comment", c.comment}});
      shown = send("PATCH", target(c.setid, c.id), Json::Object{{"maintenance", windows}});
      if (!shown) return 1;
    }
    if (json_) return 0;
    std::vector<std::vector<std::string>> rows{{"FROM", "UNTIL", "COMMENT"}};
    if (const Json* all = shown->find("maintenance"); all && all->array()) {
      for (const Json& one : *all->array())
        rows.push_back(
            {cell(one.find("from")), cell(one.find("until")), cell(one.find("comment"))});
    }
    print_rows(std::move(rows), out_);
    return 0;
  }
  int operator()(const command::ConfigurationShow&) {
    const auto document = send("GET", "/v1/configuration", std::nullopt);
    if (!document) return 1;
    if (!json_) out_ << json_text(*document);
    return 0;
  }
  int operator()(const command::ConfigurationApply& c) {
    Result<Json> document = parse_json(c.document);
    if (!document) {
      err_ << "usher: the document is no JSON: " << document.error().message << '\n';
      return 1;
    }
    const auto told =
        send("PUT", c.preview ? "/v1/configuration?preview=true" : "/v1/configuration", *document);
    if (!told) return 1;
    if (!json_) print_changes(*told, c.preview ? "would " : "", out_);
    return 0;
  }
  int operator()(const command::BackupList&) {
    return list("/v1/backups", {{"NAME", "name"}, {"BYTES", "bytes"}, {"MADE", "made"}});
  }
  int operator()(const command::BackupMake&) {
    quiet_ = true;  // the copy is shown when it is whole
    auto made = send("POST", "/v1/backups", Json::Object{});
    if (made && made->find("making")) made = whole_backup(cell(made->find("name")));
    if (!made) return 1;
    out_ << (json_ ? json_text(*made) : cell(made->find("name")) + '\n');
    return 0;
  }
  int operator()(const command::BackupRestore& c) {
    const auto told =
        send("POST", backup(c.name) + (c.preview ? "/restore?preview=true" : "/restore"),
             Json::Object{});
    if (!told) return 1;
    if (!json_) print_changes(*told, c.preview ? "would " : "", out_);
    return 0;
  }
  int operator()(const command::BackupRemove& c) {
    return change("DELETE", backup(c.name), {}, "backup " + c.name + " removed");
  }
  int operator()(const command::BanList&) {
    return list("/v1/bans?limit=1000", {{"NETWORK", "network"},
                                        {"MADE BY", "made_by"},
                                        {"ENFORCED", "enforced"},
                                        {"UNTIL", "until"},
                                        {"HITS", "hits"},
                                        {"TIMES", "times"},
                                        {"REASON", "reason"}});
  }
  int operator()(const command::BanAdd& c) {
    Json::Object body{{"network", c.network}, {"reason", c.reason}};
    if (!c.ttl.empty()) body.emplace_back("ttl", c.ttl);
    return change("POST", "/v1/bans", std::move(body), c.network + " is banned");
  }
  int operator()(const command::BanRemove& c) {
    return change("DELETE", "/v1/bans/" + percent_encode(c.network), {},
                  c.network + " is not banned any more");
  }
  int operator()(const command::Explain& c) {
    return show("/v1/explain/" + percent_encode(c.id), [this](const Json& j) {
      out_ << cell(j.find("kind")) << ": " << cell(j.find("verdict")) << '\n';
      const Json* death = j.find("known_death");
      if (death && death->text()) out_ << "known death: " << cell(death) << '\n';
      out_ << '\n';
      print_steps(j.find("steps"), out_);
    });
  }
  int operator()(const command::RouteTest& c) {
    Json::Object body{{"method", c.method}, {"request_uri", c.request_uri}, {"source", c.source}};
    if (!c.from.empty()) body.emplace_back("from", c.from);
    if (!c.to.empty()) body.emplace_back("to", c.to);
    if (!c.transport.empty()) body.emplace_back("transport", c.transport);
    const auto answer = send("POST", "/v1/route-test", std::move(body));
    if (!answer) return 1;
    if (json_) return 0;
    out_ << cell(answer->find("outcome"));
    if (const std::string status = cell(answer->find("status")); status != "0")
      out_ << " with " << status;
    out_ << ": " << cell(answer->find("reason")) << "\n\n";
    print_steps(answer->find("steps"), out_);
    const Json* candidates = answer->find("candidates");
    if (!candidates || !candidates->array() || candidates->array()->empty()) return 0;
    std::vector<std::vector<std::string>> rows{{"ORDER", "TARGET", "DESTINATION", "REJECTED"}};
    for (const Json& one : *candidates->array())
      rows.push_back({cell(one.find("order")), cell(one.find("target")),
                      cell(one.find("destination")), cell(one.find("rejected"))});
    out_ << '\n';
    print_rows(std::move(rows), out_);
    return 0;
  }

 private:
  // What is empty is left out.
  static std::string filtered(
      std::string path,
      std::initializer_list<std::pair<std::string_view, std::string_view>> filters) {
    for (const auto& [name, value] : filters) {
      if (!value.empty()) path.append("&").append(name).append("=").append(percent_encode(value));
    }
    return path;
  }
  static std::string targets(std::int64_t setid) {
    return "/v1/dispatcher/sets/" + std::to_string(setid) + "/targets";
  }
  static std::string target(std::int64_t setid, std::int64_t id) {
    return targets(setid) + "/" + std::to_string(id);
  }

  static std::string backup(const std::string& name) {
    return "/v1/backups/" + percent_encode(name);
  }

  // A large store takes its time, and a job that copies the file away wants it whole.
  std::optional<Json> whole_backup(const std::string& name) {
    for (;; pause_()) {
      const auto all = send("GET", "/v1/backups", std::nullopt);
      if (!all) return std::nullopt;
      if (cell(all->find("making")) == "yes") continue;
      if (const Json* items = all->find("items"); items && items->array()) {
        for (const Json& one : *items->array())
          if (cell(one.find("name")) == name) return one;
      }
      err_ << "usher: " << name << " was not made: " << cell(all->find("failed")) << '\n';
      return std::nullopt;
    }
  }

  void complain(const Json& document, int status) {
    const std::string detail = cell(document.find("detail"));
    err_ << "usher: " << (detail.empty() ? "HTTP status " + std::to_string(status) : detail)
         << '\n';
    if (status == 401) err_ << "  give --token, USHER_TOKEN or --config\n";
    const Json* errors = document.find("errors");
    if (!errors || !errors->array()) return;
    for (const Json& e : *errors->array())
      err_ << "  " << cell(e.find("field")) << ": " << cell(e.find("detail")) << '\n';
  }

  // The answer's JSON (null for an empty one); nothing when it failed, which has been said then.
  std::optional<Json> send(const std::string& method, const std::string& path,
                           const std::optional<Json>& body) {
    const Result<Answer> answer = fetch_(method, path, body ? json_text(*body) : std::string{});
    if (!answer) {
      err_ << "usher: " << answer.error().message << '\n';
      return std::nullopt;
    }
    const bool failed = answer->status < 200 || answer->status > 299;
    Result<Json> document = answer->body.empty() ? Json{} : parse_json(answer->body);
    if (failed) {
      complain(document ? *document : Json{}, answer->status);
      return std::nullopt;
    }
    if (!document) {
      err_ << "usher: the answer is no JSON: " << document.error().message << '\n';
      return std::nullopt;
    }
    if (json_ && !answer->body.empty() && !quiet_) out_ << answer->body;
    return std::move(*document);
  }

  int change(const std::string& method, const std::string& path, const std::optional<Json>& body,
             const std::string& done) {
    if (!send(method, path, body)) return 1;
    if (!json_) out_ << escaped(done) << '\n';
    return 0;
  }

  int change_domain(const std::string& method, const std::string& domain, bool preview,
                    const std::optional<Json>& body, const std::string& done) {
    const std::string path = "/v1/domains/" + percent_encode(domain);
    if (!preview) return change(method, path, body, done);
    const auto told = send(method, path + "?preview=true", body);
    if (!told) return 1;
    if (!json_) print_preview(*told, out_);
    return 0;
  }

  template <class Print>
  int show(const std::string& path, Print print) {
    const auto document = send("GET", path, std::nullopt);
    if (!document) return 1;
    if (!json_ && document->object()) print(*document);
    return 0;
  }

  // All pages as one list.
  int list(const std::string& path, const std::vector<Column>& columns) {
    std::vector<std::vector<std::string>> rows(1);
    for (const Column& c : columns) rows[0].emplace_back(c.title);
    Json::Array all;
    std::string cursor;
    quiet_ = true;  // the pages are put together first
    do {
      const auto page = send(
          "GET", cursor.empty() ? path : path + "&cursor=" + percent_encode(cursor), std::nullopt);
      if (!page) return 1;
      const Json* items = page->find("items");
      if (!items || !items->array()) break;
      for (const Json& item : *items->array()) {
        if (json_) {
          all.push_back(item);
          continue;
        }
        auto& row = rows.emplace_back();
        for (const Column& c : columns) row.push_back(show_member(item, c.member));
      }
      const Json* next = page->find("next");
      cursor = next && next->text() ? *next->text() : std::string{};
    } while (!cursor.empty());
    if (json_)
      out_ << json_text(all);
    else
      print_rows(std::move(rows), out_);
    return 0;
  }

  static std::string show_member(const Json& item, std::string_view member) {
    const Json* value = item.find(member);
    if (value && value->object() && member == "targets")
      return cell(value->find("up")) + " up of " + cell(value->find("total"));
    return cell(value);
  }

  const Fetch& fetch_;
  const Pause& pause_;
  bool json_;
  bool quiet_ = false;
  std::ostream& out_;
  std::ostream& err_;
};

}  // namespace

int run_command(const Command& command, const Fetch& fetch, const Pause& pause, bool json,
                std::ostream& out, std::ostream& err) {
  return std::visit(Runner{fetch, pause, json, out, err}, command);
}

int run_client(const ClientOptions& options, const Command& command) {
  return run_command(command, http_fetch(options), half_a_second, options.json, std::cout,
                     std::cerr);
}

}  // namespace usher::admin
