#pragma once

// The layers of values that a process runs with, the later ones over the earlier: from the configuration, from files,
// from control planes, from the administration. Owned by the server; main thread. What they come to is put into the keys,
// which the data path asks.

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "source/runtime/keys.h"

namespace pillion::runtime {

// A layer as it is configured.
struct StaticLayer {
  Keys::Values values;
};
struct DiskLayer {
  std::string watched;  // the link: another target is a new version
  std::string path;     // below it
  bool of_cluster = false;  // `path` is what one service cluster has otherwise
};
struct AdminLayer {};
struct PushedLayer {};  // by a control plane, or a file of its kind

struct LayerSettings {
  std::string name;
  std::variant<StaticLayer, DiskLayer, AdminLayer, PushedLayer> source;
};

class Layers {
 public:
  // Counts of what happened.
  struct Counts {
    uint64_t load_success = 0;
    uint64_t load_error = 0;
    uint64_t override_dir_exists = 0;
    uint64_t override_dir_not_exists = 0;
  };

  Layers(std::vector<LayerSettings> settings, Keys& keys);

  // Reads the files again. When that fails, what was there before stays.
  absl::Status Load();
  // By the administration; an empty text takes the value away. Refused where there is no layer for it.
  absl::Status Modify(const std::vector<std::pair<std::string, std::string>>& changes);

  // What a pushed layer has from now on.
  void Push(size_t layer, Keys::Values values);

  const std::vector<LayerSettings>& settings() const { return settings_; }
  const Keys::Values& values(size_t layer) const { return values_[layer]; }
  // All together.
  const Keys::Values& merged() const { return merged_; }
  const Counts& counts() const { return counts_; }
  size_t overrides() const;  // values of the administration

  // Names that nobody asked for.
  std::vector<std::string> Unheeded() const;

 private:
  void Merge();

  const std::vector<LayerSettings> settings_;
  Keys& keys_;
  std::vector<Keys::Values> values_;  // of each layer
  Keys::Values merged_;
  Counts counts_;
};

}  // namespace pillion::runtime
