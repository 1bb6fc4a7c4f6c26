// docs/specs/sip-transaction.md against the machines: every pair of state and input stands there
// exactly once for each kind of transport, and the machine does exactly what its row says.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "sip/transaction/client.hpp"
#include "sip/transaction/invite_client.hpp"
#include "sip/transaction/invite_server.hpp"
#include "sip/transaction/server.hpp"
#include "sip/transaction/timers.hpp"

using namespace usher;
using namespace usher::sip;

namespace {

const std::string kNothing = "–";

std::string trim(const std::string& text) {
  const auto begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(trim(part));
  return parts;
}

struct Row {
  std::string actions, next;
  int line = 0;
};
// (state, input, "UDP" or "stream") → row
using Table = std::map<std::tuple<std::string, std::string, std::string>, Row>;

Table read_table(const std::string& heading) {
  std::ifstream file(std::string(USHER_SOURCE_DIR) + "/docs/specs/sip-transaction.md");
  REQUIRE(file.good());
  Table table;
  bool inside = false, header_seen = false;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.starts_with("## ")) inside = line == "## " + heading;
    if (!inside || !line.starts_with("|") || line.starts_with("|-")) continue;
    const auto cells = split(line, '|');  // the first one is empty
    CAPTURE(line);
    REQUIRE(cells.size() == 7);
    if (!header_seen) {
      REQUIRE(cells[1] == "State");
      header_seen = true;
      continue;
    }
    REQUIRE((cells[3] == "any" || cells[3] == "UDP" || cells[3] == "stream"));
    CHECK_MESSAGE(!cells[6].empty(), "a row without a reason");
    for (const std::string& input : split(cells[2], ',')) {
      for (const std::string transport : {"UDP", "stream"}) {
        if (cells[3] != "any" && cells[3] != transport) continue;
        const bool fresh =
            table.emplace(std::tuple{cells[1], input, transport}, Row{cells[4], cells[5], number})
                .second;
        CHECK_MESSAGE(fresh, "stands twice: ", cells[1], " / ", input, " / ", transport);
      }
    }
  }
  REQUIRE(header_seen);
  return table;
}

std::string text_of(const Actions& actions) {
  std::string out;
  for (const Action& action : actions) out += (out.empty() ? "" : ", ") + action_text(action);
  return out.empty() ? kNothing : out;
}

template <class State, class Input, class Begin, class StepFunction>
void check_machine(const std::string& heading, int states, int inputs, Begin begin,
                   StepFunction step) {
  Table table = read_table(heading);
  std::size_t checked = 0;
  const auto check = [&](const std::string& state, const std::string& input,
                         const std::string& transport, const Step<State>& done) {
    CAPTURE(state);
    CAPTURE(input);
    CAPTURE(transport);
    const auto row = table.find({state, input, transport});
    REQUIRE_MESSAGE(row != table.end(), "not in the specification");
    CHECK(text_of(done.actions) == row->second.actions);
    CHECK(name(done.next) == row->second.next);
    ++checked;
  };
  for (const bool reliable : {false, true}) {
    const std::string transport = reliable ? "stream" : "UDP";
    check(kNothing, "start", transport, begin(reliable));
    for (int s = 0; s < states; ++s) {
      for (int i = 0; i < inputs; ++i) {
        const auto state = static_cast<State>(s);
        const auto input = static_cast<Input>(i);
        const auto done = step(state, input, reliable);
        CHECK_MESSAGE(done.next >= state, "a step backwards");
        check(std::string{name(state)}, std::string{name(input)}, transport, done);
      }
    }
  }
  CHECK_MESSAGE(checked == table.size(), "the specification has rows for what does not exist");
}

// No state may leave a timer armed that the next one doesn't know, or arm one that is armed
// already. Walked over every path that the machine can take.
template <class State, class Input, class Begin, class StepFunction>
void check_timers(int inputs, Begin begin, StepFunction step,
                  const std::map<TimerLetter, int>& timer_inputs) {
  for (const bool reliable : {false, true}) {
    using Armed = std::map<TimerLetter, bool>;
    std::map<std::pair<State, Armed>, bool> seen;
    std::vector<std::pair<State, Armed>> open;
    const auto visit = [&](const Step<State>& done, Armed armed) {
      for (const Action& action : done.actions) {
        if (action.act == Act::start) {
          CHECK_MESSAGE(!armed.contains(action.timer), "armed twice: ", timer_name(action.timer));
          armed[action.timer] = true;
        }
        if (action.act == Act::restart || action.act == Act::restart_at_t2)
          armed[action.timer] = true;
        if (action.act == Act::clear) armed.erase(action.timer);
      }
      if (done.next == State::terminated) return;
      if (seen.emplace(std::pair{done.next, armed}, true).second)
        open.emplace_back(done.next, armed);
    };
    visit(begin(reliable), {});
    while (!open.empty()) {
      const State state = open.back().first;
      const Armed armed = open.back().second;
      open.pop_back();
      for (int i = 0; i < inputs; ++i) {
        const auto input = static_cast<Input>(i);
        Armed left = armed;
        bool possible = true;
        for (const auto& [letter, number] : timer_inputs) {
          if (number != i) continue;
          possible = armed.contains(letter);
          left.erase(letter);
        }
        if (!possible) continue;
        const auto done = step(state, input, reliable);
        // A timer that fires in a state that armed or inherited it must mean something there.
        if (left.size() != armed.size()) {
          CAPTURE(name(state));
          CAPTURE(name(input));
          CHECK((done.next != state || !done.actions.empty()));
        }
        visit(done, left);
      }
    }
  }
}

template <class Input>
int number(Input input) {
  return static_cast<int>(input);
}

}  // namespace

TEST_CASE(
    "the INVITE client machine does what the specification says, for every state, input and "
    "transport") {
  using namespace invite_client;
  check_machine<State, Input>("INVITE client", kStates, kInputs, begin, step);
  check_timers<State, Input>(kInputs, begin, step,
                             {{TimerLetter::A, number(Input::timer_a)},
                              {TimerLetter::B, number(Input::timer_b)},
                              {TimerLetter::D, number(Input::timer_d)},
                              {TimerLetter::M, number(Input::timer_m)},
                              {TimerLetter::cancel, number(Input::timer_cancel)}});
}

TEST_CASE(
    "the client machine does what the specification says, for every state, input and transport") {
  using namespace client;
  check_machine<State, Input>("Client", kStates, kInputs, begin, step);
  check_timers<State, Input>(kInputs, begin, step,
                             {{TimerLetter::E, number(Input::timer_e)},
                              {TimerLetter::F, number(Input::timer_f)},
                              {TimerLetter::K, number(Input::timer_k)}});
}

TEST_CASE(
    "the INVITE server machine does what the specification says, for every state, input and "
    "transport") {
  using namespace invite_server;
  check_machine<State, Input>("INVITE server", kStates, kInputs, begin, step);
  check_timers<State, Input>(kInputs, begin, step,
                             {{TimerLetter::trying, number(Input::timer_trying)},
                              {TimerLetter::G, number(Input::timer_g)},
                              {TimerLetter::H, number(Input::timer_h)},
                              {TimerLetter::I, number(Input::timer_i)},
                              {TimerLetter::L, number(Input::timer_l)}});
}

TEST_CASE(
    "the server machine does what the specification says, for every state, input and transport") {
  using namespace server;
  check_machine<State, Input>("Server", kStates, kInputs, begin, step);
  check_timers<State, Input>(kInputs, begin, step,
                             {{TimerLetter::trying, number(Input::timer_trying)},
                              {TimerLetter::F, number(Input::timer_f)},
                              {TimerLetter::J, number(Input::timer_j)}});
}

TEST_CASE("timers have the values of RFC 3261 table 4 and RFC 6026") {
  using namespace std::chrono_literals;
  const TransactionTimers usual;
  for (const TimerLetter t : {TimerLetter::A, TimerLetter::E, TimerLetter::G}) {
    CHECK(first_interval(Machine::invite_client, t, usual) == 500ms);
  }
  for (const TimerLetter t :
       {TimerLetter::B, TimerLetter::D, TimerLetter::F, TimerLetter::H, TimerLetter::J,
        TimerLetter::L, TimerLetter::M, TimerLetter::cancel}) {
    CHECK(first_interval(Machine::invite_client, t, usual) == 32s);
  }
  CHECK(first_interval(Machine::client, TimerLetter::K, usual) == 5s);
  CHECK(first_interval(Machine::invite_server, TimerLetter::I, usual) == 5s);
  CHECK(first_interval(Machine::invite_server, TimerLetter::trying, usual) == 200ms);
  CHECK(first_interval(Machine::server, TimerLetter::trying, usual) == 3500ms);
  CHECK(next_interval(TimerLetter::A, 16s, usual) == 32s);
  CHECK(next_interval(TimerLetter::E, 2s, usual) == 4s);
  CHECK(next_interval(TimerLetter::G, 4s, usual) == 4s);
}

TEST_CASE(
    "D and the server's F wait 32 s for a peer even when our T1 is short, and longer when it is "
    "long") {
  using namespace std::chrono_literals;
  TransactionTimers quick;
  quick.t1 = 100ms;
  CHECK(first_interval(Machine::invite_client, TimerLetter::D, quick) == 32s);
  CHECK(first_interval(Machine::server, TimerLetter::F, quick) == 32s);
  CHECK(first_interval(Machine::client, TimerLetter::F, quick) == 6400ms);
  TransactionTimers slow;
  slow.t1 = 1s;
  CHECK(first_interval(Machine::invite_client, TimerLetter::D, slow) == 64s);
  CHECK(first_interval(Machine::server, TimerLetter::F, slow) == 64s);
}
