#include "source/filters/fault/fault.h"

#include <algorithm>
#include <charconv>

#include "source/base/timer_wheel.h"
#include "source/filters/fault/injected.h"

namespace pillion::filters::fault {
namespace {

using filter::Step;
using telemetry::ResponseFlag;

constexpr base::Duration kTick = std::chrono::milliseconds(63);  // of a response that is slowed
constexpr size_t kMostHeld = 64 * 1024;                          // of it; then upstream is not read
constexpr uint64_t kLongestDelay = 24ull * 3600 * 1000;          // that a header may ask for, milliseconds

// The whole number that the header says, up to `most`; nothing if it says none.
std::optional<uint64_t> ReadHeader(const http::HeaderMap& headers, std::string_view name, uint64_t most) {
  const http::HeaderField* const field = headers.Find(name);
  if (field == nullptr) return std::nullopt;
  const std::string_view text = field->value();
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > most) return std::nullopt;
  return number;
}

// What is configured, or what the header lowers it to.
match::Fraction Lowered(const match::RuntimeFraction& configured, const http::HeaderMap& headers, std::string_view header) {
  match::Fraction fraction = configured.Now();
  if (const auto asked = ReadHeader(headers, header, UINT32_MAX)) {
    fraction.numerator = std::min(fraction.numerator, static_cast<uint32_t>(*asked));
  }
  return fraction;
}

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : config_(config),
        scope_(context.registry, stats::Prefix(context.stat_prefix).Add("fault")),
        injected(scope_, context.stats),
        response_rl_injected(*context.stats.counter(scope_.AddCounter("response_rl_injected"))),
        faults_overflow(*context.stats.counter(scope_.AddCounter("faults_overflow"))) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

  // Before a stream's first fault. False: there are as many as may be.
  bool Begin(const Settings& settings) {
    const uint64_t most = settings.max_active_key->Integer(settings.max_active);
    if (config_.active().fetch_add(1, std::memory_order_relaxed) >= most) {
      config_.active().fetch_sub(1, std::memory_order_relaxed);
      faults_overflow.Increment();
      return false;
    }
    injected.active_faults.Increment();
    return true;
  }
  void End() {
    config_.active().fetch_sub(1, std::memory_order_relaxed);
    injected.active_faults.Decrement();
  }

 private:
  const Config& config_;
  stats::Scope scope_;

 public:
  InjectedCounts injected;
  stats::Counter& response_rl_injected;
  stats::Counter& faults_overflow;
};

class Fault final : public filter::HttpFilter {
 public:
  Fault(Shard& shard, const Settings& settings)
      : shard_(shard),
        settings_(settings),
        delay_(this, [](void* self) { static_cast<Fault*>(self)->OnDelayOver(); }) {}

  Step OnRequestHead(http::RequestHead& head, bool) override {
    if (!Applies(head)) return Step::kContinue;
    StartRate(head.headers);
    const std::optional<base::Duration> delay = FindDelay(head.headers);
    if (delay && BeginFault()) {
      shard_.injected.delays_injected.Increment();
      stream().SetFlag(ResponseFlag::kDelayInjected);
      stream().worker().SetTimer(delay_, *delay);
      return Step::kPause;
    }
    return AbortIfDue() ? Step::kPause : Step::kContinue;
  }

  Step OnResponseData(base::Slice& data, bool end) override {
    if (!slowed_) return Step::kContinue;
    if (!held_) held_.emplace(stream().worker().blocks());
    held_->Append(std::move(data));
    held_end_ = end;
    if (held_->size() >= kMostHeld) HoldResponse(true);
    // The first portion goes in the next turn: nothing is sent from inside a hook.
    if (!tick_.armed()) stream().worker().SetTimer(tick_, base::Duration::zero());
    return Step::kTake;
  }

  Step OnResponseTrailers(http::HeaderMap&) override {
    if (!held_ || held_->empty()) return Step::kContinue;
    trailers_wait_ = true;
    return Step::kPause;
  }

  void OnEnd() override {
    delay_.Cancel();
    tick_.Cancel();
    held_.reset();
    if (active_) shard_.End();
  }

 private:
  bool Applies(const http::RequestHead& head) {
    if (!settings_.upstream_cluster.empty() && stream().cluster_name() != settings_.upstream_cluster) return false;
    if (!settings_.downstream_nodes.empty()) {
      const http::HeaderField* const node = head.headers.Find("x-envoy-downstream-service-node");
      const auto& nodes = settings_.downstream_nodes;
      if (node == nullptr || std::find(nodes.begin(), nodes.end(), node->value()) == nodes.end()) return false;
    }
    return std::all_of(settings_.headers.begin(), settings_.headers.end(),
                       [&](const match::HeaderMatcher& matcher) { return matcher.Matches(head); });
  }

  bool Draw(match::Fraction fraction) { return fraction.Holds(stream().random().Next()); }

  // One fault of a stream or several count as one.
  bool BeginFault() {
    if (!active_) active_ = shard_.Begin(settings_);
    return active_;
  }

  std::optional<base::Duration> FindDelay(const http::HeaderMap& headers) {
    if (!settings_.delay) return std::nullopt;
    std::optional<base::Duration> delay = settings_.delay->fixed;
    if (delay) {
      const uint64_t set = settings_.delay->milliseconds->Integer(UINT64_MAX);
      if (set != UINT64_MAX) delay = std::chrono::milliseconds(std::min(set, kLongestDelay));
      if (delay <= base::Duration::zero()) return std::nullopt;
    } else {
      const auto asked = ReadHeader(headers, "x-envoy-fault-delay-request", kLongestDelay);
      if (!asked || *asked == 0) return std::nullopt;
      delay = std::chrono::milliseconds(*asked);
    }
    const match::Fraction fraction =
        Lowered(settings_.delay->fraction, headers, "x-envoy-fault-delay-request-percentage");
    return Draw(fraction) ? delay : std::nullopt;
  }

  void OnDelayOver() {
    if (!AbortIfDue()) ContinueRequest();
  }

  bool AbortIfDue() {
    if (!settings_.abort) return false;
    const http::HeaderMap& headers = stream().request().headers;
    int http_status = settings_.abort->http_status;
    int grpc_status = settings_.abort->grpc_status;
    if (http_status == 0 && grpc_status < 0) {
      if (const auto asked = ReadHeader(headers, "x-envoy-fault-abort-request", 599)) {
        http_status = static_cast<int>(*asked);
      } else if (const auto grpc = ReadHeader(headers, "x-envoy-fault-abort-grpc-request", INT32_MAX)) {
        grpc_status = static_cast<int>(*grpc);
      }
      if (http_status < 200 && grpc_status < 0) return false;
    } else if (grpc_status >= 0) {
      grpc_status = static_cast<int>(settings_.abort->grpc_status_key->Integer(static_cast<uint64_t>(grpc_status)));
    } else {
      const uint64_t set = settings_.abort->http_status_key->Integer(0);
      if (set >= 200 && set <= 599) http_status = static_cast<int>(set);
    }
    const match::Fraction fraction =
        Lowered(settings_.abort->fraction, headers, "x-envoy-fault-abort-request-percentage");
    if (!Draw(fraction) || !BeginFault()) return false;
    shard_.injected.aborts_injected.Increment();
    slowed_ = false;
    SendReply(AbortReply(http_status, grpc_status));
    return true;
  }

  void StartRate(const http::HeaderMap& headers) {
    if (!settings_.rate) return;
    std::optional<uint64_t> rate = settings_.rate->kib_per_second;
    if (!rate) rate = ReadHeader(headers, "x-envoy-fault-throughput-response", uint64_t{1} << 32);
    if (!rate || *rate == 0) return;
    const match::Fraction fraction =
        Lowered(settings_.rate->fraction, headers, "x-envoy-fault-throughput-response-percentage");
    if (!Draw(fraction) || !BeginFault()) return;
    shard_.response_rl_injected.Increment();
    slowed_ = true;
    portion_ = std::max<uint64_t>(1, *rate * 1024 * static_cast<uint64_t>(kTick / std::chrono::milliseconds(1)) / 1000);
  }

  // One portion; whatever comes is sent at the next tick.
  void OnTick() {
    for (uint64_t left = portion_; left > 0 && !held_->empty();) {
      base::Slice data = held_->TakeFront(left);
      left -= data.size();
      const bool end = held_->empty() && held_end_;
      held_end_ &= !end;
      EmitResponseData(std::move(data), end);
      if (end) return;
    }
    if (held_->empty() && held_end_) {  // an end without a byte
      held_end_ = false;
      EmitResponseData(base::Slice(), true);
      return;
    }
    if (held_->size() < kMostHeld) HoldResponse(false);
    if (held_->empty() && trailers_wait_) {
      ContinueResponse();
      return;
    }
    stream().worker().SetTimer(tick_, kTick);
  }

  Shard& shard_;
  const Settings& settings_;
  base::Timer delay_;
  base::Timer tick_{this, [](void* self) { static_cast<Fault*>(self)->OnTick(); }};
  std::optional<base::Buffer> held_;  // of the response
  uint64_t portion_ = 0;              // bytes a tick
  bool slowed_ = false;
  bool held_end_ = false;
  bool trailers_wait_ = false;
  bool active_ = false;
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  const auto& config = override_config != nullptr ? static_cast<const Config&>(*override_config) : config_;
  const Settings& settings = config.settings();
  if (!settings.delay && !settings.abort && !settings.rate) return nullptr;
  return stream.arena().New<Fault>(*this, settings);
}

}  // namespace

uint32_t Config::hooks() const {
  return filter::kRequestHead | filter::kResponseData | filter::kResponseTrailers | filter::kEnd;
}

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::fault
