// rate_limits of routes, virtual hosts and filters.

#include "envoy/extensions/rate_limit_descriptors/expr/v3/expr.pb.h"
#include "source/config/build.h"
#include "source/config/build_expression.h"
#include "source/config/extensions.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace expr = envoy::extensions::rate_limit_descriptors::expr::v3;
using Message = envoy::config::route::v3::RateLimit;

std::string OrDefault(const std::string& text, std::string_view otherwise) {
  return text.empty() ? std::string(otherwise) : text;
}

std::optional<telemetry::TextFormat> BuildFormat(BuildContext& context, const std::string& text, const std::string& path) {
  absl::StatusOr<telemetry::TextFormat> format = telemetry::TextFormat::Compile(text);
  if (format.ok()) return *std::move(format);
  context.errors.Add(path, std::string(format.status().message()));
  return std::nullopt;
}

// Of an action with descriptor_value and default_value, which stands at `path`.
template <typename Action>
RateLimitAction::Text BuildText(BuildContext& context, const Action& from, const std::string& path) {
  RateLimitAction::Text text{.fixed = from.descriptor_value(), .format = {}, .otherwise = from.default_value()};
  if (text.fixed.find('%') == std::string::npos) return text;
  text.format = BuildFormat(context, text.fixed, FieldPath(path, "descriptor_value"));
  return text;
}

http::FieldName BuildName(BuildContext& context, const std::string& name, const std::string& path) {
  if (!name.empty() && !http::FieldName::IsFieldName(name)) {
    context.errors.Add(path, Concat(Quote(name), ", expected a header's name"));
  }
  return http::FieldName(name);
}

RateLimitAction BuildExpressionAction(BuildContext& context, const google::protobuf::Any& from, expression::Moment moment,
                                      const std::string& path) {
  const std::unique_ptr<google::protobuf::Message> message = UnpackExtension(from);
  if (message == nullptr || message->GetDescriptor() != expr::Descriptor::descriptor()) {
    context.errors.AddMissing(path, path, WrongType(from, expr::Descriptor::descriptor()->full_name()));
    return {"", RateLimitAction::Fixed{}};
  }
  const auto& descriptor = static_cast<const expr::Descriptor&>(*message);
  const expression::CompileOptions options = {.check = {.moment = moment}};
  Expression program = descriptor.has_parsed()
                           ? BuildExpression(context, descriptor.parsed(), options, FieldPath(path, "parsed"))
                           : BuildExpression(context, descriptor.text(), options, FieldPath(path, "text"));
  if (program == nullptr) return {"", RateLimitAction::Fixed{}};
  return {descriptor.descriptor_key(), RateLimitAction::Expression{std::move(program), descriptor.skip_if_error()}};
}

RateLimitAction BuildHeaderMatch(BuildContext& context, const Message::Action::HeaderValueMatch& from,
                                 const std::string& path) {
  RateLimitAction::HeaderMatch built{.headers = {},
                                     .expected = !from.has_expect_match() || from.expect_match().value(),
                                     .text = BuildText(context, from, path)};
  for (int i = 0; i < from.headers_size(); ++i) {
    built.headers.push_back(BuildHeaderMatcher(context, from.headers(i), ElementPath(FieldPath(path, "headers"), i)));
  }
  return {OrDefault(from.descriptor_key(), "header_match"), std::move(built)};
}

RateLimitAction BuildQueryMatch(BuildContext& context, const Message::Action::QueryParameterValueMatch& from,
                                const std::string& path) {
  RateLimitAction::QueryMatch built{.parameters = {},
                                    .expected = !from.has_expect_match() || from.expect_match().value(),
                                    .text = BuildText(context, from, path)};
  for (int i = 0; i < from.query_parameters_size(); ++i) {
    built.parameters.push_back(BuildQueryMatcher(context, from.query_parameters(i),
                                                 ElementPath(FieldPath(path, "query_parameters"), i)));
  }
  return {OrDefault(from.descriptor_key(), "query_match"), std::move(built)};
}

RateLimitAction BuildAction(BuildContext& context, const Message::Action& from, expression::Moment moment,
                            const std::string& path) {
  using Action = RateLimitAction;
  switch (from.action_specifier_case()) {
    case Message::Action::kSourceCluster:
      return {"source_cluster", Action::Fixed{{.fixed = context.node.cluster(), .format = {}, .otherwise = {}}}};
    case Message::Action::kDestinationCluster:
      return {"destination_cluster", Action::DestinationCluster{}};
    case Message::Action::kRemoteAddress:
      return {"remote_address", Action::RemoteAddress{}};
    case Message::Action::kMaskedRemoteAddress: {
      const auto& mask = from.masked_remote_address();
      Action::MaskedRemoteAddress built;
      if (mask.has_v4_prefix_mask_len()) built.v4_bits = mask.v4_prefix_mask_len().value();
      if (mask.has_v6_prefix_mask_len()) built.v6_bits = mask.v6_prefix_mask_len().value();
      return {"masked_remote_address", built};
    }
    case Message::Action::kRequestHeaders: {
      const auto& header = from.request_headers();
      const std::string place = FieldPath(path, "request_headers.header_name");
      return {header.descriptor_key(),
              Action::RequestHeader{BuildName(context, header.header_name(), place), header.skip_if_absent()}};
    }
    case Message::Action::kQueryParameters: {
      const auto& parameter = from.query_parameters();
      return {parameter.descriptor_key(),
              Action::QueryParameter{parameter.query_parameter_name(), parameter.skip_if_absent()}};
    }
    case Message::Action::kDynamicMetadata: {
      const auto& noted = from.dynamic_metadata();
      return {noted.descriptor_key(), Action::Metadata{.path = BuildMetadataPath(noted.metadata_key()),
                                                       .of_route = false,
                                                       .otherwise = noted.default_value(),
                                                       .skip_if_absent = false}};
    }
    case Message::Action::kMetadata: {
      const auto& metadata = from.metadata();
      return {metadata.descriptor_key(),
              Action::Metadata{.path = BuildMetadataPath(metadata.metadata_key()),
                               .of_route = metadata.source() == Message::Action::MetaData::ROUTE_ENTRY,
                               .otherwise = metadata.default_value(),
                               .skip_if_absent = metadata.skip_if_absent()}};
    }
    case Message::Action::kExtension:
      return BuildExpressionAction(context, from.extension().typed_config(), moment,
                                   FieldPath(path, "extension.typed_config"));
    case Message::Action::kHeaderValueMatch:
      return BuildHeaderMatch(context, from.header_value_match(), FieldPath(path, "header_value_match"));
    case Message::Action::kQueryParameterValueMatch:
      return BuildQueryMatch(context, from.query_parameter_value_match(), FieldPath(path, "query_parameter_value_match"));
    default: {
      const auto& generic = from.generic_key();
      return {OrDefault(generic.descriptor_key(), "generic_key"),
              Action::Fixed{BuildText(context, generic, FieldPath(path, "generic_key"))}};
    }
  }
}

void BuildHits(BuildContext& context, const Message::HitsAddend& from, const std::string& path, RateLimitRule& to) {
  if (from.has_number() == !from.format().empty()) {
    context.errors.Add(path, "expected either number or format");
  } else if (from.has_number()) {
    to.hits = from.number().value();
  } else if (!from.format().starts_with('%')) {
    context.errors.Add(FieldPath(path, "format"), Concat(Quote(from.format()), ", expected an %OPERATOR%"));
  } else if (auto format = BuildFormat(context, from.format(), FieldPath(path, "format"))) {
    to.hits = *std::move(format);
  }
}

// What a filter's own can't have.
void CheckRateLimit(BuildContext& context, const Message& from, RateLimitsOf of, const std::string& path) {
  if (of == RateLimitsOf::kRoute) return;
  const auto refuse = [&](const char* field) {
    context.errors.Add(FieldPath(path, field),
                       "means nothing in a filter's own rate_limits, expected in a route's or virtual host's");
  };
  if (from.has_stage()) refuse("stage");
  if (!from.disable_key().empty()) refuse("disable_key");
}

}  // namespace

RateLimitRules BuildRateLimits(BuildContext& context, const RateLimitMessages& from, RateLimitsOf of,
                               const std::string& path) {
  RateLimitRules rules;
  for (int i = 0; i < from.size(); ++i) {
    const std::string place = ElementPath(path, i);
    CheckRateLimit(context, from[i], of, place);
    RateLimitRule& rule = rules.emplace_back();
    rule.stage = from[i].stage().value();
    if (!from[i].disable_key().empty()) {
      rule.enabled.key = context.runtime_keys->Find(Concat("ratelimit.", from[i].disable_key(), ".http_filter_enabled"));
    }
    if (from[i].apply_on_stream_done()) rule.moment = RateLimitMoment::kEnd;
    if (from[i].x_ratelimit_option() != Message::UNSPECIFIED) {
      rule.figures = from[i].x_ratelimit_option() == Message::DRAFT_VERSION_03;
    }
    const auto moment = from[i].apply_on_stream_done() ? expression::Moment::kEnd : expression::Moment::kRequest;
    for (int a = 0; a < from[i].actions_size(); ++a) {
      rule.actions.push_back(BuildAction(context, from[i].actions(a), moment, ElementPath(FieldPath(place, "actions"), a)));
    }
    if (from[i].has_hits_addend()) BuildHits(context, from[i].hits_addend(), FieldPath(place, "hits_addend"), rule);
    if (from[i].has_limit()) rule.limit = BuildMetadataPath(from[i].limit().dynamic_metadata().metadata_key());
  }
  return rules;
}

}  // namespace pillion::config
