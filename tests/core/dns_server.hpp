// A DNS server (RFC 1035) on a loopback address of its own, run by the test's reactor: A, CNAME,
// SRV and NAPTR records over UDP, NXDOMAIN for the rest; or SERVFAIL, or nothing at all.
#pragma once

#include <algorithm>
#include <array>
#include <boost/asio/ip/udp.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/net/address.hpp"
#include "core/reactor.hpp"

namespace usher::test {

class DnsServer {
 public:
  enum Type : int { a = 1, cname = 5, srv = 33, naptr = 35 };
  enum class Mood { answers, fails, silent };

  explicit DnsServer(Reactor& reactor)
      : socket_(reactor.context(), {boost::asio::ip::make_address("127.0.0.1"), std::uint16_t{0}}) {
    receive();
  }

  net::Endpoint endpoint() const {
    return {net::IpAddress::v4(0x7f000001), socket_.local_endpoint().port()};
  }

  void put_a(const std::string& name, const std::string& address, std::uint32_t ttl = 60) {
    const auto bytes = net::IpAddress::parse(address)->bytes();
    put(name, a, ttl, std::string(bytes.begin(), bytes.begin() + 4));
  }
  // An alias: it stands before the records of the name that it leads to.
  void put_alias(const std::string& name, const std::string& other, std::uint32_t ttl) {
    aliases_[name] = {ttl, other};
  }
  void put_srv(const std::string& name, int priority, int weight, int port, const std::string& host,
               std::uint32_t ttl = 60) {
    put(name, srv, ttl, number(priority) + number(weight) + number(port) + labels(host));
  }
  void put_naptr(const std::string& name, int order, int preference, const std::string& flags,
                 const std::string& service, const std::string& replacement) {
    put(name, naptr, 60,
        number(order) + number(preference) + text(flags) + text(service) + text("") +
            labels(replacement));
  }

  std::map<std::string, Mood> moods;  // of one name; else all answers
  Mood mood = Mood::answers;
  std::vector<std::string> asked;  // "33 _sip._udp.a.test", in order, each once

 private:
  struct Record {
    std::uint32_t ttl;
    std::string data;
  };

  static std::string number(int value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
  }
  static std::string text(const std::string& value) {
    return static_cast<char>(value.size()) + value;
  }
  static std::string labels(const std::string& name) {
    std::string out;
    for (std::size_t at = 0; at < name.size();) {
      const std::size_t dot = std::min(name.find('.', at), name.size());
      out += text(name.substr(at, dot - at));
      at = dot + 1;
    }
    return out + '\0';
  }

  static std::string line_of(const std::string& owner, int type, const Record& record) {
    return owner + number(type) + number(1) + number(static_cast<int>(record.ttl >> 16)) +
           number(static_cast<int>(record.ttl & 0xffff)) +
           number(static_cast<int>(record.data.size())) + record.data;
  }

  void put(const std::string& name, Type type, std::uint32_t ttl, std::string data) {
    zone_[{name, type}].push_back({ttl, std::move(data)});
  }

  void receive() {
    socket_.async_receive_from(boost::asio::buffer(buffer_), peer_,
                               [this](const boost::system::error_code& ec, std::size_t size) {
                                 if (ec) return;
                                 answer(std::string(buffer_.data(), size));
                                 receive();
                               });
  }

  void answer(const std::string& query) {
    std::string name;
    std::size_t at = 12;
    while (query.at(at) != 0) {
      const auto length = static_cast<unsigned char>(query.at(at));
      name += (name.empty() ? "" : ".") + query.substr(at + 1, length);
      at += length + 1U;
    }
    const int type = static_cast<unsigned char>(query.at(at + 2));
    const std::string question = query.substr(12, at + 5 - 12);
    const std::string line = std::to_string(type) + " " + name;
    if (std::find(asked.begin(), asked.end(), line) == asked.end()) asked.push_back(line);
    const auto own = moods.find(name);
    const Mood now = own == moods.end() ? mood : own->second;
    if (now == Mood::silent) return;
    const auto alias = aliases_.find(name);
    const auto found = zone_.find({alias == aliases_.end() ? name : alias->second.data, type});
    const bool fails = now == Mood::fails;
    const bool known = found != zone_.end() && !fails;
    const int count = known ? static_cast<int>(found->second.size()) : 0;
    std::string out = query.substr(0, 2) + "\x85" +
                      static_cast<char>(fails   ? 0x82
                                        : known ? 0x80
                                                : 0x83);
    const bool aliased = known && alias != aliases_.end();
    out += number(1) + number(count + (aliased ? 1 : 0)) + number(0) + number(0) + question;
    const std::string here{"\xc0\x0c"};
    if (aliased) out += line_of(here, cname, {alias->second.ttl, labels(alias->second.data)});
    for (int i = 0; i < count; ++i)
      out += line_of(aliased ? labels(alias->second.data) : here, type,
                     found->second[static_cast<std::size_t>(i)]);
    socket_.send_to(boost::asio::buffer(out), peer_);
  }

  boost::asio::ip::udp::socket socket_;
  boost::asio::ip::udp::endpoint peer_;
  std::array<char, 1500> buffer_{};
  std::map<std::pair<std::string, int>, std::vector<Record>> zone_;
  std::map<std::string, Record> aliases_;
};

}  // namespace usher::test
