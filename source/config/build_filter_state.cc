#include "source/config/build_filter_state.h"

#include <algorithm>

#include "source/config/text.h"

namespace pillion::config {
namespace {

using envoy::extensions::filters::common::set_filter_state::v3::FilterStateValue;

constexpr std::string_view kFactory = "envoy.string";
// The same of an object that hosts may be chosen by; here any text may.
constexpr std::string_view kHashedFactory = "envoy.hashable_string";
// What else an object may be: what TLS to the host is made with (proxy/noted_transport.h), and, where it is shared with
// upstream, the addresses that an internal listener's original_dst filter gives its connections. Each by its own name only.
constexpr std::string_view kOfTransport[] = {"envoy.network.upstream_server_name",
                                             "envoy.network.upstream_subject_alt_names",
                                             "envoy.network.application_protocols",
                                             "envoy.filters.listener.original_dst.local_ip",
                                             "envoy.filters.listener.original_dst.remote_ip"};
constexpr size_t kMostFormatBytes = 64 * 1024;

using Shared = metadata::FilterState::Shared;

Shared BuildShared(FilterStateValue::SharedWithUpstream from) {
  return from == FilterStateValue::ONCE ? Shared::kOnce
         : from == FilterStateValue::TRANSITIVE ? Shared::kTransitive
                                                : Shared::kNot;
}

void CheckFactory(BuildContext& context, const FilterStateValue& value, const std::string& place) {
  const std::string& key = value.object_key();
  // Without a factory the object is what its name says.
  const std::string& factory = value.factory_key().empty() ? key : value.factory_key();
  const std::string path = FieldPath(place, "factory_key");
  if (std::ranges::find(kOfTransport, key) != std::end(kOfTransport)) {
    if (factory != key) context.errors.Add(path, Concat(Quote(factory), ", expected ", Quote(key), " as object_key"));
  } else if (factory != kFactory && factory != kHashedFactory) {
    context.errors.AddMissing(place, path,
                              Concat(Quote(value.factory_key()), ", expected ", Quote(kFactory), " or ",
                                     Quote(kHashedFactory), ", a text that others may read"));
  }
}

}  // namespace

std::vector<FilterStateObject> BuildFilterState(BuildContext& context, const FilterStateMessages& from,
                                                const std::string& path) {
  std::vector<FilterStateObject> objects;
  for (int i = 0; i < from.size(); ++i) {
    const FilterStateValue& value = from[i];
    const std::string place = ElementPath(path, i);
    CheckFactory(context, value, place);
    const auto& format = value.format_string();
    const std::string format_path = FieldPath(place, "format_string");
    std::string text = format.text_format();
    if (format.has_json_format()) {
      context.errors.Add(FieldPath(format_path, "json_format"), "not implemented, expected text_format_source");
    } else if (format.has_text_format_source()) {
      text = ReadSource(context, format.text_format_source(), kMostFormatBytes,
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
  return objects;
}

}  // namespace pillion::config
