// Requests against the administration of an edge, parted by the byte 0x1e: the first line is
// "METHOD target", the rest the body. Each is answered once; a refusal is a problem document; the
// edge that got the changes serves on.
#include <map>
#include <string>

#include "admin/api.hpp"
#include "core/config.hpp"
#include "core/log.hpp"
#include "routing/edge.hpp"
#include "storage/store.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace usher;

namespace {

// Takes everything, at once.
class Memory : public storage::Store {
 public:
  Result<storage::Snapshot> load(WallTime) override { return storage::Snapshot{}; }
  void apply(std::vector<storage::Change>, storage::Durability, Done done) override {
    if (done) waiting.push_back(std::move(done));
  }
  void remember(const storage::CallRecord&) override {}
  void read(storage::RecordQuery, Read done) override { done(storage::RecordPage{}); }
  void backups(storage::BackupRequest request, Copied done) override {
    if (request.what == storage::BackupRequest::What::list) return done(storage::BackupAnswer{});
    done(fail(Errc::not_found, "there is no disk"));
  }
  storage::StoreHealth health() const override { return {}; }
  void close() override {}
  void answer() {
    while (!waiting.empty()) {
      const std::vector<Done> now = std::exchange(waiting, {});
      for (const Done& done : now) done({});
    }
  }
  std::vector<Done> waiting;
};

struct House {
  House()
      : log([](const LogLine&) {}),
        edge(configuration(), {}, log, now),
        api({.edge = edge,
             .store = store,
             .log = log,
             .config = config,
             .now = [this] { return now; },
             .drain = [this] { edge.take_output(); },
             .transports = [] { return net::TransportCounts{}; },
             .after = [](Duration, const std::function<void()>&) {},
             .lag = [] { return LagMeter::View{}; },
             .version = "1",
             .started = now.mono}) {}

  static routing::EdgeConfig configuration() {
    routing::EdgeConfig edge;
    edge.stack.listeners.push_back({net::Transport::udp, "127.0.0.1:5060"});
    edge.own_endpoints.push_back({net::IpAddress::v4(0x7f000001), 5060});
    return edge;
  }

  Now now{Instant{std::chrono::hours(10)}, WallTime{std::chrono::hours(480'000)}};
  Log log;
  Memory store;
  Config config;
  routing::Edge edge;
  admin::Api api;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  House house;
  std::string_view rest = fuzz::text_of(data, size);
  for (int asked = 0; !rest.empty() && asked < 20; ++asked) {
    std::string_view one = rest.substr(0, rest.find('\x1e'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const std::string_view line = one.substr(0, one.find('\n'));
    one.remove_prefix(std::min(one.size(), line.size() + 1));
    admin::Request request;
    const std::size_t space = std::min(line.find(' '), line.size());
    request.method = line.substr(0, space);
    request.target = line.substr(std::min(line.size(), space + 1));
    request.body = one;
    request.headers = {{"Content-Type", "application/json"}};
    request.peer = "127.0.0.1:40000";
    int answers = 0;
    handle(house.api, request, [&](const admin::Answer& answer) {
      ++answers;
      USHER_CHECK(answer.status >= 200 && answer.status < 600 && answer.status != 500);
      USHER_CHECK(answer.status < 400 || answer.status == 503 ||
                  answer.body.find("urn:usher:problem:") != std::string::npos);
    });
    house.store.answer();
    USHER_CHECK(answers == 1);
    house.now.mono += std::chrono::seconds(1);
    house.edge.on_time(house.now);
    house.edge.take_output();
  }
  return 0;
}
