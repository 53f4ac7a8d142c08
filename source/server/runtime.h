#pragma once

// The runtime of this process: loads the layers, watches the links that disk layers come through, counts. Owned by the
// server; main thread.

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "source/admin/sources.h"
#include "source/runtime/layers.h"
#include "source/stats/registry.h"

namespace pillion::server {

class Runtime {
 public:
  // `keys` outlive this.
  Runtime(boost::asio::io_context& io, std::vector<runtime::LayerSettings> layers, runtime::Keys& keys);

  // Loads for the first time, and from then on whenever a link is replaced. Layers that can't be read, or watched, are
  // an error of the start.
  absl::Status Start(stats::Registry& registry);

  absl::Status Modify(const std::vector<std::pair<std::string, std::string>>& changes) { return layers_.Modify(changes); }
  admin::RuntimeView View() const;

 private:
  absl::Status Watch();
  void WaitForEvents();
  void OnEvents(size_t bytes);

  runtime::Layers layers_;
  boost::asio::posix::stream_descriptor events_;              // of inotify
  std::map<int, std::set<std::string, std::less<>>> links_;  // names of links, by the watch of their directory
  alignas(8) std::array<char, 4096> buffer_;
};

}  // namespace pillion::server
