#include "storage/backups.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "core/limits.hpp"
#include "core/text.hpp"
#include "core/time_text.hpp"
#include "storage/backup.hpp"
#include "storage/files.hpp"

namespace usher::storage {

namespace {

using What = BackupRequest::What;

constexpr std::string_view kNameShape = "2026-11-23T20-15-03Z.db";
// Where a copy is made, until it is whole. What a dead process has left makes room for the next.
constexpr const char* kUnfinished = "unfinished";

std::string megabytes(std::uintmax_t bytes) {
  return std::to_string((bytes + 999'999) / 1'000'000) + " MB";
}

// No folder: no backups.
Result<std::vector<Backup>> list(const std::string& folder) {
  std::vector<Backup> out;
  std::error_code ec;
  std::filesystem::directory_iterator at(folder, ec);
  if (ec == std::errc::no_such_file_or_directory) return out;
  if (ec) return file_error("cannot read the folder " + folder, ec);
  while (at != std::filesystem::directory_iterator{}) {
    const std::string name = at->path().filename().string();
    if (const auto made = backup_made(name)) {
      // One that is removed at this moment is not there.
      const std::uintmax_t bytes = at->file_size(ec);
      if (!ec) out.push_back({name, bytes, *made});
    }
    at.increment(ec);
    if (ec) return file_error("cannot read the folder " + folder, ec);
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name > b.name; });
  return out;
}

Result<void> make_folder(const std::string& folder) {
  std::error_code ec;
  if (std::filesystem::is_directory(folder, ec)) return {};
  if (::mkdir(folder.c_str(), 0700) == 0) return {};
  return file_error("cannot make the folder " + folder + " for backups", last_error());
}

// A copy that does not fit would leave the store beside it without room, for a moment: it is not
// begun.
Result<void> has_room(const std::string& path, const std::string& folder) {
  std::error_code ec, log;
  std::uintmax_t bytes = std::filesystem::file_size(path, ec);
  if (ec) return file_error("cannot read " + path, ec);
  if (const std::uintmax_t more = std::filesystem::file_size(path + "-wal", log); !log)
    bytes += more;
  const auto space = std::filesystem::space(folder, ec);
  if (ec || space.available >= bytes + limits::kBackupSpare) return {};
  return fail(Errc::io, folder + " has " + megabytes(space.available) +
                            " of room, and a backup may need " + megabytes(bytes) + " and leaves " +
                            megabytes(limits::kBackupSpare) + " free");
}

Result<BackupAnswer> make(const std::string& path, const std::string& folder, WallTime now,
                          const std::atomic<bool>& give_up) {
  if (auto made = make_folder(folder); !made) return made.error();
  const auto before = list(folder);
  if (!before) return before.error();
  if (before->size() >= limits::kBackups)
    return fail(Errc::limit, "there are " + std::to_string(before->size()) + " backups in " +
                                 folder + ", as many as are kept: remove one first");
  const std::string name = backup_name(now), whole = folder + "/" + name;
  std::error_code ec;
  if (std::filesystem::exists(whole, ec))
    return fail(Errc::conflict, name + " is there already: ask again in a second");
  const std::string unfinished = folder + "/" + kUnfinished;
  for (const char* part : {"", "-journal"}) std::filesystem::remove(unfinished + part, ec);
  if (auto room = has_room(path, folder); !room) return room.error();
  if (auto copied = back_up(path, unfinished, &give_up); !copied) return copied.error();
  std::filesystem::rename(unfinished, whole, ec);
  if (ec) return file_error("cannot make " + whole, ec);
  if (auto synced = sync_folder(folder); !synced) return synced.error();
  const std::uintmax_t bytes = std::filesystem::file_size(whole, ec);
  BackupAnswer answer;
  answer.backups.push_back({name, ec ? 0 : bytes, *backup_made(name)});
  return answer;
}

}  // namespace

std::string backup_name(WallTime now) {
  std::string text = time_text(now).substr(0, 19);
  std::replace(text.begin(), text.end(), ':', '-');
  return text + "Z.db";
}

std::optional<WallTime> backup_made(std::string_view name) {
  if (name.size() != kNameShape.size()) return std::nullopt;
  std::string text{name.substr(0, 20)};
  text[13] = text[16] = ':';
  const auto made = parse_time(text);
  if (!made || backup_name(*made) != name) return std::nullopt;
  return *made;
}

Result<BackupAnswer> serve_backups(const BackupRequest& request, const std::string& path,
                                   const std::string& folder, const std::atomic<bool>& give_up) {
  if (request.what == What::make) return make(path, folder, request.now, give_up);
  BackupAnswer answer;
  if (request.what == What::list) {
    auto all = list(folder);
    if (!all) return all.error();
    answer.backups = std::move(*all);
    return answer;
  }
  const std::string file = folder + "/" + request.name;
  std::error_code ec;
  if (!backup_made(request.name) || !std::filesystem::is_regular_file(file, ec))
    return fail(Errc::not_found, "there is no backup " + usher::quoted(request.name));
  if (request.what == What::remove) {
    if (!std::filesystem::remove(file, ec) && ec) return file_error("cannot remove " + file, ec);
    return answer;
  }
  if (request.what == What::piece) {
    std::ifstream in(file, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(request.offset));
    answer.piece.resize(kBackupPiece);
    in.read(answer.piece.data(), static_cast<std::streamsize>(kBackupPiece));
    answer.piece.resize(static_cast<std::size_t>(in.gcount()));
    if (answer.piece.empty()) return fail(Errc::io, "cannot read " + file);
    return answer;
  }
  auto held = read_configuration(file, request.now);
  if (!held) return held.error();
  answer.held = std::move(*held);
  return answer;
}

}  // namespace usher::storage
