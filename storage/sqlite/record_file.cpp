#include "storage/sqlite/record_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "storage/records_csv.hpp"
#include "storage/sqlite/codec.hpp"

namespace usher::storage {

namespace {

constexpr std::int64_t kLinesAtATime = 1000;
constexpr off_t kLongestLine = 16 << 10;  // a record has 2 kB
// More than the lines that are written at a time: those without a mark are the file's last ones.
constexpr off_t kTail = 4 << 20;

class AppendingFile {
 public:
  explicit AppendingFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640)) {}
  ~AppendingFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  AppendingFile(const AppendingFile&) = delete;
  AppendingFile& operator=(const AppendingFile&) = delete;

  bool is_open() const { return fd_ >= 0; }
  off_t size() const {
    struct stat status {};
    return ::fstat(fd_, &status) == 0 ? status.st_size : 0;
  }
  // Takes away the beginning of a line that a killed process has not finished: its record is
  // written again. What is longer than any line of ours is left, and ended.
  bool end_last_line() {
    const off_t all = size();
    std::string tail(static_cast<std::size_t>(std::min<off_t>(all, kLongestLine)), '\0');
    const off_t start = all - static_cast<off_t>(tail.size());
    if (::pread(fd_, tail.data(), tail.size(), start) != static_cast<ssize_t>(tail.size()))
      return false;
    if (tail.empty() || tail.back() == '\n') return true;
    const auto end = tail.rfind('\n');
    if (end == std::string::npos && start > 0) return append("\r\n");
    const off_t kept = end == std::string::npos ? 0 : start + static_cast<off_t>(end) + 1;
    return ::ftruncate(fd_, kept) == 0;
  }
  // The first cells of the last lines; nothing: they cannot be read.
  std::optional<std::vector<std::string>> last_ids() const {
    const off_t all = size();
    std::string tail(static_cast<std::size_t>(std::min(all, kTail)), '\0');
    if (::pread(fd_, tail.data(), tail.size(), all - static_cast<off_t>(tail.size())) !=
        static_cast<ssize_t>(tail.size()))
      return std::nullopt;
    std::vector<std::string> ids;
    std::string_view rest = tail;
    for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
      ids.emplace_back(rest.substr(0, rest.substr(0, end).find(',')));
      rest.remove_prefix(end + 1);
    }
    return ids;
  }
  // All of it, or what was there before.
  bool append(std::string_view text) {
    const off_t before = size();
    while (!text.empty()) {
      const ssize_t written = ::write(fd_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        const int why = errno;
        static_cast<void>(!::ftruncate(fd_, before));
        errno = why;
        return false;
      }
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

 private:
  int fd_;
};

Error file_error(const std::string& path) {
  return fail(Errc::io, path + ": " + std::generic_category().message(errno));
}

}  // namespace

Result<RecordFile> RecordFile::prepare(Database& database, std::string path) {
  RecordFile file;
  file.database_ = &database;
  file.path_ = std::move(path);
  const struct {
    Statement* statement;
    const char* sql;
  } all[] = {
      {&file.unfiled_, Sql<CallRecord>::unfiled},
      {&file.set_filed_, Sql<CallRecord>::set_filed},
      {&file.begin_, "BEGIN IMMEDIATE"},
      {&file.commit_, "COMMIT"},
      {&file.rollback_, "ROLLBACK"},
  };
  for (const auto& [statement, sql] : all) {
    auto prepared = Statement::prepare(database, sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  return file;
}

Result<bool> RecordFile::write() {
  struct Row {
    std::int64_t seq;
    std::string id, line;
  };
  std::vector<Row> rows;
  unfiled_.bind(1, kLinesAtATime);
  for (;;) {
    const Statement::Step step = unfiled_.step();
    if (step == Statement::Step::row) {
      CallRecord record;
      // A row that somebody has edited into nonsense must not stop all that follow it.
      std::string line;
      if (read_row(unfiled_, record)) line = csv_line(record);
      rows.push_back({unfiled_.integer(20), std::move(record.id), std::move(line)});
      continue;
    }
    unfiled_.reset();
    if (step == Statement::Step::done) break;
    return database_->error("cannot read the call records");
  }
  if (rows.empty()) return false;
  AppendingFile file(path_);
  if (!file.is_open()) return file_error(path_);
  if (!file.end_last_line()) return file_error(path_);
  if (unmarked_) {
    auto ids = file.last_ids();
    if (!ids) return file_error(path_);
    there_.insert(std::make_move_iterator(ids->begin()), std::make_move_iterator(ids->end()));
  }
  std::string lines = file.size() == 0 ? csv_header() : std::string{};
  for (const Row& row : rows) {
    if (!there_.contains(row.id)) lines += row.line;
  }
  unmarked_ = true;
  if (!file.append(lines)) return file_error(path_);

  bool marked = begin_.run();
  for (const Row& row : rows) marked = marked && set_filed_.bind(1, row.seq).run();
  marked = marked && commit_.run();
  if (!marked) {
    const Error error = database_->error("cannot write the database");
    if (database_->in_transaction()) rollback_.run();
    return error;
  }
  unmarked_ = false;
  const bool more = rows.size() == static_cast<std::size_t>(kLinesAtATime);
  if (!more) there_.clear();
  return more;
}

}  // namespace usher::storage
