// Strangers' packets in number, for the benchmarks: INVITE, REGISTER and OPTIONS for a domain that
// nobody has, and OPTIONS of a scanner, in turn, each with a user, a Call-ID and a branch of its
// own. Loopback only.
//
//   flood IP PORT one|new RATE SECONDS
//
// `one`: all from the source 127.254.254.1; `new`: each from another one, 127.x.y.z with x, y and z
// from 1 to 254. RATE is packets a second, 0 as many as the machine can. Prints a line of JSON when
// the time is over: how many were sent, in how many seconds.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 64;
constexpr itimerspec kTicks{{0, 1'000'000}, {0, 1'000'000}};  // each millisecond
constexpr std::string_view kNumber = "########";              // where a packet's own number stands

constexpr std::string_view kCommon =
    "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK########;rport\r\n"
    "From: <sip:########@unknown.test>;tag=########\r\n"
    "Max-Forwards: 70\r\n"
    "Call-ID: ########@192.0.2.7\r\n"
    "Contact: <sip:########@192.0.2.7:5060>\r\n";
constexpr std::string_view kSdp =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";

std::array<std::string, 4> templates() {
  const std::string common{kCommon};
  const std::string phone = "User-Agent: Telephone 1.0\r\n", empty = "Content-Length: 0\r\n\r\n";
  return {"INVITE sip:00441000@unknown.test SIP/2.0\r\n" + common +
              "To: <sip:00441000@unknown.test>\r\nCSeq: 1 INVITE\r\n" + phone +
              "Content-Type: application/sdp\r\nContent-Length: " + std::to_string(kSdp.size()) +
              "\r\n\r\n" + std::string{kSdp},
          "REGISTER sip:unknown.test SIP/2.0\r\n" + common +
              "To: <sip:########@unknown.test>\r\nCSeq: 1 REGISTER\r\nExpires: 3600\r\n" + phone +
              empty,
          "OPTIONS sip:100@unknown.test SIP/2.0\r\n" + common +
              "To: <sip:100@unknown.test>\r\nCSeq: 1 OPTIONS\r\nAccept: application/sdp\r\n" +
              phone + empty,
          "OPTIONS sip:100@unknown.test SIP/2.0\r\n" + common +
              "To: <sip:100@unknown.test>\r\nCSeq: 1 OPTIONS\r\n"
              "User-Agent: friendly-scanner\r\nAccept: application/sdp\r\n" +
              empty};
}

struct Packet {
  std::string text;
  std::vector<std::size_t> numbers;  // where in the text

  explicit Packet(std::string of) : text(std::move(of)) {
    for (std::size_t at = 0; (at = text.find(kNumber, at)) != text.npos; at += kNumber.size())
      numbers.push_back(at);
  }
  void set(std::uint32_t number) {
    std::array<char, kNumber.size()> digits;
    for (std::size_t i = digits.size(); i-- > 0; number >>= 4)
      digits[i] = "0123456789abcdef"[number & 15];
    for (const std::size_t at : numbers)
      std::memcpy(text.data() + at, digits.data(), digits.size());
  }
};

// 127.x.y.z in network order; all 254³ of them before one comes again.
in_addr source(std::uint32_t number) {
  const std::uint32_t z = number % 254 + 1, y = number / 254 % 254 + 1,
                      x = number / (254 * 254) % 254 + 1;
  return {htonl(127u << 24 | x << 16 | y << 8 | z)};
}

class Sender {
 public:
  Sender(const sockaddr_in& to, bool new_sources)
      : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), to_(to), new_sources_(new_sources) {
    packets_.reserve(kBatch);
    const auto kinds = templates();
    for (std::size_t i = 0; i < kBatch; ++i) {
      packets_.emplace_back(kinds[i % kinds.size()]);
      vectors_[i] = {packets_[i].text.data(), packets_[i].text.size()};
      msghdr& header = messages_[i].msg_hdr;
      header.msg_name = &to_;
      header.msg_namelen = sizeof to_;
      header.msg_iov = &vectors_[i];
      header.msg_iovlen = 1;
      header.msg_control = controls_[i].bytes;
      header.msg_controllen = sizeof controls_[i].bytes;
    }
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // Blocks while the socket's own buffer is full. False: errno says why.
  bool send(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto number = static_cast<std::uint32_t>(sent_ + i);
      packets_[i].set(number);
      controls_[i].set(new_sources_ ? source(number) : in_addr{htonl(0x7ffefe01)});
    }
    for (std::size_t done = 0; done < count;) {
      const int now =
          sendmmsg(fd_, messages_.data() + done, static_cast<unsigned>(count - done), MSG_NOSIGNAL);
      if (now < 0 && errno == EINTR) continue;
      if (now < 0) return false;
      done += static_cast<std::size_t>(now);
      sent_ += static_cast<std::uint64_t>(now);
    }
    return true;
  }

  bool good() const { return fd_ >= 0; }
  std::uint64_t sent() const { return sent_; }

 private:
  // ip(7), IP_PKTINFO: which address the packet leaves from.
  struct Control {
    alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(in_pktinfo))] = {};

    void set(in_addr from) {
      cmsghdr header{};
      header.cmsg_level = IPPROTO_IP;
      header.cmsg_type = IP_PKTINFO;
      header.cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
      in_pktinfo info{};
      info.ipi_spec_dst = from;
      std::memcpy(bytes, &header, sizeof header);
      std::memcpy(bytes + CMSG_LEN(0), &info, sizeof info);
    }
  };
  int fd_;
  sockaddr_in to_;
  bool new_sources_;
  std::uint64_t sent_ = 0;
  std::vector<Packet> packets_;
  std::array<iovec, kBatch> vectors_{};
  std::array<mmsghdr, kBatch> messages_{};
  std::array<Control, kBatch> controls_{};
};

// Evenly, a thousandth of the rate each millisecond; what a late wake-up has missed follows at
// once.
bool run(Sender& sender, std::uint64_t rate, std::chrono::seconds seconds) {
  const int ticks = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  if (ticks < 0 || timerfd_settime(ticks, 0, &kTicks, nullptr) != 0) return false;
  const auto began = Clock::now();
  while (Clock::now() - began < seconds) {
    if (rate == 0) {
      if (!sender.send(kBatch)) return false;
      continue;
    }
    std::uint64_t expired = 0;
    if (read(ticks, &expired, sizeof expired) < 0 && errno != EINTR) return false;
    const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(
        std::min<Clock::duration>(Clock::now() - began, seconds));
    const std::uint64_t due = static_cast<std::uint64_t>(passed.count()) * rate / 1'000'000;
    while (sender.sent() < due) {
      if (!sender.send(std::min<std::uint64_t>(kBatch, due - sender.sent()))) return false;
    }
  }
  const std::chrono::duration<double> took = Clock::now() - began;
  std::printf("{\"sent\": %llu, \"seconds\": %.3f}\n",
              static_cast<unsigned long long>(sender.sent()), took.count());
  return true;
}

std::optional<std::uint64_t> number(std::string_view text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  std::optional<std::uint64_t> port, rate, seconds;
  if (words.size() == 5 && inet_pton(AF_INET, argv[1], &to.sin_addr) == 1 &&
      ntohl(to.sin_addr.s_addr) >> 24 == 127 && (words[2] == "one" || words[2] == "new")) {
    port = number(words[1], 65535);
    rate = number(words[3], 10'000'000);
    seconds = number(words[4], 600);
  }
  if (!port || !rate || !seconds) {
    std::fprintf(stderr, "flood IP PORT one|new RATE SECONDS, with an IP of 127.0.0.0/8\n");
    return 2;
  }
  to.sin_port = htons(static_cast<std::uint16_t>(*port));
  Sender sender{to, words[2] == "new"};
  if (!sender.good() || !run(sender, *rate, std::chrono::seconds(*seconds))) {
    std::fprintf(stderr, "flood: %s\n", std::strerror(errno));
    return 1;
  }
  return 0;
}
