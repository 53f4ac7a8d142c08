// Filters of access logs.

#include "envoy/extensions/access_loggers/filters/cel/v3/cel.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"
#include "source/telemetry/record_attributes.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::accesslog::v3;
using telemetry::RecordFilter;
namespace record = telemetry::record;

record::Number BuildNumber(BuildContext& context, const v3::ComparisonFilter& from) {
  record::Number number;
  using Comparison = record::Comparison;
  switch (from.op()) {
    case v3::ComparisonFilter::GE:
      number.comparison = Comparison::kAtLeast;
      break;
    case v3::ComparisonFilter::LE:
      number.comparison = Comparison::kAtMost;
      break;
    case v3::ComparisonFilter::NE:
      number.comparison = Comparison::kNot;
      break;
    default:
      number.comparison = Comparison::kEqual;
  }
  number.value = from.value().default_value();
  number.key = context.runtime_keys->Find(from.value().runtime_key());
  return number;
}

RecordFilter::Test BuildFlags(BuildContext& context, const v3::ResponseFlagFilter& from, const std::string& path) {
  if (from.flags_size() == 0) return record::AnyFlag{};
  record::OneOfFlags test;
  for (int i = 0; i < from.flags_size(); ++i) {
    std::optional<telemetry::ResponseFlag> found;
    for (int id = 0; id < static_cast<int>(telemetry::ResponseFlag::kCount); ++id) {
      const auto flag = static_cast<telemetry::ResponseFlag>(id);
      if (telemetry::ShortName(flag) == from.flags(i)) found = flag;
    }
    if (found) {
      test.flags.Set(*found);
    } else {
      context.errors.Add(ElementPath(FieldPath(path, "flags"), i),
                         Concat(Quote(from.flags(i)), ", expected a response flag such as UF"));
    }
  }
  return test;
}

template <typename Several>
std::vector<RecordFilter> BuildSeveral(BuildContext& context, const Several& from, const std::string& path) {
  const std::string field = FieldPath(path, "filters");
  if (from.filters_size() < 2) {
    context.errors.AddMissing(path, field, Concat(from.filters_size(), " filters, expected at least 2"));
  }
  std::vector<RecordFilter> filters;
  for (int i = 0; i < from.filters_size(); ++i) {
    filters.push_back(BuildRecordFilter(context, from.filters(i), ElementPath(field, i)));
  }
  return filters;
}

// Values of an enum as a set; all are small.
template <typename Values>
uint32_t BuildSet(const Values& values) {
  uint32_t set = 0;
  for (const int value : values) set |= uint32_t{1} << value;
  return set;
}

RecordFilter BuildExtension(BuildContext& context, const v3::ExtensionFilter& from, const std::string& path) {
  const std::string place = FieldPath(path, "typed_config");
  envoy::extensions::access_loggers::filters::cel::v3::ExpressionFilter filter;
  if (!from.typed_config().UnpackTo(&filter)) {
    context.errors.AddMissing(path, place, WrongType(from.typed_config(), filter.GetDescriptor()->full_name()));
    return RecordFilter(record::All{});
  }
  auto program = telemetry::CompileForRecords(filter.expression(), expression::Kind::kBool);
  if (program.ok()) return RecordFilter(record::Expression{*std::move(program)});
  const absl::string_view error = program.status().message();
  context.errors.Add(FieldPath(place, "expression"), std::string(error.data(), error.size()));
  return RecordFilter(record::All{});
}

}  // namespace

RecordFilter BuildRecordFilter(BuildContext& context, const v3::AccessLogFilter& from, const std::string& path) {
  switch (from.filter_specifier_case()) {
    case v3::AccessLogFilter::kStatusCodeFilter:
      return RecordFilter(record::StatusCode{BuildNumber(context, from.status_code_filter().comparison())});
    case v3::AccessLogFilter::kDurationFilter:
      return RecordFilter(record::Duration{BuildNumber(context, from.duration_filter().comparison())});
    case v3::AccessLogFilter::kNotHealthCheckFilter:
      return RecordFilter(record::NotHealthCheck{});
    case v3::AccessLogFilter::kRuntimeFilter: {
      const v3::RuntimeFilter& sample = from.runtime_filter();
      return RecordFilter(record::Sample{
          .fraction = {.fraction = BuildFraction(sample.percent_sampled()),
                       .key = context.runtime_keys->Find(sample.runtime_key())},
          .independent = sample.use_independent_randomness(),
      });
    }
    case v3::AccessLogFilter::kAndFilter:
      return RecordFilter(record::All{BuildSeveral(context, from.and_filter(), FieldPath(path, "and_filter"))});
    case v3::AccessLogFilter::kOrFilter:
      return RecordFilter(record::Any{BuildSeveral(context, from.or_filter(), FieldPath(path, "or_filter"))});
    case v3::AccessLogFilter::kHeaderFilter:
      return RecordFilter(record::Header{BuildHeaderMatcher(
          context, from.header_filter().header(), FieldPath(FieldPath(path, "header_filter"), "header"))});
    case v3::AccessLogFilter::kResponseFlagFilter:
      return RecordFilter(BuildFlags(context, from.response_flag_filter(), FieldPath(path, "response_flag_filter")));
    case v3::AccessLogFilter::kGrpcStatusFilter:
      return RecordFilter(record::GrpcStatus{.statuses = BuildSet(from.grpc_status_filter().statuses()),
                                                   .exclude = from.grpc_status_filter().exclude()});
    case v3::AccessLogFilter::kMetadataFilter: {
      const v3::MetadataFilter& metadata = from.metadata_filter();
      if (!metadata.has_matcher()) return RecordFilter(record::All{});
      return RecordFilter(record::Metadata{
          .matcher = BuildMetadataMatcher(context, metadata.matcher(),
                                          FieldPath(FieldPath(path, "metadata_filter"), "matcher")),
          .if_missing = !metadata.has_match_if_key_not_found() || metadata.match_if_key_not_found().value()});
    }
    case v3::AccessLogFilter::kLogTypeFilter:
      return RecordFilter(record::Type{.types = BuildSet(from.log_type_filter().types()),
                                             .exclude = from.log_type_filter().exclude()});
    case v3::AccessLogFilter::kExtensionFilter:
      return BuildExtension(context, from.extension_filter(), FieldPath(path, "extension_filter"));
    case v3::AccessLogFilter::FILTER_SPECIFIER_NOT_SET:
      break;
  }
  return RecordFilter(record::All{});
}

}  // namespace pillion::config
