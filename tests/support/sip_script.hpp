// Scripts of a call in virtual time: a stack, and around it a phone and backends on a network
// without delay. The test says what each party sends and what it must see; each message can be read
// as text and parsed. Nothing repeats by itself but the stack under test.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/log.hpp"
#include "sip/stack.hpp"

namespace usher::test {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr std::string_view kSdpOffer =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\nm=audio 4000 "
    "RTP/AVP 8\r\na=sendrecv\r\n";
inline constexpr std::string_view kSdpAnswer =
    "v=0\r\no=asterisk 7 7 IN IP4 10.0.1.100\r\ns=Asterisk\r\nc=IN IP4 10.0.1.100\r\nt=0 "
    "0\r\nm=audio 9000 RTP/AVP 8\r\n";

// A message as a party received it.
struct Seen {
  Duration at{};  // since the network began
  sip::MessageRef message;

  std::string_view text() const { return message->text(); }
  int status() const { return message->status(); }
  std::string_view body() const { return message->body(); }
  std::string header(std::string_view name) const;            // the first one's value, or empty
  std::vector<std::string> all(std::string_view name) const;  // values of each field of that name
  std::string what() const;                                   // "INVITE", "200 BYE"
};

class Network;

// One end of the network: what it received, and the dialog it is in.
class Party {
 public:
  Party(Network& network, std::string name, std::string_view endpoint, net::Transport transport,
        net::ConnectionId connection);

  // The next message must be this: "INVITE", "180", "200 BYE". Learns the dialog from it.
  Seen expect(std::string_view what);
  // The next message must be this, and must have come at this time.
  Seen expect(std::string_view what, Duration at);
  void expect_nothing();
  bool empty() const { return inbox.empty(); }

  // A new call: new Call-ID, new tag. `extra`: header lines, each ended by CRLF.
  void invite(std::string_view uri = "sip:402@a.test", std::string_view body = kSdpOffer,
              std::string_view extra = {});
  // The same with another method that makes a dialog: SUBSCRIBE, REFER.
  void begin(std::string_view method, std::string_view uri, std::string_view extra = {},
             std::string_view body = {});
  // A request within the dialog with the next CSeq (or `cseq_number`); an INVITE becomes the one
  // that ack() and cancel() mean.
  void request(std::string_view method, std::string_view body = {}, std::string_view extra = {},
               std::uint32_t cseq_number = 0);
  // A request outside dialogs.
  void request_out(std::string_view method, std::string_view uri, std::string_view body = {},
                   std::string_view extra = {});
  void ack(std::string_view body = {}, std::string_view extra = {});  // of the latest INVITE's 2xx
  void ack_refusal(const Seen& response);  // with the branch of the INVITE
  void cancel(std::string_view extra = {});
  void respond(const Seen& request, int status, std::string_view body = {},
               std::string_view extra = {});
  void repeat();  // the last message sent, once more
  void raw(std::string text);

  std::string contact_uri() const;

  Network& network;
  std::string name;
  net::Flow flow;  // as the stack sees it
  std::deque<Seen> inbox;

  // The dialog.
  std::string call_id, local_tag, remote_tag, local_uri, remote_uri, target, invite_uri;
  std::vector<std::string> routes;
  std::uint32_t cseq = 0;
  std::uint32_t invite_cseq = 0;
  std::string invite_branch;
  std::string contact;           // a Contact URI other than the usual one
  std::string record_route;      // that its responses and requests carry
  std::string tag_of_responses;  // To-tag; one is made for each dialog when empty
  bool is_uas = false;
  std::string last;
};

// Where the n-th message on the wire (from 1, both directions) is told to get lost.
struct Crossing {
  std::size_t number = 0;
  bool to_stack = false;
  const Party* party = nullptr;
  sip::MessageRef message;
};

class Network {
 public:
  explicit Network(sip::StackConfig config = default_config());
  static sip::StackConfig default_config();

  Party& add(std::string name, std::string_view endpoint,
             net::Transport transport = net::Transport::udp);

  void advance(Duration by);     // fires what is due on the way, each at its own time
  void advance_to(Duration at);  // since the beginning
  Now now() const;
  Duration elapsed() const { return time_; }
  void deliver(Party& from, std::string text);
  void flush();  // takes what the stack has to say and gives it to the parties

  // Nothing more happens, and nothing is left alive.
  void expect_quiet();
  void expect_nothing_alive();  // the second half of it

  // Events of a kind, in order; taken away.
  template <class Event>
  std::vector<Event> taken() {
    std::vector<Event> out;
    std::erase_if(events, [&](const sip::StackEvent& e) {
      if (const auto* found = std::get_if<Event>(&e)) {
        out.push_back(*found);
        return true;
      }
      return false;
    });
    return out;
  }

  // The plan of a request outside dialogs; null: 481 with a To-tag, else no answer. Set by the test
  // or made of `attempts`.
  std::function<void(const sip::RouteNeeded&)> router;
  std::vector<Party*> targets;      // one attempt each
  std::vector<std::size_t> groups;  // sizes of the groups that ring together; empty: one by one
  sip::Plan plan;                   // what else the plan holds
  // True: this message is lost.
  std::function<bool(const Crossing&)> loses;

  std::string log_text;
  Log log;
  std::unique_ptr<sip::Stack> stack;
  std::vector<sip::StackEvent> events;  // all but RouteNeeded
  std::size_t crossings = 0;

 private:
  void run_until(Duration at);
  Duration time_{};
  std::vector<std::unique_ptr<Party>> parties_;
};

// The usual house: a phone and two backends; the phone's calls go to the first backend, backends'
// calls to the phone.
struct House : Network {
  explicit House(sip::StackConfig config = default_config());
  Party& phone;
  Party& backend;
  Party& second;

  // A call from the phone to the backend up to the ACK, all taken from the inboxes.
  void set_up();
  // BYE of the phone with its answer.
  void hang_up();
};

}  // namespace usher::test
