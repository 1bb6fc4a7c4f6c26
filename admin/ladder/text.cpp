#include <algorithm>
#include <cstdio>

#include "admin/ladder/ladder.hpp"
#include "core/text.hpp"

namespace usher::admin {

using routing::Ladder;
using routing::LadderItem;
using routing::LadderKind;

namespace {

constexpr std::size_t kTime = 14;     // characters before the first column
constexpr std::size_t kColumn = 34;   // from one party to the next
constexpr std::size_t kDetail = 160;  // of a note

std::size_t place_of(std::size_t party) {
  return kTime + kColumn / 2 + party * kColumn;
}

// The parties' lifelines, over which an item is drawn.
std::string ground(const Ladder& ladder) {
  std::string line(place_of(ladder.parties.size()), ' ');
  for (std::size_t i = 0; i < ladder.parties.size(); ++i) line[place_of(i)] = '|';
  return line;
}

void put(std::string& line, std::size_t at, std::string_view text) {
  if (line.size() < at + text.size()) line.resize(at + text.size(), ' ');
  line.replace(at, text.size(), text);
}

std::string offset_of(const LadderItem& item) {
  char text[32];
  std::snprintf(text, sizeof text, "%9.1f ms", static_cast<double>(item.offset.count()) / 1000.0);
  return text;
}

std::string arrow(const Ladder& ladder, const LadderItem& item) {
  std::string line = ground(ladder);
  const std::size_t left = place_of(std::min(item.from, item.to));
  const std::size_t right = place_of(std::max(item.from, item.to));
  const bool rightwards = item.to > item.from;
  for (std::size_t i = left + 1; i < right; ++i) line[i] = '-';
  if (rightwards) {
    line[right - 1] = item.kind == LadderKind::dropped ? 'X' : '>';
  } else {
    line[left + 1] = item.kind == LadderKind::dropped ? 'X' : '<';
  }
  std::string label = " " + item.label + " ";
  if (item.kind == LadderKind::retransmission) label = " " + item.label + " (again) ";
  // Over several columns it stands in the first one.
  const std::size_t room = kColumn - 6;
  if (label.size() > room) label = label.substr(0, room - 1) + " ";
  put(line, rightwards ? left + 3 : right - 3 - label.size(), label);
  line += "  " + escaped(item.cseq.substr(0, 40)) + " " +
          std::string{net::transport_name(item.transport)};
  return line;
}

}  // namespace

std::string ladder_text(const Ladder& ladder) {
  if (ladder.items.empty())
    return ladder.older ? older_text(ladder) + "\n" : "nothing is recorded of it\n";
  std::string head(kTime, ' ');
  for (std::size_t i = 0; i < ladder.parties.size(); ++i) {
    const std::string label = ladder.parties[i].label.substr(0, kColumn - 2);
    const std::size_t middle = place_of(i);
    put(head, middle - std::min(middle, label.size() / 2), label);
  }
  std::string out = item_time(ladder, ladder.items.front()) + "\n" + head + "\n";
  out += older_text(ladder) + (ladder.older ? "\n" : "");
  for (const LadderItem& item : ladder.items) {
    std::string line;
    if (item.kind == LadderKind::note) {
      line = ground(ladder);
      std::string note = "* " + item.label + ": " + escaped(item.detail.substr(0, kDetail));
      put(line, kTime + 2, note);
    } else {
      line = arrow(ladder, item);
    }
    put(line, 0, offset_of(item));
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace usher::admin
