#include "storage/sqlite/record_journal.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "core/check.hpp"
#include "core/limits.hpp"
#include "core/rng.hpp"
#include "storage/sqlite/columns.hpp"

namespace usher::storage {

namespace {

constexpr std::size_t kBytes = RecordJournal::kPlaces * RecordJournal::kPlaceBytes;

// In front of each text; of a free place all is 0. The size is written last and taken back first,
// so that a process that dies in between leaves a free place. The sum is for a machine that dies.
struct Head {
  std::uint64_t size = 0;
  std::uint64_t sum = 0;
  std::uint64_t edition = 0;  // of one id the highest is meant
};
constexpr std::size_t kTextBytes = RecordJournal::kPlaceBytes - sizeof(Head);
// Six texts of that size; besides them an id, two addresses, names, numbers, and a length each.
static_assert(kTextBytes >= 6 * limits::kRecordTextBytes + 440);

std::uint64_t sum_of(std::string_view text) {
  return siphash({0x7573686572, 0x63616c6c73}, text);
}

// Each value stands behind its length, so that it may be any bytes.
void put_text(std::string& out, std::string_view value) {
  out += std::to_string(value.size());
  out += ':';
  out += value;
}

template <class Number>
void put_number(std::string& out, Number number) {
  put_text(out, std::to_string(number));
}

// Nothing stands for a time that has not come.
void put_time(std::string& out, const std::optional<WallTime>& when) {
  put_text(out, when ? std::to_string(milliseconds(*when)) : std::string{});
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  std::string_view text() {
    const std::size_t colon = rest_.find(':');
    std::size_t size = 0;
    if (colon == std::string_view::npos || !number(rest_.substr(0, colon), size) ||
        size > rest_.size() - colon - 1) {
      good_ = false;
      return {};
    }
    const std::string_view value = rest_.substr(colon + 1, size);
    rest_.remove_prefix(colon + 1 + size);
    return value;
  }
  template <class Number>
  void number(Number& out) {
    if (!number(text(), out)) good_ = false;
  }
  std::optional<WallTime> time() {
    const std::string_view digits = text();
    std::int64_t count = 0;
    if (digits.empty()) return std::nullopt;
    if (!number(digits, count)) good_ = false;
    return wall_time(count);
  }
  bool good() const { return good_; }
  bool done() const { return rest_.empty(); }

 private:
  template <class Number>
  static bool number(std::string_view digits, Number& out) {
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, out);
    return error == std::errc{} && stop == end;
  }

  std::string_view rest_;
  bool good_ = true;
};

Error trouble(const std::string& doing, int error) {
  return fail(Errc::io, doing + ": " + std::generic_category().message(error));
}

}  // namespace

std::string journal_text(const CallRecord& r) {
  std::string out;
  put_text(out, r.id);
  put_text(out, r.from);
  put_text(out, r.to);
  put_text(out, r.domain);
  put_text(out, leg_side_name(r.origin_side));
  put_text(out, r.origin.address.text());
  put_number(out, r.origin.port);
  put_number(out, r.target);
  put_text(out, r.destination);
  put_text(out, r.origin_call_id);
  put_text(out, r.new_call_id);
  put_number(out, r.attempts);
  put_number(out, r.failovers);
  put_number(out, milliseconds(r.started));
  put_time(out, r.ringing);
  put_time(out, r.answered);
  put_number(out, r.status);
  put_text(out, r.cause);
  put_text(out, call_ender_name(r.ended_by));
  put_time(out, r.ended);
  return out;
}

Result<CallRecord> read_journal_text(std::string_view text) {
  Reader reader{text};
  CallRecord r;
  r.id = reader.text();
  r.from = reader.text();
  r.to = reader.text();
  r.domain = reader.text();
  const auto side = parse_leg_side(reader.text());
  const auto address = net::IpAddress::parse(reader.text());
  reader.number(r.origin.port);
  reader.number(r.target);
  r.destination = reader.text();
  r.origin_call_id = reader.text();
  r.new_call_id = reader.text();
  reader.number(r.attempts);
  reader.number(r.failovers);
  std::int64_t started = 0;
  reader.number(started);
  r.started = wall_time(started);
  r.ringing = reader.time();
  r.answered = reader.time();
  reader.number(r.status);
  r.cause = reader.text();
  const auto ender = parse_call_ender(reader.text());
  r.ended = reader.time();
  if (!reader.good() || !reader.done() || !side || !address || !ender || r.id.empty())
    return fail(Errc::syntax, "not a call record");
  r.origin_side = *side;
  r.origin.address = *address;
  r.ended_by = *ender;
  return r;
}

Result<RecordJournal> RecordJournal::open(const std::string& path) {
  const std::string name = path + ".calls";
  const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return trouble("cannot open " + name, errno);
  // A page that the disk has no room for would end the process when it is written to.
  const int reserved = ::posix_fallocate(fd, 0, static_cast<off_t>(kBytes));
  if (reserved != 0) {
    ::close(fd);
    return trouble("cannot reserve " + std::to_string(kBytes >> 20) + " MB for " + name, reserved);
  }
  void* const data =
      ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  const int error = errno;
  ::close(fd);
  if (data == MAP_FAILED) return trouble("cannot map " + name, error);
  // Where a process may not lock that much, its pages may have to be read again: no more than that.
  (void)::mlock(data, kBytes);
  RecordJournal journal;
  journal.data_ = static_cast<char*>(data);
  journal.free_all();
  return journal;
}

RecordJournal::RecordJournal(RecordJournal&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      taken_(std::move(other.taken_)),
      free_(std::move(other.free_)) {}

RecordJournal& RecordJournal::operator=(RecordJournal&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(taken_, other.taken_);
  std::swap(free_, other.free_);
  return *this;
}

RecordJournal::~RecordJournal() {
  close(false);
}

void RecordJournal::close(bool arrived) {
  for (const auto& [id, taken] : taken_) {
    if (arrived && taken.sent) std::memset(place(taken.place), 0, sizeof(Head));
  }
  if (data_) ::munmap(std::exchange(data_, nullptr), kBytes);
  taken_.clear();
  free_.clear();
}

// The lowest is used first, so that few pages are ever touched.
void RecordJournal::free_all() {
  taken_.clear();
  free_.resize(kPlaces);
  for (std::uint32_t i = 0; i < kPlaces; ++i) free_[i] = kPlaces - 1 - i;
}

std::vector<CallRecord> RecordJournal::left() const {
  std::map<std::string, std::pair<std::uint64_t, CallRecord>> newest;
  for (std::uint32_t i = 0; data_ && i < kPlaces; ++i) {
    Head head;
    std::memcpy(&head, place(i), sizeof head);
    if (head.size == 0 || head.size > kTextBytes) continue;
    const std::string_view text{place(i) + sizeof head, head.size};
    if (sum_of(text) != head.sum) continue;
    auto record = read_journal_text(text);
    if (!record) continue;
    auto& kept = newest[record->id];
    if (head.edition > kept.first) kept = {head.edition, std::move(*record)};
  }
  std::vector<CallRecord> out;
  out.reserve(newest.size());
  for (auto& [id, kept] : newest) out.push_back(std::move(kept.second));
  return out;
}

void RecordJournal::clear() {
  if (!data_) return;
  for (std::uint32_t i = 0; i < kPlaces; ++i) {
    // A page that is 0 already is not made dirty.
    if (Head head; std::memcpy(&head, place(i), sizeof head), head.size != 0)
      std::memset(place(i), 0, sizeof head);
  }
  free_all();
}

bool RecordJournal::put(const CallRecord& record) {
  if (!data_) return false;
  const std::string text = journal_text(record);
  USHER_CHECK(text.size() <= kTextBytes);  // see limits::kRecordTextBytes
  // The new state gets a place of its own before the old one's is given up, while there is one.
  const auto known = taken_.find(record.id);
  if (known == taken_.end() && free_.empty()) return false;
  const std::uint32_t to = free_.empty() ? known->second.place : free_.back();
  write(to, text, ++editions_);
  if (!free_.empty()) {
    free_.pop_back();
    if (known != taken_.end()) give_up(known->second.place);
  }
  taken_.insert_or_assign(record.id, Taken{to, editions_, false});
  return true;
}

void RecordJournal::write(std::uint32_t number, std::string_view text, std::uint64_t edition) {
  char* const to = place(number);
  const Head head{text.size(), sum_of(text), edition};
  std::memset(to, 0, sizeof head.size);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(to + sizeof head, text.data(), text.size());
  std::memcpy(to + offsetof(Head, sum), &head.sum, sizeof head - offsetof(Head, sum));
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(to, &head.size, sizeof head.size);
}

void RecordJournal::give_up(std::uint32_t number) {
  std::memset(place(number), 0, sizeof(Head));
  free_.push_back(number);
}

std::uint64_t RecordJournal::send(const std::string& id) {
  const auto found = taken_.find(id);
  if (found == taken_.end()) return 0;
  found->second.sent = true;
  return found->second.edition;
}

void RecordJournal::forget(const std::string& id, std::uint64_t edition) {
  const auto found = taken_.find(id);
  if (found == taken_.end() || found->second.edition != edition) return;
  give_up(found->second.place);
  taken_.erase(found);
}

}  // namespace usher::storage
