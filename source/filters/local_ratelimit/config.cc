#include "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h"
#include "envoy/extensions/rate_limit_descriptors/expr/v3/expr.pb.h"
#include "source/config/build.h"
#include "source/config/extensions.h"
#include "source/config/text.h"
#include "source/expression/compiler.h"
#include "source/filters/local_ratelimit/local_ratelimit.h"

namespace pillion::filters::local_ratelimit {
namespace {

namespace v3 = envoy::extensions::filters::http::local_ratelimit::v3;
namespace route = envoy::config::route::v3;
using config::ElementPath;
using config::FieldPath;

constexpr uint32_t kMostKeys = 100'000;  // of a descriptor with open values, where nothing is said

// Nothing, and an error, for a bucket that there can't be.
std::optional<limit::TokenBucket::Terms> BuildBucket(config::BuildContext& context, const envoy::type::v3::TokenBucket& from,
                                                     const std::string& path) {
  const limit::TokenBucket::Terms terms = {.burst = from.max_tokens(),
                                           .tokens = from.has_tokens_per_fill() ? from.tokens_per_fill().value() : 1,
                                           .period = config::ToDuration(from.fill_interval())};
  const char* const expected = limit::TokenBucket::WhatIsWrong(terms);
  if (expected == nullptr) return terms;
  context.errors.AddMissing(path, path, config::Concat("expected ", expected));
  return std::nullopt;
}

std::string OrDefault(const std::string& text, std::string_view otherwise) {
  return text.empty() ? std::string(otherwise) : text;
}

// Envoy puts together what its operators say; here it is a text.
std::string BuildText(config::BuildContext& context, const std::string& text, const std::string& path) {
  if (text.find('%') != std::string::npos) {
    context.errors.Add(path, config::Concat(config::Quote(text), ", expected a text without %, there are no operators"));
  }
  return text;
}

namespace expr = envoy::extensions::rate_limit_descriptors::expr::v3;

Action BuildExpression(config::BuildContext& context, const google::protobuf::Any& from, const std::string& path) {
  const std::unique_ptr<google::protobuf::Message> message = config::UnpackExtension(from);
  if (message == nullptr || message->GetDescriptor() != expr::Descriptor::descriptor()) {
    context.errors.AddMissing(path, path, config::WrongType(from, expr::Descriptor::descriptor()->full_name()));
    return {"", Action::Fixed{}};
  }
  const auto& descriptor = static_cast<const expr::Descriptor&>(*message);
  auto program = expression::Compile(descriptor.text());
  if (!program.ok()) {
    context.errors.Add(FieldPath(path, "text"), std::string(program.status().message()));
    return {"", Action::Fixed{}};
  }
  return {descriptor.descriptor_key(), Action::Expression{*std::move(program), descriptor.skip_if_error()}};
}

Action BuildAction(config::BuildContext& context, const route::RateLimit::Action& from, const std::string& path) {
  switch (from.action_specifier_case()) {
    case route::RateLimit::Action::kSourceCluster:
      return {"source_cluster", Action::Fixed{context.node.cluster()}};
    case route::RateLimit::Action::kDestinationCluster:
      return {"destination_cluster", Action::DestinationCluster{}};
    case route::RateLimit::Action::kRemoteAddress:
      return {"remote_address", Action::RemoteAddress{}};
    case route::RateLimit::Action::kMaskedRemoteAddress: {
      const auto& mask = from.masked_remote_address();
      Action::MaskedRemoteAddress built;
      if (mask.has_v4_prefix_mask_len()) built.v4_bits = mask.v4_prefix_mask_len().value();
      if (mask.has_v6_prefix_mask_len()) built.v6_bits = mask.v6_prefix_mask_len().value();
      return {"masked_remote_address", built};
    }
    case route::RateLimit::Action::kRequestHeaders: {
      const auto& header = from.request_headers();
      return {header.descriptor_key(),
              Action::RequestHeader{http::FieldName(header.header_name()), header.skip_if_absent()}};
    }
    case route::RateLimit::Action::kQueryParameters: {
      const auto& parameter = from.query_parameters();
      return {parameter.descriptor_key(),
              Action::QueryParameter{parameter.query_parameter_name(), parameter.skip_if_absent()}};
    }
    case route::RateLimit::Action::kExtension: {
      const std::string place = FieldPath(FieldPath(path, "extension"), "typed_config");
      return BuildExpression(context, from.extension().typed_config(), place);
    }
    case route::RateLimit::Action::kHeaderValueMatch: {
      const auto& match = from.header_value_match();
      const std::string place = FieldPath(path, "header_value_match");
      Action::HeaderMatch built = {
          .headers = {},
          .expected = !match.has_expect_match() || match.expect_match().value(),
          .value = BuildText(context, match.descriptor_value(), FieldPath(place, "descriptor_value"))};
      for (int i = 0; i < match.headers_size(); ++i) {
        built.headers.push_back(
            config::BuildHeaderMatcher(context, match.headers(i), ElementPath(FieldPath(place, "headers"), i)));
      }
      return {OrDefault(match.descriptor_key(), "header_match"), std::move(built)};
    }
    default: {
      const auto& generic = from.generic_key();
      const std::string place = FieldPath(FieldPath(path, "generic_key"), "descriptor_value");
      return {OrDefault(generic.descriptor_key(), "generic_key"),
              Action::Fixed{BuildText(context, generic.descriptor_value(), place)}};
    }
  }
}

std::vector<Actions> BuildRules(config::BuildContext& context, const v3::LocalRateLimit& from, const std::string& path) {
  std::vector<Actions> rules;
  for (int i = 0; i < from.rate_limits_size(); ++i) {
    const std::string place = FieldPath(ElementPath(FieldPath(path, "rate_limits"), i), "actions");
    Actions& actions = rules.emplace_back();
    for (int a = 0; a < from.rate_limits(i).actions_size(); ++a) {
      actions.push_back(BuildAction(context, from.rate_limits(i).actions(a), ElementPath(place, a)));
    }
  }
  return rules;
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
    const auto terms = BuildBucket(context, from.descriptors(i).token_bucket(), FieldPath(place, "token_bucket"));
    if (terms) settings.descriptors.push_back(std::make_unique<DescriptorLimit>(std::move(entries), *terms, most_keys));
  }
  if (from.descriptors_size() > 0 && from.rate_limits_size() == 0) {
    context.errors.Add(FieldPath(path, "descriptors"),
                       "nothing makes descriptors of requests, expected rate_limits beside them");
  }
}

std::shared_ptr<const config::FilterConfig> BuildLimit(config::BuildContext& context, const v3::LocalRateLimit& from,
                                                       const std::string& path) {
  Settings settings;
  settings.stat_prefix = from.stat_prefix();
  if (from.status().code() >= 400) settings.status = from.status().code();
  settings.resource_exhausted = from.rate_limited_as_resource_exhausted();
  if (from.has_filter_enabled()) settings.enabled = config::BuildFraction(context, from.filter_enabled());
  if (from.has_filter_enforced()) settings.enforced = config::BuildFraction(context, from.filter_enforced());
  settings.figures = from.enable_x_ratelimit_headers() != envoy::extensions::common::ratelimit::v3::OFF;
  settings.response = config::BuildHeaderEdits(context, from.response_headers_to_add(),
                                               FieldPath(path, "response_headers_to_add"), {}, "");
  settings.request =
      config::BuildHeaderEdits(context, from.request_headers_to_add_when_not_enforced(),
                               FieldPath(path, "request_headers_to_add_when_not_enforced"), {}, "");
  if (from.has_token_bucket()) {
    const auto terms = BuildBucket(context, from.token_bucket(), FieldPath(path, "token_bucket"));
    if (terms) settings.bucket = std::make_unique<Bucket>(*terms);
  }
  if (from.has_always_consume_default_token_bucket()) {
    settings.always_takes = from.always_consume_default_token_bucket().value();
  }
  settings.rules = BuildRules(context, from, path);
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
