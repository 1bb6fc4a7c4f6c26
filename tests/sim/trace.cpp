#include "tests/sim/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace usher::sim {

std::string_view fact_name(Fact fact) {
  switch (fact) {
    case Fact::none: return "";
    case Fact::leg_begins: return "leg begins";
    case Fact::leg_answers: return "leg answers";
    case Fact::leg_up: return "leg is up";
    case Fact::leg_over: return "leg is over";
    case Fact::watch_begins: return "subscription begins";
    case Fact::watch_over: return "subscription is over";
    case Fact::stray_notify: return "another's NOTIFY";
    case Fact::not_pracked: return "has no PRACK";
    case Fact::vanished: return "vanished";
    case Fact::died: return "died";
    case Fact::revived: return "is back";
    case Fact::disconnected: return "its stream broke";
    case Fact::edge_crashed: return "the edge crashed";
    case Fact::edge_started: return "the edge started";
    case Fact::target_changed: return "a target was changed";
    case Fact::target_removed: return "its target was removed";
    case Fact::target_added: return "its target was added";
    case Fact::store_slow: return "the store is slow";
    case Fact::altered: return "a message was altered";
    case Fact::edge_refused_input: return "the edge is away";
  }
  return "";
}

// As FNV-1a, eight bytes at a time; what is shifted down lets the upper ones count.
void Trace::mix(std::uint64_t number) {
  hash_ = (hash_ ^ number) * 0x100000001b3ULL;
  hash_ ^= hash_ >> 29;
}

void Trace::mix(std::string_view text) {
  mix(std::uint64_t{text.size()});
  for (std::size_t at = 0; at < text.size(); at += 8) {
    std::uint64_t part = 0;
    std::memcpy(&part, text.data() + at, std::min<std::size_t>(8, text.size() - at));
    mix(part);
  }
}

int Trace::call_of(const Text& text) {
  if (!text.message) return 0;
  const std::string_view call_id = text.message->call_id();
  const auto known = calls_.find(call_id);
  // An altered number or Call-ID teaches nothing.
  if (text.altered) return known == calls_.end() ? 0 : known->second;
  if (const int number = text.number(); number != 0) {
    if (known == calls_.end()) {
      calls_.emplace(std::string{call_id}, number);
    } else {
      known->second = number;
    }
    return number;
  }
  return known == calls_.end() ? 0 : known->second;
}

int Trace::call_of_id(std::string_view call_id) const {
  const auto known = calls_.find(call_id);
  return known == calls_.end() ? 0 : known->second;
}

void Trace::add(Record record) {
  if (record.text && record.call == 0) record.call = call_of(*record.text);
  mix(static_cast<std::uint64_t>(record.at.time_since_epoch().count()));
  mix((static_cast<std::uint64_t>(record.step) << 32) | static_cast<std::uint32_t>(record.agent));
  mix((static_cast<std::uint64_t>(record.fate) << 32) | static_cast<std::uint32_t>(record.fact));
  if (record.text && record.step != Step::edge_receives && record.step != Step::agent_receives)
    mix(record.text->bytes.view());
  mix(record.note);
  records.push_back(std::move(record));
}

std::string Trace::line(const Record& record) const {
  const double at = static_cast<double>(record.at.time_since_epoch().count()) / 1e6 - 3600.0;
  const std::string who =
      record.agent < 0 ? "edge" : agents[static_cast<std::size_t>(record.agent)].name;
  if (record.step == Step::fact) {
    return fmt::format("{:11.4f}  {:<8} * {}{} {}", at, who, fact_name(record.fact),
                       record.leg == 0 ? ""
                                       : fmt::format(" (leg {}, {})", record.leg,
                                                     record.caller ? "caller" : "callee"),
                       record.note);
  }
  const std::string_view arrow = record.step == Step::agent_sends     ? "-->      "
                                 : record.step == Step::edge_receives ? "--> edge "
                                 : record.step == Step::edge_sends    ? "    edge -->"
                                                                      : "     --> ";
  std::string out = fmt::format("{:11.4f}  {:<8} {:<12} {}", at, who, arrow,
                                record.text ? record.text->what() : "?");
  if (record.text && record.text->message) {
    const sip::Message& m = *record.text->message;
    out += fmt::format("  cseq {} branch {} call-id {}{}", m.cseq().number, record.text->branch(),
                       m.call_id().substr(0, 24), m.body().empty() ? "" : " +sdp");
    if (const std::string reason = record.text->header("Reason"); !reason.empty())
      out += "  [" + reason + "]";
  }
  if (record.fate == Fate::lost) out += "  LOST";
  if (record.fate == Fate::refused) out += "  REFUSED";
  if (record.text && record.text->altered) out += "  ALTERED";
  return out;
}

std::string Trace::ladder(int call, std::size_t most) const {
  std::string out;
  std::size_t shown = 0;
  for (const Record& record : records) {
    const bool of_all = record.fact == Fact::edge_crashed || record.fact == Fact::edge_started;
    if (record.call != call && !of_all) continue;
    if (call == 0 && !of_all) continue;
    // What arrived is shown where it left, unless that was something else.
    if (++shown > most) return out + "  ...\n";
    out += line(record) + "\n";
  }
  return out;
}

}  // namespace usher::sim
