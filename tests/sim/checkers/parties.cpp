// Who may see what, and whom a message may reach.
#include <algorithm>

#include "sip/grammar/grammar.hpp"
#include "tests/sim/checkers/story.hpp"

namespace usher::sim {

namespace {

const AgentInfo& info(const Trace& trace, int agent) {
  return trace.agents[static_cast<std::size_t>(agent)];
}

std::string_view head_of(const Text& text) {
  const std::string_view all = text.bytes.view();
  const std::size_t end = all.find("\r\n\r\n");
  return all.substr(0, end);
}

// `host` as a whole: "127.0.0.1" does not stand in "127.0.0.10".
bool mentions(std::string_view text, std::string_view host) {
  for (std::size_t at = text.find(host); at != std::string_view::npos;
       at = text.find(host, at + 1)) {
    const std::size_t after = at + host.size();
    const auto part = [&](std::size_t i) {
      return i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) != 0);
    };
    if (!part(after) && (at == 0 || (!part(at - 1) && text[at - 1] != '.'))) return true;
  }
  return false;
}

// A REGISTER for this AoR had this Contact in it when it arrived.
bool was_told(const Story& story, const std::string& aor, std::string_view contact) {
  return std::any_of(
      story.altered_registers.begin(), story.altered_registers.end(), [&](const auto& said) {
        return said.aor == aor && std::find(said.contacts.begin(), said.contacts.end(), contact) !=
                                      said.contacts.end();
      });
}

// The backend knows this phone by another name, which a REGISTER had when it arrived.
bool is_taken_for(const Story& story, int phone, const Errand& errand) {
  return std::any_of(story.altered_registers.begin(), story.altered_registers.end(),
                     [&](const auto& said) {
                       return said.phone == phone && said.aor == errand.aor &&
                              (errand.device < 0 || said.device == std::to_string(errand.device));
                     });
}

// What is left of a message of a stranger, cut off or altered, has a domain of ours and no longer
// the name of a scanner: then it is answered.
bool is_harmless_rest(const Trace& trace, const Record& response) {
  const std::string_view branch = response.text->branch();
  return std::any_of(trace.records.begin(), trace.records.end(), [&](const Record& r) {
    if (r.step != Step::edge_receives || r.agent != response.agent || !r.text->altered)
      return false;
    const std::string_view said = r.text->bytes.view();
    const auto has = [&](std::string_view part) {
      return said.find(part) != std::string_view::npos;
    };
    return !branch.empty() && has(branch) && has("@a.test") && !has("friendly-scanner");
  });
}

}  // namespace

void hidden_hosts(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  std::vector<std::string> hosts;
  for (const AgentInfo& agent : trace.agents) {
    if (agent.role == Role::backend) hosts.push_back(agent.at.address.text());
  }
  for (const Record& r : trace.records) {
    if (r.step != Step::edge_sends || !r.text || !is_phone(trace, r.agent)) continue;
    if (story.altered.contains(r.call)) continue;
    for (const std::string& host : hosts) {
      if (!mentions(head_of(*r.text), host)) continue;
      out.push_back({"hidden_hosts", r.call,
                     "a phone sees " + host + " in " + r.text->what() + ":\n" +
                         std::string{head_of(*r.text)}});
      return;
    }
  }
}

void own_contact(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  for (const Record& r : trace.records) {
    if (r.step != Step::edge_sends || !r.text || !r.text->message || !is_phone(trace, r.agent))
      continue;
    if (story.altered.contains(r.call)) continue;
    const std::string& own = info(trace, r.agent).contact;
    if (r.text->is_request()) {
      // The ACK of a refusal and CANCEL have their INVITE's; INVITEs have it as well.
      if (r.text->message->request_uri() != own &&
          !was_told(story, info(trace, r.agent).aor, r.text->message->request_uri())) {
        out.push_back({"own_contact", r.call,
                       r.text->what() + " to " + info(trace, r.agent).name + " for " +
                           std::string{r.text->message->request_uri()} + " instead of " + own});
      }
    } else if (r.text->what() == "200 REGISTER") {
      for (const sip::HeaderField& field : r.text->message->headers()) {
        if (field.id != sip::HeaderId::contact) continue;
        const auto contacts = sip::parse_contacts(r.text->message->value(field));
        if (!contacts) continue;
        for (const sip::NameAddr& contact : contacts->contacts) {
          const std::string& aor = info(trace, r.agent).aor;
          const bool known = std::any_of(trace.agents.begin(), trace.agents.end(),
                                         [&](const AgentInfo& agent) {
                                           return agent.role == Role::phone && agent.aor == aor &&
                                                  agent.contact == contact.uri.raw;
                                         }) ||
                             was_told(story, aor, contact.uri.raw);
          if (known) continue;
          out.push_back({"own_contact", r.call,
                         "200 to REGISTER with the Contact " + std::string{contact.uri.raw}});
        }
      }
    }
  }
}

void right_party(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  for (const Record& r : trace.records) {
    if (r.step != Step::edge_sends || !r.text || !r.text->is_request() || r.agent < 0) continue;
    const int number = r.text->number();
    const auto errand = trace.errands.find(number);
    if (number == 0 || errand == trace.errands.end() || story.altered.contains(number)) continue;
    if (story.of_strangers.contains(number)) continue;
    const Errand& e = errand->second;
    const AgentInfo& reached = info(trace, r.agent);
    if (r.agent == e.from) continue;  // within its own dialog
    if (is_backend(trace, e.from)) {
      const bool right = reached.role == Role::phone &&
                         ((reached.aor == e.aor && (e.device < 0 || r.agent == e.device)) ||
                          is_taken_for(story, r.agent, e));
      if (!right) {
        out.push_back({"right_party", number,
                       e.method + " for " + e.aor + " was sent to " + reached.name + " (" +
                           reached.aor + ")"});
      }
    } else if (reached.role != Role::backend || reached.set != info(trace, e.from).set) {
      out.push_back({"right_party", number,
                     e.method + " of " + info(trace, e.from).aor + " was sent to " + reached.name});
    }
  }
}

void silence(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  for (const Record& r : trace.records) {
    if (r.step != Step::edge_sends || !r.text) continue;
    // A connection of a process that died leads to nobody: not a byte leaves.
    if (r.agent < 0 && r.flow.connection == net::kGoneConnection) continue;
    if (r.fate == Fate::refused) continue;  // no byte left
    // An altered Contact leads astray.
    if (r.agent < 0 && story.altered.contains(r.call)) continue;
    if (r.agent >= 0 && info(trace, r.agent).role != Role::stranger) continue;
    if (is_harmless_rest(trace, r)) continue;
    out.push_back({"silence", r.call,
                   "sent to " + r.flow.remote.text() + ":\n" + std::string{head_of(*r.text)}});
    return;
  }
}

void presence(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  std::set<int> answered;
  for (const Record& r : trace.records) {
    if (!r.text || !r.text->is_response() || r.text->status() < 200) continue;
    const auto errand = trace.errands.find(r.call);
    if (errand == trace.errands.end() || !is_backend(trace, errand->second.from)) continue;
    if (errand->second.method != "OPTIONS" && errand->second.method != "NOTIFY") continue;
    if (story.altered.contains(r.call) || story.of_strangers.contains(r.call)) continue;
    if (r.step == Step::edge_receives && is_phone(trace, r.agent)) answered.insert(r.call);
    if (r.step == Step::edge_sends && is_backend(trace, r.agent) && !answered.contains(r.call)) {
      out.push_back({"presence", r.call,
                     "a backend got " + r.text->what() + " that its phone has not given"});
    }
  }
}

void way_back(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  std::map<std::string, std::set<net::Flow>> came;
  std::set<net::Flow> garbage;  // what was cut off in its body is answered as well
  for (const Record& r : trace.records) {
    if (r.text && r.text->altered && r.step == Step::edge_receives) garbage.insert(r.flow);
    if (!r.text || !r.text->message) continue;
    const std::string key =
        std::string{r.text->branch()} + "|" + std::string{r.text->message->cseq().method_name};
    if (r.step == Step::edge_receives && r.text->is_request()) came[key].insert(r.flow);
    if (r.step != Step::edge_sends || !r.text->is_response()) continue;
    const auto found = came.find(key);
    net::Flow flow = r.flow;
    if (found == came.end() || !found->second.contains(flow)) {
      if (story.altered.contains(r.call) || garbage.contains(flow)) continue;
      out.push_back({"way_back", r.call,
                     r.text->what() + " went to " + flow.remote.text() +
                         ", where no such request had come from"});
      return;
    }
  }
}

void credentials(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  struct Said {
    std::string from;
    std::set<std::string> authorizations;
  };
  std::map<int, Said> said;
  for (const Record& r : trace.records) {
    if (!r.text || !r.text->is_request() || r.text->number() == 0) continue;
    const int number = r.text->number();
    if (story.altered.contains(number)) continue;
    // In a dialog that a backend began each side knows the phone by its own name.
    const auto errand = trace.errands.find(number);
    if (errand != trace.errands.end() && is_backend(trace, errand->second.from)) continue;
    if (r.step == Step::agent_sends && is_phone(trace, r.agent)) {
      Said& s = said[number];
      s.from = uri_in(r.text->header("From"));
      s.authorizations.insert(r.text->header("Authorization"));
    } else if (r.step == Step::edge_sends && is_backend(trace, r.agent)) {
      const auto found = said.find(number);
      if (found == said.end()) continue;
      if (uri_in(r.text->header("From")) != found->second.from ||
          !found->second.authorizations.contains(r.text->header("Authorization"))) {
        out.push_back({"credentials", number,
                       r.text->what() + " reached a backend with other credentials or From"});
      }
    }
  }
}

}  // namespace usher::sim
