#include <algorithm>

#include "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h"
#include "source/config/build.h"
#include "source/config/build_token_bucket.h"
#include "source/config/text.h"
#include "source/filters/local_ratelimit/local_ratelimit.h"

namespace pillion::filters::local_ratelimit {
namespace {

namespace v3 = envoy::extensions::filters::http::local_ratelimit::v3;
using config::ElementPath;
using config::FieldPath;

constexpr uint32_t kMostKeys = 100'000;  // of a descriptor with open values, where nothing is said; connections

// Descriptors that none of its own rate_limits ever makes: their buckets are never asked.
void NoteUnmade(const config::BuildContext& context, const Settings& settings, const std::string& path) {
  const auto makes = [](const config::RateLimitRule& rule, const std::string& key) {
    return std::ranges::any_of(rule.actions, [&](const auto& action) { return action.key == key; });
  };
  for (size_t i = 0; i < settings.descriptors.size(); ++i) {
    const std::vector<DescriptorLimit::Pattern>& entries = settings.descriptors[i]->entries();
    const bool made = std::ranges::any_of(settings.rules, [&](const config::RateLimitRule& rule) {
      return std::ranges::all_of(entries, [&](const auto& entry) { return makes(rule, entry.key); });
    });
    if (made) continue;
    context.Note(FieldPath(ElementPath(FieldPath(path, "descriptors"), i), "entries"),
                 "none of rate_limits makes entries of these keys, so this bucket is never asked");
  }
}

filter::HostRateLimits BuildHostRules(envoy::extensions::common::ratelimit::v3::VhRateLimitsOptions from) {
  switch (from) {
    case envoy::extensions::common::ratelimit::v3::INCLUDE:
      return filter::HostRateLimits::kBeside;
    case envoy::extensions::common::ratelimit::v3::IGNORE:
      return filter::HostRateLimits::kNever;
    default:
      return filter::HostRateLimits::kInstead;
  }
}

void BuildDescriptors(config::BuildContext& context, const v3::LocalRateLimit& from, const std::string& path,
                      Settings& settings) {
  const uint32_t most_keys = from.has_max_dynamic_descriptors() ? from.max_dynamic_descriptors().value() : kMostKeys;
  if (most_keys > limit::KeyedLimit::kMostKeys) {
    return context.errors.Add(FieldPath(path, "max_dynamic_descriptors"),
                              config::Concat(most_keys, ", expected at most ", limit::KeyedLimit::kMostKeys));
  }
  for (int i = 0; i < from.descriptors_size(); ++i) {
    const std::string place = ElementPath(FieldPath(path, "descriptors"), i);
    std::vector<DescriptorLimit::Pattern> entries;
    for (const auto& entry : from.descriptors(i).entries()) entries.push_back({entry.key(), entry.value()});
    for (int other = 0; other < i; ++other) {
      const auto& earlier = from.descriptors(other).entries();
      if (std::equal(entries.begin(), entries.end(), earlier.begin(), earlier.end(), [](const auto& a, const auto& b) {
            return a.key == b.key() && a.value == b.value();
          })) {
        context.errors.Add(FieldPath(place, "entries"), config::Concat("the same as those of descriptors[", other, "]"));
      }
    }
    const auto terms = config::BuildTokenBucket(context, from.descriptors(i).token_bucket(),
                                                FieldPath(place, "token_bucket"));
    if (terms) {
      const DescriptorLimit::Options options = {most_keys, settings.per_connection, from.descriptors(i).shadow_mode()};
      settings.descriptors.push_back(DescriptorLimit::Of(context.home.KeyOf(path), entries, *terms, options));
    }
  }
  if (from.rate_limits_size() > 0) NoteUnmade(context, settings, path);
}

std::shared_ptr<const config::FilterConfig> BuildLimit(config::BuildContext& context, const v3::LocalRateLimit& from,
                                                       const std::string& path) {
  Settings settings;
  settings.stat_prefix = from.stat_prefix();
  settings.per_connection = from.local_rate_limit_per_downstream_connection();
  if (from.status().code() >= 400) settings.status = from.status().code();
  settings.resource_exhausted = from.rate_limited_as_resource_exhausted();
  if (from.has_filter_enabled()) settings.enabled = config::BuildFraction(context, from.filter_enabled());
  if (!from.has_filter_enabled() && (from.has_token_bucket() || from.descriptors_size() > 0)) {
    context.Note(FieldPath(path, "filter_enabled"), "is not set, which is 0 %: no bucket is ever asked");
  }
  if (from.has_filter_enforced()) settings.enforced = config::BuildFraction(context, from.filter_enforced());
  settings.figures = from.enable_x_ratelimit_headers() != envoy::extensions::common::ratelimit::v3::OFF;
  settings.response = config::BuildHeaderEdits(context, from.response_headers_to_add(),
                                               FieldPath(path, "response_headers_to_add"), {}, "");
  settings.request =
      config::BuildHeaderEdits(context, from.request_headers_to_add_when_not_enforced(),
                               FieldPath(path, "request_headers_to_add_when_not_enforced"), {}, "");
  if (from.has_token_bucket()) {
    const auto terms = config::BuildTokenBucket(context, from.token_bucket(), FieldPath(path, "token_bucket"));
    if (terms && settings.per_connection) {
      const DescriptorLimit::Options options = {.most_keys = kMostKeys, .per_connection = true};
      const std::vector<DescriptorLimit::Pattern> none;
      settings.connection_bucket = DescriptorLimit::Of(context.home.KeyOf(path), none, *terms, options);
    } else if (terms) {
      settings.bucket = limit::SharedBucket::Of(context.home.KeyOf(path), *terms);
    }
  }
  if (from.has_always_consume_default_token_bucket()) {
    settings.always_takes = from.always_consume_default_token_bucket().value();
  }
  settings.rules = config::BuildRateLimits(context, from.rate_limits(), config::RateLimitsOf::kFilter,
                                           FieldPath(path, "rate_limits"));
  for (size_t i = 0; i < settings.rules.size(); ++i) {
    if (settings.rules[i].moment == config::RateLimitMoment::kRequest) continue;
    context.errors.Add(FieldPath(ElementPath(FieldPath(path, "rate_limits"), i), "apply_on_stream_done"),
                       "means nothing here: buckets are asked as a request comes, expected it in a filter ratelimit");
  }
  settings.stage = from.stage();
  settings.host_rules = BuildHostRules(from.vh_rate_limits());
  BuildDescriptors(context, from, path, settings);
  return std::make_shared<Config>(std::move(settings));
}

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& context, const google::protobuf::Message& message,
                                                  const std::string& path) {
  return BuildLimit(context, static_cast<const v3::LocalRateLimit&>(message), path);
}

std::shared_ptr<const config::FilterConfig> BuildOfRoute(config::BuildContext& context,
                                                         const google::protobuf::Message& message,
                                                         const std::string& path) {
  const auto& from = static_cast<const v3::LocalRateLimit&>(message);
  if (!from.has_token_bucket()) context.errors.AddMissing(path, FieldPath(path, "token_bucket"), "required of a route's");
  return BuildLimit(context, from, path);
}

}  // namespace

config::HttpFilterType Type() {
  return {v3::LocalRateLimit::descriptor(), Build, v3::LocalRateLimit::descriptor(), BuildOfRoute};
}

}  // namespace pillion::filters::local_ratelimit
