// What the storage tests share: a directory of their own, a stand-in for the reactor's queue,
// sample records.
#pragma once

#include <doctest/doctest.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/sqlite/sqlite_store.hpp"

template <>
struct doctest::StringMaker<usher::Result<void>> {
  static String convert(const usher::Result<void>& r) {
    return r ? "ok" : r.error().message.c_str();
  }
};

namespace usher::storage {

class TempDir {
 public:
  TempDir() {
    std::string name = "/tmp/usher-storage-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What an operator might do to the file by hand.
inline void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  char* message = nullptr;
  sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message);
  REQUIRE_MESSAGE(message == nullptr, message);
  REQUIRE(sqlite3_close(db) == SQLITE_OK);
}

inline std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Runs posted tasks on the test's thread, as the reactor would on its own.
class Posts {
 public:
  std::function<void(std::function<void()>)> door() {
    return [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      changed_.notify_one();
    };
  }
  // Runs tasks until `done` holds; false when it does not within the bound.
  bool run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!done()) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_until(lock, deadline, [this] { return !tasks_.empty(); })) return false;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
      ++run_;
    }
    return true;
  }
  std::size_t run() const { return run_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::size_t run_ = 0;
};

inline constexpr WallTime kNow{std::chrono::seconds{1'700'000'000}};

inline net::Endpoint endpoint(const std::string& text) {
  return *net::Endpoint::parse(text);
}
inline net::Destination destination(const std::string& text) {
  return *net::Destination::parse(text);
}

inline DispatcherSet sample_set(SetId setid) {
  DispatcherSet set;
  set.setid = setid;
  return set;
}

inline Domain sample_domain(const std::string& name, SetId setid) {
  return Domain{.domain = name, .setid = setid, .enabled = true, .comment = {}};
}

inline Target sample_target(TargetId id, SetId setid, const std::string& where) {
  Target target;
  target.id = id;
  target.setid = setid;
  target.destination = destination(where);
  return target;
}

inline Binding sample_binding(const std::string& token, const std::string& aor = "401@a.test") {
  Binding b;
  b.token = token;
  b.aor = aor;
  b.contact = "sip:401@192.0.2.7:45891;line=" + token;
  b.instance = "\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"";
  b.flow.remote = endpoint("192.0.2.7:45891");
  b.target = 1;
  b.user_agent = "phone/1.0";
  b.registered = kNow;
  b.expires = kNow + std::chrono::hours(1);
  return b;
}

inline DoorKnock sample_knock(int number) {
  return DoorKnock{.when = kNow + std::chrono::milliseconds(number),
                   .first = kNow,
                   .count = 2,
                   .domain = "198.51.100.1",
                   .source = endpoint("203.0.113.9:5071"),
                   .method = "REGISTER",
                   .reason = "not found " + std::to_string(number),
                   .user_agent = "friendly-scanner " + std::to_string(number)};
}

// Of a call that has begun.
inline CallRecord open_record(const std::string& id) {
  CallRecord r;
  r.id = id;
  r.from = "sip:401@a.test";
  r.to = "sip:402@a.test;user=phone";
  r.domain = "a.test";
  r.origin = endpoint("[2001:db8::7]:45891");
  r.origin_call_id = "out-" + id;
  r.started = kNow;
  return r;
}

// Ended `number` milliseconds after kNow.
inline CallRecord ended_record(const std::string& id, int number, int status = 200) {
  CallRecord r = open_record(id);
  r.target = 7;
  r.destination = "10.0.1.100:5060";
  r.new_call_id = "in-" + id;
  r.attempts = 2;
  r.failovers = 1;
  r.ringing = kNow + std::chrono::milliseconds{100};
  if (status == 200) r.answered = kNow + std::chrono::milliseconds{2345};
  r.status = status;
  r.cause = "the originator hung up";
  r.ended_by = CallEnder::originator;
  r.ended = kNow + std::chrono::milliseconds{number};
  return r;
}

// An established call, of the record "k" + id.
inline SavedCall sample_call(const std::string& id) {
  SavedCall call;
  call.id = id;
  call.key = "k" + id;
  call.domain = "a.test";
  call.target = 7;
  call.started = kNow;
  call.answered = kNow + std::chrono::milliseconds(2'345);
  call.session = std::chrono::seconds(1800);
  SavedLeg& origin = call.origin;
  origin.side = LegSide::phone;
  origin.device = "k3v9q2m1x8";
  origin.flow.transport = net::Transport::tcp;
  origin.flow.listener.value = 1;
  origin.flow.remote = endpoint("[2001:db8::9]:61000");
  origin.call_id = "phone's own@192.0.2.7";
  origin.local_tag = "lt";
  origin.remote_tag = "rt";
  origin.local_party = "<sip:600@a.test>";
  origin.remote_party = "\"O'Hara; \\\"x\\\"\" <sip:401@a.test>";
  origin.remote_target = "sip:401@192.0.2.7:45891;line=zlpcjjt4";
  origin.route_set = "<sip:p1.test;lr>, <sip:p2.test;lr>";
  origin.contact_user = "600";
  origin.local_cseq = 0x7fffffff;
  origin.remote_cseq = 4'294'967'295;
  origin.invite_cseq = 1;
  origin.session_uuid = std::string(32, 'a');
  origin.peer_session_uuid = std::string(32, 'b');
  SavedLeg& answerer = call.answerer;
  answerer.side = LegSide::backend;
  answerer.is_uac = true;
  answerer.flow.remote = endpoint("10.0.1.100:5060");
  answerer.call_id = id;
  answerer.contact_user = "401~k3v9q2m1x8";
  return call;
}

// While it lives no file of this process can grow or be written beyond its first `bytes`. Nothing
// is checked meanwhile: the report may go to a file as well.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes = 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit full = before_;
    full.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &full);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
};

// An open store with its queue of answers.
class Fixture {
 public:
  explicit Fixture(std::string path) : path_(std::move(path)) { open(); }

  void open() {
    auto opened = open_sqlite({path_, posts.door()});
    REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
    store = std::move(*opened);
  }
  // Closes and opens again, and reads.
  Snapshot reopen(WallTime now = kNow) {
    store->close();
    store.reset();
    open();
    return load(now);
  }
  Snapshot load(WallTime now = kNow) {
    auto loaded = store->load(now);
    REQUIRE_MESSAGE(loaded.has_value(), loaded.error().message);
    return std::move(*loaded);
  }
  // Applies and waits for the answer.
  Result<void> apply(std::vector<Change> batch, Durability durability = Durability::required) {
    std::optional<Result<void>> answer;
    store->apply(std::move(batch), durability, [&](Result<void> r) { answer = std::move(r); });
    REQUIRE(!answer);  // never before apply() returns
    REQUIRE(posts.run_until([&] { return answer.has_value(); }));
    return *answer;
  }

  Posts posts;
  std::unique_ptr<Store> store;

 private:
  std::string path_;
};

}  // namespace usher::storage
