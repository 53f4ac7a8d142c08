#include "envoy/extensions/filters/http/header_mutation/v3/header_mutation.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"
#include "source/filters/header_mutation/header_mutation.h"

namespace pillion::filters::header_mutation {
namespace {

namespace v3 = envoy::extensions::filters::http::header_mutation::v3;
namespace core = envoy::config::core::v3;
using config::ElementPath;
using config::FieldPath;
using google::protobuf::Message;

using Action = config::AddedHeader::Action;

Action BuildAction(core::KeyValueAppend::KeyValueAppendAction from) {
  switch (from) {
    case core::KeyValueAppend::ADD_IF_ABSENT:
      return Action::kAddIfAbsent;
    case core::KeyValueAppend::OVERWRITE_IF_EXISTS_OR_ADD:
      return Action::kOverwriteOrAdd;
    case core::KeyValueAppend::OVERWRITE_IF_EXISTS:
      return Action::kOverwriteIfThere;
    default:
      return Action::kAppend;
  }
}

std::vector<QueryMutation> BuildQuery(config::BuildContext& context,
                                      const google::protobuf::RepeatedPtrField<core::KeyValueMutation>& from,
                                      const std::string& path) {
  std::vector<QueryMutation> mutations;
  for (int i = 0; i < from.size(); ++i) {
    const std::string place = ElementPath(path, i);
    if (!from[i].has_append() && from[i].remove().empty()) {
      context.errors.AddMissing(place, place, "expected append or remove");
    }
    if (!from[i].remove().empty()) mutations.push_back({.name = from[i].remove(), .value = {}});
    if (!from[i].has_append()) continue;
    const core::KeyValuePair& record = from[i].append().record();
    const std::string value_path = FieldPath(FieldPath(FieldPath(place, "append"), "record"), "value");
    if (!record.value().has_string_value()) context.errors.Add(value_path, "expected a text");
    absl::StatusOr<telemetry::TextFormat> value = telemetry::TextFormat::Compile(record.value().string_value());
    if (!value.ok()) {
      context.errors.Add(value_path, std::string(value.status().message()));
      continue;
    }
    mutations.push_back(
        {.name = record.key(), .value = *std::move(value), .action = BuildAction(from[i].append().action())});
  }
  return mutations;
}

Mutations BuildMutations(config::BuildContext& context, const v3::Mutations& from, const std::string& path) {
  return {
      .request = config::BuildHeaderMutations(context, from.request_mutations(), FieldPath(path, "request_mutations")),
      .response = config::BuildHeaderMutations(context, from.response_mutations(), FieldPath(path, "response_mutations")),
      .request_trailers =
          config::BuildHeaderMutations(context, from.request_trailers_mutations(),
                                       FieldPath(path, "request_trailers_mutations")),
      .response_trailers =
          config::BuildHeaderMutations(context, from.response_trailers_mutations(),
                                       FieldPath(path, "response_trailers_mutations")),
      .query = BuildQuery(context, from.query_parameter_mutations(), FieldPath(path, "query_parameter_mutations")),
  };
}

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& context, const Message& message,
                                                  const std::string& path) {
  const auto& from = static_cast<const v3::HeaderMutation&>(message);
  return std::make_shared<Config>(BuildMutations(context, from.mutations(), FieldPath(path, "mutations")),
                                  from.most_specific_header_mutations_wins());
}

std::shared_ptr<const config::FilterConfig> BuildRoute(config::BuildContext& context, const Message& message,
                                                       const std::string& path) {
  const auto& from = static_cast<const v3::HeaderMutationPerRoute&>(message);
  return std::make_shared<Config>(BuildMutations(context, from.mutations(), FieldPath(path, "mutations")), false);
}

}  // namespace

config::HttpFilterType Type() {
  return {v3::HeaderMutation::descriptor(), Build, v3::HeaderMutationPerRoute::descriptor(), BuildRoute};
}

}  // namespace pillion::filters::header_mutation
