#pragma once

// The clusters of a worker by name, and which of them needs which others: an aggregate its members, one that heeds zones the
// cluster of the proxies. One that comes or goes, or whose hosts change, costs those that need it and nobody else. Owned by
// the worker's context, on the worker's thread.

#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace pillion::upstream {

class ClusterShard;

class ClusterNames {
 public:
  ClusterNames() = default;
  ClusterNames(const ClusterNames&) = delete;
  ClusterNames& operator=(const ClusterNames&) = delete;
  // Shards that requests keep may end later.
  ~ClusterNames();

  // Null: there is none.
  ClusterShard* Find(std::string_view name) const;
  // `shard`, which the caller keeps, has the name from now on; null: none has. Who needs it has it at once; so has one that
  // had the name before and that requests keep still.
  void Set(const std::string& name, ClusterShard* shard);
  // None has a name any more, so that none keeps another.
  void Clear();

 private:
  friend class ClusterShard;
  // The hosts of the one that has that name have changed.
  void TellHosts(const std::string& name) const;
  // It ends.
  void Forget(ClusterShard& shard);

  absl::flat_hash_map<std::string_view, ClusterShard*> shards_;  // their configurations have the names
  absl::flat_hash_set<ClusterShard*> all_;                       // also those that have lost theirs, to their ends
  absl::flat_hash_map<std::string, absl::flat_hash_set<ClusterShard*>> needed_by_;
};

}  // namespace pillion::upstream
