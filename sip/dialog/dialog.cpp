#include "sip/dialog/dialog.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "sip/grammar/grammar.hpp"

namespace usher::sip {
namespace {

Result<std::vector<std::string>> record_routes(const Message& message) {
  std::vector<std::string> routes;
  for (const HeaderField& h : message.headers()) {
    if (h.id != HeaderId::record_route) continue;
    const auto list = parse_name_addr_list(message.value(h));
    if (!list) return fail(list.error().code, "Bad Record-Route header");
    for (const NameAddr& route : *list) {
      if (routes.size() == limits::kRouteSetEntries) {
        return fail(Errc::limit, "Too many Record-Route headers");
      }
      routes.emplace_back(route.raw);
    }
  }
  return routes;
}

// The one Contact of a dialog-creating message; an error when there is another number of them.
Result<std::string> single_contact(const Message& message) {
  if (message.count(HeaderId::contact) != 1)
    return fail(Errc::syntax, "Exactly one Contact header expected");
  const auto contacts = parse_contacts(message.header(HeaderId::contact));
  if (!contacts || contacts->contacts.size() != 1) return fail(Errc::syntax, "Bad Contact header");
  return std::string(contacts->contacts.front().uri.raw);
}

}  // namespace

std::string party_of(std::string_view value) {
  const auto parsed = parse_name_addr(value);
  if (!parsed) return {};
  std::string party;
  if (!parsed->display.empty()) {
    party.append(parsed->display);
    party += ' ';
  }
  party += '<';
  party.append(parsed->uri.raw);
  party += '>';
  return party;
}

std::string_view party_uri(std::string_view party) {
  // A display name may hold brackets, a URI none (RFC 3261 §25.1).
  party.remove_prefix(party.rfind('<') + 1);
  return party.substr(0, party.find('>'));
}

Result<Dialog> uas_dialog(const Message& request, std::string_view local_tag) {
  Dialog dialog;
  auto target = single_contact(request);
  if (!target) return target.error();
  auto routes = record_routes(request);
  if (!routes) return routes.error();
  dialog.call_id = request.call_id();
  dialog.local_tag = local_tag;
  dialog.remote_tag = request.from_tag();
  dialog.local_party = party_of(request.to_value());
  dialog.remote_party = party_of(request.from_value());
  dialog.remote_target = std::move(*target);
  dialog.route_set = std::move(*routes);
  dialog.remote_cseq = request.cseq().number;
  return dialog;
}

void learn_from_response(Dialog& dialog, const Message& response) {
  if (!response.to_tag().empty()) dialog.remote_tag = response.to_tag();
  refresh_target(dialog, response);
  if (auto routes = record_routes(response)) {
    std::reverse(routes->begin(), routes->end());  // §12.1.2: a UAC takes them in reverse order
    dialog.route_set = std::move(*routes);
  }
  if (response.status() >= 200 && response.status() < 300) dialog.confirmed = true;
}

void learn_from_notify(Dialog& dialog, const Message& notify) {
  refresh_target(dialog, notify);
  if (auto routes = record_routes(notify)) dialog.route_set = std::move(*routes);
  dialog.confirmed = true;
}

bool refreshes_target(Method method) {
  return method == Method::invite || method == Method::update || method == Method::subscribe ||
         method == Method::notify || method == Method::refer;
}

void refresh_target(Dialog& dialog, const Message& message) {
  if (auto target = single_contact(message)) dialog.remote_target = std::move(*target);
}

bool accept_cseq(Dialog& dialog, std::uint32_t number) {
  if (dialog.remote_cseq != 0 && number <= dialog.remote_cseq) return false;
  dialog.remote_cseq = number;
  return true;
}

}  // namespace usher::sip
