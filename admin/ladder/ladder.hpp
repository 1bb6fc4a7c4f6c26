// A ladder diagram as JSON, as text for a terminal, as a picture, and as a capture file.
#pragma once

#include <string>

#include "admin/json.hpp"
#include "core/time.hpp"
#include "routing/ladder.hpp"

namespace usher::admin {

// The shape of GET /v1/ladder.
Json ladder_json(const routing::Ladder& ladder);

// One line per item in plain ASCII, a column per party; lines end in LF. What strangers wrote is
// escaped.
std::string ladder_text(const routing::Ladder& ladder);

// An SVG document of its own: no script, no style, nothing loaded from elsewhere; readable on light
// and dark ground.
std::string ladder_svg(const routing::Ladder& ladder);

// "2026-01-31T12:00:00.123456Z": the item's time, exact to the microsecond against the others of
// its ladder.
std::string item_time(const routing::Ladder& ladder, const routing::LadderItem& item);
// "(older ones: before=123)", where there are; otherwise empty.
std::string older_text(const routing::Ladder& ladder);
std::string precise_time(WallTime start, Duration offset);

}  // namespace usher::admin
