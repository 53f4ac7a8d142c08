#include "source/upstream/original_dst.h"

#include <utility>

namespace pillion::upstream {

OriginalDst::OriginalDst(event::Worker& worker, base::Duration cleanup_interval, const UpstreamTransport& transport,
                         Events& events)
    : worker_(worker),
      cleanup_interval_(cleanup_interval),
      transport_(transport),
      events_(events),
      cleanup_(this, [](void* self) { static_cast<OriginalDst*>(self)->Cleanup(); }) {}

const std::shared_ptr<Host>& OriginalDst::Pick(const net::Address& address) {
  static const std::shared_ptr<Host> none;
  const absl::string_view key(reinterpret_cast<const char*>(address.data()), address.size());
  const auto found = hosts_.find(key);
  if (found != hosts_.end()) {
    found->second.used = true;
    return found->second.host;
  }
  if (hosts_.size() >= kMostHosts) return none;
  if (!cleanup_.armed()) worker_.SetTimer(cleanup_, cleanup_interval_);
  auto host = std::make_shared<Host>(address, config::Endpoint(), worker_.index() + 1);
  host->set_transport(transport_);
  return hosts_.emplace(std::string(key), Entry{std::move(host), true}).first->second.host;
}

void OriginalDst::Cleanup() {
  absl::erase_if(hosts_, [this](auto& entry) {
    if (std::exchange(entry.second.used, false)) return false;
    events_.OnHostGone(*entry.second.host);
    return true;
  });
  if (!hosts_.empty()) worker_.SetTimer(cleanup_, cleanup_interval_);
}

}  // namespace pillion::upstream
