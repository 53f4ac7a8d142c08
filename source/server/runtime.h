#pragma once

// The runtime of this process: loads the layers, watches the links that disk layers come through, asks for those that
// others give, counts. Owned by the server; main thread.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "source/admin/sources.h"
#include "source/event/file_watcher.h"
#include "source/push/runtime_layers.h"
#include "source/runtime/layers.h"
#include "source/stats/registry.h"

namespace pillion::server {

class Runtime {
 public:
  // `files` and `keys` outlive this.
  Runtime(event::FileWatcher& files, std::vector<runtime::LayerSettings> layers, runtime::Keys& keys);

  // Loads for the first time, and from then on whenever a link is replaced. Layers that can't be read, or watched, are
  // an error of the start.
  absl::Status Start(stats::Registry& registry);

  // The layers that others give are asked for. What is given outlives that, up to Stop(). Once, before WhenReady().
  void Subscribe(const std::vector<config::RuntimeSource>& sources, xds::Planes& planes, const config::Resources& resources,
                 push::Feed::Surroundings surroundings);
  // Calls `ready` once, perhaps at once: when they have come, or are not waited for any more.
  void WhenReady(std::function<void()> ready);
  // The names of those that are waited for.
  std::vector<std::string> awaited() const;
  // Nothing comes any more.
  void Stop() { pushed_.reset(); }

  absl::Status Modify(const std::vector<std::pair<std::string, std::string>>& changes) { return layers_.Modify(changes); }
  admin::RuntimeView View() const;

 private:
  absl::Status Watch();
  void OnReplaced();

  event::FileWatcher& files_;
  runtime::Layers layers_;
  std::vector<std::unique_ptr<event::FileWatch>> links_;
  std::unique_ptr<push::RuntimeLayers> pushed_;  // null: there are none
};

}  // namespace pillion::server
