#pragma once

// Where the hosts of a cluster come from that are not configured with it: names that are resolved, a file, a control plane.
// Main thread. Of one cluster; ends before it.

#include <functional>

namespace pillion::upstream {

class HostSource {
 public:
  virtual ~HostSource() = default;
  // `first` is called once: when the hosts are known, or can't be found for now; perhaps at once.
  virtual void Start(std::function<void()> first) = 0;
};

}  // namespace pillion::upstream
