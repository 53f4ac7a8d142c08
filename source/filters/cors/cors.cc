#include "source/filters/cors/cors.h"

#include <algorithm>
#include <array>

namespace pillion::filters::cors {
namespace {

using filter::Step;

constexpr std::string_view kAllowOrigin = "access-control-allow-origin";
constexpr std::string_view kAllowCredentials = "access-control-allow-credentials";
constexpr std::string_view kExposeHeaders = "access-control-expose-headers";

class Shard final : public filter::HttpFilterShard {
 public:
  explicit Shard(const filter::ShardContext& context)
      : scope_(context.registry, stats::Prefix(context.stat_prefix).Add("cors")),
        origin_valid(*context.stats.counter(scope_.AddCounter("origin_valid"))),
        origin_invalid(*context.stats.counter(scope_.AddCounter("origin_invalid"))) {}

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* override_config) override;

 private:
  stats::Scope scope_;

 public:
  stats::Counter& origin_valid;
  stats::Counter& origin_invalid;
};

class Cors final : public filter::HttpFilter {
 public:
  Cors(Shard& shard, const Policy& policy) : shard_(shard), policy_(policy) {}

  Step OnRequestHead(http::RequestHead& head, bool) override {
    const http::HeaderField* const origin = head.headers.Find("origin");
    if (origin == nullptr || origin->value().empty()) return Step::kContinue;
    const bool preflight = head.method_id == http::Method::kOptions &&
                           head.headers.Find("access-control-request-method") != nullptr;
    const std::string_view value = origin->value();
    if (std::none_of(policy_.origins.begin(), policy_.origins.end(),
                     [value](const match::StringMatcher& allowed) { return allowed.Matches(value); })) {
      shard_.origin_invalid.Increment();
      if (!preflight || policy_.forward_other_preflights) return Step::kContinue;
      SendReply({.status = 200, .details = "cors_response"});
      return Step::kPause;
    }
    shard_.origin_valid.Increment();
    origin_ = value;
    if (!preflight) return Step::kContinue;
    AnswerPreflight(head);
    return Step::kPause;
  }

  // Also of what this filter answers itself: that has no more to say than this.
  Step OnResponseHead(http::ResponseHead& head, bool) override {
    if (origin_.empty()) return Step::kContinue;
    head.headers.Remove(kAllowOrigin);
    head.headers.Add(kAllowOrigin, origin_);
    if (policy_.allow_credentials) {
      head.headers.Remove(kAllowCredentials);
      head.headers.Add(kAllowCredentials, "true");
    }
    if (!policy_.expose_headers.empty() && !answered_) {
      head.headers.Remove(kExposeHeaders);
      head.headers.Add(kExposeHeaders, policy_.expose_headers);
    }
    return Step::kContinue;
  }

 private:
  void AnswerPreflight(const http::RequestHead& head) {
    size_t count = 0;
    const auto add = [&](std::string_view name, std::string_view value) {
      if (!value.empty()) fields_[count++] = {name, value};
    };
    add("access-control-allow-methods", policy_.allow_methods);
    add("access-control-allow-headers", policy_.allow_headers);
    add("access-control-max-age", policy_.max_age);
    const http::HeaderField* const network = head.headers.Find("access-control-request-private-network");
    if (policy_.allow_private_network && network != nullptr && network->value() == "true") {
      add("access-control-allow-private-network", "true");
    }
    answered_ = true;
    SendReply({.status = 200, .details = "cors_response", .headers = {fields_.data(), count}});
  }

  Shard& shard_;
  const Policy& policy_;
  std::string_view origin_;  // of the request; empty: none that is allowed
  std::array<std::pair<std::string_view, std::string_view>, 4> fields_;
  bool answered_ = false;
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* override_config) {
  if (override_config == nullptr) return nullptr;
  const Policy& policy = static_cast<const Config*>(override_config)->policy();
  if (!policy.enabled.Holds(stream.random().Next())) return nullptr;
  return stream.arena().New<Cors>(*this, policy);
}

}  // namespace

std::unique_ptr<filter::HttpFilterShard> Config::MakeShard(const filter::ShardContext& context) const {
  return std::make_unique<Shard>(context);
}

}  // namespace pillion::filters::cors
