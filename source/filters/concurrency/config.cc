#include <algorithm>
#include <atomic>
#include <chrono>

#include "envoy/extensions/filters/http/adaptive_concurrency/v3/adaptive_concurrency.pb.h"
#include "pillion/filters/http/concurrency/v1/concurrency.pb.h"
#include "source/config/build.h"
#include "source/config/route.h"
#include "source/config/text.h"
#include "source/expression/compiler.h"
#include "source/filters/concurrency/concurrency.h"

namespace pillion::filters::concurrency {
namespace {

namespace v1 = pillion::filters::http::concurrency::v1;
namespace adaptive_v3 = envoy::extensions::filters::http::adaptive_concurrency::v3;
using config::FieldPath;

std::optional<limit::Priority> PriorityOf(v1::Concurrency::Priority from) {
  if (from == v1::Concurrency::UNSPECIFIED) return std::nullopt;
  return static_cast<limit::Priority>(from - v1::Concurrency::CRITICAL);
}

bool GivesPriority(const expression::Type& type) {
  using expression::Kind;
  return type.is_dynamic() || type.Is(Kind::kString) || type.Is(Kind::kInt) || type.Is(Kind::kUint);
}

std::shared_ptr<const Config> BuildLimit(config::BuildContext& build, const v1::Concurrency& from, const std::string& path) {
  Settings settings{.name = from.name(), .per_cluster = from.per_cluster()};
  limit::ConcurrencyEstimate::Terms& terms = settings.terms;
  if (from.has_min_limit()) terms.least = from.min_limit().value();
  if (from.has_max_limit()) terms.most = from.max_limit().value();
  if (from.has_window()) terms.window = config::ToDuration(from.window());
  if (!from.has_max_limit()) terms.most = std::max(terms.most, terms.least);
  if (!from.has_min_limit()) terms.least = std::min(terms.least, terms.most);
  terms.initial =
      from.has_initial_limit() ? from.initial_limit().value() : std::max(terms.least, std::min(terms.initial, terms.most));
  if (const char* const expected = limit::ConcurrencyEstimate::WhatIsWrong(terms)) {
    build.errors.AddMissing(path, path, config::Concat("min_limit ", terms.least, ", initial_limit ", terms.initial,
                                                       ", max_limit ", terms.most, ": expected ", expected));
  }
  if (!from.priority().empty()) {
    auto program = expression::Compile(from.priority());
    if (!program.ok()) {
      build.errors.Add(FieldPath(path, "priority"), std::string(program.status().message()));
    } else if (const expression::Type& type = (*program)->result(); !GivesPriority(type)) {
      build.errors.Add(FieldPath(path, "priority"), config::Concat("it gives ", type.Text(), ", expected string or int"));
    } else {
      settings.priority = *std::move(program);
    }
  }
  settings.default_priority = PriorityOf(from.default_priority()).value_or(settings.default_priority);
  if (from.has_status()) settings.status = static_cast<int>(from.status().value());
  if (from.has_retry_after()) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(config::ToDuration(from.retry_after()));
    settings.retry_after = std::to_string(seconds.count());
  }
  return std::make_shared<Config>(std::move(settings));
}

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& build, const google::protobuf::Message& message,
                                                  const std::string& path) {
  return BuildLimit(build, static_cast<const v1::Concurrency&>(message), path);
}

std::shared_ptr<const config::FilterConfig> BuildOfRoute(config::BuildContext& build,
                                                         const google::protobuf::Message& message,
                                                         const std::string& path) {
  const auto& from = static_cast<const v1::ConcurrencyPerRoute&>(message);
  std::shared_ptr<const Config> instead;
  if (from.has_concurrency()) instead = BuildLimit(build, from.concurrency(), FieldPath(path, "concurrency"));
  return std::make_shared<RouteConfig>(from.disabled(), PriorityOf(from.priority()), std::move(instead));
}

// As in Envoy each filter has a limit of its own, which a push that changes its listener begins anew.
std::string NewName() {
  static std::atomic<uint64_t> count = 0;
  return config::Concat("adaptive_concurrency ", ++count);
}

// As a limit of ours. What it says of windows in which few are let in means nothing.
std::shared_ptr<const config::FilterConfig> BuildAdaptive(config::BuildContext& build,
                                                          const google::protobuf::Message& message,
                                                          const std::string& path) {
  constexpr base::Duration kShortest = std::chrono::milliseconds(1);
  constexpr base::Duration kLongest = std::chrono::minutes(1);
  const auto& from = static_cast<const adaptive_v3::AdaptiveConcurrency&>(message);
  const adaptive_v3::GradientControllerConfig& controller = from.gradient_controller_config();
  const auto& rtt = controller.min_rtt_calc_params();
  const std::string place = FieldPath(path, "gradient_controller_config");
  Settings settings{.name = NewName(), .adaptive = Adaptive()};
  limit::ConcurrencyEstimate::Terms& terms = settings.terms;
  if (controller.concurrency_limit_params().has_max_concurrency_limit()) {
    terms.most = controller.concurrency_limit_params().max_concurrency_limit().value();
  }
  if (rtt.has_min_concurrency()) terms.least = rtt.min_concurrency().value();
  terms.least = std::min(terms.least, terms.most);
  terms.initial = std::clamp(terms.initial, terms.least, terms.most);
  terms.window = std::clamp(config::ToDuration(controller.concurrency_limit_params().concurrency_update_interval()),
                            kShortest, kLongest);
  if (!rtt.has_interval() && !rtt.has_fixed_value()) {
    build.errors.AddMissing(FieldPath(place, "min_rtt_calc_params"), FieldPath(place, "min_rtt_calc_params"),
                            "expected interval, or fixed_value");
  }
  if (rtt.has_fixed_value() && !rtt.has_interval()) terms.unloaded = config::ToDuration(rtt.fixed_value());
  if (const char* const expected = limit::ConcurrencyEstimate::WhatIsWrong(terms)) {
    build.errors.AddMissing(place, place, config::Concat("expected ", expected));
  }
  if (from.has_enabled()) {
    const std::string& key = from.enabled().runtime_key();
    settings.adaptive->enabled = from.enabled().default_value().value();
    if (!key.empty()) settings.adaptive->key = build.runtime_keys->Find(key);
  }
  if (from.concurrency_limit_exceeded_status().code() >= 400) {
    settings.status = static_cast<int>(from.concurrency_limit_exceeded_status().code());
  }
  return std::make_shared<Config>(std::move(settings));
}

}  // namespace

config::HttpFilterType Type() {
  return {v1::Concurrency::descriptor(), Build, v1::ConcurrencyPerRoute::descriptor(), BuildOfRoute};
}

config::HttpFilterType AdaptiveType() { return {adaptive_v3::AdaptiveConcurrency::descriptor(), BuildAdaptive}; }

}  // namespace pillion::filters::concurrency
