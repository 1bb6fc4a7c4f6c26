#include "storage/sqlite/writer_thread.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/check.hpp"
#include "core/limits.hpp"
#include "storage/sqlite/schema.hpp"

namespace usher::storage {

namespace {

// Everything that is queued goes into one transaction, up to this: bounds what a failed try costs,
// and how long an answer waits for others.
constexpr std::size_t kGroupChanges = 10'000;

// What a failing disk leaves behind; the rest of the queue is for what arrives between two tries.
constexpr std::size_t kKeptChanges = limits::kStoreQueue / 4 * 3;

constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{2000};

}  // namespace

WriterThread::WriterThread(Database& database, BatchWriter writer, std::optional<RecordFile> file,
                           Post post)
    : database_(database),
      writer_(std::move(writer)),
      file_(std::move(file)),
      post_(std::move(post)) {
  thread_ = std::thread([this] { run(); });
}

WriterThread::~WriterThread() {
  stop();
}

void WriterThread::apply(std::vector<Change> changes, Durability durability, Store::Done done,
                         Store::Done committed) {
  std::size_t waiting = 0;
  {
    const std::lock_guard lock(mutex_);
    USHER_CHECK(!stopping_);
    waiting = waiting_;
    if (waiting + changes.size() <= limits::kStoreQueue) {
      waiting_ += changes.size();
      urgent_ |= durability == Durability::required;
      inbox_.push_back(
          Batch{std::move(changes), durability, std::move(done), false, std::move(committed)});
      changed_.notify_one();
      return;
    }
    ++health_.failed_batches;
    if (durability == Durability::eventual) health_.dropped += changes.size();
  }
  std::vector<Answer> answers;
  answers.emplace_back(std::move(done),
                       fail(Errc::limit, "the storage queue is full: " + std::to_string(waiting) +
                                             " changes wait, " + std::to_string(changes.size()) +
                                             " more do not fit"));
  answer(std::move(answers));
}

StoreHealth WriterThread::health() const {
  const std::lock_guard lock(mutex_);
  StoreHealth health = health_;
  health.queued = waiting_;
  return health;
}

void WriterThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void WriterThread::run() {
  for (;;) {
    const bool last = take();
    if (!backlog_.empty()) {
      write_group();
    } else if (failing_ && !last) {
      probe();
    } else if (filing_ != Filing::done && !last) {
      file_records();
    }
    if (last && (failing_ || backlog_.empty())) break;
  }
  const std::lock_guard lock(mutex_);
  health_.dropped += backlog_.changes();
  waiting_ = 0;
}

bool WriterThread::take() {
  std::vector<Batch> taken;
  bool last = false;
  {
    std::unique_lock lock(mutex_);
    if (failing_) {
      changed_.wait_for(lock, pause_, [this] { return stopping_ || urgent_; });
    } else if (filing_ == Filing::failed) {
      changed_.wait_for(lock, kLongestPause,
                        [this] { return stopping_ || !inbox_.empty() || !backlog_.empty(); });
    } else if (filing_ == Filing::done) {
      changed_.wait(lock, [this] { return stopping_ || !inbox_.empty() || !backlog_.empty(); });
    }
    urgent_ = false;
    last = stopping_;
    taken.swap(inbox_);
  }
  for (Batch& batch : taken) backlog_.push(std::move(batch));
  return last;
}

void WriterThread::write_group() {
  const std::size_t count = backlog_.group(kGroupChanges);
  const auto begin = std::chrono::steady_clock::now();
  auto outcomes = writer_.write(backlog_.batches(), count);
  if (!outcomes) {
    failed(outcomes.error());
    return;
  }
  const auto took = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begin);
  const std::size_t before = backlog_.changes();
  std::vector<Answer> answers;
  answers.reserve(count);
  for (Result<void>& outcome : *outcomes) {
    Batch batch = backlog_.pop();
    if (outcome) answers.emplace_back(std::move(batch.committed), Result<void>{});
    if (!batch.answered) answers.emplace_back(std::move(batch.done), std::move(outcome));
  }
  succeeded(took, before - backlog_.changes(), std::move(answers));
  file_records();
}

// After the answers: nobody waits for the file.
void WriterThread::file_records() {
  if (!file_) return;
  const Result<bool> more = file_->write();
  filing_ = !more ? Filing::failed : *more ? Filing::more : Filing::done;
  const std::lock_guard lock(mutex_);
  health_.record_file = more ? std::string{} : more.error().message;
}

// With nothing to write, health would stay bad until the next change; one page tells whether it
// still is.
void WriterThread::probe() {
  const auto begin = std::chrono::steady_clock::now();
  if (auto touched = touch(database_); !touched) {
    failed(touched.error());
    return;
  }
  succeeded(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begin), 0, {});
}

void WriterThread::succeeded(Duration took, std::size_t finished, std::vector<Answer> answers) {
  failing_ = false;
  {
    const std::lock_guard lock(mutex_);
    health_.ok = true;
    health_.reason.clear();
    health_.last_commit = took;
    health_.commit_times.observe(took);
    ++health_.commits;
    for (const Answer& a : answers) health_.failed_batches += a.second ? 0 : 1;
    waiting_ -= finished;
  }
  answer(std::move(answers));
}

void WriterThread::failed(const Error& error) {
  pause_ = failing_ ? std::min(2 * pause_, kLongestPause) : kFirstPause;
  failing_ = true;
  const std::size_t before = backlog_.changes();
  std::vector<Answer> answers = backlog_.refuse(error);
  const std::size_t dropped = backlog_.bound(kKeptChanges);
  {
    const std::lock_guard lock(mutex_);
    health_.ok = false;
    health_.reason = error.message;
    health_.failed_batches += answers.size();
    health_.dropped += dropped;
    waiting_ -= before - backlog_.changes();
  }
  answer(std::move(answers));
}

// One task for all answers of a round: a task per answer would wake the reactor as often as the
// batches were meant to save.
void WriterThread::answer(std::vector<Answer> answers) {
  std::erase_if(answers, [](const Answer& a) { return !a.first; });
  if (answers.empty()) return;
  post_([answers = std::move(answers)] {
    for (const Answer& a : answers) a.first(a.second);
  });
}

}  // namespace usher::storage
