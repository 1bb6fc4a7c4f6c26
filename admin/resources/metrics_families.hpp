// Metric families as they are put together for one scrape.
#pragma once

#include <prometheus/metric_family.h>
#include <cstddef>
#include <cstdint>

#include <cmath>
#include <utility>
#include <vector>

#include "core/histogram.hpp"
#include "routing/cdr.hpp"
#include "sip/traffic.hpp"

namespace usher::admin {

using Labels = std::vector<prometheus::ClientMetric::Label>;

// Each value belongs to the family that was begun last.
class Families {
 public:
  Families& gauge(const char* name, const char* help) {
    return start(name, help, prometheus::MetricType::Gauge);
  }
  Families& counter(const char* name, const char* help) {
    return start(name, help, prometheus::MetricType::Counter);
  }
  Families& histogram(const char* name, const char* help) {
    return start(name, help, prometheus::MetricType::Histogram);
  }

  template <class Number>
  Families& value(Number number, Labels labels = {}) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    const auto value = static_cast<double>(number);
    if (all_.back().type == prometheus::MetricType::Counter)
      metric.counter.value = value;
    else
      metric.gauge.value = value;
    all_.back().metric.push_back(std::move(metric));
    return *this;
  }
  // In seconds.
  Families& value(const Histogram& h, Labels labels = {}) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    metric.histogram.sample_count = h.count();
    metric.histogram.sample_sum = static_cast<double>(h.sum().count()) / 1e6;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i <= h.bounds().size(); ++i) {
      sum += h.between(i);
      const double bound = i < h.bounds().size() ? static_cast<double>(h.bounds()[i].count()) / 1e6
                                                 : static_cast<double>(INFINITY);
      metric.histogram.bucket.push_back({sum, bound});
    }
    all_.back().metric.push_back(std::move(metric));
    return *this;
  }
  std::vector<prometheus::MetricFamily> take() { return std::move(all_); }

 private:
  Families& start(const char* name, const char* help, prometheus::MetricType type) {
    all_.push_back(prometheus::MetricFamily{name, help, type, {}});
    return *this;
  }
  std::vector<prometheus::MetricFamily> all_;
};

// metrics_traffic.cpp
void add_messages(Families& f, const sip::Traffic& traffic);
void add_call_records(Families& f, const routing::CallRecords& records);
void add_process_figures(Families& f, double started);

}  // namespace usher::admin
