#pragma once

// How much of a resource is used: 0 none, 1 all of it. Owned by the watch; main thread.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "source/config/overload.h"

namespace pillion::overload {

class Monitor {
 public:
  virtual ~Monitor() = default;

  // An error says why it can't be known now.
  virtual absl::StatusOr<double> Pressure() = 0;
};

// Where the system tells of itself; tests have files of their own.
struct SystemFiles {
  std::string cgroup = "/sys/fs/cgroup";
  std::string cpu = "/proc/stat";
};

// `connections`: those of clients; outlives the monitor. An error says what the system does not have.
absl::StatusOr<std::unique_ptr<Monitor>> MakeMonitor(const config::OverloadResource& resource,
                                                     const std::atomic<uint64_t>& connections,
                                                     const SystemFiles& files = {});

}  // namespace pillion::overload
