// The page's files over the API: open, under a strict policy, cached by what they hold.
#include "admin/page.hpp"

#include <doctest/doctest.h>

#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

TEST_CASE("the page needs no token, and tells its policy") {
  House house({}, "secret");
  const Reply page = house.ask("GET", "/");
  CHECK(page.status == 200);
  CHECK(page.type == "text/html; charset=utf-8");
  const std::string policy = page.header("Content-Security-Policy");
  CHECK(policy.rfind("default-src 'none'; ", 0) == 0);
  CHECK(policy.find("unsafe") == std::string::npos);
  CHECK(policy.find("http") == std::string::npos);
  CHECK(page.header("Referrer-Policy") == "no-referrer");
  CHECK(page.text.find("<!doctype html>") == 0);
  CHECK(house.ask("GET", "/v1/status").status == 401);
}

TEST_CASE("a build without the page says so, one with it names its assets by their content") {
  House house;
  const Reply page = house.ask("GET", "/");
  CHECK(house.ask("GET", "/v1/status")["page"].flag() != nullptr);
  CHECK(*house.ask("GET", "/v1/status")["page"].flag() == has_page());
  CHECK((page.text.find("This build has no page.") != std::string::npos) == !has_page());
  for (const PageFile& file : page_files()) {
    CAPTURE(file.path);
    const Reply reply = house.ask("GET", std::string(file.path));
    CHECK(reply.status == 200);
    CHECK(reply.text == file.bytes);
    CHECK(reply.header("ETag") == file.etag);
    CHECK((reply.header("Content-Encoding") == "gzip") == file.gzip);
    CHECK((reply.header("Cache-Control") == "no-cache") == (file.path == "/"));
    const Reply same =
        house.ask("GET", std::string(file.path), "", {{"If-None-Match", std::string(file.etag)}});
    CHECK(same.status == 304);
    CHECK(same.text.empty());
    CHECK(house.ask("GET", std::string(file.path), "", {{"If-None-Match", "\"other\""}}).status ==
          200);
    if (file.path != "/") CHECK(page.text.find(file.path) != std::string::npos);
  }
}

TEST_CASE("only the page's own files are served") {
  House house;
  CHECK(house.ask("GET", "/assets/page.js").status == 404);
  CHECK(house.ask("GET", "/assets/..%2Fopenapi.yaml").status == 404);
  CHECK(house.ask("GET", "/index.html").status == 404);
  CHECK(house.ask("POST", "/", "{}").status == 405);
}
