// /v1/backups: copies of the store, made while it works; their configuration, looked at and taken
// in again.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "admin/fields.hpp"
#include "admin/resources/configuration.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/preview.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"
#include "storage/backups.hpp"

namespace usher::admin {

namespace {

using storage::BackupAnswer;
using storage::BackupRequest;
using What = BackupRequest::What;

Answer ending() {
  return problem(503, "store", "the process is ending");
}

// The store's answers may come after the Api is gone; they find this through a weak reference, and
// who asked has been answered then.
struct State {
  explicit State(const Context& c) : context(c) {}
  ~State() {
    for (auto& [id, respond] : owed) respond(ending());
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const Context context;
  bool making = false;
  std::string failed;  // why the last make gave none
  std::map<std::uint64_t, Respond> owed;
  std::uint64_t last = 0;
};
using StateRef = std::shared_ptr<State>;

Json show(const storage::Backup& b) {
  return Json::Object{{"name", b.name}, {"bytes", b.bytes}, {"made", time_text(b.made)}};
}

std::string name_of(const Call& call) {
  return "backup " + usher::quoted(call.segment("name"));
}

Answer refusal(const Error& error, What what) {
  switch (error.code) {
    case Errc::not_found: return problem(404, "not-found", error.message);
    case Errc::limit:
      if (what == What::make) return problem(409, "limit", error.message);
      break;
    case Errc::conflict:
    case Errc::syntax:
    case Errc::unsupported: return problem(409, "conflict", error.message);
    case Errc::range:
    case Errc::io:
    case Errc::unavailable: break;
  }
  return problem(503, "store", error.message);
}

// The store has answered a make.
void made(State& state, const Result<BackupAnswer>& found) {
  state.making = false;
  state.failed = found ? std::string{} : found.error().message;
  if (!found && found.error().code == Errc::io)
    state.context.service.log.write(LogCategory::admin, LogLevel::error, {},
                                    "no backup was made: " + state.failed);
}

// Who has been answered already is given an answer that nobody reads.
Respond take_owed(State& state, std::uint64_t id) {
  auto node = state.owed.extract(id);
  return node.empty() ? Respond{[](const Answer&) {}} : std::move(node.mapped());
}

// Asks the store; `then` answers with what it gave. Returns what `owed` knows it by.
template <class Then>
std::uint64_t ask(const StateRef& state, BackupRequest request, Respond respond, Then then) {
  const std::uint64_t id = ++state->last;
  state->owed.emplace(id, std::move(respond));
  const What what = request.what;
  state->context.service.store.backups(
      request, [weak = std::weak_ptr<State>(state), what, id, then](Result<BackupAnswer> found) {
        const StateRef alive = weak.lock();
        if (!alive) return;
        const Respond asker = take_owed(*alive, id);
        if (what == What::make) made(*alive, found);
        if (found) return then(*alive, std::move(*found), asker);
        asker(refusal(found.error(), what));
      });
  return id;
}

template <class Then>
void ask(const StateRef& state, What what, const std::string& name, Respond respond, Then then) {
  ask(state, {what, name, state->context.service.now().wall}, std::move(respond), std::move(then));
}

// The refusal of a body that says something.
std::optional<Answer> read_nothing(const Call& call) {
  std::vector<Fault> faults;
  Fields(call.body, faults).finish();
  if (faults.empty()) return std::nullopt;
  return invalid(std::move(faults));
}

void list(const StateRef& state, const Call&, const Respond& respond) {
  ask(state, What::list, {}, respond,
      [](const State& now, const BackupAnswer& found, const Respond& done) {
        Json::Array items;
        for (const storage::Backup& b : found.backups) items.push_back(show(b));
        Json page = page_json(std::move(items), {});
        auto& members = std::get<Json::Object>(page.value);
        members.emplace_back("making", now.making);
        members.emplace_back("failed", now.failed.empty() ? Json{} : Json{now.failed});
        done(json_answer(200, page));
      });
}

Answer at_its_place(int status, const std::string& name, const Json& shown) {
  Answer answer = json_answer(status, shown);
  answer.headers.emplace_back("Location", "/v1/backups/" + name);
  return answer;
}

void make(const StateRef& state, const Call& call, const Respond& respond) {
  if (auto refused = read_nothing(call)) return respond(std::move(*refused));
  if (std::exchange(state->making, true))
    return respond(problem(409, "in-use", "a backup is being made: it will be in the list"));
  state->failed.clear();
  const Service& service = state->context.service;
  const WallTime when = service.now().wall;
  const std::uint64_t id = ask(state, {What::make, {}, when}, respond,
                               [](const State&, const BackupAnswer& found, const Respond& done) {
                                 const storage::Backup& one = found.backups.front();
                                 done(at_its_place(201, one.name, show(one)));
                               });
  // HTTP's own limit would say that nothing is known of it.
  service.after(limits::kBackupAnswer,
                [weak = std::weak_ptr<State>(state), id, name = storage::backup_name(when)] {
                  if (const StateRef alive = weak.lock())
                    take_owed(*alive, id)(
                        at_its_place(202, name, Json::Object{{"name", name}, {"making", true}}));
                });
}

void get(const StateRef& state, const Call& call, const Respond& respond) {
  ask(state, What::read, call.segment("name"), respond,
      [](const State&, BackupAnswer found, const Respond& done) {
        done(json_answer(200, configuration_json(std::move(found.held))));
      });
}

// A whole backup as it lies there. One piece is in memory: the next is asked of the store when the
// client takes it.
class File final : public Stream, public std::enable_shared_from_this<File> {
 public:
  File(const StateRef& state, storage::Backup backup) : state_(state), backup_(std::move(backup)) {}

  // With the first piece, or the reason why there is none.
  void open(std::function<void(const Result<void>&)> then) {
    then_ = std::move(then);
    ask_next();
  }
  std::string take(std::size_t) override {
    std::string piece = std::exchange(piece_, {});
    if (!over() && !asked_) ask_next();
    return piece;
  }
  bool over() const override { return piece_.empty() && (broken_ || got_ >= backup_.bytes); }
  std::string idle() const override { return {}; }

 private:
  void ask_next() {
    const StateRef state = state_.lock();
    if (!state) return;
    asked_ = true;
    const BackupRequest request{What::piece, backup_.name, {}, got_};
    state->context.service.store.backups(request,
                                         [self = shared_from_this()](Result<BackupAnswer> found) {
                                           self->on_piece(std::move(found));
                                         });
  }
  // One that cannot be read ends the answer before its length: the client sees that.
  void on_piece(Result<BackupAnswer> found) {
    const StateRef state = state_.lock();
    if (!state) return;
    asked_ = false;
    broken_ = !found;
    if (found) {
      piece_ = std::move(found->piece);
      got_ += piece_.size();
    }
    if (const auto then = std::exchange(then_, {}))
      return then(found ? Result<void>{} : Result<void>{found.error()});
    state->context.service.wake();
  }

  std::weak_ptr<State> state_;
  storage::Backup backup_;
  std::function<void(const Result<void>&)> then_;
  std::string piece_;
  std::uint64_t got_ = 0;  // bytes
  bool asked_ = false, broken_ = false;
};

void download(const StateRef& state, const Call& call, const Respond& respond) {
  const std::string& name = call.segment("name");
  const std::string client = call.request->peer;
  ask(state, What::list, {}, respond,
      [weak = std::weak_ptr<State>(state), name, client, what = name_of(call)](
          const State& now, const BackupAnswer& found, const Respond& done) {
        const auto one = std::find_if(found.backups.begin(), found.backups.end(),
                                      [&](const storage::Backup& b) { return b.name == name; });
        if (one == found.backups.end()) return done(absent(what));
        const Service& service = now.context.service;
        Answer answer;
        answer.content_type = "application/vnd.sqlite3";
        answer.headers = {{"Content-Length", std::to_string(one->bytes)},
                          {"Content-Disposition", "attachment; filename=\"" + name + "\""}};
        const auto file = std::make_shared<File>(weak.lock(), *one);
        answer.stream = file;
        file->open([answer, done, &service, what, client](const Result<void>& opened) {
          if (!opened) return done(refusal(opened.error(), What::piece));
          service.log.write(LogCategory::admin, LogLevel::info, {},
                            what + " is downloaded from " + client);
          done(answer);
        });
      });
}

void remove(const StateRef& state, const Call& call, const Respond& respond) {
  ask(state, What::remove, call.segment("name"), respond,
      [](const State&, const BackupAnswer&, const Respond& done) { done(no_content()); });
}

void restore(const StateRef& state, const Call& call, const Respond& respond) {
  auto asked = read_preview(call);
  if (Answer* refused = std::get_if<Answer>(&asked)) return respond(std::move(*refused));
  const bool preview = std::get<bool>(asked);
  if (auto refused = read_nothing(call)) return respond(std::move(*refused));
  ask(state, What::read, call.segment("name"), asked_only(respond, preview),
      [preview](const State& now, BackupAnswer found, const Respond& done) {
        apply_configuration(now.context, configuration_json(std::move(found.held)), preview, done);
      });
}

}  // namespace

void add_backups(Router& router, const Context& context) {
  const auto state = std::make_shared<State>(context);
  const auto add = [&](std::string method, std::string pattern, std::vector<std::string> query,
                       auto handler, std::string produces = "application/json") {
    Route route;
    route.method = std::move(method);
    route.pattern = std::move(pattern);
    route.query = std::move(query);
    route.produces = {std::move(produces)};
    route.bodiless = true;
    route.slow = true;
    route.handler = [state, handler](const Call& call, const Respond& respond) {
      if (call.path.count("name") > 0 && !storage::backup_made(call.segment("name")))
        return respond(absent(name_of(call)));
      handler(state, call, respond);
    };
    router.add(std::move(route));
  };
  add("GET", "/v1/backups", {}, list);
  add("POST", "/v1/backups", {}, make);
  add("GET", "/v1/backups/{name}", {}, get);
  add("GET", "/v1/backups/{name}/file", {}, download, "application/vnd.sqlite3");
  add("DELETE", "/v1/backups/{name}", {}, remove);
  add("POST", "/v1/backups/{name}/restore", {"preview"}, restore);
}

}  // namespace usher::admin
