// An HTTP request and its answer as the resources see them: plain values, whatever carries them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/json.hpp"

namespace usher::admin {

using Header = std::pair<std::string, std::string>;

struct Request {
  std::string method;
  std::string target;           // path and query, as sent
  std::vector<Header> headers;  // in order
  std::string body;
  std::string peer;  // who sent it, for the log

  // The first value of this name (compared without case); null when there is none.
  const std::string* header(std::string_view name) const;
};

// A body without an end, or too large for memory, asked for piece by piece: what its client has not
// taken yet is never more than one piece.
class Stream {
 public:
  virtual ~Stream() = default;
  // The next piece, about `most` bytes at most; empty: there is nothing now, or it is over.
  virtual std::string take(std::size_t most) = 0;
  // Nothing will come any more. The Answer's headers tell the length of such a body.
  virtual bool over() const { return false; }
  // Sent when there has been nothing for a while, so that a client who is gone shows.
  virtual std::string idle() const = 0;
};

struct Answer {
  int status = 200;
  std::string content_type;  // empty with an empty body
  std::string body;
  std::vector<Header> headers;       // further ones: Allow, Location, …
  bool omit_body = false;            // HEAD: only the body's length is sent
  std::shared_ptr<Stream> stream{};  // instead of a body
  bool asked_only = false;           // to a request of a write's method: nothing has changed
};

// Takes the answer to one request. Called exactly once, on the thread that asked, possibly before
// handle() returns.
using Respond = std::function<void(Answer)>;

Answer json_answer(int status, const Json& body);
Answer no_content();

// One thing that is wrong with a request. Fields are named as in "weight", "health.interval",
// "sources[1]".
struct Fault {
  std::string field;
  std::string detail;
  friend bool operator==(const Fault&, const Fault&) = default;
};

// A problem document (RFC 9457). `kind` ends its type: "urn:usher:problem:conflict".
Answer problem(int status, std::string_view kind, std::string detail,
               std::vector<Fault> faults = {});
// 422: the body is JSON, but these fields are not acceptable. At least one fault.
Answer invalid(std::vector<Fault> faults);
// 404 for a record: `what` is "domain \"a.test\"".
Answer absent(std::string_view what);

std::string_view status_phrase(int status);

}  // namespace usher::admin
