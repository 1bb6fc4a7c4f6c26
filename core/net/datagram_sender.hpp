// Datagrams to one place that nobody answers and nobody waits for: what the system does not take at
// once is lost and counted. No queue, no wait. Of the reactor thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/net/address.hpp"
#include "core/result.hpp"

namespace usher::net {

class DatagramSender {
 public:
  struct Counts {
    std::uint64_t sent = 0;  // taken by the system
    // Not taken (its buffer full, no route, too large), or reported unreachable later (ICMP): these
    // have been counted as sent too.
    std::uint64_t lost = 0;
  };

  DatagramSender() = default;
  ~DatagramSender();
  DatagramSender(const DatagramSender&) = delete;
  DatagramSender& operator=(const DatagramSender&) = delete;

  // From any address and port of ours; to be called once. A server that there is no way to now may
  // be reached later. Errc::io, with the operating system's text: there is no socket.
  Result<void> open(const Endpoint& server);
  // False: this one is lost, or an earlier one has been. Nothing is sent before open().
  bool send(std::string_view datagram);
  // Of the last loss, in the operating system's words; empty: there was none.
  const std::string& trouble() const { return trouble_; }
  const Counts& counts() const { return counts_; }

 private:
  bool connect();

  int socket_ = -1;
  bool connected_ = false;
  Endpoint server_;
  Counts counts_;
  std::string trouble_;
};

}  // namespace usher::net
