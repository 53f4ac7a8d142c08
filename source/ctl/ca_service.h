#pragma once

// pillionctl ca run: supplies workloads until a signal ends it. One thread, besides those of gRPC's servers.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "source/ca/issuer.h"
#include "source/ca/store.h"
#include "source/ctl/arguments.h"
#include "source/ctl/workload_api.h"

namespace pillion::ctl {

class CaService {
 public:
  // `store` outlives it. Each of `listens` names one of `workloads`.
  CaService(const ca::Store& store, ca::Authority authority, ca::Terms terms, std::vector<ca::Workload> workloads,
            std::vector<Listen> listens);

  absl::Status RunUntilSignal();

 private:
  absl::Status StartServers();
  void OnSupply(const ca::Supply& supply);

  const ca::Store& store_;
  const ca::Terms terms_;
  const std::vector<Listen> listens_;
  std::map<std::string, WorkloadApi> servers_;  // by the workload's name
  ca::Issuer issuer_;
};

}  // namespace pillion::ctl
