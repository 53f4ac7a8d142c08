#pragma once

// What the name of a cluster stands for.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace pillion::route {

// Workers find the cluster by `index`, whether there is one now or not. It is the name's own as long as anybody has `held`;
// null: for ever.
struct NamedCluster {
  // NOLINTNEXTLINE(google-explicit-constructor): an index is one
  NamedCluster(uint32_t index, std::shared_ptr<const void> held = nullptr) : index(index), held(std::move(held)) {}

  uint32_t index;
  std::shared_ptr<const void> held;
};

using ClusterIndex = std::function<NamedCluster(const std::string& name)>;

// Holds what names stand for as long as it lives.
class HeldClusters {
 public:
  // Its index.
  uint32_t Hold(NamedCluster cluster) {
    if (cluster.held != nullptr) held_.push_back(std::move(cluster.held));
    return cluster.index;
  }
  // After the last: thousands of routes go to a few clusters.
  void Settle() {
    std::ranges::sort(held_);
    held_.erase(std::ranges::unique(held_).begin(), held_.end());
    held_.shrink_to_fit();
  }

 private:
  std::vector<std::shared_ptr<const void>> held_;
};

}  // namespace pillion::route
