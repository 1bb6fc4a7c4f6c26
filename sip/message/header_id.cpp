#include "sip/message/header_id.hpp"

#include <array>
#include <cstddef>
#include <cstring>

namespace usher::sip {
namespace {

struct Name {
  HeaderId id;
  std::string_view text;  // the RFC's spelling
  char compact = 0;       // RFC 3261 §7.3.3 and the IANA registry; 0: none
};

constexpr std::size_t kKnown = static_cast<std::size_t>(HeaderId::other);

// In the order of HeaderId.
constexpr std::array<Name, kKnown> kNames = {{
    {HeaderId::via, "Via", 'v'},
    {HeaderId::from, "From", 'f'},
    {HeaderId::to, "To", 't'},
    {HeaderId::call_id, "Call-ID", 'i'},
    {HeaderId::cseq, "CSeq"},
    {HeaderId::contact, "Contact", 'm'},
    {HeaderId::max_forwards, "Max-Forwards"},
    {HeaderId::content_length, "Content-Length", 'l'},
    {HeaderId::content_type, "Content-Type", 'c'},
    {HeaderId::route, "Route"},
    {HeaderId::record_route, "Record-Route"},
    {HeaderId::expires, "Expires"},
    {HeaderId::min_expires, "Min-Expires"},
    {HeaderId::require, "Require"},
    {HeaderId::proxy_require, "Proxy-Require"},
    {HeaderId::supported, "Supported", 'k'},
    {HeaderId::unsupported, "Unsupported"},
    {HeaderId::allow, "Allow"},
    {HeaderId::allow_events, "Allow-Events", 'u'},
    {HeaderId::event, "Event", 'o'},
    {HeaderId::accept, "Accept"},
    {HeaderId::accept_encoding, "Accept-Encoding"},
    {HeaderId::accept_language, "Accept-Language"},
    {HeaderId::content_encoding, "Content-Encoding", 'e'},
    {HeaderId::authorization, "Authorization"},
    {HeaderId::proxy_authorization, "Proxy-Authorization"},
    {HeaderId::www_authenticate, "WWW-Authenticate"},
    {HeaderId::proxy_authenticate, "Proxy-Authenticate"},
    {HeaderId::authentication_info, "Authentication-Info"},
    {HeaderId::user_agent, "User-Agent"},
    {HeaderId::server, "Server"},
    {HeaderId::retry_after, "Retry-After"},
    {HeaderId::warning, "Warning"},
    {HeaderId::reason, "Reason"},
    {HeaderId::path, "Path"},
    {HeaderId::service_route, "Service-Route"},
    {HeaderId::replaces, "Replaces"},
    {HeaderId::join, "Join"},
    {HeaderId::target_dialog, "Target-Dialog"},
    {HeaderId::refer_to, "Refer-To", 'r'},
    {HeaderId::referred_by, "Referred-By", 'b'},
    {HeaderId::refer_sub, "Refer-Sub"},
    {HeaderId::rseq, "RSeq"},
    {HeaderId::rack, "RAck"},
    {HeaderId::session_expires, "Session-Expires", 'x'},
    {HeaderId::min_se, "Min-SE"},
    {HeaderId::subscription_state, "Subscription-State"},
    {HeaderId::p_asserted_identity, "P-Asserted-Identity"},
    {HeaderId::p_preferred_identity, "P-Preferred-Identity"},
    {HeaderId::remote_party_id, "Remote-Party-ID"},
    {HeaderId::diversion, "Diversion"},
    {HeaderId::history_info, "History-Info"},
    {HeaderId::reply_to, "Reply-To"},
    {HeaderId::organization, "Organization"},
    {HeaderId::subject, "Subject", 's'},
    {HeaderId::date, "Date"},
    {HeaderId::timestamp, "Timestamp"},
    {HeaderId::privacy, "Privacy"},
    {HeaderId::identity, "Identity", 'y'},
    {HeaderId::session_id, "Session-ID"},
    {HeaderId::p_called_party_id, "P-Called-Party-ID"},
    {HeaderId::p_associated_uri, "P-Associated-URI"},
    {HeaderId::call_info, "Call-Info"},
    {HeaderId::alert_info, "Alert-Info"},
    {HeaderId::error_info, "Error-Info"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kKnown; ++i) {
    if (kNames[i].id != static_cast<HeaderId>(i)) return false;
  }
  return true;
}
static_assert(in_order());

constexpr unsigned fold(char c) {
  return static_cast<unsigned char>(c) | 0x20u;
}

// A perfect hash over the known names: length, and three letters without case. The factors are
// searched for at compile time, so adding a name needs no thought.
constexpr std::size_t kSlots = 512;
struct Factors {
  unsigned first, middle, last, length;
};

constexpr std::size_t slot_of(std::string_view name, Factors f) {
  const std::size_t n = name.size();
  return (fold(name[0]) * f.first + fold(name[n / 2]) * f.middle + fold(name[n - 1]) * f.last +
          static_cast<unsigned>(n) * f.length) %
         kSlots;
}

constexpr bool is_perfect(Factors f) {
  std::array<bool, kSlots> used{};
  for (const Name& name : kNames) {
    bool& slot = used[slot_of(name.text, f)];
    if (slot) return false;
    slot = true;
  }
  return true;
}

constexpr Factors find_factors() {
  unsigned seed = 12345;
  for (int attempt = 0; attempt < 2000; ++attempt) {
    unsigned f[4] = {};
    for (unsigned& value : f) {
      seed = seed * 1664525u + 1013904223u;
      value = (seed >> 16) % kSlots;
    }
    const Factors factors{f[0], f[1], f[2], f[3]};
    if (is_perfect(factors)) return factors;
  }
  return {};
}

constexpr Factors kFactors = find_factors();
static_assert(is_perfect(kFactors), "widen kSlots or the search");

constexpr std::array<HeaderId, kSlots> make_slots() {
  std::array<HeaderId, kSlots> slots{};
  for (HeaderId& slot : slots) slot = HeaderId::other;
  for (const Name& name : kNames) slots[slot_of(name.text, kFactors)] = name.id;
  return slots;
}

constexpr std::array<HeaderId, 32> make_compact() {
  std::array<HeaderId, 32> letters{};
  for (HeaderId& letter : letters) letter = HeaderId::other;
  for (const Name& name : kNames) {
    if (name.compact) letters[static_cast<std::size_t>(name.compact & 0x1F)] = name.id;
  }
  return letters;
}

constexpr std::array<HeaderId, kSlots> kBySlot = make_slots();
constexpr std::array<HeaderId, 32> kByLetter = make_compact();

constexpr bool is_letter(char c) {
  return fold(c) >= 'a' && fold(c) <= 'z';
}

template <class Word>
Word folded_word(const char* p) {
  Word word;
  std::memcpy(&word, p, sizeof word);
  return word | static_cast<Word>(0x2020202020202020u);
}

// Word by word, the last one overlapping; at least one word long.
template <class Word>
bool same_words(std::string_view a, std::string_view b) {
  const std::size_t last = a.size() - sizeof(Word);
  for (std::size_t i = 0; i < last; i += sizeof(Word)) {
    if (folded_word<Word>(a.data() + i) != folded_word<Word>(b.data() + i)) return false;
  }
  return folded_word<Word>(a.data() + last) == folded_word<Word>(b.data() + last);
}

// Equal lengths. Folding with 0x20 makes letters equal without case; of the rest it merges only
// characters that no known name holds, and '-' with 0x0D, which no field name can hold.
bool same_name(std::string_view a, std::string_view b) {
  if (a.size() >= 8) return same_words<std::uint64_t>(a, b);
  if (a.size() >= 4) return same_words<std::uint32_t>(a, b);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (fold(a[i]) != fold(b[i])) return false;
  }
  return true;
}

}  // namespace

HeaderId parse_header_name(std::string_view name) {
  if (name.size() < 2) {
    return name.size() == 1 && is_letter(name[0])
               ? kByLetter[static_cast<std::size_t>(name[0] & 0x1F)]
               : HeaderId::other;
  }
  const HeaderId id = kBySlot[slot_of(name, kFactors)];
  if (id == HeaderId::other) return id;
  const std::string_view text = kNames[static_cast<std::size_t>(id)].text;
  return text.size() == name.size() && same_name(text, name) ? id : HeaderId::other;
}

std::string_view header_name(HeaderId id) {
  return id == HeaderId::other ? std::string_view{} : kNames[static_cast<std::size_t>(id)].text;
}

}  // namespace usher::sip
