// The resources, one function each: they add their routes. `context` outlives the router.
#pragma once

#include "admin/router.hpp"
#include "admin/service.hpp"
#include "admin/writer.hpp"

namespace usher::admin {

struct Context {
  const Service& service;
  Writer& writer;
};

void add_health(Router& router, const Context& context);   // /healthz, /readyz
void add_metrics(Router& router, const Context& context);  // /metrics
void add_openapi(Router& router);                          // /v1/openapi.yaml
void add_status(Router& router, const Context& context);   // /v1/status, /v1/timers, /v1/log
void add_domains(Router& router, const Context& context);  // /v1/domains
void add_sets(Router& router, const Context& context);     // /v1/dispatcher/sets
void add_targets(Router& router, const Context& context);  // /v1/dispatcher/sets/{setid}/targets
void add_registrations(Router& router, const Context& context);  // /v1/registrations
void add_calls(Router& router, const Context& context);          // /v1/calls
void add_subscriptions(Router& router, const Context& context);  // /v1/subscriptions
void add_connections(Router& router, const Context& context);    // /v1/connections
void add_ladders(Router& router, const Context& context);   // /v1/ladder, /v1/pcap, /v1/recorder
void add_explain(Router& router, const Context& context);   // /v1/explain, /v1/route-test
void add_requests(Router& router, const Context& context);  // /v1/requests
void add_cdrs(Router& router, const Context& context);      // /v1/cdrs
void add_bans(Router& router, const Context& context);      // /v1/bans
void add_gate_settings(Router& router, const Context& context);  // /v1/gate
void add_configuration(Router& router, const Context& context);  // /v1/configuration
void add_backups(Router& router, const Context& context);        // /v1/backups
void add_events(Router& router, const Context& context);         // /v1/events
void add_gate(Router& router, const Context& context);           // /v1/scanners, /v1/door-knocks

}  // namespace usher::admin
