#include "source/server/runtime.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "source/server/log.h"

namespace pillion::server {

Runtime::Runtime(event::FileWatcher& files, std::vector<runtime::LayerSettings> layers, runtime::Keys& keys)
    : files_(files), layers_(std::move(layers), keys) {}

absl::Status Runtime::Start(stats::Registry& registry) {
  // Before the first reading: what changes in between is read once more.
  if (absl::Status status = Watch(); !status.ok()) return status;
  if (absl::Status status = layers_.Load(); !status.ok()) return status;
  if (const std::vector<std::string> names = layers_.Unheeded(); !names.empty()) {
    Log("runtime").info("nothing here heeds {}", absl::StrJoin(names, ", "));
  }
  using Counts = runtime::Layers::Counts;
  const auto count = [&](const char* name, uint64_t Counts::*member) {
    registry.AddCounterCallback(name, [this, member] { return layers_.counts().*member; });
  };
  count("runtime.load_success", &Counts::load_success);
  count("runtime.load_error", &Counts::load_error);
  count("runtime.override_dir_exists", &Counts::override_dir_exists);
  count("runtime.override_dir_not_exists", &Counts::override_dir_not_exists);
  // What is deprecated counts nothing here; dashboards ask for it.
  registry.AddCounterCallback("runtime.deprecated_feature_use", [] { return uint64_t{0}; });
  registry.AddGaugeCallback("runtime.deprecated_feature_seen_since_process_start", [] { return uint64_t{0}; });
  registry.AddGaugeCallback("runtime.num_keys", [this] { return uint64_t{layers_.merged().size()}; });
  registry.AddGaugeCallback("runtime.num_layers", [this] { return uint64_t{layers_.settings().size()}; });
  registry.AddGaugeCallback("runtime.admin_overrides_active", [this] { return uint64_t{layers_.overrides()}; });
  return absl::OkStatus();
}

void Runtime::Subscribe(const std::vector<config::RuntimeSource>& sources, xds::Planes& planes,
                        const config::Resources& resources, push::Feed::Surroundings surroundings) {
  if (sources.empty()) return;
  const auto set = [this](size_t layer, runtime::Keys::Values values) { layers_.Push(layer, std::move(values)); };
  pushed_ = std::make_unique<push::RuntimeLayers>(planes, resources, set, std::move(surroundings));
  pushed_->Start(sources);
}

void Runtime::WhenReady(std::function<void()> ready) {
  if (pushed_ == nullptr) return ready();
  pushed_->WhenReady(std::move(ready));
}

std::vector<std::string> Runtime::awaited() const {
  return pushed_ == nullptr ? std::vector<std::string>() : pushed_->awaited();
}

// A new version comes as a link that is renamed over the old one.
absl::Status Runtime::Watch() {
  for (const runtime::LayerSettings& layer : layers_.settings()) {
    const auto* disk = std::get_if<runtime::DiskLayer>(&layer.source);
    if (disk == nullptr) continue;
    absl::StatusOr<std::unique_ptr<event::FileWatch>> watch = files_.WatchFile(disk->watched, [this] { OnReplaced(); });
    if (!watch.ok()) {
      return absl::UnavailableError(
          absl::StrCat("layered_runtime: layer \"", layer.name, "\": ", watch.status().message()));
    }
    links_.push_back(*std::move(watch));
  }
  return absl::OkStatus();
}

void Runtime::OnReplaced() {
  if (const absl::Status status = layers_.Load(); !status.ok()) {
    Log("runtime").warn("{}; the values stay as they were", std::string(status.message()));
  }
}

admin::RuntimeView Runtime::View() const {
  admin::RuntimeView view;
  for (const runtime::LayerSettings& layer : layers_.settings()) view.layers.push_back(layer.name);
  for (const auto& [name, value] : layers_.merged()) {
    admin::RuntimeView::Entry& entry = view.entries.emplace_back();
    entry.name = name;
    entry.final_value = value.text;
    for (size_t i = 0; i < layers_.settings().size(); ++i) {
      const auto found = layers_.values(i).find(name);
      entry.layer_values.push_back(found == layers_.values(i).end() ? "" : found->second.text);
    }
  }
  return view;
}

}  // namespace pillion::server
