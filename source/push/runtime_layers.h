#pragma once

// The layers of the runtime that come while the process runs (RTDS). One that is wrong is refused, and what was there
// before stays; one that is gone is empty. Owned by the server; main thread.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "source/config/config_source.h"
#include "source/config/resources.h"
#include "source/push/feed.h"
#include "source/runtime/keys.h"

namespace pillion::push {

class RuntimeLayers {
 public:
  // What a layer has from now on.
  using Set = std::function<void(size_t layer, runtime::Keys::Values values)>;

  // All that is given by reference outlives it.
  RuntimeLayers(xds::Planes& planes, const config::Resources& resources, Set set, Feed::Surroundings surroundings);
  ~RuntimeLayers();
  RuntimeLayers(const RuntimeLayers&) = delete;
  RuntimeLayers& operator=(const RuntimeLayers&) = delete;

  // Asks for them. Once.
  void Start(const std::vector<config::RuntimeSource>& sources);
  // Calls `ready` once, perhaps at once: when each has come, was refused, or its initial fetch timeout is over. Once.
  void WhenReady(std::function<void()> ready);
  // The names of those that are waited for.
  std::vector<std::string> awaited() const;

 private:
  class Layer;

  void OnLayerReady();

  xds::Planes& planes_;
  const config::Resources& resources_;
  const Set set_;
  const Feed::Surroundings with_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::function<void()> ready_;  // null: nobody waits
};

}  // namespace pillion::push
