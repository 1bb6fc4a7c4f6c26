// What one stream connection keeps for a peer that does not read.
#include "core/net/connection.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>

#include "core/limits.hpp"
#include "wire.hpp"

using namespace usher;
using namespace usher::net;
using namespace usher::test;

namespace {

// A socket that takes nothing until it is open, and what a test puts into it.
class Gate final : public Channel {
 public:
  explicit Gate(const bool& open) : open_(open) {}
  Io read(char*, std::size_t) override { return {Outcome::wait_read}; }
  Io write(std::span<const iovec> pieces) override {
    std::size_t all = 0;
    for (const iovec& piece : pieces) all += piece.iov_len;
    return open_ ? done(all) : Io{Outcome::wait_write};
  }

 private:
  const bool& open_;
};

struct House {
  bool open = false;
  std::size_t unsent = 0;
  boost::asio::io_context loop;

  Connection connection() {
    return {boost::asio::ip::tcp::socket(loop), Flow{},  true,  std::make_unique<LineFramer>(),
            std::make_unique<Gate>(open),       nullptr, unsent};
  }
};

}  // namespace

TEST_CASE("many small pieces cost what they cost, and it is given back") {
  House house;
  {
    Connection slow = house.connection();
    std::size_t pieces = 0;
    while (slow.queue(Bytes{"\r\n"}, true)) ++pieces;
    CHECK(pieces < limits::kConnectionQueueBytes / 64);
    CHECK(house.unsent <= limits::kConnectionQueueBytes);
    CHECK(house.unsent > limits::kConnectionQueueBytes - 200);
    house.open = true;
    CHECK_FALSE(slow.write().has_value());
    CHECK_FALSE(slow.has_queued());
    CHECK(house.unsent == 0);
    CHECK(slow.queue(Bytes{"\r\n"}, true));
    CHECK(house.unsent > 0);
  }
  CHECK(house.unsent == 0);
}

TEST_CASE("when all together keep too much, who has some unsent gets no more, and others do") {
  House house;
  const std::size_t others = limits::kUnsentBytes - 1000;
  house.unsent = others;
  Connection slow = house.connection(), quick = house.connection();
  CHECK(slow.queue(Bytes{std::string(600, 'x')}, true));
  CHECK_FALSE(slow.queue(Bytes{std::string(600, 'x')}, true));
  CHECK(quick.queue(Bytes{std::string(600, 'x')}, true));
  house.unsent -= others;  // these have been read
  CHECK(slow.queue(Bytes{std::string(600, 'x')}, true));
}
