#include "sip/b2bua/legs.hpp"

#include <utility>

#include "core/limits.hpp"
#include "sip/b2bua/session_uuid.hpp"
#include "sip/grammar/grammar.hpp"

namespace usher::sip {
namespace {

std::string dialog_key(std::string_view call_id, std::string_view local_tag) {
  std::string key;
  key.reserve(call_id.size() + local_tag.size() + 1);
  key.append(call_id).push_back('\0');
  key.append(local_tag);
  return key;
}

bool has_device(const Leg& leg) {
  return !leg.device.empty() && leg.side == Side::phone;
}

bool has_connection(const Leg& leg) {
  return leg.side == Side::phone && net::is_reliable(leg.flow.transport) &&
         leg.flow.connection != net::kGoneConnection;
}

template <class Map, class Key>
void erase_one(Map& map, const Key& key, LegId id) {
  const auto [first, last] = map.equal_range(key);
  for (auto it = first; it != last; ++it) {
    if (it->second != id) continue;
    map.erase(it);
    return;
  }
}

}  // namespace

LegId Legs::add(Leg leg) {
  std::string key = dialog_key(leg.dialog.call_id, leg.dialog.local_tag);
  leg.names = this;
  const auto [id, added] = legs_.emplace(std::move(leg));
  dialogs_.insert_or_assign(std::move(key), id);
  enlist(id, added);
  return id;
}

void Legs::enlist(LegId id, const Leg& leg) {
  if (has_device(leg)) by_device_.emplace(leg.device, id);
  if (has_connection(leg)) by_connection_.emplace(leg.flow.connection.value, id);
}

void Legs::strike(LegId id, const Leg& leg) {
  if (has_device(leg)) erase_one(by_device_, leg.device, id);
  if (has_connection(leg)) erase_one(by_connection_, leg.flow.connection.value, id);
}

void Legs::follow(LegId id, const net::Flow& flow) {
  Leg& leg = *legs_.find(id);
  if (leg.flow == flow) return;
  if (has_connection(leg)) erase_one(by_connection_, leg.flow.connection.value, id);
  leg.flow = flow;
  if (has_connection(leg)) by_connection_.emplace(flow.connection.value, id);
}

std::vector<LegId> Legs::on_connection(net::ConnectionId connection) const {
  std::vector<LegId> out;
  const auto [first, last] = by_connection_.equal_range(connection.value);
  for (auto it = first; it != last; ++it) out.push_back(it->second);
  return out;
}

Leg Legs::from(Now now, const RouteNeeded& need, const Plan& plan, Dialog dialog) {
  auto context = std::make_shared<CallContext>();
  context->key = plan.key.empty() ? env_.rng.token(8) : plan.key;
  context->domain = plan.domain;
  context->hidden = plan.hidden;
  context->x_cid = env_.config.correlation.x_cid;
  Leg leg;
  leg.side = plan.towards == Side::backend ? Side::phone : Side::backend;
  leg.flow = need.flow;
  leg.dialog = std::move(dialog);
  leg.contact_user = plan.contact_user_origin;
  leg.device = plan.device_origin;
  leg.context = std::move(context);
  leg.started = now.mono;
  return leg;
}

Leg Legs::towards(const Leg& origin, const Plan& plan, const Attempt& attempt,
                  std::string_view request_uri) {
  const Presentation presentation{plan.towards, origin.context->hidden.get(),
                                  origin.context->domain};
  Leg leg;
  leg.side = plan.towards;
  leg.is_uac = true;
  leg.flow = attempt.flow;
  leg.contact_user = plan.contact_user_new;
  leg.device = attempt.device;
  leg.context = origin.context;
  leg.attempt = attempt.mark;
  leg.dialog.call_id = env_.rng.token(24);
  leg.dialog.local_tag = env_.rng.token(12);
  leg.dialog.local_party = present_addresses(origin.dialog.remote_party, presentation);
  leg.dialog.remote_party = plan.to_uri.empty()
                                ? present_addresses(origin.dialog.local_party, presentation)
                                : '<' + plan.to_uri + '>';
  leg.dialog.remote_target = attempt.request_uri.empty() ? request_uri : attempt.request_uri;
  leg.dialog.local_cseq = static_cast<std::uint32_t>(1 + env_.rng.below(1 << 16));
  return leg;
}

LegId Legs::add_fork(LegId of, std::string_view remote_tag) {
  const Leg& first = *legs_.find(of);
  if (first.forks.size() >= limits::kForksPerAttempt) return {};
  Leg fork = first;
  fork.peer = {};
  fork.transactions = first.invite ? 1 : 0;
  fork.invite = {};
  fork.invite_transactions = 0;
  fork.acks.clear();
  fork.forks.clear();
  fork.subscriptions.clear();
  fork.told = {};
  fork.byed = fork.is_asked = false;
  fork.misses = 0;
  fork.has_early_dialog = false;
  fork.dialog.remote_tag = remote_tag;
  fork.dialog.confirmed = false;
  fork.peer_session_uuid.clear();
  fork.dialog.local_cseq = first.invite_cseq;
  fork.dialog.remote_cseq = 0;
  const auto [id, added] = legs_.emplace(std::move(fork));
  enlist(id, added);
  legs_.find(of)->forks.push_back(id);
  return id;
}

LegId Legs::find_fork(LegId id, std::string_view remote_tag) const {
  const Leg* leg = legs_.find(id);
  if (leg == nullptr) return {};
  if (leg->dialog.remote_tag == remote_tag) return id;
  for (const LegId fork_id : leg->forks) {
    const Leg* fork = legs_.find(fork_id);
    if (fork != nullptr && fork->dialog.remote_tag == remote_tag) return fork_id;
  }
  return {};
}

void Legs::let_forks_go(LegId id) {
  const Leg* leg = legs_.find(id);
  if (leg == nullptr) return;
  const std::vector<LegId> forks = leg->forks;
  for (const LegId fork : forks) let_go(fork);
}

LegId Legs::find_dialog(std::string_view call_id, std::string_view local_tag) const {
  const auto found = dialogs_.find(dialog_key(call_id, local_tag));
  return found == dialogs_.end() ? LegId{} : found->second;
}

std::size_t Legs::rebind(const std::string& device, const net::Flow& flow,
                         const std::optional<net::Flow>& was) {
  std::size_t moved = 0;
  const auto [first, last] = by_device_.equal_range(device);
  for (auto it = first; it != last; ++it) {
    const Leg& leg = *legs_.find(it->second);
    if ((!net::is_reliable(leg.flow.transport) && leg.flow != was) || leg.flow == flow) continue;
    follow(it->second, flow);
    touch(it->second);
    ++moved;
  }
  return moved;
}

std::optional<Legs::Named> Legs::named(std::string_view call_id, std::string_view tag,
                                       std::string_view other_tag, Side towards) const {
  const auto find = [&](std::string_view ours, std::string_view theirs) {
    const Leg* leg = legs_.find(find_dialog(call_id, ours, theirs));
    return leg != nullptr && leg->side != towards && leg->dialog.remote_tag == theirs ? leg
                                                                                      : nullptr;
  };
  if (tag.empty() || other_tag.empty()) return std::nullopt;
  const Leg* leg = find(tag, other_tag);
  const bool ours_first = leg != nullptr;
  if (leg == nullptr) leg = find(other_tag, tag);
  const Leg* peer = leg ? legs_.find(leg->peer) : nullptr;
  if (peer == nullptr || peer->side != towards || peer->dialog.remote_tag.empty())
    return std::nullopt;
  return Named{peer, ours_first};
}

std::optional<DialogName> Legs::across(std::string_view call_id, std::string_view tag,
                                       std::string_view other_tag, Side towards) const {
  const auto found = named(call_id, tag, other_tag, towards);
  if (!found) return std::nullopt;
  // We stand for the far party on each leg: our tag here is its own tag there.
  const Dialog& d = found->peer->dialog;
  return found->ours_first ? DialogName{d.call_id, d.remote_tag, d.local_tag}
                           : DialogName{d.call_id, d.local_tag, d.remote_tag};
}

std::optional<net::Endpoint> Legs::holder(const Message& request, Side towards) const {
  for (const HeaderId header : {HeaderId::replaces, HeaderId::join, HeaderId::target_dialog}) {
    const auto id = parse_replaces(request.header(header));
    if (!id) continue;
    if (const auto found = named(id->call_id, id->to_tag, id->from_tag, towards))
      return found->peer->flow.remote;
  }
  return std::nullopt;
}

LegId Legs::find_dialog(std::string_view call_id, std::string_view local_tag,
                        std::string_view remote_tag) const {
  const LegId id = find_dialog(call_id, local_tag);
  const Leg* leg = legs_.find(id);
  if (leg == nullptr || (leg->is_uac && leg->dialog.remote_tag.empty())) return id;
  return find_fork(id, remote_tag);
}

void Legs::hold(LegId id) {
  if (Leg* leg = legs_.find(id)) ++leg->transactions;
}

void Legs::let_go(LegId id) {
  Leg* leg = legs_.find(id);
  if (leg == nullptr) return;
  USHER_CHECK(leg->transactions > 0);
  --leg->transactions;
  erase_if_done(id);
}

void Legs::erase_if_done(LegId id) {
  const Leg* leg = legs_.find(id);
  if (leg == nullptr || leg->call || leg->transactions > 0) return;
  const auto found = dialogs_.find(dialog_key(leg->dialog.call_id, leg->dialog.local_tag));
  if (found != dialogs_.end() && found->second == id) {
    // A fork that is still there is found in its place.
    std::vector<LegId> forks = leg->forks;
    std::erase_if(forks, [&](LegId fork) { return legs_.find(fork) == nullptr; });
    if (forks.empty()) {
      dialogs_.erase(found);
    } else {
      const LegId heir = forks.front();
      forks.erase(forks.begin());
      legs_.find(heir)->forks = std::move(forks);
      found->second = heir;
    }
  }
  strike(id, *leg);
  legs_.erase(id);
}

void Legs::part(LegId id) {
  Leg* leg = legs_.find(id);
  if (leg == nullptr) return;
  if (Leg* peer = legs_.find(leg->peer); peer != nullptr && peer->peer == id) peer->peer = {};
  leg->peer = {};
}

void Legs::leave_call(LegId id) {
  Leg* leg = legs_.find(id);
  if (leg == nullptr) return;
  leg->call = {};
  erase_if_done(id);
}

void Legs::hear(const Message& message) {
  const auto uuid = local_uuid(message.header(HeaderId::session_id));
  if (!uuid) return;
  const bool request = message.is_request();
  const LegId id = find_dialog(message.call_id(), request ? message.to_tag() : message.from_tag(),
                               request ? message.from_tag() : message.to_tag());
  Leg* leg = legs_.find(id);
  if (leg == nullptr) return;
  Leg* peer = legs_.find(leg->peer);
  if (leg->peer_session_uuid == *uuid && (peer == nullptr || peer->session_uuid == *uuid)) return;
  leg->peer_session_uuid = *uuid;
  touch(id);
  // A phone that says one of its own has that name from now on.
  if (peer != nullptr && peer->side == Side::backend) peer->session_uuid = *uuid;
}

ClientTxId Legs::send_request(Now now, LegId id, Method method, std::string_view method_name,
                              const LegRequest& what, TransactionUser user) {
  const Leg& leg = *legs_.find(id);
  const net::Flow flow = request_flow(leg, env_.config.listeners);
  LegRequest request = what;
  request.method = method_name;
  user.leg = id.packed();
  const Cookie cookie = env_.user(user);
  const ClientTxId transaction = env_.start(
      now, method, flow, leg.side, cookie, [&](const Listener& via, std::string_view branch) {
        request.branch = branch;
        request.via = &via;
        return make_request(leg, env_.listener(flow), request);
      });
  if (transaction) {
    hold(id);
    touch(id);
  } else {
    env_.users.erase(UserId::unpack(cookie));
  }
  return transaction;
}

void Legs::send_bye(Now now, LegId id, std::string_view reason) {
  Leg* leg = legs_.find(id);
  if (leg == nullptr || leg->byed) return;
  leg->byed = true;
  send_request(now, id, Method::bye, "BYE", {.cseq = ++leg->dialog.local_cseq, .reason = reason},
               {TransactionUser::Kind::own_bye, 0, 0});
}

void Legs::note_lost_bye(LegId id, std::string_view why) {
  const Leg* leg = legs_.find(id);
  if (leg == nullptr || !env_.config.notes) return;
  env_.emit(Noted{.key = leg->context->key,
                  .kind = NoteKind::bye_unanswered,
                  .text = std::string(why),
                  .peer = leg->flow.remote});
}

// Of the request that the trace is about the reason stands alone; within the dialog either end may
// have asked.
void Legs::note_own(const Leg& leg, const Message& request, const net::Endpoint& source,
                    const LegResponse& what) {
  const bool within = !request.to_tag().empty();
  std::string text;
  if (within) text.append(request.method_name()).append(": ");
  text.append(what.why.empty() ? std::string_view{"answered here"} : what.why);
  env_.emit(Noted{.key = leg.context->key,
                  .kind = NoteKind::local_response,
                  .text = std::move(text),
                  .status = what.status,
                  .peer = within ? source : net::Endpoint{}});
}

void Legs::respond(Now now, ServerTxId server, LegId id, const Message& request,
                   const net::Endpoint& source, const LegResponse& what) {
  const Leg* leg = legs_.find(id);
  if (leg == nullptr) return;  // its transactions are over, this one with them
  touch(id);
  if (what.source == nullptr && what.status >= 200 && env_.config.notes)
    note_own(*leg, request, source, what);
  env_.layer.respond(now.mono, server, what.status,
                     make_response(*leg, env_.listener(leg->flow), request, source, what),
                     env_.out);
}

ServerTxId Legs::accept(Now now, LegId id, const RequestReceived& received, TransactionUser user) {
  user.leg = id.packed();
  const Cookie cookie = env_.user(user);
  const ServerTxId server =
      env_.layer.accept(now.mono, received.request, received.flow, cookie, env_.out);
  if (server) {
    hold(id);
    touch(id);
  } else {
    env_.users.erase(UserId::unpack(cookie));
    env_.note_reply(legs_.find(id)->context->key, no_room("transactions"));
    env_.reply(now, received, no_room("transactions"));
  }
  return server;
}

void Legs::answer_here(Now now, LegId id, const RequestReceived& received,
                       const LegResponse& response) {
  const bool invite = received.request->method() == Method::invite;
  const ServerTxId server =
      accept(now, id, received,
             {invite ? TransactionUser::Kind::invite_server : TransactionUser::Kind::server, 0, 0});
  if (!server) return;
  respond(now, server, id, *received.request, received.flow.remote, response);
}

}  // namespace usher::sip
