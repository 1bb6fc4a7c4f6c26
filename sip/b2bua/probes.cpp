#include "sip/b2bua/probes.hpp"

#include "sip/b2bua/leg_messages.hpp"

namespace usher::sip {

void Probes::start(Now now, const Attempt& attempt, Duration timeout, Cookie mark) {
  const ProbeId id = probes_.emplace().first;
  const Listener& listener = env_.listener(attempt.flow);
  const std::string branch = env_.layer.new_branch();
  MessageBuilder out = MessageBuilder::request("OPTIONS", attempt.request_uri, 512);
  write_via(out, listener, branch);
  out.header("Max-Forwards", "70");
  out.open("From") << "<sip:" << listener.sent_by << ">;tag=" << env_.rng.token(12);
  out.close();
  out.open("To") << "<" << attempt.request_uri << ">";
  out.close();
  out.header("Call-ID", env_.rng.token(24));
  out.header("CSeq", "1 OPTIONS");
  write_contact(out, listener, {});
  out.header("Accept", "application/sdp");
  const Cookie cookie = env_.user({.kind = TransactionUser::Kind::probe,
                                   .object = id.packed(),
                                   .began = now.mono,
                                   .method = Method::options,
                                   .towards = Side::backend});
  const ClientTxId transaction = env_.layer.send(now.mono, Method::options, branch, out.finish(),
                                                 attempt.flow, cookie, env_.out);
  Probe& probe = *probes_.find(id);
  probe.mark = mark;
  probe.started = now.mono;
  if (!transaction) {
    env_.users.erase(UserId::unpack(cookie));
    return end(now, id, 0, "the limit of transactions is reached");
  }
  probe.timeout = env_.timers.arm(now.mono, timeout, {UserTimer::Kind::probe_timeout, id.packed()});
}

void Probes::response(Now now, const TransactionUser& user, const Message& response) {
  if (response.status() >= 200) end(now, ProbeId::unpack(user.object), response.status(), {});
}

void Probes::unanswered(Now now, const TransactionUser& user, std::string_view why) {
  end(now, ProbeId::unpack(user.object), 0, why);
}

void Probes::timer(Now now, const UserTimer& timer) {
  end(now, ProbeId::unpack(timer.object), 0, "no answer in time");
}

void Probes::end(Now now, ProbeId id, int status, std::string_view reason) {
  const Probe* probe = probes_.find(id);
  if (probe == nullptr) return;
  env_.timers.cancel(probe->timeout);
  env_.emit(ProbeEnded{probe->mark, status, std::string(reason), now.mono - probe->started});
  probes_.erase(id);
}

}  // namespace usher::sip
