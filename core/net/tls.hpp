// TLS 1.2 and 1.3 (RFC 5246, 8446) on stream connections, by OpenSSL: what each side needs to prove
// itself, and the channel of one connection. Owned by the reactor thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/net/channel.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

struct ssl_ctx_st;

namespace usher::net {

enum class TlsRole : std::uint8_t { server, client };

// PEM files; an empty path: none.
struct TlsFiles {
  std::string certificate;  // the chain, our own first; a server must have one
  std::string key;          // of the first; must not be encrypted
  // Server: clients must present a certificate signed by one of these. Client: who may sign a
  // server's; without it, those that the system trusts.
  std::string authorities;
  // Client: only the first certificate of this file is a server's, and whoever shows that one is,
  // whatever its name, signer and time.
  std::string server{};
  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

struct TlsFault {
  enum class What : std::uint8_t { certificate, key, authorities, server } what;
  std::string reason;  // "edge.pem: expired on 2024-01-01 00:00:00 UTC"
};

class TlsContext {
 public:
  explicit TlsContext(TlsRole role) : role_(role) {}

  // Reads the files. With faults (unreadable, no PEM, outside its time at `now`, a key of another
  // certificate) nothing changes: what was loaded last goes on. Connections that are up keep what
  // they began with.
  std::vector<TlsFault> load(const TlsFiles& files, WallTime now);
  bool loaded() const { return context_ != nullptr; }
  // The end of our own certificate's time; nothing when there is none.
  std::optional<WallTime> expires() const { return expires_; }

  // The channel of a connected socket. A client checks that the server's certificate is for one of
  // `names` (host names or IP addresses as text; RFC 5922 §7.2 without its URIs; with
  // TlsFiles::server there are none), and sends the first host name as SNI. Null: the library has
  // no memory.
  std::unique_ptr<Channel> channel(int fd, const std::vector<std::string>& names) const;

 private:
  TlsRole role_;
  std::shared_ptr<ssl_ctx_st> context_;
  std::optional<WallTime> expires_;
};

}  // namespace usher::net
