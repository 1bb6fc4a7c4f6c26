// The certificates of a configuration: one for each TLS and WSS listener, the administration's, and
// our side of TLS towards backends. Files that change are read again while the process runs; bad
// ones leave the last good ones in force.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config.hpp"
#include "core/net/flow.hpp"
#include "core/net/tls.hpp"
#include "core/reactor.hpp"

namespace usher::net {

class Certificates {
 public:
  Certificates();
  ~Certificates();
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  // Reads all of them; with faults the process cannot start.
  std::vector<ConfigFault> load(const Config& config, WallTime now);

  struct Change {
    bool good = false;
    std::string text;  // for the log: which key, which file, what now holds
  };
  // Reads again those whose files have changed since they were read or could not be used (what was
  // wrong is told once), and tells of those that will end soon.
  std::vector<Change> refresh(WallTime now);
  // refresh() every few seconds from now on; `tell` gets what it found.
  void watch(Reactor& reactor, std::function<void(const Change&)> tell);

  // Null: the listener has none.
  const TlsContext* server(ListenerId listener) const;
  const TlsContext& client() const { return client_.context; }
  // Null: the administration has none.
  const TlsContext* admin() const { return admin_ ? &admin_->context : nullptr; }

  struct Expiry {
    std::string key;  // "listen[1].certificate"
    WallTime at;
  };
  std::vector<Expiry> expiries() const;

 private:
  struct Entry {
    explicit Entry(TlsRole role) : context(role) {}
    TlsContext context;
    TlsFiles files;
    std::string section;              // "listen[1]", "admin", "tls"
    std::string authorities;          // the key's name: "client_ca", "ca"
    std::string stamp;                // of the files as they were read last
    std::vector<std::string> faults;  // what was wrong with them then, as it was told
    int told_stage = 0;               // how near its end it was when that was told last; 0: far
  };
  static std::string key_of(const Entry& entry, TlsFault::What what);
  void look_at_end(Entry& entry, WallTime now, std::vector<Change>& out);
  void refresh(Entry& entry, WallTime now, std::vector<Change>& out);

  std::map<ListenerId, Entry> servers_;
  std::optional<Entry> admin_;
  Entry client_{TlsRole::client};
  std::string file_;
  struct Watch;
  std::unique_ptr<Watch> watch_;
};

}  // namespace usher::net
