#pragma once

// The administration of this process: what the admin server shows, and what it may do, filled in from the server's
// parts. Owned by the server; main thread.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "source/admin/access.h"
#include "source/admin/config_dump.h"
#include "source/admin/endpoints.h"
#include "source/admin/server.h"
#include "source/admin/sources.h"
#include "source/config/admin_access.h"
#include "source/event/file_watcher.h"
#include "source/explain/question.h"

namespace pillion::server {

class Server;

class Administration {
 public:
  explicit Administration(Server& server);

  // Listens where the configuration says; does nothing where it says nothing.
  absl::Status Start();

 private:
  admin::Sources MakeSources();
  // What does not serve yet, with what it waits for.
  std::vector<admin::UnreadyView> UnreadyParts() const;
  // What came while the process runs.
  admin::Pushed Pushed(bool with_hosts) const;
  std::vector<admin::PushedResource> PushedHosts() const;
  absl::StatusOr<std::string> Explain(const explain::Parameters& parameters, bool json) const;
  // The files with tokens, now and whenever they are replaced.
  absl::Status WatchTokens();
  void WarnOfOpenDoors() const;

  Server& server_;
  const admin::Sources sources_;
  admin::Endpoints endpoints_;
  const config::AdminAccess granted_;
  admin::Access access_;
  std::vector<std::unique_ptr<event::FileWatch>> watches_;
  std::unique_ptr<admin::Server> http_;
};

}  // namespace pillion::server
