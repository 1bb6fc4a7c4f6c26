// Everything that happened in a run, as the checkers read it. A trace can be written by hand, so
// that each checker can be shown a violation.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/net/flow.hpp"
#include "core/time.hpp"
#include "storage/records.hpp"
#include "tests/sim/text.hpp"

namespace usher::sim {

enum class Role : std::uint8_t { phone, backend, stranger };

struct AgentInfo {
  std::string name;
  Role role = Role::phone;
  net::Endpoint at;
  net::Transport transport = net::Transport::udp;
  std::string aor;         // of a phone
  std::string contact;     // of a phone: the URI it registers
  int q = 1000;            // of a phone: in thousandths, with its Contact
  storage::SetId set = 0;  // a backend's, or that of the phone's domain
};

enum class Step : std::uint8_t { agent_sends, edge_receives, edge_sends, agent_receives, fact };
enum class Fate : std::uint8_t { on_its_way, lost, refused };

enum class Fact : std::uint8_t {
  none,
  leg_begins,   // an INVITE went out or came in
  leg_answers,  // a callee has sent its 2xx
  leg_up,       // caller: ACK sent; callee: ACK received
  leg_over,
  watch_begins,  // a subscription's end; `leg` is its number in the run, `caller` the subscriber's
  watch_over,
  stray_notify,  // a NOTIFY came to a subscription that is not its own
  not_pracked,   // callee: a reliable response of its leg has had no PRACK for 64·T1
  vanished,      // it neither hears nor speaks from now on
  died,          // a backend lost its memory and is away
  revived,
  disconnected,  // its stream broke
  edge_crashed,
  edge_started,    // `bindings` are what the store gave it
  target_changed,  // an operator's doing
  target_removed,  // so that the backend is a stranger
  target_added,
  store_slow,          // a write takes longer than the edge waits for it
  altered,             // the network changed a message of this call
  edge_refused_input,  // never: an edge that is away
};

struct Record {
  Instant at{};
  Step step = Step::fact;
  int agent = -1;
  net::Flow flow;  // as the edge sees it
  Fate fate = Fate::on_its_way;
  TextRef text;
  int call = 0;  // the simulated request it belongs to; 0: unknown
  Fact fact = Fact::none;
  int leg = 0;  // of a leg's facts: unique in the run
  bool caller = false;
  std::string note;
  std::vector<storage::Binding> bindings;
};

// What one simulated request is about: whom it may reach.
struct Errand {
  std::string method;
  int from = -1;    // agent
  std::string aor;  // towards a phone: it, and no other
  int device = -1;  // towards a phone by token: this one alone
  bool by_operator = false;
};

class Trace {
 public:
  std::vector<AgentInfo> agents;
  std::vector<Record> records;
  std::map<int, Errand> errands;

  // Fills in the call of a message and adds to the hash.
  void add(Record record);
  std::uint64_t hash() const { return hash_; }
  std::string ladder(int call, std::size_t most = 200) const;
  std::string line(const Record& record) const;
  int call_of_id(std::string_view call_id) const;  // 0: unknown

 private:
  int call_of(const Text& text);
  void mix(std::string_view text);
  void mix(std::uint64_t number);

  std::map<std::string, int, std::less<>> calls_;  // Call-ID → number
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

std::string_view fact_name(Fact fact);

}  // namespace usher::sim
