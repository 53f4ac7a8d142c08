#include "source/server/discovery.h"

#include <string>
#include <utility>

#include "source/server/log.h"

namespace pillion::server {

Discovery::Discovery(boost::asio::io_context& io, const std::vector<std::shared_ptr<upstream::Cluster>>& clusters,
                     uint64_t seed, const FileSources& sources)
    : resolver_(io, {}), timers_(io), random_(seed), wait_(timers_.New()) {
  for (const std::shared_ptr<upstream::Cluster>& each : clusters) {
    upstream::Cluster& cluster = *each;
    using Type = config::Cluster::Discovery;
    const Type type = cluster.config().discovery;
    if (type == Type::kEds) files_.push_back(std::make_unique<EndpointFile>(cluster, timers_, sources));
    if (type != Type::kStrictDns && type != Type::kLogicalDns) continue;
    discoveries_.push_back(std::make_unique<upstream::DnsDiscovery>(
        cluster, resolver_, timers_, random_, [&cluster](const absl::Status& why) {
          Log("upstream").warn("cluster {}: {}; it keeps {} hosts", cluster.config().name, std::string(why.message()),
                       cluster.hosts()->hosts.size());
        }));
  }
}

absl::Status Discovery::Start(std::function<void()> ready) {
  for (const std::unique_ptr<EndpointFile>& file : files_) {
    if (absl::Status status = file->Start(); !status.ok()) return status;
  }
  ready_ = std::move(ready);
  not_ready_ = 1;
  wait_->Set(kInitialWait, [this] {
    not_ready_ = 1;
    OnReady();
  });
  for (const auto& discovery : discoveries_) {
    ++not_ready_;
    discovery->Start([this] { OnReady(); });
  }
  OnReady();
  return absl::OkStatus();
}

void Discovery::OnReady() {
  if (ready_ == nullptr || --not_ready_ > 0) return;
  wait_->Cancel();
  std::exchange(ready_, nullptr)();
}

}  // namespace pillion::server
