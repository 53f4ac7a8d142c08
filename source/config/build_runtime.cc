// The layers of the runtime.

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/service/runtime/v3/rtds.pb.h"
#include "google/protobuf/struct.pb.h"
#include "source/config/build.h"
#include "source/config/judge_resource.h"
#include "source/config/resources.h"
#include "source/config/text.h"
#include "source/runtime/value.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::bootstrap::v3;

// A part is the only object that is a value.
bool IsFraction(const google::protobuf::Struct& from) {
  return from.fields().contains("numerator") || from.fields().contains("denominator");
}

std::string FractionText(const google::protobuf::Struct& from) {
  std::string text = "{";
  for (const char* const name : {"numerator", "denominator"}) {
    const auto found = from.fields().find(name);
    if (found == from.fields().end()) continue;
    const google::protobuf::Value& value = found->second;
    if (text.size() > 1) text += ", ";
    text += Concat(std::string_view(name), ": ");
    value.has_number_value() ? AppendPart(text, value.number_value()) : AppendPart(text, value.string_value());
  }
  return text + "}";
}

// Nested keys are joined with dots.
void BuildValues(BuildContext& context, const google::protobuf::Struct& from, const std::string& prefix,
                 const std::string& path, runtime::Keys::Values& values) {
  for (const auto& [name, value] : from.fields()) {
    const std::string key = prefix + name;
    const std::string value_path = FieldPath(path, name);
    switch (value.kind_case()) {
      case google::protobuf::Value::kBoolValue:
        values.insert_or_assign(key, runtime::ParseValue(value.bool_value() ? "true" : "false"));
        break;
      case google::protobuf::Value::kNumberValue:
        values.insert_or_assign(key, runtime::ParseValue(Concat(value.number_value())));
        break;
      case google::protobuf::Value::kStringValue:
        values.insert_or_assign(key, runtime::ParseValue(value.string_value()));
        break;
      case google::protobuf::Value::kStructValue:
        if (!IsFraction(value.struct_value())) {
          BuildValues(context, value.struct_value(), key + ".", value_path, values);
          break;
        }
        values.insert_or_assign(key, runtime::ParseValue(FractionText(value.struct_value())));
        if (values.find(key)->second.denominator == 0) {
          context.errors.Add(value_path, "expected {numerator: a whole number, denominator: HUNDRED, TEN_THOUSAND or "
                                         "MILLION}");
        }
        break;
      default:
        context.errors.Add(value_path, "expected true, false, a number, a text, a fraction or an object of those");
    }
  }
}

runtime::DiskLayer BuildDisk(const BuildContext& context, const v3::RuntimeLayer::DiskLayer& from) {
  runtime::DiskLayer disk;
  disk.watched = from.symlink_root();
  disk.path = from.symlink_root();
  if (!from.subdirectory().empty()) disk.path += "/" + from.subdirectory();
  disk.of_cluster = from.append_service_cluster();
  if (disk.of_cluster) disk.path += "/" + context.node.cluster();
  return disk;
}

}  // namespace

void BuildRuntime(BuildContext& context, const v3::LayeredRuntime& from, const std::string& path, Bootstrap& bootstrap) {
  std::vector<runtime::LayerSettings>& layers = bootstrap.runtime_layers;
  std::set<std::string> names;
  bool has_admin = false;
  for (int i = 0; i < from.layers_size(); ++i) {
    const v3::RuntimeLayer& layer = from.layers(i);
    const std::string layer_path = ElementPath(FieldPath(path, "layers"), i);
    if (!layer.name().empty() && !names.insert(layer.name()).second) {
      context.errors.Add(FieldPath(layer_path, "name"), Concat("duplicate name ", Quote(layer.name())));
    }
    runtime::LayerSettings& settings = layers.emplace_back();
    settings.name = layer.name();
    if (layer.has_static_layer()) {
      runtime::StaticLayer fixed;
      BuildValues(context, layer.static_layer(), "", FieldPath(layer_path, "static_layer"), fixed.values);
      settings.source = std::move(fixed);
    } else if (layer.has_disk_layer()) {
      settings.source = BuildDisk(context, layer.disk_layer());
    } else if (layer.has_admin_layer()) {
      if (has_admin) context.errors.Add(FieldPath(layer_path, "admin_layer"), "there is one already");
      has_admin = true;
      settings.source = runtime::AdminLayer{};
    } else if (layer.has_rtds_layer()) {
      const std::string place = FieldPath(layer_path, "rtds_layer.rtds_config");
      settings.source = runtime::PushedLayer{};
      bootstrap.runtime_sources.push_back({.layer = layers.size() - 1,
                                           .name = layer.rtds_layer().name(),
                                           .feed = BuildFeed(context, layer.rtds_layer().rtds_config(), place)});
    }
  }
}

Judged<runtime::Keys::Values> Resources::BuildRuntimeLayer(const google::protobuf::Any& resource) const {
  ErrorList errors;
  std::vector<ConfigError> notes;
  BuildContext context = MakeContext(errors);
  envoy::service::runtime::v3::Runtime message;
  const auto values = std::make_shared<runtime::Keys::Values>();
  if (IsOfType(resource, *message.GetDescriptor(), errors) &&
      ParseAndJudge(options_.unknown, resource.value(), "", message, errors, notes)) {
    BuildValues(context, message.layer(), "", "layer", *values);
  }
  return Conclude<runtime::Keys::Values>(values, errors, std::move(notes));
}

}  // namespace pillion::config
