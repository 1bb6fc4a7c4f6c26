#include "sip/transaction/client_table.hpp"

namespace usher::sip {

bool ClientTx::is_terminated() const {
  if (const auto* s = std::get_if<invite_client::State>(&state))
    return *s == invite_client::State::terminated;
  return std::get<client::State>(state) == client::State::terminated;
}

bool ClientTx::had_response() const {
  if (const auto* s = std::get_if<invite_client::State>(&state))
    return *s >= invite_client::State::proceeding;
  return std::get<client::State>(state) >= client::State::proceeding;
}

ClientTable::Entry ClientTable::insert(ClientTx tx) {
  auto [id, stored] = slab_.emplace(std::move(tx));
  USHER_CHECK(by_key_.emplace(stored.key, id).second);  // a branch is used for one request only
  if (stored.is_invite()) ++invites_;

  const auto [head, fresh] = flows_.emplace(stored.flow_key, id);
  if (!fresh) {
    stored.flow_next = head->second;
    slab_.find(head->second)->flow_previous = id;
    head->second = id;
  }
  stored.on_flow = true;
  return {id, stored};
}

ClientTxId ClientTable::find(const Key& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? ClientTxId{} : found->second;
}

ClientTxId ClientTable::first_on_flow(const Key& flow_key) const {
  const auto found = flows_.find(flow_key);
  return found == flows_.end() ? ClientTxId{} : found->second;
}

void ClientTable::leave_flow(ClientTx& tx) {
  USHER_CHECK(tx.on_flow);
  tx.on_flow = false;
  if (tx.flow_next) slab_.find(tx.flow_next)->flow_previous = tx.flow_previous;
  if (tx.flow_previous) {
    slab_.find(tx.flow_previous)->flow_next = tx.flow_next;
  } else if (tx.flow_next) {
    flows_.find(tx.flow_key)->second = tx.flow_next;
  } else {
    flows_.erase(tx.flow_key);
  }
}

void ClientTable::erase(ClientTxId id) {
  ClientTx* tx = slab_.find(id);
  USHER_CHECK(tx && !tx->on_flow);
  by_key_.erase(tx->key);
  if (tx->is_invite()) --invites_;
  slab_.erase(id);
}

}  // namespace usher::sip
