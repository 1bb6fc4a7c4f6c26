#include "storage/sqlite/record_reader.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "core/limits.hpp"
#include "storage/sqlite/codec.hpp"
#include "storage/sqlite/columns.hpp"

namespace usher::storage {

namespace {

// Columns of Sql<CallRecord> that a filter looks at.
constexpr int kFrom = 1, kTo = 2, kDomain = 3, kTarget = 7, kStatus = 13, kAnswered = 18,
              kEnded = 19, kSeq = 20;

// The user part of a SIP URI, the number of a tel URI.
std::string_view user_part(std::string_view uri) {
  uri.remove_prefix(std::min(uri.size(), uri.find(':') + 1));
  const std::size_t at = uri.find('@');
  const std::string_view user = uri.substr(0, at == std::string_view::npos ? uri.size() : at);
  return user.substr(0, user.find_first_of(";:"));
}

bool is_wanted(const Statement& row, const RecordFilter& filter) {
  if (filter.target && row.integer(kTarget) != *filter.target) return false;
  if (filter.status && row.integer(kStatus) != *filter.status) return false;
  if (filter.answered && (row.integer(kAnswered) != 0) != *filter.answered) return false;
  if (!filter.domain.empty() && row.text(kDomain) != filter.domain) return false;
  return filter.user.empty() || user_part(row.text(kFrom)) == filter.user ||
         user_part(row.text(kTo)) == filter.user;
}

}  // namespace

Result<RecordPage> read_page(Database& database, const RecordQuery& query) {
  const RecordFilter& filter = query.filter;
  using All = Sql<CallRecord>;
  const bool by_id = !filter.id.empty();
  const bool by_call_id = !by_id && !filter.call_id.empty();
  const bool by_domain = !by_id && !by_call_id && !filter.domain.empty();
  auto rows = Statement::prepare(database, by_id        ? All::by_id
                                           : by_call_id ? All::by_call_id
                                           : by_domain  ? All::by_domain
                                                        : All::by_end);
  if (!rows) return rows.error();
  std::int64_t ended = std::numeric_limits<std::int64_t>::max();
  std::int64_t seq = ended;
  if (query.after) {
    ended = milliseconds(query.after->ended);
    seq = query.after->seq;
  }
  if (filter.to && milliseconds(*filter.to) <= ended) {
    ended = milliseconds(*filter.to) - 1;
    seq = std::numeric_limits<std::int64_t>::max();
  }
  rows->bind(1, ended).bind(2, seq).bind(
      3, filter.from ? milliseconds(*filter.from) : std::numeric_limits<std::int64_t>::min());
  if (by_id) rows->bind(4, filter.id);
  if (by_call_id) rows->bind(4, filter.call_id);
  if (by_domain) rows->bind(4, filter.domain);

  RecordPage page;
  RecordPlace last;
  for (std::size_t walked = 0;; ++walked) {
    const Statement::Step step = rows->step();
    if (step == Statement::Step::failed) return database.error("cannot read the call records");
    if (step == Statement::Step::done) return page;
    if (page.records.size() == query.limit || walked == limits::kRecordsPerLook) {
      page.next = last;
      return page;
    }
    last = {wall_time(rows->integer(kEnded)), rows->integer(kSeq)};
    if (!is_wanted(*rows, filter)) continue;
    if (auto read = read_row(*rows, page.records.emplace_back()); !read) return read.error();
  }
}

RecordReader::RecordReader(std::string path, Post post, TaskThread& thread)
    : path_(std::move(path)), post_(std::move(post)), thread_(thread) {}

void RecordReader::read(RecordQuery query, Store::Read done) {
  const auto work = [this, query = std::move(query), done](bool ending) {
    answer(done, ending ? Result<RecordPage>{fail(Errc::unavailable, "the process is ending")}
                        : look(query));
  };
  if (!thread_.run(work))
    answer(done, fail(Errc::limit, "too many questions about records are waiting"));
}

Result<RecordPage> RecordReader::look(const RecordQuery& query) {
  if (!database_) {
    auto opened = Database::open(path_, OpenMode::read_only);
    if (!opened) return opened.error();
    database_ = std::move(*opened);
  }
  return read_page(*database_, query);
}

void RecordReader::answer(Store::Read done, Result<RecordPage> page) {
  // A std::function can be copied, so what it holds must be.
  post_([done = std::move(done), page = std::make_shared<Result<RecordPage>>(std::move(page))] {
    done(std::move(*page));
  });
}

}  // namespace usher::storage
