#include <cstdio>

#include "admin/ladder/ladder.hpp"
#include "admin/resources/representation.hpp"

namespace usher::admin {

using routing::Ladder;
using routing::LadderItem;
using routing::LadderKind;
using routing::LadderParty;

std::string precise_time(WallTime start, Duration offset) {
  const auto whole = std::chrono::floor<std::chrono::milliseconds>(offset);
  std::string text = time_text(start + whole);
  char rest[16];
  std::snprintf(rest, sizeof rest, "%03dZ", static_cast<int>((offset - whole).count()));
  text.pop_back();
  return text + rest;
}

std::string item_time(const Ladder& ladder, const LadderItem& item) {
  return precise_time(ladder.items.front().wall, item.offset);
}

std::string older_text(const Ladder& ladder) {
  return ladder.older ? "(older ones: before=" + std::to_string(*ladder.older) + ")" : "";
}

Json ladder_json(const Ladder& ladder) {
  Json::Array parties;
  for (const LadderParty& party : ladder.parties)
    parties.push_back(Json::Object{
        {"id", parties.size()}, {"label", party.label}, {"role", routing::role_name(party.role)}});
  Json::Array items;
  for (const LadderItem& item : ladder.items) {
    Json::Object out{{"sequence", item.sequence},
                     {"at", item_time(ladder, item)},
                     {"offset_ms", milliseconds(item.offset)}};
    if (item.kind != LadderKind::note) {
      out.emplace_back("from", item.from);
      out.emplace_back("to", item.to);
    }
    out.emplace_back("kind", routing::ladder_kind_name(item.kind));
    out.emplace_back("label", item.label);
    if (item.kind != LadderKind::note) {
      out.emplace_back("cseq", item.cseq);
      out.emplace_back("transport", net::transport_name(item.transport));
      out.emplace_back("bytes", item.bytes);
      out.emplace_back("text", item.text);
    }
    out.emplace_back("detail", item.detail);
    items.push_back(std::move(out));
  }
  return Json::Object{{"parties", std::move(parties)},
                      {"items", std::move(items)},
                      {"older", ladder.older ? Json{*ladder.older} : Json{}}};
}

}  // namespace usher::admin
