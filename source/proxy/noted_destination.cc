#include "source/proxy/noted_destination.h"

namespace pillion::proxy {

std::optional<std::string_view> NotedDestination(const config::OriginalDstCluster& cluster,
                                                 const metadata::Annotations& notes) {
  if (!cluster.metadata) return std::nullopt;
  const metadata::Value* value = notes.metadata.Find(cluster.metadata->name_space, cluster.metadata->keys);
  if (value == nullptr) return std::nullopt;
  if (value->kind == metadata::Value::Kind::kList && value->size > 0) value = &value->members[0].value;
  if (value->kind != metadata::Value::Kind::kText) return std::nullopt;
  return value->text;
}

}  // namespace pillion::proxy
