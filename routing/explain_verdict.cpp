#include "routing/explain_verdict.hpp"

#include <algorithm>

#include "core/duration.hpp"
#include "sip/stack.hpp"

namespace usher::routing {

namespace {

std::string text_of(std::string_view text) {
  return std::string{text};
}

bool is(const Step* step, std::string_view field, std::string_view value) {
  return step != nullptr && step->field(field) == value;
}

std::string asked(const Story& story) {
  const Step* begin = story.last(step::kReceived);
  if (!begin) return "the request";
  const std::string_view to = begin->field("to");
  std::string out = text_of(begin->field("method"));
  if (!begin->field("from").empty()) out += " of " + text_of(begin->field("from"));
  if (out.starts_with("REGISTER") || to.empty()) return out;
  return out + " for " + text_of(to);
}

std::string place(const Step& step) {
  if (!step.field("destination").empty()) return text_of(step.field("destination"));
  return "the other side";
}

// Said of a 401 or 407.
std::string challenged(const Story& story, const std::string& who, const std::string& status) {
  if (!is(story.last(step::kReceived), "credentials", "yes"))
    return who + " asks for credentials (" + status +
           "), as it does of everybody at first: the next request should bring them";
  std::string out = who + " refused the credentials that came with it (" + status + ")";
  if (!story.other_nonce.empty()) return out;
  return out +
         ": user name or password are wrong, or the nonce was too old; then the next request "
         "is let in";
}

// Who was tried and said nothing at all.
std::string silent(const Story& story) {
  std::string out;
  for (const Record* r : story.steps) {
    if (r->step.what != step::kAttempt || r->step.field("destination").empty()) continue;
    const std::string at = text_of(r->step.field("destination"));
    if (out.find(at) == std::string::npos) out.append(out.empty() ? "" : ", ").append(at);
  }
  return out.empty() ? "nobody" : out;
}

Verdict dropped(const Step& drop) {
  const std::string_view reason = drop.field("reason");
  if (reason == "not found")
    return {"silence: its domain is none of ours (" + text_of(drop.field("domain")) +
                "), so its sender is a stranger and gets no byte",
            {}};
  if (reason == "disabled")
    return {"silence: the domain " + text_of(drop.field("domain")) + " is disabled", {}};
  if (reason == "banned") return {"silence: " + drop.why, {}};
  if (reason == "scanner") return {"silence: its User-Agent is that of a known scanner", {}};
  if (reason == "failed authentication")
    return {"silence: its user has failed to authenticate too often from there", {}};
  if (reason == "ambiguous")
    return {"silence, since a lie about a phone's presence would be worse: " + drop.why,
            death::kAmbiguousUser};
  return {"no answer was given: " + drop.why, {}};
}

// A final response that we have made ourselves.
Verdict own_response(const Story& story, const Step& response) {
  const std::string status = text_of(response.field("status"));
  const std::string says = "the " + status + " is Usher's own: " + response.why;
  if (is(story.last(step::kLookup), "ambiguous", "yes"))
    return {says + ": a user name alone is never guessed", death::kAmbiguousUser};
  if (status == "408" && response.why.starts_with("the ring limit"))
    return {says + ". It rang and nobody took the call; the limit is timers.ring_limit",
            death::kRingLimit};
  if (status == "408")
    return {says + ". No target gave any response (tried: " + silent(story) + ")",
            death::kSilentTargets};
  if (status == "503" && response.why.starts_with("no target is left"))
    return {says + " (tried: " + silent(story) + ")", death::kSilentTargets};
  return {says, {}};
}

Verdict ended_call(const Story& story, const Step& ended) {
  const std::string why = ended.why;
  const std::string status = text_of(ended.field("status"));
  const std::string length = text_of(ended.field("length"));
  if (is(&ended, "answered", "yes")) {
    const std::string talk = text_of(ended.field("talk"));
    if (why.starts_with("no ACK"))
      return {"answered, but the caller never acknowledged it: " + why +
                  ", so the call was ended. Its ACK does not reach Usher, or the 2xx does not "
                  "reach the caller",
              death::kNoAck};
    if (const Step* lost = story.last(step::kByeLost))
      return {"the call was up for " + talk + " and ended (" + why + "), but " + place(*lost) +
                  " never answered the BYE (" + lost->why +
                  "): it may believe that the call goes on",
              death::kByeUndeliverable};
    const std::string_view by = ended.field("ended_by");
    return {"answered, up for " + talk + ", ended by " +
                (by == "originator" ? "who called"
                 : by == "answerer" ? "who was called"
                                    : "Usher: " + why),
            {}};
  }
  const Step* own = story.own_response(status);
  if (status == "487" && is(&ended, "ended_by", "originator"))
    return {"the caller gave up after " + length, {}};
  if (own) return own_response(story, *own);
  const Step* attempt = nullptr;
  for (const Record* r : story.steps) {
    if (r->step.what == step::kAttemptEnded && r->step.field("status") == status)
      attempt = &r->step;
  }
  if (attempt && (status == "401" || status == "407"))
    return {challenged(story, place(*attempt), status), {}};
  if (attempt)
    return {"the " + status + " is not Usher's: " + place(*attempt) + " answered it " +
                text_of(attempt->field("took")) + " after the INVITE, and it was passed on" +
                (status == "408" ? "; no timer of Usher's made it" : ""),
            {}};
  return {"it ended with " + status + ": " + why, {}};
}

std::string whole_seconds(Duration d) {
  return duration_text(std::chrono::floor<std::chrono::seconds>(std::max(d, Duration{})));
}

// Who has it under way rings, and how long he may.
std::string ringing(const Story& story, const Record& rang) {
  std::string out = asked(story) + " rings since " + whole_seconds(story.now - rang.at) + " at " +
                    place(rang.step) + ", which has not answered";
  const Record* armed = nullptr;
  for (const Record* r : story.steps) {
    if (is(&r->step, "timer", sip::timer_label::kRingLimit) && r->step.what == step::kTimerArmed)
      armed = r;
  }
  const Result<Duration> limit =
      armed ? parse_duration(armed->step.field("time")) : Result<Duration>{Duration{}};
  if (!armed || !limit) return out;
  return out + "; the ring limit of " + duration_text(*limit) +
         " (timers.ring_limit) would end it in " + whole_seconds(armed->at + *limit - story.now) +
         ", and begins anew with each 18x";
}

// It goes on, as far as the recorder knows.
Verdict open(const Story& story) {
  if (const Record* answered = story.last_record(step::kAnswered))
    return {"answered; it is up since " + whole_seconds(story.now - answered->at) +
                ", as far as the recorder knows",
            {}};
  if (const Record* restored = story.last_record(step::kRestored)) {
    const Result<Duration> before = parse_duration(restored->step.field("up"));
    if (!before) return {restored->step.why, {}};
    return {restored->step.why + "; it is up since " +
                whole_seconds(*before + (story.now - restored->at)),
            {}};
  }
  // A target that has been tried since then has not rung.
  const Record* rang = story.last_record(step::kRinging);
  const Record* failed = story.last_record(step::kFailover);
  if (rang && (!failed || failed->sequence < rang->sequence)) return {ringing(story, *rang), {}};
  if (const Step* sent = story.last(step::kAttempt))
    return {asked(story) + " is on its way: sent to " + place(*sent) + ", no final response yet",
            {}};
  if (story.last(step::kQueued)) return {asked(story) + " waits for its turn", {}};
  if (story.last(step::kReceived)) return {asked(story) + " was received", {}};
  return {
      "its beginning is not held any more; what is left of its decisions says no more than "
      "what is listed",
      {}};
}

Verdict ended_relay(const Story& story, const Step& ended) {
  const std::string status = text_of(ended.field("status"));
  if (const Step* granted = story.last(step::kRegistered)) return {"granted: " + granted->why, {}};
  const Step* own = story.own_response(status);
  if (status == "0")
    return {"nobody answered " + asked(story) + " (tried: " + silent(story) +
                "); no 408 is made up for it (RFC 4320), its sender runs into his own timer",
            death::kSilentTargets};
  if (own) return own_response(story, *own);
  const Step* attempt = story.last(step::kAttemptEnded);
  const std::string who = attempt ? place(*attempt) : "the other side";
  if (status == "401" || status == "407") return {challenged(story, who, status), {}};
  return {who + " answered " + status + " to " + asked(story), {}};
}

}  // namespace

const Record* Story::last_record(std::string_view what) const {
  const auto found = std::find_if(steps.rbegin(), steps.rend(),
                                  [&](const Record* r) { return r->step.what == what; });
  return found == steps.rend() ? nullptr : *found;
}

const Step* Story::last(std::string_view what) const {
  const Record* found = last_record(what);
  return found ? &found->step : nullptr;
}

const Step* Story::own_response(std::string_view status) const {
  const Step* found = nullptr;
  for (const Record* r : steps) {
    if (r->step.what == step::kResponse && r->step.field("status") == status) found = &r->step;
  }
  return found;
}

std::string_view Story::method() const {
  const Step* begin = last(step::kReceived);
  return begin ? begin->field("method") : std::string_view{};
}

std::string_view Story::kind() const {
  if (last(step::kDropped)) return "drop";
  if (method() == "REGISTER") return "registration";
  // What is told of calls alone, should the beginning not be held any more.
  const bool in_call = std::any_of(steps.begin(), steps.end(), [](const Record* r) {
    const std::string_view timer = r->step.field("timer");
    return r->step.what == step::kRestored || r->step.what == step::kAnswered ||
           r->step.what == step::kRinging || timer == sip::timer_label::kAck ||
           timer == sip::timer_label::kSession || timer == sip::timer_label::kFlowRecovery;
  });
  return method() == "INVITE" || in_call ? "call" : "request";
}

Verdict judge(const Story& story) {
  Verdict out;
  const Step* ended = story.last(step::kEnded);
  const Step* own = story.last(step::kResponse);
  if (const Step* drop = story.last(step::kDropped)) {
    out = dropped(*drop);
  } else if (ended) {
    out = story.kind() == "call" ? ended_call(story, *ended) : ended_relay(story, *ended);
  } else if (own && !story.last(step::kAttempt) && !story.last(step::kAnswered) &&
             !story.last(step::kRestored)) {
    // Later ones answer what came within the call.
    out = own_response(story, *own);
  } else {
    out = open(story);
  }
  if (!story.other_nonce.empty()) {
    out.text += ". " + story.other_nonce;
    if (out.known_death.empty()) out.known_death = death::kNonce;
  }
  if (!story.private_media.empty()) {
    out.text += ". " + story.private_media;
    out.hint = hint::kPrivateMedia;
  }
  return out;
}

}  // namespace usher::routing
