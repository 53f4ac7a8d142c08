#pragma once

// Resources as a control plane sends them, written as YAML.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "google/protobuf/any.pb.h"
#include "source/config/config_error.h"
#include "source/config/decode.h"
#include "source/config/resources.h"
#include "source/config/tree.h"
#include "source/filters/http_filters.h"
#include "source/filters/missing_filter.h"

namespace pillion::config {

template <typename Message>
Message MessageOf(const std::string& yaml) {
  Message message;
  std::variant<Tree, ConfigError> tree = Tree::Parse(yaml);
  if (const auto* error = std::get_if<ConfigError>(&tree)) {
    ADD_FAILURE() << ErrorText("", *error);
    return message;
  }
  ErrorList errors;
  std::vector<ConfigError> notes;
  Decode(std::get<Tree>(tree), {}, message, errors, notes);
  for (const ConfigError& error : errors.Take()) ADD_FAILURE() << ErrorText("", error);
  return message;
}

template <typename Message>
google::protobuf::Any AnyOf(const Message& message) {
  google::protobuf::Any any;
  any.PackFrom(message);
  return any;
}

template <typename Message>
google::protobuf::Any Resource(const std::string& yaml) {
  return AnyOf(MessageOf<Message>(yaml));
}

// "path: message; path: message"
inline std::string Text(const std::vector<ConfigError>& errors) {
  std::string text;
  for (const ConfigError& error : errors) text += (text.empty() ? "" : "; ") + ErrorText("", error);
  return text;
}

// What speaks HTTP/2, so that it can be a control plane.
inline std::string ControlPlaneCluster(const std::string& name, const std::string& more = "") {
  return "{name: " + name + more +
         ", typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {'@type': "
         "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: "
         "{http2_protocol_options: {}}}}}";
}

inline LoadOptions DynamicOptions() {
  LoadOptions options;
  options.http_filters = filters::HttpFilterTypes();
  options.missing_filter = filters::MissingFilter();
  return options;
}

// A process that has a control plane, `cp`, and no more than what is in `more` lines beside it.
class Process {
 public:
  explicit Process(const std::string& more = "", UnknownFields unknown = UnknownFields::kPassOver) {
    const Loaded loaded = LoadText(
        "node: {id: n, cluster: c}\n"
        "dynamic_resources: {ads_config: {api_type: DELTA_GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: "
        "{cluster_name: cp}}]}, cds_config: {ads: {}}, lds_config: {ads: {}}}\n"
        "static_resources:\n  clusters:\n  - " + ControlPlaneCluster("cp") + "\n  - {name: plain}\n" + more,
        DynamicOptions());
    for (const ConfigError& error : loaded.errors) ADD_FAILURE() << ErrorText("", error);
    bootstrap = loaded.bootstrap;
    LoadOptions options = DynamicOptions();
    options.unknown = {.fields = unknown, .passed_over = &passed_over, .disabled_extensions = {}};
    resources = std::make_unique<Resources>(bootstrap, options);
  }

  ConfigSource ads() const { return *bootstrap->dynamic->ads; }

  mutable PassedOver passed_over;
  std::shared_ptr<const Bootstrap> bootstrap;
  std::unique_ptr<Resources> resources;
};

}  // namespace pillion::config
