// The administration of one edge: a request in, an answer out, whatever carries them.
#pragma once

#include <memory>
#include <vector>

#include "admin/message.hpp"
#include "admin/router.hpp"
#include "admin/service.hpp"

namespace usher::admin {

// Lives on the reactor thread. Destroyed before what its Service borrows; answers that are still
// owed are given then.
class Api {
 public:
  explicit Api(Service service);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  const std::vector<Route>& routes() const;

 private:
  friend void handle(Api& api, const Request& request, Respond respond);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Answers one request: who may, where to, what. A write is answered when it is durable and live;
// all else at once.
void handle(Api& api, const Request& request, Respond respond);

}  // namespace usher::admin
