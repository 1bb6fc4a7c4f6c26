#include "admin/router.hpp"

#include <algorithm>

#include "core/check.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

bool takes_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

// The media types a body may come as. curl's -d says x-www-form-urlencoded by itself; what counts
// is that the body is JSON.
bool is_accepted_type(std::string_view content_type, std::string_view method) {
  std::string type = lower(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  return type.empty() || type == "application/json" ||
         type == "application/x-www-form-urlencoded" ||
         (type == "application/merge-patch+json" && method == "PATCH");
}

std::string either(const std::vector<std::string>& types) {
  std::string out;
  for (const std::string& type : types) out.append(out.empty() ? "" : " or ").append(type);
  return out;
}

// The query into call.query; an answer when it is refused.
std::optional<Answer> read_query(const Route& route, std::string_view query, Call& call) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const Result<std::string> name = percent_decode_query(pair.substr(0, equals));
    const Result<std::string> value = percent_decode_query(
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
    if (!name || !value) {
      const std::string& what = (!name ? name : value).error().message;
      return problem(400, "query", what, {{name ? escaped(*name) : "query", what}});
    }
    if (std::find(route.query.begin(), route.query.end(), *name) == route.query.end()) {
      std::string what = "unknown query parameter " + usher::quoted(*name);
      for (const std::string& known : route.query)
        what += (&known == &route.query.front() ? ": known are " : ", ") + known;
      return problem(400, "query", what, {{escaped(*name).substr(0, 80), what}});
    }
    if (!call.query.emplace(*name, *value).second) {
      return problem(400, "query", "query parameter " + usher::quoted(*name) + " stands twice",
                     {{*name, "stands twice"}});
    }
  }
  return std::nullopt;
}

std::optional<Answer> read_body(const Route& route, const Request& request, Call& call) {
  if (!takes_body(request.method)) {
    if (request.body.empty()) return std::nullopt;
    return problem(400, "body", request.method + " takes no body");
  }
  if (route.bodiless && request.body.empty()) {
    call.body = Json::Object{};
    return std::nullopt;
  }
  if (const std::string* type = request.header("content-type");
      type && !is_accepted_type(*type, request.method)) {
    Answer answer = problem(415, "media-type",
                            "the body must be application/json, not " + usher::quoted(*type));
    answer.headers.emplace_back(request.method == "PATCH" ? "Accept-Patch" : "Accept",
                                request.method == "PATCH"
                                    ? "application/merge-patch+json, application/json"
                                    : "application/json");
    return answer;
  }
  if (request.header("content-encoding"))
    return problem(415, "media-type", "the body must not be encoded");
  Result<Json> body = parse_json(request.body);
  if (!body)
    return problem(400, "json", "the body is not acceptable JSON: " + body.error().message);
  if (!body->object()) {
    return problem(400, "json",
                   "the body must be a JSON object, found " + std::string(kind_of(*body)));
  }
  call.body = std::move(*body);
  return std::nullopt;
}

}  // namespace

const std::string& Call::segment(std::string_view name) const {
  const auto found = path.find(name);
  USHER_CHECK(found != path.end());
  return found->second;
}

std::string Call::parameter(std::string_view name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string{} : found->second;
}

void Router::add(Route route) {
  auto segments = split(route.pattern, false);
  USHER_CHECK(segments.has_value());
  entries_.push_back(Entry{std::move(*segments)});
  routes_.push_back(std::move(route));
}

void Router::add(std::string method, std::string pattern, std::vector<std::string> query,
                 std::function<Answer(const Call&)> handler) {
  Route route;
  route.method = std::move(method);
  route.pattern = std::move(pattern);
  route.query = std::move(query);
  route.handler = [handler = std::move(handler)](const Call& call, const Respond& respond) {
    respond(handler(call));
  };
  add(std::move(route));
}

void Router::add_write(std::string method, std::string pattern, Handler handler,
                       std::vector<std::string> query) {
  Route route;
  route.query = std::move(query);
  route.method = std::move(method);
  route.pattern = std::move(pattern);
  route.handler = std::move(handler);
  add(std::move(route));
}

std::optional<std::vector<std::string>> Router::split(std::string_view path, bool decode) const {
  if (path.empty() || path.front() != '/') return std::nullopt;
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = path.find('/');
    const std::string_view segment = path.substr(0, end);
    if (decode) {
      Result<std::string> text = percent_decode(segment);
      if (!text) return std::nullopt;
      segments.push_back(std::move(*text));
    } else {
      segments.emplace_back(segment);
    }
    path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
  }
  return segments;
}

bool Router::matches(std::size_t route, const std::vector<std::string>& path, Call* call) const {
  const auto& pattern = entries_[route].segments;
  if (pattern.size() != path.size()) return false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool variable = pattern[i].size() > 2 && pattern[i].front() == '{';
    if (variable ? path[i].empty() : pattern[i] != path[i]) return false;
    if (variable && call) call->path[pattern[i].substr(1, pattern[i].size() - 2)] = path[i];
  }
  return true;
}

bool Router::is_open(std::string_view target) const {
  const auto path = split(target.substr(0, target.find('?')), true);
  if (!path) return false;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (matches(i, *path, nullptr)) return routes_[i].open;
  }
  return false;
}

bool Router::is_slow(std::string_view target) const {
  const auto path = split(target.substr(0, target.find('?')), true);
  if (!path) return false;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (routes_[i].method == "GET" && matches(i, *path, nullptr)) return routes_[i].slow;
  }
  return false;
}

void Router::dispatch(const Request& request, Respond respond) const {
  const std::string_view target = request.target;
  const auto mark = target.find('?');
  const auto path = split(target.substr(0, mark), true);
  if (!path)
    return respond(
        problem(400, "target",
                "the path " + usher::quoted(target.substr(0, mark)) + " is not well formed"));

  const std::string_view method =
      request.method == "HEAD" ? "GET" : std::string_view(request.method);
  std::vector<std::string> allowed;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    if (!matches(i, *path, nullptr)) continue;
    const Route& route = routes_[i];
    if (route.method != method) {
      allowed.push_back(route.method);
      if (route.method == "GET") allowed.emplace_back("HEAD");
      continue;
    }
    Call call;
    matches(i, *path, &call);
    call.request = &request;
    if (auto refused = read_query(
            route, mark == std::string_view::npos ? "" : target.substr(mark + 1), call)) {
      return respond(std::move(*refused));
    }
    const std::string* accept = request.header("accept");
    if (accept && method != "DELETE" &&
        std::none_of(route.produces.begin(), route.produces.end(),
                     [&](const std::string& type) { return accepts(*accept, type); })) {
      return respond(problem(406, "not-acceptable", "this resource is " + either(route.produces)));
    }
    if (auto refused = read_body(route, request, call)) return respond(std::move(*refused));
    if (request.method == "HEAD") {
      respond = [inner = std::move(respond)](Answer answer) {
        answer.omit_body = true;
        inner(std::move(answer));
      };
    }
    return route.handler(call, std::move(respond));
  }
  if (allowed.empty())
    return respond(
        problem(404, "not-found", "there is nothing at " + usher::quoted(target.substr(0, mark))));
  Answer answer = problem(405, "method", usher::quoted(request.method) + " is not possible here");
  std::string list;
  for (const std::string& name : allowed) list += (list.empty() ? "" : ", ") + name;
  answer.headers.emplace_back("Allow", std::move(list));
  respond(std::move(answer));
}

}  // namespace usher::admin
