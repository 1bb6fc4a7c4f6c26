#include <algorithm>
#include <cstdio>

#include "admin/ladder/ladder.hpp"
#include "core/text.hpp"

namespace usher::admin {

using routing::Ladder;
using routing::LadderItem;
using routing::LadderKind;
using routing::LadderParty;
using routing::PartyRole;

namespace {

constexpr int kLeft = 90;       // for the times
constexpr int kLane = 260;      // from one party to the next
constexpr int kTop = 60;        // for the names
constexpr int kRow = 26;        // one item
constexpr int kNoteText = 110;  // characters

// Text as XML takes it: markup escaped, what XML 1.0 cannot hold made visible.
std::string xml(std::string_view text) {
  std::string out;
  for (const char c : escaped(text)) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

int lane(std::size_t party) {
  return kLeft + kLane / 2 + static_cast<int>(party) * kLane;
}

std::string number(int n) {
  return std::to_string(n);
}

std::string text_at(int x, int y, std::string_view anchor, std::string_view colour, int size,
                    std::string_view text) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" +
         std::string{anchor} + "\" fill=\"" + std::string{colour} + "\" font-size=\"" +
         number(size) + "\">" + xml(text) + "</text>\n";
}

std::string line_between(int x1, int y1, int x2, int y2, std::string_view colour,
                         std::string_view more) {
  return "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) +
         "\" y2=\"" + number(y2) + "\" stroke=\"" + std::string{colour} + "\" " +
         std::string{more} + "/>\n";
}

// Middle tones, which stand out from white and from black.
std::string_view colour_of(const LadderItem& item) {
  if (item.kind == LadderKind::dropped) return "#d9534f";
  if (item.kind == LadderKind::retransmission) return "#999999";
  const char first = item.label.empty() ? ' ' : item.label.front();
  if (first >= '4' && first <= '6') return "#d9822b";
  if (first == '2') return "#2e9e5b";
  if (first == '1') return "#8a7fd0";
  return "#3b8fd9";
}

std::string offset_text(const LadderItem& item) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(item.offset.count()) / 1000.0);
  return text;
}

std::string arrow_at(const LadderItem& item, int y) {
  const int x1 = lane(item.from), x2 = lane(item.to);
  const int back = x2 > x1 ? -1 : 1;
  const std::string colour{colour_of(item)};
  std::string out =
      line_between(x1, y, x2, y, colour,
                   item.kind == LadderKind::retransmission ? "stroke-dasharray=\"5 4\""
                                                           : "stroke-width=\"1.5\"");
  if (item.kind == LadderKind::dropped) {
    out += line_between(x2 + back * 14, y - 5, x2 + back * 4, y + 5, colour, "stroke-width=\"2\"");
    out += line_between(x2 + back * 14, y + 5, x2 + back * 4, y - 5, colour, "stroke-width=\"2\"");
  } else {
    out += "<path d=\"M" + number(x2) + " " + number(y) + " l" + number(back * 9) + " -4 l0 8 z\"" +
           " fill=\"" + colour + "\"/>\n";
  }
  std::string label = item.label;
  if (item.kind == LadderKind::retransmission) label += " (again)";
  const int near = x1 + (x2 > x1 ? kLane : -kLane) / 2;
  return out + text_at(near, y - 5, "middle", colour, 12, label);
}

std::string title_of(const LadderItem& item) {
  const std::string text = item.kind == LadderKind::note ? item.detail : item.text;
  return "<title>" + xml(text.substr(0, 2000)) + "</title>\n";
}

}  // namespace

std::string ladder_svg(const Ladder& ladder) {
  const int height = kTop + kRow * static_cast<int>(ladder.items.size() + 1);
  const int width = std::max(lane(ladder.parties.size()), 700);
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) +
                    "\" height=\"" + number(height) + "\" viewBox=\"0 0 " + number(width) + " " +
                    number(height) + "\" font-family=\"sans-serif\" role=\"img\">\n";
  if (ladder.items.empty()) {
    return out +
           text_at(20, 30, "start", "#888888", 13,
                   ladder.older ? older_text(ladder) : "nothing is recorded of it") +
           "</svg>\n";
  }
  out += text_at(
      8, 18, "start", "#888888", 11,
      item_time(ladder, ladder.items.front()) + (ladder.older ? " " : "") + older_text(ladder));
  for (std::size_t i = 0; i < ladder.parties.size(); ++i) {
    const LadderParty& party = ladder.parties[i];
    out += text_at(lane(i), 36, "middle", party.role == PartyRole::stranger ? "#d9534f" : "#888888",
                   13, party.label);
    if (party.role != PartyRole::usher)
      out += text_at(lane(i), 50, "middle", "#888888", 10, routing::role_name(party.role));
    out +=
        line_between(lane(i), kTop - 4, lane(i), height - 8, "#888888", "stroke-opacity=\"0.4\"");
  }
  int y = kTop;
  for (const LadderItem& item : ladder.items) {
    y += kRow;
    out += "<g>" + title_of(item);
    out += text_at(kLeft - 8, y + 4, "end", "#888888", 10, offset_text(item));
    if (item.kind == LadderKind::note) {
      const std::string note = item.label + ": " + item.detail;
      out += text_at(kLeft + 6, y + 4, "start", "#888888", 11, note.substr(0, kNoteText));
    } else {
      out += arrow_at(item, y);
    }
    out += "</g>\n";
  }
  return out + "</svg>\n";
}

}  // namespace usher::admin
