// How the bytes of a stream connection cross its socket: in the clear, or under TLS (tls.hpp).
// Nothing blocks and nothing is buffered here: what cannot go on says what it waits for.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace usher::net {

class Channel {
 public:
  enum class Outcome : std::uint8_t {
    done,
    wait_read,   // again when the socket can be read
    wait_write,  // again when the socket can be written
    failed,
  };
  struct Io {
    Outcome outcome = Outcome::done;
    std::size_t bytes = 0;
    std::string reason{};  // of a failure, in words
  };
  static Io done(std::size_t bytes) { return {Outcome::done, bytes}; }
  static Io failed(std::string reason) { return {Outcome::failed, 0, std::move(reason)}; }

  virtual ~Channel() = default;
  // To be repeated until done; before that nothing else is called.
  virtual Io handshake() { return done(0); }
  virtual Io read(char* into, std::size_t most) = 0;
  // May take less than all of it.
  virtual Io write(std::span<const iovec> pieces) = 0;
  // Says good-bye where the protocol has a word for it. The socket is closed by its owner.
  virtual void close() {}
};

// The largest piece that read() is asked for: a whole TLS record fits, so that none is left inside
// the TLS library where the system does not see it.
inline constexpr std::size_t kChannelRead = 16384;

class PlainChannel final : public Channel {
 public:
  explicit PlainChannel(int fd) : fd_(fd) {}
  Io read(char* into, std::size_t most) override;
  Io write(std::span<const iovec> pieces) override;

 private:
  int fd_;
};

}  // namespace usher::net
