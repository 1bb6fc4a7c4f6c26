// sofia-sip's parser and ours over the same messages in the same process, rounds interleaved,
// medians printed.
//
// "eager" is what every packet costs on arrival: structure and the header fields of
// parse/datagram.hpp. "touched" adds parsing the value of each known header field with its grammar
// function. sofia-sip parses all known header fields when it extracts a message, so its one figure
// stands beside both.
//
//   bench_parse [--rounds N] [--at-least RATIO] DIRECTORY...     exit 1 when a ratio is below RATIO
#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_parser.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "sip/parse/datagram.hpp"
#include "sip/parse/validate.hpp"

namespace {

using namespace usher;

// Processor time of this thread, so that a busy machine does not blur the figures.
double now_ns() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

constexpr std::string_view kInviteFromPhone =
    "INVITE sip:402@a.test;transport=udp SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.168.178.24:45891;branch=z9hG4bK-524287-1---3f1b7d7a4c0e9d2f;rport\r\n"
    "Max-Forwards: 70\r\n"
    "Contact: "
    "<sip:401@192.168.178.24:45891;line=zlpcjjt4;transport=udp>;reg-id=1;+sip.instance=\"<urn:uuid:"
    "7a3c1f0e-52c8-4b0a-9c54-0004132f1a2b>\"\r\n"
    "To: \"Reception\" <sip:402@a.test>\r\n"
    "From: \"Alice Example\" <sip:401@a.test>;tag=9f6b2c41\r\n"
    "Call-ID: 81264NjdhYzM2ZmU4N2I1YzQ0ZmRhYmUwMWZhOGQ5Mzg4MjQ\r\n"
    "CSeq: 2 INVITE\r\n"
    "Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE, UPDATE, "
    "PRACK\r\n"
    "Content-Type: application/sdp\r\n"
    "Supported: replaces, norefersub, extended-refer, timer, 100rel, outbound, path\r\n"
    "User-Agent: Deskphone T46U 108.86.0.90\r\n"
    "Allow-Events: presence, kpml, talk, hold, conference, refer, message-summary\r\n"
    "Session-Expires: 1800;refresher=uac\r\n"
    "Min-SE: 90\r\n"
    "Proxy-Authorization: Digest "
    "username=\"401\",realm=\"a.test\",nonce=\"1700764123/3bd31c1ea2bc3a8c29b0cdea8cb5fe9d\","
    "uri=\"sip:402@a.test;transport=udp\",response=\"5d1c4b1d6e4f8f6dfd8f27f1ae3d2a40\",cnonce="
    "\"f0a3c2b1\",nc=00000001,"
    "qop=auth,algorithm=MD5,opaque=\"5c3d0f1e\"\r\n"
    "Content-Length: 317\r\n"
    "\r\n"
    "v=0\r\n"
    "o=- 1700764123 1 IN IP4 192.168.178.24\r\n"
    "s=call\r\n"
    "c=IN IP4 192.168.178.24\r\n"
    "t=0 0\r\n"
    "m=audio 52014 RTP/AVP 8 0 9 18 101\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:18 G729/8000\r\n"
    "a=fmtp:18 annexb=no\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-16\r\n"
    "a=ptime:20\r\n"
    "a=sendrecv\r\n";

constexpr std::string_view kInviteThroughProxies =
    "INVITE sip:401~k3v9q2m1x8@10.0.1.5:5060 SIP/2.0\r\n"
    "Via: SIP/2.0/TCP "
    "10.0.1.100:5060;rport;branch=z9hG4bKPj1f9b6a5e-6a0b-4f4d-9a0a-7e0f2d0c1b2a;alias\r\n"
    "Via: SIP/2.0/TLS "
    "203.0.113.77:5061;received=203.0.113.77;branch=z9hG4bK4b43c2ff8.1;rport=31224\r\n"
    "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111;received=2001:db8::9:255\r\n"
    "Record-Route: <sip:203.0.113.77:5061;transport=tls;lr;ftag=as5ac11f2d;did=1c5.9a42>\r\n"
    "Record-Route: <sip:10.0.1.100;transport=tcp;lr>\r\n"
    "From: \"Caller, External\" <sip:+493012345678@pbx.example.net;user=phone>;tag=as5ac11f2d\r\n"
    "To: <sip:401@a.test>\r\n"
    "Contact: <sip:asterisk@10.0.1.100:5060;transport=tcp>\r\n"
    "Call-ID: 6f0d4a5c-3be1-4c7f-8c1b-5f3b6e2a9d10\r\n"
    "CSeq: 10231 INVITE\r\n"
    "Allow: OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, "
    "PRACK, INFO, MESSAGE, REFER\r\n"
    "Supported: 100rel, timer, replaces, norefersub, histinfo\r\n"
    "Session-Expires: 1800\r\n"
    "Min-SE: 90\r\n"
    "P-Asserted-Identity: \"Caller, External\" <sip:+493012345678@pbx.example.net>\r\n"
    "Diversion: <sip:402@a.test>;reason=unconditional;privacy=off\r\n"
    "Max-Forwards: 67\r\n"
    "User-Agent: Asterisk PBX 20.5.0\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: 236\r\n"
    "\r\n"
    "v=0\r\n"
    "o=- 831201771 831201771 IN IP4 10.0.1.100\r\n"
    "s=Asterisk\r\n"
    "c=IN IP4 10.0.1.100\r\n"
    "t=0 0\r\n"
    "m=audio 11852 RTP/AVP 8 0 101\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-16\r\n"
    "a=sendrecv\r\n";

std::string with_right_length(std::string_view message) {
  std::string out(message);
  const std::size_t body = out.find("\r\n\r\n") + 4;
  const std::size_t at = out.find("Content-Length: ") + 16;
  out.replace(at, out.find("\r\n", at) - at, std::to_string(out.size() - body));
  return out;
}

// Keeps results alive without storing them.
std::size_t sink = 0;

void sofia(const std::string& text) {
  msg_t* msg = msg_make(sip_default_mclass(), 0, text.data(), static_cast<ssize_t>(text.size()));
  const sip_t* sip = sip_object(msg);
  sink += sip && sip->sip_call_id ? 1 : 0;
  msg_destroy(msg);
}

void eager(const std::string& text) {
  const sip::Parsed parsed = sip::parse_datagram(Bytes(text));
  const auto* message = std::get_if<sip::MessageRef>(&parsed);
  sink += message ? (*message)->call_id().size() : 0;
}

void touched(const std::string& text) {
  const sip::Parsed parsed = sip::parse_datagram(Bytes(text));
  const auto* message = std::get_if<sip::MessageRef>(&parsed);
  if (!message) return;
  bool good = sip::validate(**message).has_value();
  for (const sip::HeaderField& h : (*message)->headers()) {
    // Not ours to judge, so validate() leaves them out; sofia-sip reads them.
    if (h.id == sip::HeaderId::authorization || h.id == sip::HeaderId::proxy_authorization ||
        h.id == sip::HeaderId::www_authenticate || h.id == sip::HeaderId::proxy_authenticate) {
      good = sip::validate_field(h.id, (*message)->value(h)).has_value() && good;
    }
  }
  sink += good ? 1 : 0;
}

// Nanoseconds for one message, all of `messages` in turn.
template <class F>
double time_round(const std::vector<std::string>& messages, F parse) {
  const std::size_t repeats = std::max<std::size_t>(1, 400 / messages.size());
  const double begin = now_ns();
  for (std::size_t i = 0; i < repeats; ++i) {
    for (const std::string& m : messages) parse(m);
  }
  return (now_ns() - begin) / static_cast<double>(repeats * messages.size());
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool run(const char* name, const std::vector<std::string>& messages, int rounds, double at_least) {
  std::size_t bytes = 0;
  for (const std::string& m : messages) bytes += m.size();
  std::vector<double> s, e, t;
  for (int i = 0; i < rounds; ++i) {
    s.push_back(time_round(messages, sofia));
    e.push_back(time_round(messages, eager));
    t.push_back(time_round(messages, touched));
  }
  const double sofia_ns = median(s), eager_ns = median(e), touched_ns = median(t);
  std::printf(
      "%-24s %4zu messages of %4zu bytes  sofia-sip %5.0f ns   eager %5.0f ns (%.1fx)   touched "
      "%5.0f ns (%.1fx)\n",
      name, messages.size(), bytes / messages.size(), sofia_ns, eager_ns, sofia_ns / eager_ns,
      touched_ns, sofia_ns / touched_ns);
  return sofia_ns / eager_ns >= at_least && sofia_ns / touched_ns >= at_least;
}

std::vector<std::string> read_directory(const std::string& path) {
  std::vector<std::string> out;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    out.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = 301;
  double at_least = 0;
  std::vector<std::string> directories;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--rounds" && i + 1 < argc) {
      rounds = std::max(1, std::atoi(argv[++i]));
    } else if (arg == "--at-least" && i + 1 < argc) {
      at_least = std::atof(argv[++i]);
    } else {
      directories.emplace_back(arg);
    }
  }
  if (directories.empty()) directories.emplace_back(USHER_SOURCE_DIR "/tests/corpus/rfc-flows");
  bool fast_enough =
      run("INVITE from a phone", {with_right_length(kInviteFromPhone)}, rounds, at_least);
  fast_enough &=
      run("INVITE through proxies", {with_right_length(kInviteThroughProxies)}, rounds, at_least);
  for (const std::string& directory : directories) {
    const std::vector<std::string> messages = read_directory(directory);
    if (messages.empty()) continue;
    fast_enough &=
        run(std::filesystem::path(directory).filename().c_str(), messages, rounds, at_least);
  }
  return fast_enough && sink != 0 ? 0 : 1;
}
