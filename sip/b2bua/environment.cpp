#include "sip/b2bua/environment.hpp"

#include <utility>

#include "sip/b2bua/leg_messages.hpp"
#include "sip/message/status.hpp"

namespace usher::sip {

Reply no_room(std::string_view limit) {
  return {.status = 503,
          .reason = {},
          .why = "the limit of " + std::string(limit) + " is reached",
          .headers = {{"Retry-After", "10"}}};
}

namespace {

std::string lines_of(const Reply& reply) {
  std::string lines;
  for (const auto& [name, value] : reply.headers) lines += name + ": " + value + "\r\n";
  if (!reply.why.empty()) lines += "Reason: " + reason_value(reply.status, reply.why) + "\r\n";
  return lines;
}

std::string_view phrase_of(const Reply& reply) {
  return reply.reason.empty() ? reason_phrase(reply.status) : std::string_view(reply.reason);
}

}  // namespace

void Environment::note_reply(const std::string& key, const Reply& reply) {
  if (!config.notes) return;
  emit(Noted{
      .key = key, .kind = NoteKind::local_response, .text = reply.why, .status = reply.status});
}

void Environment::note_timer(NoteKind kind, const std::string& key, std::string_view timer,
                             Duration time, std::string_view text, const net::Endpoint& peer) {
  if (!config.notes) return;
  emit(Noted{.key = key,
             .kind = kind,
             .text = std::string(text),
             .timer = timer,
             .time = time,
             .peer = peer});
}

void Environment::note_armed(const std::string& key, std::string_view timer, Duration time,
                             std::string_view text, const net::Endpoint& peer) {
  note_timer(NoteKind::timer_armed, key, timer, time, text, peer);
}

void Environment::note_fired(const std::string& key, std::string_view timer, Duration time,
                             std::string_view text, const net::Endpoint& peer) {
  note_timer(NoteKind::timer_fired, key, timer, time, text, peer);
}

void Environment::answered(Now now, Cookie cookie) {
  TransactionUser* user = users.find(UserId::unpack(cookie));
  if (user == nullptr || user->began == Instant{}) return;
  traffic.answered(user->method, user->towards, now.mono - std::exchange(user->began, Instant{}));
}

void Environment::reply(Now now, const RequestReceived& received, const Reply& reply) {
  if (reply.status < 300) return reply_stateless(received, reply);
  layer.refuse(now.mono, received.request, received.flow, reply.status, phrase_of(reply), out,
               lines_of(reply));
}

void Environment::reply_stateless(const RequestReceived& received, const Reply& reply) {
  layer.reply_stateless(*received.request, received.flow, reply.status, phrase_of(reply), out,
                        lines_of(reply));
}

}  // namespace usher::sip
