// The identity map: the first byte selects what the text is. Towards a side that hides nothing and
// knows no dialogs nothing changes; what was changed is stable, and shows no hidden host where it
// was looked for.
#include <string>

#include "sip/b2bua/dialog_info.hpp"
#include "sip/b2bua/identity_map.hpp"
#include "tests/fuzz/fuzz_support.hpp"
#include "tests/sip/b2bua/hidden.hpp"

using namespace usher;
using namespace usher::sip;

namespace {

template <class Map>
void check(Map map, std::string_view text, const test::Hidden& hidden) {
  const std::string same = map(text, Presentation{});
  USHER_CHECK(same == text);
  for (const Presentation& to : {hidden.to_phone(), hidden.to_backend()}) {
    const std::string once = map(text, to);
    // A name that has been exchanged is none of the opposite side any more, and a domain is not
    // hidden.
    USHER_CHECK(map(once, to) == once);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const test::OneCall call;
  static const test::Hidden hidden = [] {
    test::Hidden h;
    h.names = &call;
    return h;
  }();
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  switch (data[0] % 6) {
    case 0: check(present_uri, text, hidden); break;
    case 1: check(present_addresses, text, hidden); break;
    case 2: check(present_links, text, hidden); break;
    case 3: check(map_dialog_id, text, hidden); break;
    case 4:
      check([](std::string_view t, const Presentation& to) { return map_event(t, to); }, text,
            hidden);
      break;
    case 5:
      check(
          [](std::string_view t, const Presentation& to) {
            return present_dialog_info(t, to).value_or(std::string(t));
          },
          text, hidden);
      break;
  }
  return 0;
}
