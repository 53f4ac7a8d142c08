// Who the process is, as records of requests have it.

#include <mutex>

#include "source/config/build.h"
#include "source/telemetry/node_facts.h"

namespace pillion::config {

// One for all that is built of the same node: some put a lot into its metadata.
std::shared_ptr<const telemetry::NodeFacts> BuildNodeFacts(const envoy::config::core::v3::Node& from) {
  static auto& mutex = *new std::mutex;
  static auto& last = *new std::weak_ptr<const telemetry::NodeFacts>;
  static auto& last_bytes = *new std::string;
  const std::string bytes = from.SerializeAsString();
  const std::lock_guard lock(mutex);
  std::shared_ptr<const telemetry::NodeFacts> known = last.lock();
  if (known != nullptr && last_bytes == bytes) return known;
  const auto facts = std::make_shared<telemetry::NodeFacts>();
  facts->id = from.id();
  facts->cluster = from.cluster();
  facts->region = from.locality().region();
  facts->zone = from.locality().zone();
  facts->sub_zone = from.locality().sub_zone();
  if (from.has_metadata()) {
    constexpr char kName[] = "node";
    envoy::config::core::v3::Metadata metadata;
    (*metadata.mutable_filter_metadata())[kName] = from.metadata();
    facts->tree = BuildMetadata(metadata)->tree;
    if (facts->tree != nullptr) facts->metadata = metadata::Find(facts->tree->value, kName);
  }
  last = facts;
  last_bytes = bytes;
  return facts;
}

}  // namespace pillion::config
