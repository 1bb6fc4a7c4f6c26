#include "admin/writer.hpp"

#include <deque>
#include <optional>
#include <utility>

#include "core/check.hpp"

namespace usher::admin {

namespace {

struct Pending {
  Prepare prepare;
  Respond respond;
};

Answer unavailable(std::string detail) {
  Answer answer = problem(503, "store", std::move(detail));
  answer.headers.emplace_back("Retry-After", "5");
  return answer;
}

}  // namespace

// The store's answer may come after the Writer is gone; it finds the state through a weak
// reference.
struct Writer::State : std::enable_shared_from_this<Writer::State> {
  explicit State(const Service& s) : service(s) {}

  const Service& service;
  std::deque<Pending> queue;  // the front one is under way when busy
  bool busy = false;          // a batch is with the store
  bool looping = false;

  void work();
  void finish(Write& write, const Result<void>& result);
};

void Writer::State::work() {
  if (looping || busy) return;  // an answer may submit the next write: the loop below takes it
  looping = true;
  while (!busy && !queue.empty()) {
    std::variant<Write, Answer> prepared = queue.front().prepare();
    if (Answer* refused = std::get_if<Answer>(&prepared)) {
      Respond respond = std::move(queue.front().respond);
      queue.pop_front();
      respond(std::move(*refused));
      continue;
    }
    Write write = std::move(std::get<Write>(prepared));
    if (write.changes.empty()) {
      finish(write, {});
      continue;
    }
    busy = true;
    std::vector<storage::Change> batch = write.changes;
    service.store.apply(
        std::move(batch), storage::Durability::required,
        [weak = weak_from_this(), write = std::move(write)](const Result<void>& result) mutable {
          const auto self = weak.lock();
          if (!self) return;
          self->busy = false;
          self->finish(write, result);
          self->work();
        });
  }
  looping = false;
}

void Writer::State::finish(Write& write, const Result<void>& result) {
  USHER_CHECK(!queue.empty());
  Respond respond = std::move(queue.front().respond);
  queue.pop_front();
  if (!result) {
    service.log.write(LogCategory::admin, LogLevel::error, {},
                      "a write was refused by the store: " + result.error().message);
    if (result.error().code == Errc::conflict)
      return respond(problem(409, "conflict", result.error().message));
    return respond(unavailable(
        (write.live ? "nothing was changed: " : "in effect, but not kept over a restart: ") +
        result.error().message));
  }
  if (write.live && !write.changes.empty()) {
    const Now now = service.now();
    service.edge.apply(now, write.changes);
    service.drain();
  }
  respond(write.answer());
}

Writer::Writer(const Service& service) : state_(std::make_shared<State>(service)) {}

Writer::~Writer() {
  for (Pending& p : std::exchange(state_->queue, {})) {
    p.respond(unavailable("the process is ending; the change may have been made"));
  }
}

void Writer::submit(Prepare prepare, Respond respond) {
  if (state_->queue.size() >= kPendingWrites)
    return respond(unavailable("too many writes are waiting"));
  state_->queue.push_back(Pending{std::move(prepare), std::move(respond)});
  state_->work();
}

std::size_t Writer::pending() const {
  return state_->queue.size();
}

std::optional<Answer> check(const routing::Directory& directory,
                            const std::vector<storage::Change>& changes, std::string_view not_found,
                            std::string_view conflict) {
  const routing::Directory* current = &directory;
  routing::DirectoryRef after;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const Result<void> result = current->check(changes[i]);
    if (!result) {
      const Error& error = result.error();
      const auto faults = [&](std::string_view field) {
        return field.empty() ? std::vector<Fault>{}
                             : std::vector<Fault>{{std::string(field), error.message}};
      };
      switch (error.code) {
        case Errc::not_found:
          return not_found.empty() ? problem(404, "not-found", error.message)
                                   : problem(422, "reference", error.message, faults(not_found));
        case Errc::conflict: return problem(409, "conflict", error.message, faults(conflict));
        case Errc::limit: return problem(409, "limit", error.message);
        case Errc::syntax:
        case Errc::range:
        case Errc::unsupported: return problem(422, "invalid", error.message, faults(conflict));
        case Errc::io:
        case Errc::unavailable: return problem(503, "unavailable", error.message);
      }
    }
    if (i + 1 < changes.size()) {
      after = current->with(changes[i]);
      current = after.get();
    }
  }
  return std::nullopt;
}

}  // namespace usher::admin
