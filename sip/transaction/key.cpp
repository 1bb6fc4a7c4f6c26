#include "sip/transaction/key.hpp"

#include <boost/container/small_vector.hpp>
#include <cstring>

#include "core/text.hpp"

namespace usher::sip {

namespace {

constexpr std::string_view kMagicCookie = "z9hG4bK";

// Which rule a key was made by: keys of different rules never meet.
enum class Rule : char {
  client = 'c',
  server = 's',
  server_2543 = 'o',
  same_request = 'm',
  call = 'd',
  flow = 'f',
  tag = 't'
};

std::uint16_t sent_by_port(const Via& via) {
  if (via.port) return *via.port;
  return equals_without_case(via.transport, "TLS") || equals_without_case(via.transport, "WSS")
             ? 5061
             : 5060;
}

}  // namespace

// The parts one after the other, each with its length, so that no two lists of parts read the same.
class Keys::Text {
 public:
  explicit Text(Rule rule) { bytes_.push_back(static_cast<char>(rule)); }

  Text& operator<<(std::uint64_t number) {
    std::memcpy(extend(sizeof number), &number, sizeof number);
    return *this;
  }
  Text& operator<<(std::string_view part) {
    if (char* to = begin_part(part); !part.empty()) std::memcpy(to, part.data(), part.size());
    return *this;
  }
  Text& without_case(std::string_view part) {
    char* to = begin_part(part);
    for (const char c : part) *to++ = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return *this;
  }
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  char* extend(std::size_t by) {
    const std::size_t old = bytes_.size();
    bytes_.resize(old + by, boost::container::default_init);
    return bytes_.data() + old;
  }
  char* begin_part(std::string_view part) {
    const auto length = static_cast<std::uint32_t>(part.size());
    char* to = extend(sizeof length + part.size());
    std::memcpy(to, &length, sizeof length);
    return to + sizeof length;
  }
  boost::container::small_vector<char, 500> bytes_;
};

bool has_transaction_id(const Message& message) {
  const std::string_view branch = message.top_via().branch();
  return branch.size() > kMagicCookie.size() &&
         equals_without_case(branch.substr(0, kMagicCookie.size()), kMagicCookie);
}

Keys::Keys(std::uint64_t seed) {
  Rng rng(seed);
  for (HashKey* key : {&first_, &second_, &names_}) *key = {rng.next(), rng.next()};
}

Key Keys::digest(const Text& text) const {
  return {siphash(first_, text.view()), siphash(second_, text.view())};
}

Key Keys::client(std::string_view branch, std::string_view method) const {
  Text text(Rule::client);
  return digest(text << branch << method);
}

Key Keys::server(const Message& request, std::string_view method, std::string_view to_tag) const {
  const Via& via = request.top_via();
  if (has_transaction_id(request)) {
    Text text(Rule::server);
    text << via.branch();
    text.without_case(via.host);
    return digest(text << sent_by_port(via) << method);
  }
  Text text(Rule::server_2543);
  text << request.request_uri() << to_tag << request.from_tag() << request.call_id()
       << request.cseq().number << method;
  text.without_case(via.transport).without_case(via.host);
  return digest(text << sent_by_port(via) << via.branch());
}

Key Keys::same_request(const Message& request) const {
  Text text(Rule::same_request);
  return digest(text << request.from_tag() << request.call_id() << request.cseq().number
                     << request.method_name() << request.request_uri());
}

Key Keys::call(const Message& request) const {
  Text text(Rule::call);
  return digest(text << request.call_id() << request.cseq().number << request.from_tag());
}

Key Keys::flow(const net::Flow& flow) const {
  Text text(Rule::flow);
  const auto& address = flow.remote.address.bytes();
  text << static_cast<std::uint64_t>(flow.transport) << flow.listener.value << flow.connection.value
       << flow.remote.port << static_cast<std::uint64_t>(flow.remote.address.is_v4());
  return digest(
      text << std::string_view{reinterpret_cast<const char*>(address.data()), address.size()});
}

std::string Keys::stateless_tag(const Message& request) const {
  Text text(Rule::tag);
  text << request.call_id() << request.from_tag() << request.cseq().number
       << request.top_via().branch();
  return base32(siphash(names_, text.view()));
}

std::string Keys::new_branch() {
  std::string branch{kMagicCookie};
  branch += new_tag();
  return branch += std::string_view{new_tag()}.substr(6);
}

std::string Keys::new_tag() {
  Text text(Rule::tag);
  return base32(siphash(names_, (text << ++counter_).view()));
}

}  // namespace usher::sip
