// From method and path to a handler, with everything that HTTP wants checked before it: 404, 405,
// 406, 415, strict query parameters, a body that is one JSON object.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/json.hpp"
#include "admin/message.hpp"
#include "core/result.hpp"

namespace usher::admin {

// One request that found its route.
struct Call {
  std::map<std::string, std::string, std::less<>> path;   // {name} → decoded segment
  std::map<std::string, std::string, std::less<>> query;  // decoded; only names the route knows
  Json body;                                              // an object, for routes that take one
  const Request* request = nullptr;                       // until the handler returns

  const std::string& segment(std::string_view name) const;
  std::string parameter(std::string_view name) const;  // empty when absent
};

using Handler = std::function<void(const Call&, Respond)>;

struct Route {
  std::string method;                                     // "GET" answers HEAD too
  std::string pattern;                                    // "/v1/domains/{domain}"
  std::vector<std::string> query;                         // names of the parameters it knows
  std::vector<std::string> produces{"application/json"};  // one of them
  bool open = false;                                      // answered without a token
  bool bodiless = false;  // takes a body, and none at all as an empty object
  bool slow = false;      // takes the store's time: asked for nothing but itself
  Handler handler;
};

class Router {
 public:
  void add(Route route);
  // A handler that knows its answer at once.
  void add(std::string method, std::string pattern, std::vector<std::string> query,
           std::function<Answer(const Call&)> handler);
  // A handler that answers when the store has.
  void add_write(std::string method, std::string pattern, Handler handler,
                 std::vector<std::string> query = {});

  const std::vector<Route>& routes() const { return routes_; }
  // Whether the path may be asked without a token.
  bool is_open(std::string_view target) const;
  // Whether a GET of it is slow.
  bool is_slow(std::string_view target) const;
  void dispatch(const Request& request, Respond respond) const;

 private:
  struct Entry {
    std::vector<std::string> segments;
  };
  std::optional<std::vector<std::string>> split(std::string_view path, bool decode) const;
  bool matches(std::size_t route, const std::vector<std::string>& path, Call* call) const;

  std::vector<Route> routes_;
  std::vector<Entry> entries_;
};

// RFC 3986 §2.1. Errc::syntax: a bad escape, or one of NUL.
Result<std::string> percent_decode(std::string_view text);
// The same, where "+" is a space (query parameters).
Result<std::string> percent_decode_query(std::string_view text);
// All but unreserved characters escaped.
std::string percent_encode(std::string_view text);

// Whether a media type satisfies an Accept header's value (RFC 9110 §12.5.1); an absent or empty
// one accepts all.
bool accepts(std::string_view accept, std::string_view media_type);

}  // namespace usher::admin
