#pragma once

// The SPIFFE Workload API of one workload: whoever reaches it is that workload. X.509 only. Its calls come on gRPC's own
// threads.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "source/ca/issuer.h"
#include "source/net/address.h"

namespace pillion::ctl {

class WorkloadApi {
 public:
  WorkloadApi();
  ~WorkloadApi();  // ends all streams
  WorkloadApi(const WorkloadApi&) = delete;
  WorkloadApi& operator=(const WorkloadApi&) = delete;

  // Once. The socket is only for its owner; in its place must be nothing but a socket that nobody uses any more.
  absl::Status Start(const std::string& socket_path, const std::vector<net::Address>& addresses);

  // To all that listen, and to those who come.
  void Supply(const ca::Supply& supply);

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace pillion::ctl
