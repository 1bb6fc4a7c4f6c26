#include "routing/gate.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "core/text.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/message/option_tags.hpp"
#include "sip/parse/validate.hpp"

namespace usher::routing {

namespace {

// What both ends may agree on through a B2BUA that passes or maps it.
constexpr std::array<std::string_view, 26> kPassed{"100rel",
                                                   "answermode",
                                                   "early-session",
                                                   "eventlist",
                                                   "explicitsub",
                                                   "from-change",
                                                   "geolocation-http",
                                                   "geolocation-sip",
                                                   "gruu",
                                                   "histinfo",
                                                   "ice",
                                                   "join",
                                                   "multiple-refer",
                                                   "norefersub",
                                                   "nosub",
                                                   "outbound",
                                                   "path",
                                                   "precondition",
                                                   "pref",
                                                   "replaces",
                                                   "resource-priority",
                                                   "sdp-anat",
                                                   "tdialog",
                                                   "timer",
                                                   "trickle-ice",
                                                   "uui"};
constexpr std::string_view kPassedPrefix = "recipient-list-";

// What needs the edge's own hand: RFC 3329, RFC 6140, RFC 6794.
constexpr std::array<std::string_view, 3> kBroken{"sec-agree", "gin", "policy"};

constexpr std::string_view kSupported =
    "100rel, timer, replaces, path, gruu, outbound, norefersub, eventlist, tdialog, join, "
    "from-change, histinfo";

bool among(std::string_view option, const auto& list) {
  return std::any_of(list.begin(), list.end(),
                     [&](std::string_view o) { return equals_without_case(o, option); });
}

std::optional<sip::Reply> refuse(int status, std::string why,
                                 std::vector<sip::HeaderLine> headers = {},
                                 std::string reason = {}) {
  return sip::Reply{status, std::move(reason), std::move(why), std::move(headers)};
}

// The options that cannot be done, comma-separated; empty when there are none.
std::string unsupported_options(const sip::Message& request) {
  std::string out;
  const auto take = [&](sip::HeaderId header, auto can_be_done) {
    for (const std::string_view option : sip::option_tags(request, header)) {
      if (!can_be_done(option)) out.append(out.empty() ? "" : ", ").append(option);
    }
  };
  take(sip::HeaderId::require, [](std::string_view option) { return !among(option, kBroken); });
  take(sip::HeaderId::proxy_require, [](std::string_view option) {
    return among(option, kPassed) || option.starts_with(kPassedPrefix);
  });
  return out;
}

bool speakable(std::string_view scheme) {
  return equals_without_case(scheme, "sip") || equals_without_case(scheme, "sips") ||
         equals_without_case(scheme, "tel");
}

}  // namespace

std::string stranger(const sip::Message& request, const Tenant& tenant, const Scanners& scanners) {
  for (const sip::HeaderField& field : request.headers()) {
    if (field.id == sip::HeaderId::user_agent && scanners.match(request.value(field)))
      return "scanner";
  }
  if (!tenant.domain) return "not found";
  if (!tenant.domain->enabled) return "disabled";
  return {};
}

std::optional<sip::Reply> gate(const sip::Message& request, const Parties& parties,
                               const Origin& origin, const Tenant& tenant,
                               const std::string& server) {
  if (const auto valid = sip::validate(request); !valid) {
    return refuse(400, valid.error().message, {}, valid.error().message);
  }
  if (!parties.request) return refuse(400, "the Request-URI is none", {}, "Bad Request-URI");
  if (!speakable(parties.request->scheme)) {
    return refuse(416, "Request-URI scheme " + quoted(parties.request->scheme, 20) +
                           " is neither sip, sips nor tel");
  }
  const bool for_edge = request.method() == sip::Method::options &&
                        is_user_less(*parties.request) && parties.request->is_sip &&
                        request.to_tag().empty();
  if (request.max_forwards() == 0U && !for_edge) {
    return refuse(483, "Max-Forwards is 0 and the request would have to go on");
  }
  if (const std::string options = unsupported_options(request); !options.empty()) {
    return refuse(420, "the edge cannot do " + options, {{"Unsupported", options}});
  }
  if (request.method() == sip::Method::cancel) {
    return refuse(481, "it cancels no INVITE that is open");
  }
  if (!request.to_tag().empty()) {
    return refuse(481, "its To-tag names no dialog of ours");
  }
  if (for_edge) {
    std::vector<sip::HeaderLine> headers{{"Allow", std::string{kAllow}},
                                         {"Accept", "application/sdp"},
                                         {"Supported", std::string{kSupported}}};
    if (!server.empty()) headers.emplace_back("Server", server);
    return refuse(200, "", std::move(headers));
  }
  if (request.method() == sip::Method::register_) {
    if (origin.is_backend()) {
      return refuse(405, "a registration came from a backend's address: only phones register here",
                    {{"Allow", std::string{kAllow}}});
    }
    if (tenant.mismatch) {
      return refuse(404, "Request-URI " + quoted(request.request_uri()) +
                             " is another tenant than To's " + quoted(tenant.shown));
    }
  }
  return {};
}

}  // namespace usher::routing
