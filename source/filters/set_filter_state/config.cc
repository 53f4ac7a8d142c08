#include <algorithm>

#include "envoy/extensions/filters/http/set_filter_state/v3/set_filter_state.pb.h"
#include "source/config/build.h"
#include "source/config/text.h"
#include "source/filters/set_filter_state/set_filter_state.h"

namespace pillion::filters::set_filter_state {
namespace {

namespace v3 = envoy::extensions::filters::http::set_filter_state::v3;
using config::FieldPath;
using envoy::extensions::filters::common::set_filter_state::v3::FilterStateValue;

constexpr std::string_view kFactory = "envoy.string";
// What else an object may be: what TLS to the host is made with (proxy/noted_transport.h), and, where it is shared with
// upstream, the addresses that an internal listener's original_dst filter gives its connections. Each by its own name only.
constexpr std::string_view kOfTransport[] = {"envoy.network.upstream_server_name",
                                             "envoy.network.upstream_subject_alt_names",
                                             "envoy.network.application_protocols",
                                             "envoy.filters.listener.original_dst.local_ip",
                                             "envoy.filters.listener.original_dst.remote_ip"};

void CheckFactory(config::BuildContext& context, const FilterStateValue& value, const std::string& place) {
  const std::string& key = value.object_key();
  // Without a factory the object is what its name says.
  const std::string& factory = value.factory_key().empty() ? key : value.factory_key();
  const std::string path = config::FieldPath(place, "factory_key");
  if (std::ranges::find(kOfTransport, key) != std::end(kOfTransport)) {
    if (factory != key) {
      context.errors.Add(path, config::Concat(config::Quote(factory), ", expected ", config::Quote(key), " as object_key"));
    }
  } else if (factory != kFactory) {
    context.errors.AddMissing(place, path,
                              config::Concat(config::Quote(value.factory_key()),
                                             ", expected \"envoy.string\", a text that others may read"));
  }
}

metadata::FilterState::Shared BuildShared(FilterStateValue::SharedWithUpstream from) {
  using Shared = metadata::FilterState::Shared;
  return from == FilterStateValue::ONCE ? Shared::kOnce
         : from == FilterStateValue::TRANSITIVE ? Shared::kTransitive
                                                : Shared::kNot;
}

constexpr size_t kMostFormatBytes = 64 * 1024;

std::shared_ptr<const config::FilterConfig> Build(config::BuildContext& context,
                                                  const google::protobuf::Message& message, const std::string& path) {
  const auto& from = static_cast<const v3::Config&>(message);
  std::vector<Object> objects;
  for (int i = 0; i < from.on_request_headers_size(); ++i) {
    const auto& value = from.on_request_headers(i);
    const std::string place = config::ElementPath(FieldPath(path, "on_request_headers"), i);
    CheckFactory(context, value, place);
    const auto& format = value.format_string();
    const std::string format_path = FieldPath(place, "format_string");
    std::string text = format.text_format();
    if (format.has_json_format()) {
      context.errors.Add(FieldPath(format_path, "json_format"), "not implemented, expected text_format_source");
    } else if (format.has_text_format_source()) {
      text = config::ReadSource(context, format.text_format_source(), kMostFormatBytes,
                                FieldPath(format_path, "text_format_source"));
    }
    absl::StatusOr<telemetry::TextFormat> compiled = telemetry::TextFormat::Compile(text);
    if (!compiled.ok()) {
      context.errors.Add(format_path, std::string(compiled.status().message()));
      continue;
    }
    objects.push_back({.name = value.object_key(),
                       .text = *std::move(compiled),
                       .missing = format.omit_empty_values() ? "" : "-",
                       .read_only = value.read_only(),
                       .skip_if_empty = value.skip_if_empty(),
                       .shared = BuildShared(value.shared_with_upstream())});
  }
  return std::make_shared<Config>(std::move(objects));
}

}  // namespace

config::HttpFilterType Type() { return {v3::Config::descriptor(), Build, v3::Config::descriptor(), Build}; }

}  // namespace pillion::filters::set_filter_state
