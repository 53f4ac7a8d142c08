// What internal listeners are told of connections to them.

#include <utility>

#include "source/metadata/value.h"
#include "source/net/passed.h"
#include "source/upstream/cluster.h"

namespace pillion::upstream {

std::shared_ptr<const net::Passed> ClusterShard::PassedTo(const Host& host, std::string_view objects) {
  const auto passed = std::make_shared<net::Passed>();
  for (const config::InternalUpstream::Source& source : host.transport()->internal->metadata) {
    const config::Metadata* const metadata = source.of_host ? host.metadata() : config().metadata.get();
    const metadata::Value* const value = metadata == nullptr || metadata->tree == nullptr
                                             ? nullptr
                                             : metadata::Find(metadata->tree->value, source.name);
    if (value == nullptr) {
      no_metadata_->Increment();
    } else {
      passed->spaces.push_back({.name = source.name, .value = *value, .tree = metadata->tree});
    }
  }
  passed->objects = net::ReadObjects(objects);
  return passed;
}

}  // namespace pillion::upstream
