// What the copies of a store ask of the file system.
#pragma once

#include <string>
#include <system_error>

#include "core/result.hpp"

namespace usher::storage {

// Errc::io: "<what>: <why>".
Error file_error(const std::string& what, const std::error_code& why);
// Of the system call that failed just now.
std::error_code last_error();

// "." where `path` names none.
std::string folder_of(const std::string& path);

// To the disk: a file's data; a rename, through its folder. Errc::io.
Result<void> sync_file(const std::string& path);
Result<void> sync_folder(const std::string& folder);

}  // namespace usher::storage
