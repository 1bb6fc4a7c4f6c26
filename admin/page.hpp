// The page at /: files that the build made from admin/web, served as they are. They hold nothing of
// the edge, so they need no token; what they show comes from the API, which does.
#pragma once

#include <span>
#include <string_view>

#include "admin/router.hpp"

namespace usher::admin {

struct PageFile {
  std::string_view path;  // "/", or "/assets/NAME", which holds the content's hash
  std::string_view content_type;
  std::string_view etag;  // quoted, as RFC 9110 §8.8.3 wants it
  std::string_view bytes;
  bool gzip = false;  // bytes are compressed
};

// Empty in a build without the page. Defined by a file that the build makes (cmake/page.cmake).
std::span<const PageFile> page_files();

inline bool has_page() {
  return !page_files().empty();
}

// "/" and "/assets/{name}".
void add_page(Router& router);

}  // namespace usher::admin
