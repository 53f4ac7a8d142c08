#pragma once

// The administration of this process: what the admin server shows, and what it may do, filled in from the server's
// parts. Owned by the server; main thread.

#include <memory>

#include "absl/status/status.h"
#include "source/admin/endpoints.h"
#include "source/admin/server.h"
#include "source/admin/sources.h"

namespace pillion::server {

class Server;

class Administration {
 public:
  explicit Administration(Server& server);

  // Listens where the configuration says; does nothing where it says nothing.
  absl::Status Start();

 private:
  admin::Sources MakeSources();

  Server& server_;
  const admin::Sources sources_;
  admin::Endpoints endpoints_;
  std::unique_ptr<admin::Server> http_;
};

}  // namespace pillion::server
