#include <algorithm>
#include <chrono>

#include "pillion/filters/http/concurrency/v1/concurrency.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"
#include "source/expression/compiler.h"
#include "source/filters/concurrency/concurrency.h"

namespace pillion::filters::concurrency {
namespace {

namespace v1 = pillion::filters::http::concurrency::v1;
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
    build.errors.AddMissing(path, path, config::Concat("expected ", expected));
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

}  // namespace

config::HttpFilterType Type() {
  return {v1::Concurrency::descriptor(), Build, v1::ConcurrencyPerRoute::descriptor(), BuildOfRoute};
}

}  // namespace pillion::filters::concurrency
