#pragma once

// The HTTP filters that a configuration may name: which message stands for which filter, and who reads it.

#include <memory>
#include <string>

#include "source/config/filter_config.h"

namespace google::protobuf {
class Descriptor;
class Message;
}  // namespace google::protobuf

namespace pillion::config {

struct BuildContext;

struct HttpFilterType {
  // Adds what is wrong with `message`, which stands at `path`, to the context's errors.
  using Build = std::shared_ptr<const FilterConfig> (*)(BuildContext& context, const google::protobuf::Message& message,
                                                        const std::string& path);

  const google::protobuf::Descriptor* message;  // of typed_config
  Build build;
  const google::protobuf::Descriptor* route_message = nullptr;  // of typed_per_filter_config; null: there is none
  Build build_route = nullptr;
};

}  // namespace pillion::config
