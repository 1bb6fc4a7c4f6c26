// The administration without sockets: a real edge, a store in memory whose answers the test gives.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/api.hpp"
#include "admin/json.hpp"
#include "core/config.hpp"
#include "core/log.hpp"
#include "routing/edge.hpp"
#include "storage/store.hpp"

namespace usher::admin::test {

class FakeStore : public storage::Store {
 public:
  Result<storage::Snapshot> load(WallTime) override { return storage::Snapshot{}; }
  void apply(std::vector<storage::Change> batch, storage::Durability, Done done) override {
    if (batch.size() == 1 && std::holds_alternative<storage::AddAudit>(batch[0])) {
      audited.push_back(std::get<storage::AddAudit>(batch[0]).entry);
      return;
    }
    waiting.push_back({std::move(batch), std::move(done)});
  }
  void remember(const storage::CallRecord&) override {}
  void read(storage::RecordQuery query, Read done) override {
    asked.push_back(std::move(query));
    if (hold_reads) {
      held.push_back(std::move(done));
    } else if (!pages.empty()) {
      done(std::move(pages.front()));
      pages.pop_front();
    } else {
      done(storage::RecordPage{});
    }
  }
  void backups(storage::BackupRequest request, Copied done) override {
    if (hold_backups) {
      held_backups.push_back({std::move(request), std::move(done)});
    } else {
      done(backed_up(request));
    }
  }
  void answer_backup() {
    const auto [request, done] = std::move(held_backups.front());
    held_backups.pop_front();
    done(backed_up(request));
  }
  storage::StoreHealth health() const override { return state; }
  void close() override {}

  // Answers what waits, in order; answers may bring further batches.
  void answer_all() {
    while (!waiting.empty()) answer_one({});
  }
  void answer_one(const Result<void>& result) {
    Batch b = std::move(waiting.front());
    waiting.pop_front();
    if (result) written.insert(written.end(), b.changes.begin(), b.changes.end());
    if (b.done) b.done(result);
  }

  struct Batch {
    std::vector<storage::Change> changes;
    Done done;
  };
  std::deque<Batch> waiting;
  std::vector<storage::Change> written;
  std::vector<storage::AuditEntry> audited;
  std::deque<Result<storage::RecordPage>> pages;  // what the next questions get; then empty ones
  std::vector<storage::RecordQuery> asked;
  bool hold_reads = false;
  std::vector<Read> held;  // questions without an answer yet
  storage::StoreHealth state;

  storage::Snapshot content;                        // what a backup made now holds
  std::map<std::string, storage::Snapshot> copies;  // by name
  std::optional<Error> no_backup;                   // why the disk takes none
  std::string file;                                 // what lies at each copy's place
  bool hold_backups = false;
  std::deque<std::pair<storage::BackupRequest, Copied>> held_backups;  // without an answer yet
  std::size_t copies_read = 0;

 private:
  Result<storage::BackupAnswer> backed_up(const storage::BackupRequest& request);
};

struct Reply {
  int status = 0;
  std::string type;
  std::string text;
  Json json;
  std::vector<Header> headers;
  bool omit_body = false;
  std::string header(std::string_view name) const;
  std::string field() const;  // of a problem document
  std::string detail() const;
  const Json& operator[](std::string_view name) const;
};
Reply reply_of(const Answer& answer);

// One edge with its administration. Requests are answered within the call unless `hold` is set.
struct House {
  explicit House(storage::Snapshot loaded = {}, std::string token = {});

  void send(const Request& request, Respond respond) { handle(*api, request, std::move(respond)); }
  Reply ask(const std::string& method, const std::string& target, const std::string& body = {},
            std::vector<Header> headers = {});
  std::string peer = "127.0.0.1:40000";  // who asks
  // The same without giving the store's answers: `reply` of the result is empty until then.
  std::shared_ptr<std::optional<Answer>> start(const std::string& method, const std::string& target,
                                               const std::string& body = {});
  void drain();
  // An INVITE of 401@a.test, from 192.0.2.1:5060, for 402@a.test.
  void place_call(const std::string& call_id = "1@192.0.2.1");
  // The same with a SUBSCRIBE to the event "dialog", of `user`; nobody has answered it yet.
  void subscribe(const std::string& call_id = "s1", const std::string& user = "401",
                 const std::string& event = "dialog");

  Config config;
  std::vector<net::ConnectionView> connections;                   // in the order of their ids
  std::vector<std::string> lines;                                 // of the log
  std::vector<std::pair<Duration, std::function<void()>>> later;  // what the Api asked for
  Log log;
  Now now;
  routing::Edge edge;
  FakeStore store;
  std::unique_ptr<Api> api;

 private:
  // A request from 192.0.2.1:5060 for 402@a.test that makes a dialog; `headers` are further lines.
  void ask_edge(const std::string& method, const std::string& call_id, const std::string& user,
                const std::string& headers);
};

}  // namespace usher::admin::test
