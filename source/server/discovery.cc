#include "source/server/discovery.h"

#include <string>
#include <utility>

#include "source/server/log.h"

namespace pillion::server {

Discovery::Discovery(boost::asio::io_context& io, const std::vector<std::unique_ptr<upstream::Cluster>>& clusters,
                     uint64_t seed)
    : resolver_(io, {}), timers_(io), random_(seed), wait_(timers_.New()) {
  for (const std::unique_ptr<upstream::Cluster>& each : clusters) {
    upstream::Cluster& cluster = *each;
    if (cluster.config().discovery != config::Cluster::Discovery::kStrictDns) continue;
    discoveries_.push_back(std::make_unique<upstream::DnsDiscovery>(
        cluster, resolver_, timers_, random_, [&cluster](const absl::Status& why) {
          Log("upstream").warn("cluster {}: {}; it keeps {} hosts", cluster.config().name, std::string(why.message()),
                       cluster.hosts()->hosts.size());
        }));
  }
}

void Discovery::Start(std::function<void()> ready) {
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
}

void Discovery::OnReady() {
  if (ready_ == nullptr || --not_ready_ > 0) return;
  wait_->Cancel();
  std::exchange(ready_, nullptr)();
}

}  // namespace pillion::server
