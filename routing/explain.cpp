#include "routing/explain.hpp"

#include <algorithm>
#include <map>

#include "core/net/private_network.hpp"
#include "routing/explain_verdict.hpp"
#include "routing/recorder/reading.hpp"
#include "sip/sdp/media_address.hpp"

namespace usher::routing {

namespace {

// RFC 7616 §3.3: a nonce is known to who made it alone. Credentials for the challenge of one
// backend that another one got, and refused from this moment on.
std::string met_another(const Records& records, Instant since) {
  std::map<std::string, net::Endpoint> made_by;
  std::map<net::Endpoint, std::string> misled;  // where credentials went, and whose nonce they had
  for (const Record& r : records.items) {
    if (!r.is_message()) continue;
    const Reading reading = read_message(r.text);
    if (r.kind == RecordKind::received && !reading.request) {
      const bool challenge = reading.status == 401 || reading.status == 407;
      const auto wrong = misled.find(r.remote);
      if (wrong != misled.end() && r.at >= since && (challenge || reading.status == 403))
        return "The nonce that " + wrong->second + " had given was shown to " + r.remote.text() +
               ", which does not know it and answered " + std::to_string(reading.status);
      if (challenge) {
        if (std::string nonce = nonce_of(r.text); !nonce.empty())
          made_by.emplace(std::move(nonce), r.remote);
      }
    } else if (r.kind == RecordKind::sent && reading.request) {
      const auto maker = made_by.find(nonce_of(r.text));
      misled.erase(r.remote);
      if (maker != made_by.end() && maker->second.address != r.remote.address)
        misled[r.remote] = maker->second.text();
    }
  }
  return {};
}

// A party whose packets come from a public address and who asks for media at a private one: no
// answer to its audio will reach it. What was said from this moment on counts.
std::string private_media(const Records& records, Instant since) {
  for (const Record& r : records.items) {
    if (r.kind != RecordKind::received || r.at < since) continue;
    if (net::is_private(r.remote.address)) continue;
    const auto media = sip::media_address(body_of(r.text));
    if (media && net::is_private(*media))
      return r.remote.address.text() + " asks for its audio at " + media->text() +
             ", a private address that only its own network reaches: unless the other end sends "
             "audio to where audio comes from, it hears nothing";
  }
  return {};
}

}  // namespace

Explanation explain(const Records& records, Instant now) {
  Explanation out;
  // The last one counts: a challenged request comes again. But what comes late within a call that
  // is over, and gets 481, says nothing about the call.
  const Record* begin = nullptr;  // both INVITEs of a challenged call are of one trace
  bool is_call = false;
  for (const Record& r : records.items) {
    if (r.is_message()) continue;
    out.steps.push_back(r);
    const bool call = r.step.what == step::kRestored ||
                      (r.kind == RecordKind::begin && r.step.field("method") == "INVITE");
    if (begin == nullptr || call || (r.kind == RecordKind::begin && !is_call)) begin = &r;
    is_call = is_call || call;
  }
  if (out.steps.empty()) {
    out.verdict.text = records.items.empty()
                           ? "the recorder holds nothing of it (any more)"
                           : "only messages are left of it: its decisions are no longer held";
    return out;
  }
  Story story;
  story.now = now;
  for (const Record& r : out.steps) {
    if (r.trace == begin->trace && r.sequence >= begin->sequence) story.steps.push_back(&r);
  }
  story.other_nonce = met_another(records, begin->at);
  story.private_media = private_media(records, begin->at);
  out.kind = story.kind();
  out.verdict = judge(story);
  return out;
}

}  // namespace usher::routing
