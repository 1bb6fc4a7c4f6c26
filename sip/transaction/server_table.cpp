#include "sip/transaction/server_table.hpp"

namespace usher::sip {

bool ServerTx::is_answered() const {
  if (!is_invite()) return std::get<server::State>(state) == server::State::completed;
  const auto invite = std::get<invite_server::State>(state);
  return invite == invite_server::State::completed || invite == invite_server::State::accepted;
}

bool ServerTx::is_terminated() const {
  if (const auto* s = std::get_if<invite_server::State>(&state))
    return *s == invite_server::State::terminated;
  return std::get<server::State>(state) == server::State::terminated;
}

ServerTable::Entry ServerTable::insert(ServerTx tx) {
  auto [id, stored] = slab_.emplace(std::move(tx));
  USHER_CHECK(by_key_.emplace(stored.key, id).second);
  if (!stored.in_dialog)
    stored.first_of_merged = same_requests_.emplace(stored.same_request, id).second;
  if (stored.is_invite()) {
    ++invites_;
    const auto [head, fresh] = calls_.emplace(stored.call, id);
    if (!fresh) {
      stored.call_next = head->second;
      slab_.find(head->second)->call_previous = id;
      head->second = id;
    }
  }
  return {id, stored};
}

ServerTxId ServerTable::find(const Key& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? ServerTxId{} : found->second;
}

ServerTxId ServerTable::find_same_request(const Key& key) const {
  const auto found = same_requests_.find(key);
  return found == same_requests_.end() ? ServerTxId{} : found->second;
}

void ServerTable::erase(ServerTxId id) {
  ServerTx* tx = slab_.find(id);
  USHER_CHECK(tx != nullptr);
  by_key_.erase(tx->key);
  if (tx->first_of_merged) same_requests_.erase(tx->same_request);
  if (tx->is_invite()) {
    --invites_;
    if (tx->call_next) slab_.find(tx->call_next)->call_previous = tx->call_previous;
    if (tx->call_previous) {
      slab_.find(tx->call_previous)->call_next = tx->call_next;
    } else if (tx->call_next) {
      calls_.find(tx->call)->second = tx->call_next;
    } else {
      calls_.erase(tx->call);
    }
  }
  slab_.erase(id);
}

}  // namespace usher::sip
