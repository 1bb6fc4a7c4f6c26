#include "routing/registrar.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "routing/token.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/message/option_tags.hpp"

namespace usher::routing {

// A Contact of the answer that is one of ours.
struct Registrar::Listed {
  std::string token;
  std::string params;  // but expires
  std::optional<std::uint32_t> expires;
};

void Registrar::drop(const std::string& token, Granted& out) {
  if (location_.erase(token)) out.changes.push_back(storage::DeleteBinding{token});
}

void Registrar::store(const Now& now, const Registration& r, const Registration::Contact& c,
                      std::uint32_t seconds, storage::TargetId target, Granted& out) {
  storage::Binding b;
  const auto old = location_.by_token(c.token);
  if (old) out.before.emplace_back(old->token, old->flow);
  b.token = c.token;
  b.aor = r.aor;
  b.contact = c.uri;
  b.instance = c.instance;
  b.q = c.q;
  b.flow = r.flow;
  b.target = target;
  b.user_agent = r.user_agent;
  b.registered = old ? old->registered : now.wall;
  b.expires = now.wall + std::chrono::seconds(seconds);
  for (std::string& evicted : location_.put(b, now)) {
    log_.write(LogCategory::registration, LogLevel::warning, {},
               r.aor + " has too many bindings: the one that would end first (token " + evicted +
                   ") gives way");
    out.changes.push_back(storage::DeleteBinding{std::move(evicted)});
  }
  out.changes.push_back(storage::PutBinding{std::move(b)});
}

// RFC 5626 §6: "the registrar MUST include a Require header field with the option-tag 'outbound'".
// §5.4: Flow-Timer, the seconds of silence after which a flow may be taken for dead.
void Registrar::add_outbound(const Registration& r, const sip::Message& response, Granted& out) {
  const bool stream = net::is_reliable(r.flow.transport);
  const bool granted = std::any_of(
      out.changes.begin(), out.changes.end(),
      [](const storage::Change& c) { return std::holds_alternative<storage::PutBinding>(c); });
  if (!granted) return;
  if (!sip::has_option(response, sip::HeaderId::require, "outbound"))
    out.headers.emplace_back("Require", "outbound");
  if (response.find("Flow-Timer") == nullptr)
    out.headers.emplace_back("Flow-Timer", stream ? "120" : "30");
}

bool Registrar::is_late(Instant now, const Registration& r) {
  const auto [known, fresh] = applied_.try_emplace(r.call_id, r.cseq);
  if (!fresh && known->second > r.cseq) return true;
  known->second = r.cseq;
  memory_.push_back(Memory{now + kMemory, r.call_id, r.cseq});
  if (memory_.size() > limits::kRelays) forget_oldest();
  return false;
}

void Registrar::forget_oldest() {
  const auto known = applied_.find(memory_.front().call_id);
  // A later REGISTER of this Call-ID has its own place in the row.
  if (known != applied_.end() && known->second == memory_.front().cseq) applied_.erase(known);
  memory_.pop_front();
}

Registrar::Granted Registrar::granted(const Now& now, const Registration& r,
                                      const sip::Message& response, storage::TargetId target) {
  Granted out;
  std::optional<std::uint32_t> header;
  if (const auto value = sip::parse_delta_seconds(response.header(sip::HeaderId::expires)))
    header = *value;

  bool lists_contacts = false;
  std::vector<Listed> listed;
  for (const sip::HeaderField& field : response.headers()) {
    if (field.id != sip::HeaderId::contact) continue;
    lists_contacts = true;
    const auto values = sip::parse_contacts(response.value(field));
    if (!values) continue;
    for (const sip::NameAddr& value : values->contacts) {
      const auto token = token_in(value.uri.user);
      if (!token) continue;
      Listed& l = listed.emplace_back();
      l.token = *token;
      l.expires = header;
      for (const sip::Param& p : value.params) {
        if (p.name.size() == 7 && sip::find_param(value.params, "expires") == &p) {
          if (const auto seconds = sip::parse_delta_seconds(p.value.value_or("")))
            l.expires = *seconds;
          continue;
        }
        l.params.append(";").append(p.name);
        if (p.value) l.params.append("=").append(*p.value);
      }
    }
  }
  const auto granted_to = [&](const Registration::Contact& c) -> std::optional<std::uint32_t> {
    const auto found = std::find_if(listed.begin(), listed.end(),
                                    [&](const Listed& l) { return l.token == c.token; });
    if (found != listed.end()) return found->expires ? *found->expires : r.asked(c);
    if (lists_contacts || r.asked(c) == 0) return std::nullopt;
    return header ? *header : r.asked(c);
  };

  const bool late = !r.is_query() && is_late(now.mono, r);
  if (late) {
    out.summary = "is late: a newer REGISTER was granted already";
  } else if (r.star) {
    for (const storage::Binding& b : location_.by_aor(r.aor)) drop(b.token, out);
    out.summary = "removed all bindings";
  } else {
    bool real = false;
    for (const Registration::Contact& c : r.contacts) {
      const auto seconds = granted_to(c);
      if (!out.summary.empty()) out.summary += ", ";
      if (seconds && *seconds > 0) {
        store(now, r, c, *seconds, target, out);
        real = true;
        out.summary += "granted " + std::to_string(*seconds) + " s to " + c.uri;
      } else if (seconds || r.asked(c) == 0) {
        drop(c.token, out);
        out.summary += "removed " + c.uri;
      } else {
        out.summary += "did not list " + c.uri + ", which is so not granted";
      }
    }
    // What an import took over is a guess that the first real registration replaces.
    for (const storage::Binding& b :
         real ? location_.by_aor(r.aor) : std::vector<storage::Binding>{}) {
      if (b.target == 0) drop(b.token, out);
    }
    if (r.is_query()) out.summary = "was a query";
  }

  if (r.outbound && !late) add_outbound(r, response, out);
  if (!lists_contacts) return out;
  out.contacts.emplace();
  for (const Listed& l : listed) {
    const auto own =
        std::find_if(r.contacts.begin(), r.contacts.end(),
                     [&](const Registration::Contact& c) { return c.token == l.token; });
    std::string uri;
    std::int64_t seconds = 0;
    if (own != r.contacts.end()) {
      uri = own->uri;
      seconds = l.expires ? *l.expires : r.asked(*own);
    } else if (const auto b = location_.by_token(l.token); b && b->aor == r.aor) {
      uri = b->contact;
      seconds =
          l.expires
              ? std::int64_t{*l.expires}
              : std::chrono::duration_cast<std::chrono::seconds>(b->expires - now.wall).count();
    }
    if (uri.empty() || seconds <= 0) continue;
    out.contacts->push_back("<" + uri + ">" + l.params + ";expires=" + std::to_string(seconds));
  }
  return out;
}

std::optional<Instant> Registrar::next_deadline() const {
  if (memory_.empty()) return std::nullopt;
  return memory_.front().due;
}

void Registrar::on_time(Instant now) {
  while (!memory_.empty() && memory_.front().due <= now) forget_oldest();
}

}  // namespace usher::routing
