#include "source/filters/ratelimit/ratelimit.h"

#include <charconv>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "source/config/route.h"
#include "source/filters/ratelimit/service.h"
#include "source/route/header_edits.h"
#include "source/stats/tags.h"

namespace pillion::filters::ratelimit {
namespace {

using filter::Step;

constexpr std::string_view kSpace = "envoy.filters.http.ratelimit";
constexpr std::string_view kLimited = "x-envoy-ratelimited";
constexpr int kResourceExhausted = 8;

// Of a cluster that requests go to.
struct Counts {
  Counts(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix)
      : scope(registry, prefix),
        ok(*shard.counter(scope.AddCounter("ok"))),
        over_limit(*shard.counter(scope.AddCounter("over_limit"))),
        error(*shard.counter(scope.AddCounter("error"))),
        failure_mode_allowed(*shard.counter(scope.AddCounter("failure_mode_allowed"))) {}

  stats::Scope scope;
  stats::Counter& ok;
  stats::Counter& over_limit;
  stats::Counter& error;
  stats::Counter& failure_mode_allowed;
};

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : settings(config.settings()), calls(context.calls), registry_(context.registry), stats_(context.stats) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

  Counts& CountsOf(std::string_view cluster) {
    std::unique_ptr<Counts>& counts = counts_[absl::string_view(cluster.data(), cluster.size())];
    if (counts == nullptr) {
      stats::Prefix prefix = stats::Prefix("cluster").Add(stats::kClusterName, cluster).Add("ratelimit");
      if (!settings.stat_prefix.empty()) prefix.Add(settings.stat_prefix);
      counts = std::make_unique<Counts>(registry_, stats_, prefix);
    }
    return *counts;
  }

  const Settings& settings;
  filter::ClusterCalls& calls;

 private:
  stats::Registry& registry_;
  stats::Shard& stats_;
  absl::flat_hash_map<std::string, std::unique_ptr<Counts>> counts_;  // by the name under which clusters are counted
};

class Filter final : public filter::HttpFilter, private filter::ClusterCallEvents {
 public:
  Filter(Shard& shard, const RouteConfig* route) : shard_(shard), settings_(shard.settings), route_(route) {}

  Step OnRequestHead(http::RequestHead& head, bool) override {
    if (!settings_.enabled.Holds(stream().random().Next()) || !Concerns(head)) return Step::kContinue;
    counts_ = &shard_.CountsOf(stream().cluster_stat_name());
    asked_ = MakeDescriptors(head, filter::Moment::kRequest);
    if (asked_.empty()) return Step::kContinue;
    const std::string message = RequestBytes(Domain(), asked_);
    call_ = shard_.calls.Call(CallOf(message), *this);
    if (call_ != nullptr) return Step::kPause;
    return Fail() ? Step::kContinue : Step::kPause;
  }

  Step OnResponseHead(http::ResponseHead& head, bool) override {
    if (Cancel()) counts_ = nullptr;  // the request is answered without the service's word
    if (!answer_) return Step::kContinue;
    AddFields(answer_->response_fields, head);
    AddFigures(head.headers);
    if (answer_->over && settings_.says_limited) {
      head.headers.Remove(kLimited);
      head.headers.Add(kLimited, "true");
    }
    if (refused_ && !settings_.response.empty()) {
      telemetry::RequestRecord record;
      stream().Describe(record);
      record.response = &head;
      record.response_code = static_cast<uint64_t>(head.status);
      route::ApplyHeaderEdits(settings_.response, record, head.headers);
    }
    return Step::kContinue;
  }

  // What is counted when all is over, whatever has become of the request; but where its word has not even come, nothing is.
  void OnEnd() override {
    if (Cancel() || counts_ == nullptr) return;
    const filter::Descriptors descriptors = MakeDescriptors(stream().request(), filter::Moment::kEnd);
    if (descriptors.empty()) return;
    const std::string message = RequestBytes(Domain(), descriptors);
    if (!shard_.calls.Tell(CallOf(message))) counts_->error.Increment();
  }

 private:
  // False: none was going on.
  bool Cancel() {
    if (call_ == nullptr) return false;
    std::exchange(call_, nullptr)->Cancel();
    return true;
  }

  filter::ClusterCallRequest CallOf(std::string_view message) const {
    return {.cluster = settings_.cluster,
            .authority = settings_.authority,
            .path = kMethod,
            .metadata = settings_.metadata,
            .message = message,
            .timeout = settings_.timeout};
  }

  // Only requests that go to a cluster.
  bool Concerns(const http::RequestHead& head) const {
    const config::Route* const route = stream().route();
    if (route == nullptr || !std::holds_alternative<config::RouteAction>(route->action)) return false;
    if (stream().cluster_stat_name().empty()) return false;
    if (settings_.requests == Requests::kAll) return true;
    const bool internal = head.headers.Get(http::HeaderId::kXEnvoyInternal) == "true";
    return internal == (settings_.requests == Requests::kInternal);
  }

  std::string_view Domain() const {
    return route_ != nullptr && !route_->domain.empty() ? route_->domain : settings_.domain;
  }

  filter::Descriptors MakeDescriptors(const http::RequestHead& head, filter::Moment moment) const {
    if (route_ != nullptr && !route_->rules.empty()) return filter::MakeDescriptors(route_->rules, stream(), head, moment);
    if (!settings_.rules.empty()) return filter::MakeDescriptors(settings_.rules, stream(), head, moment);
    const auto host_rules = route_ != nullptr ? route_->host_rules : filter::HostRateLimits::kInstead;
    return filter::RouteDescriptors(settings_.stage, host_rules, stream(), head, moment);
  }

  // filter::ClusterCallEvents
  void OnCallEnd(const codec::grpc::Status& status, std::string_view message) override {
    call_ = nullptr;
    if (status.ok()) answer_ = ParseAnswer(message, stream().arena());
    if (answer_ ? Heed() : Fail()) ContinueRequest();
  }

  // False: the request was answered.
  bool Heed() {
    (answer_->over ? counts_->over_limit : counts_->ok).Increment();
    for (uint32_t i = 0; i < answer_->notes.size; ++i) {
      const metadata::Member& member = answer_->notes.members[i];
      stream().annotations().metadata.Set(stream().arena(), kSpace, member.key, member.value);
    }
    if (!answer_->over || !settings_.enforced.Holds(stream().random().Next())) {
      for (const Field& field : answer_->request_fields) stream().request().headers.Add(field.name, field.value);
      return true;
    }
    refused_ = true;
    SendReply({.status = settings_.status,
               .body = answer_->body,
               .flag = telemetry::ResponseFlag::kRateLimited,
               .details = "request_rate_limited",
               .grpc_status = settings_.resource_exhausted ? kResourceExhausted : -1});
    return false;
  }

  // The service has not answered. False: so the request was.
  bool Fail() {
    counts_->error.Increment();
    if (!settings_.denied_on_error.Holds(stream().random().Next())) {
      counts_->failure_mode_allowed.Increment();
      return true;
    }
    SendReply({.status = settings_.error_status,
               .body = {},
               .flag = telemetry::ResponseFlag::kRateLimitServiceError,
               .details = "rate_limiter_error"});
    return false;
  }

  void AddFields(std::span<const Field> fields, http::ResponseHead& head) const {
    for (const Field& field : fields) {
      if (refused_ && field.name == "content-type") head.headers.Remove(http::HeaderId::kContentType);
    }
    for (const Field& field : fields) head.headers.Add(field.name, field.value);
  }

  // Whether answers tell how its descriptor stands.
  bool Tells(const Answer::Standing& standing) const {
    if (standing.descriptor >= asked_.size()) return settings_.figures;
    return asked_[standing.descriptor].figures.value_or(settings_.figures);
  }

  // Of the descriptor that has the least left, where it is to be told of; behind its limit those of all that are, with their
  // windows.
  void AddFigures(http::HeaderMap& headers) {
    const Answer::Standing* least = nullptr;
    for (const Answer::Standing& standing : answer_->standings) {
      if (least == nullptr || standing.remaining < least->remaining) least = &standing;
    }
    if (least == nullptr || !Tells(*least)) return;
    base::Arena& arena = stream().arena();
    base::ArenaText limit;
    limit.Append(arena, Text(least->limit));
    for (const Answer::Standing& standing : answer_->standings) {
      if (standing.window == 0 || !Tells(standing)) continue;
      for (const std::string_view part : {std::string_view(", "), Text(standing.limit), std::string_view(";w="),
                                          Text(standing.window)}) {
        limit.Append(arena, part);
      }
      if (standing.name.empty()) continue;
      for (const std::string_view part : {std::string_view(";name=\""), standing.name, std::string_view("\"")}) {
        limit.Append(arena, part);
      }
    }
    headers.Add("x-ratelimit-limit", limit.view());
    headers.Add("x-ratelimit-remaining", Text(least->remaining));
    headers.Add("x-ratelimit-reset", Text(least->reset));
  }

  template <typename Number>
  std::string_view Text(Number number) {
    char digits[20];
    const char* const end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
    return stream().arena().Copy({digits, static_cast<size_t>(end - digits)});
  }

  Shard& shard_;
  const Settings& settings_;
  const RouteConfig* const route_;  // null: the route says nothing
  Counts* counts_ = nullptr;        // null: the request does not concern it, or no more
  filter::Descriptors asked_;            // what the service was asked for
  filter::ClusterCall* call_ = nullptr;  // while it goes on
  std::optional<Answer> answer_;
  bool refused_ = false;
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  return stream.arena().New<Filter>(*this, static_cast<const RouteConfig*>(override_config));
}

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(*this, context);
}

}  // namespace pillion::filters::ratelimit
