#pragma once

// The fault filter: makes a part of the requests slow, fail, or be answered slowly, to see what callers do then.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/base/clock.h"
#include "source/config/http_filter_type.h"
#include "source/filter/http_filter.h"
#include "source/match/fraction.h"
#include "source/match/header_matcher.h"

namespace pillion::filters::fault {

// Of the requests that a setting is for, `fraction` get it. A request may ask for less by header, never for more.
struct Delay {
  std::optional<base::Duration> fixed;  // none: the request's header says it
  std::shared_ptr<const runtime::Key> milliseconds;  // may say another
  match::RuntimeFraction fraction;
};

struct Abort {
  int http_status = 0;   // 0: the request's header says it, or grpc_status is set
  int grpc_status = -1;  // -1: not set
  // May say others.
  std::shared_ptr<const runtime::Key> http_status_key;
  std::shared_ptr<const runtime::Key> grpc_status_key;
  match::RuntimeFraction fraction;
};

struct ResponseRate {
  std::optional<uint64_t> kib_per_second;  // at least 1; none: the request's header says it
  match::RuntimeFraction fraction;
};

struct Settings {
  std::optional<Delay> delay;
  std::optional<Abort> abort;
  std::optional<ResponseRate> rate;
  // Which requests; all must fit.
  std::string upstream_cluster;  // empty: any
  std::vector<match::HeaderMatcher> headers;
  std::vector<std::string> downstream_nodes;  // of x-envoy-downstream-service-node; empty: any
  uint32_t max_active = UINT32_MAX;           // streams with a fault at a time, of all workers
  std::shared_ptr<const runtime::Key> max_active_key;  // may say another number
};

class Config final : public filter::HttpFilterConfig {
 public:
  explicit Config(Settings settings) : settings_(std::move(settings)) {}

  const Settings& settings() const { return settings_; }
  // Streams that have a fault now. The one thing that workers share: it is a bound of the process.
  std::atomic<uint32_t>& active() const { return active_; }

  std::optional<filter::Feature> feature() const override { return filter::Feature::kFault; }
  uint32_t hooks() const override;
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;

 private:
  const Settings settings_;
  mutable std::atomic<uint32_t> active_ = 0;
};

config::HttpFilterType Type();

}  // namespace pillion::filters::fault
