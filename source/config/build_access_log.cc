// Access logs.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "envoy/extensions/access_loggers/file/v3/file.pb.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb.h"
#include "envoy/extensions/formatter/cel/v3/cel.pb.h"
#include "envoy/extensions/formatter/metadata/v3/metadata.pb.h"
#include "envoy/extensions/formatter/req_without_query/v3/req_without_query.pb.h"
#include "google/protobuf/struct.pb.h"
#include "source/config/build.h"

namespace pillion::config {
namespace {

namespace loggers = envoy::extensions::access_loggers;

constexpr size_t kMaxFormatBytes = 64 * 1024;

void CheckFormat(BuildContext& context, const std::string& format, const std::string& path) {
  if (context.options.check_log_format == nullptr) return;
  const absl::Status status = context.options.check_log_format(format);
  if (!status.ok()) context.errors.Add(path, std::string(status.message()));
}

JsonFormat BuildJson(BuildContext& context, const google::protobuf::Value& from, const std::string& path);

JsonFormat::Object BuildObject(BuildContext& context, const google::protobuf::Struct& from,
                               const std::string& path) {
  JsonFormat::Object object;
  for (const auto& [key, value] : from.fields()) {
    object.emplace_back(key, BuildJson(context, value, FieldPath(path, key)));
  }
  std::sort(object.begin(), object.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return object;
}

JsonFormat BuildJson(BuildContext& context, const google::protobuf::Value& from, const std::string& path) {
  switch (from.kind_case()) {
    case google::protobuf::Value::kBoolValue:
      return {from.bool_value()};
    case google::protobuf::Value::kNumberValue:
      return {from.number_value()};
    case google::protobuf::Value::kStringValue:
      CheckFormat(context, from.string_value(), path);
      return {from.string_value()};
    case google::protobuf::Value::kStructValue:
      return {BuildObject(context, from.struct_value(), path)};
    case google::protobuf::Value::kListValue: {
      JsonFormat::List list;
      for (int i = 0; i < from.list_value().values_size(); ++i) {
        list.push_back(BuildJson(context, from.list_value().values(i), ElementPath(path, i)));
      }
      return {std::move(list)};
    }
    default:
      return {nullptr};
  }
}

}  // namespace

void BuildLogFormat(BuildContext& context, const envoy::config::core::v3::SubstitutionFormatString& from,
                    const std::string& path, AccessLog& log) {
  log.omit_empty_values = from.omit_empty_values();
  namespace formatter = envoy::extensions::formatter;
  for (int i = 0; i < from.formatters_size(); ++i) {
    const google::protobuf::Any& config = from.formatters(i).typed_config();
    if (config.Is<formatter::cel::v3::Cel>() || config.Is<formatter::metadata::v3::Metadata>() ||
        config.Is<formatter::req_without_query::v3::ReqWithoutQuery>()) {
      continue;
    }
    const std::string place = ElementPath(FieldPath(path, "formatters"), i);
    context.errors.AddMissing(place, FieldPath(place, "typed_config"),
                              WrongType(config, "envoy.extensions.formatter's Cel, Metadata or ReqWithoutQuery"));
  }
  if (from.has_json_format()) {
    log.format = JsonLogFormat{{BuildObject(context, from.json_format(), FieldPath(path, "json_format"))}};
  } else if (from.has_text_format_source()) {
    const std::string source = FieldPath(path, "text_format_source");
    const std::string text = ReadSource(context, from.text_format_source(), kMaxFormatBytes, source);
    CheckFormat(context, text, source);
    log.format = TextLogFormat{text};
  } else {
    CheckFormat(context, from.text_format(), FieldPath(path, "text_format"));
    log.format = TextLogFormat{from.text_format()};
  }
}

std::vector<AccessLog> BuildAccessLogs(BuildContext& context, const AccessLogs& from, const std::string& path) {
  std::vector<AccessLog> logs;
  for (int i = 0; i < from.size(); ++i) {
    AccessLog& log = logs.emplace_back();
    if (from[i].has_filter()) {
      log.filter = std::make_shared<telemetry::RecordFilter>(
          BuildRecordFilter(context, from[i].filter(), FieldPath(ElementPath(path, i), "filter")));
    }
    const google::protobuf::Any& config = from[i].typed_config();
    const std::string config_path = FieldPath(ElementPath(path, i), "typed_config");
    const std::string format_path = FieldPath(config_path, "log_format");
    loggers::file::v3::FileAccessLog file;
    loggers::stream::v3::StdoutAccessLog out;
    loggers::stream::v3::StderrAccessLog err;
    if (config.UnpackTo(&file)) {
      log.sink = FileLogSink{file.path()};
      if (file.has_log_format()) BuildLogFormat(context, file.log_format(), format_path, log);
    } else if (config.UnpackTo(&out)) {
      log.sink = StdoutLogSink{};
      if (out.has_log_format()) BuildLogFormat(context, out.log_format(), format_path, log);
    } else if (config.UnpackTo(&err)) {
      log.sink = StderrLogSink{};
      if (err.has_log_format()) BuildLogFormat(context, err.log_format(), format_path, log);
    } else {
      context.errors.AddMissing(ElementPath(path, i), config_path,
                                WrongType(config, "FileAccessLog, StdoutAccessLog or StderrAccessLog"));
    }
  }
  return logs;
}

}  // namespace pillion::config
