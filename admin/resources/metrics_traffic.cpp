// Messages, calls and the process itself in /metrics.
#include <array>
#include <string>

#include "admin/resources/metrics_families.hpp"
#include "core/process_figures.hpp"

namespace usher::admin {

namespace {

using sip::Direction;
using sip::Method;
using sip::Side;

constexpr int kLeastStatus = 100, kMostStatus = 699;

std::string method_label(Method method) {
  return method == Method::other ? "other" : std::string{sip::method_text(method)};
}

struct Way {
  Side side;
  Direction direction;
  const char* side_name;
  const char* direction_name;
};
constexpr std::array<Way, 4> kWays{{{Side::phone, Direction::in, "phone", "in"},
                                    {Side::phone, Direction::out, "phone", "out"},
                                    {Side::backend, Direction::in, "backend", "in"},
                                    {Side::backend, Direction::out, "backend", "out"}}};

template <class Each>
void each_method(Each each) {
  for (std::size_t i = 0; i < sip::kMethods; ++i) each(static_cast<Method>(i));
}

}  // namespace

void add_messages(Families& f, const sip::Traffic& traffic) {
  f.counter("usher_sip_requests_total",
            "SIP requests on the wire, retransmissions included, by method, whom they are from or "
            "for, and direction.");
  for (const Way& way : kWays) {
    each_method([&](Method method) {
      const std::uint64_t n = traffic.requests(method, way.side, way.direction);
      if (n > 0)
        f.value(n, {{"method", method_label(method)},
                    {"side", way.side_name},
                    {"direction", way.direction_name}});
    });
  }
  f.counter("usher_sip_responses_total",
            "SIP responses on the wire, retransmissions included, by the method they answer, code, "
            "whom they are from or for, and direction.");
  for (const Way& way : kWays) {
    each_method([&](Method method) {
      for (int code = kLeastStatus; code <= kMostStatus; ++code) {
        const std::uint64_t n = traffic.responses(method, code, way.side, way.direction);
        if (n > 0)
          f.value(n, {{"method", method_label(method)},
                      {"code", std::to_string(code)},
                      {"side", way.side_name},
                      {"direction", way.direction_name}});
      }
    });
  }
  f.histogram("usher_sip_transaction_duration_seconds",
              "From a request of the edge to its final response, by method and who answered.");
  for (const Side side : {Side::phone, Side::backend}) {
    each_method([&](Method method) {
      const Histogram& h = traffic.transactions(method, side);
      if (h.count() > 0)
        f.value(h, {{"method", method_label(method)},
                    {"side", side == Side::phone ? "phone" : "backend"}});
    });
  }
}

void add_call_records(Families& f, const routing::CallRecords& records) {
  f.counter("usher_calls_ended_total",
            "Calls that are over, each with its record, by final status; 0: none was given.");
  for (int status = 0; status <= kMostStatus; ++status) {
    const std::uint64_t n = records.ended_with(status);
    if (n > 0) f.value(n, {{"status", std::to_string(status)}});
  }
  const auto both = [&](Histogram routing::CallDurations::*member) {
    for (const auto side : {storage::LegSide::phone, storage::LegSide::backend})
      f.value(records.times(side).*member, {{"origin", std::string{storage::leg_side_name(side)}}});
  };
  f.histogram("usher_post_dial_delay_seconds",
              "From a call's INVITE to the first 18x for its originator, by who called.");
  both(&routing::CallDurations::post_dial);
  f.histogram("usher_call_setup_duration_seconds",
              "From a call's INVITE to its answer, by who called.");
  both(&routing::CallDurations::setup);
  f.histogram("usher_call_duration_seconds", "From a call's answer to its end, by who called.");
  both(&routing::CallDurations::talk);
}

void add_process_figures(Families& f, double started) {
  const ProcessFigures p = process_figures();
  f.gauge("process_start_time_seconds", "Start of the process, seconds since 1970.").value(started);
  if (p.cpu)
    f.counter("process_cpu_seconds_total", "User and system time.")
        .value(static_cast<double>(p.cpu->count()) / 1e6);
  if (p.resident_bytes)
    f.gauge("process_resident_memory_bytes", "Resident memory.").value(*p.resident_bytes);
  if (p.virtual_bytes)
    f.gauge("process_virtual_memory_bytes", "Address space.").value(*p.virtual_bytes);
  if (p.open_fds) f.gauge("process_open_fds", "Open files and sockets.").value(*p.open_fds);
  if (p.most_fds) f.gauge("process_max_fds", "As many may be open.").value(*p.most_fds);
}

}  // namespace usher::admin
