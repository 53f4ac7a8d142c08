// Answers that the proxy makes itself.

#include <utility>

#include "source/config/build.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;

constexpr size_t kMaxBodyBytes = 1024 * 1024;

}  // namespace

std::optional<BodyFormat> BuildBodyFormat(BuildContext& context,
                                          const envoy::config::core::v3::SubstitutionFormatString& from,
                                          const std::string& path) {
  BodyFormat built{.omit_empty_values = from.omit_empty_values(), .content_type = from.content_type()};
  AccessLog settings;
  BuildLogFormat(context, from, path, settings);
  if (context.errors.AnyBelow(path)) return std::nullopt;
  std::vector<std::string> errors;
  if (const auto* text = std::get_if<TextLogFormat>(&settings.format)) {
    built.format = telemetry::TextFormat::Compile(text->format, path, errors);
    if (built.content_type.empty()) built.content_type = "text/plain";
  } else {
    built.format = std::shared_ptr<const telemetry::LogFormat>(telemetry::LogFormat::Compile(settings, errors));
    if (built.content_type.empty()) built.content_type = "application/json";
  }
  for (std::string& error : errors) context.errors.Add(path, std::move(error));
  if (!errors.empty()) return std::nullopt;
  return built;
}

LocalReplies BuildLocalReplies(BuildContext& context, const hcm::LocalReplyConfig& from, const std::string& path) {
  LocalReplies replies;
  if (from.has_body_format()) {
    replies.format = BuildBodyFormat(context, from.body_format(), FieldPath(path, "body_format"));
  }
  for (int i = 0; i < from.mappers_size(); ++i) {
    const hcm::ResponseMapper& mapper = from.mappers(i);
    const std::string place = ElementPath(FieldPath(path, "mappers"), i);
    ReplyMapper built{.filter = BuildRecordFilter(context, mapper.filter(), FieldPath(place, "filter"))};
    if (mapper.has_status_code()) built.status = static_cast<uint16_t>(mapper.status_code().value());
    if (mapper.has_body()) built.body = ReadSource(context, mapper.body(), kMaxBodyBytes, FieldPath(place, "body"));
    if (mapper.has_body_format_override()) {
      built.format = BuildBodyFormat(context, mapper.body_format_override(), FieldPath(place, "body_format_override"));
    }
    built.headers = BuildHeaderEdits(context, mapper.headers_to_add(), FieldPath(place, "headers_to_add"), {}, "");
    replies.mappers.push_back(std::move(built));
  }
  return replies;
}

}  // namespace pillion::config
