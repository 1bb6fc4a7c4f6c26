#include "admin/page.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace usher::admin {

namespace {

// Nothing from elsewhere, nothing inline, no frame around it, and no form that goes anywhere.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' "
    "data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

constexpr std::string_view kNoPage =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Usher</title>\n"
    "<h1>Usher runs. This build has no page.</h1>\n"
    "<p>It was built without npm. REST is described at <a "
    "href=\"/v1/openapi.yaml\">/v1/openapi.yaml</a>; on the command line, <code>usher "
    "status</code>.</p>\n</html>\n";

Answer with_headers(Answer answer) {
  answer.headers.emplace_back("Content-Security-Policy", kPolicy);
  answer.headers.emplace_back("Referrer-Policy", "no-referrer");
  return answer;
}

bool is_known(const Call& call, const PageFile& file) {
  const std::string* tags = call.request->header("if-none-match");
  return tags && tags->find(file.etag) != std::string::npos;
}

Answer serve(const PageFile& file, const Call& call) {
  Answer answer;
  answer.headers.emplace_back("ETag", file.etag);
  // The assets' names change with their content; "/" is asked for anew each time.
  answer.headers.emplace_back(
      "Cache-Control", file.path == "/" ? "no-cache" : "public, max-age=31536000, immutable");
  if (is_known(call, file)) {
    answer.status = 304;
    return with_headers(std::move(answer));
  }
  if (file.gzip) answer.headers.emplace_back("Content-Encoding", "gzip");
  answer.content_type = file.content_type;
  answer.body = file.bytes;
  return with_headers(std::move(answer));
}

Answer find(const std::string& path, const Call& call) {
  const auto files = page_files();
  const auto file =
      std::find_if(files.begin(), files.end(), [&](const PageFile& f) { return f.path == path; });
  return file == files.end() ? absent("file " + path) : serve(*file, call);
}

void add_open(Router& router, std::string pattern, std::vector<std::string> produces,
              Answer (*handler)(const Call&)) {
  Route route;
  route.method = "GET";
  route.pattern = std::move(pattern);
  route.produces = std::move(produces);
  route.open = true;
  route.handler = [handler](const Call& call, const Respond& respond) { respond(handler(call)); };
  router.add(std::move(route));
}

}  // namespace

void add_page(Router& router) {
  add_open(router, "/", {"text/html"}, [](const Call& call) {
    if (has_page()) return find("/", call);
    return with_headers(Answer{200, "text/html; charset=utf-8", std::string(kNoPage), {}, false});
  });
  add_open(router, "/assets/{name}", {"text/javascript", "text/css", "image/svg+xml"},
           [](const Call& call) { return find("/assets/" + call.segment("name"), call); });
}

}  // namespace usher::admin
