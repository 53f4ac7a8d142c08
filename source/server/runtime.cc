#include "source/server/runtime.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "spdlog/spdlog.h"

namespace pillion::server {

Runtime::Runtime(boost::asio::io_context& io, std::vector<runtime::LayerSettings> layers, runtime::Keys& keys)
    : layers_(std::move(layers), keys), events_(io) {}

absl::Status Runtime::Start(stats::Registry& registry) {
  // Before the first reading: what changes in between is read once more.
  if (absl::Status status = Watch(); !status.ok()) return status;
  if (absl::Status status = layers_.Load(); !status.ok()) return status;
  if (const std::vector<std::string> names = layers_.Unheeded(); !names.empty()) {
    spdlog::info("runtime: nothing here heeds {}", absl::StrJoin(names, ", "));
  }
  using Counts = runtime::Layers::Counts;
  const auto count = [&](const char* name, uint64_t Counts::*member) {
    registry.AddCounterCallback(name, [this, member] { return layers_.counts().*member; });
  };
  count("runtime.load_success", &Counts::load_success);
  count("runtime.load_error", &Counts::load_error);
  count("runtime.override_dir_exists", &Counts::override_dir_exists);
  count("runtime.override_dir_not_exists", &Counts::override_dir_not_exists);
  registry.AddGaugeCallback("runtime.num_keys", [this] { return uint64_t{layers_.merged().size()}; });
  registry.AddGaugeCallback("runtime.num_layers", [this] { return uint64_t{layers_.settings().size()}; });
  registry.AddGaugeCallback("runtime.admin_overrides_active", [this] { return uint64_t{layers_.overrides()}; });
  return absl::OkStatus();
}

// A new version comes as a link that is renamed over the old one: an event of the directory that the link is in.
absl::Status Runtime::Watch() {
  for (const runtime::LayerSettings& layer : layers_.settings()) {
    const auto* disk = std::get_if<runtime::DiskLayer>(&layer.source);
    if (disk == nullptr) continue;
    if (!events_.is_open()) {
      const int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
      if (descriptor < 0) return absl::UnavailableError(absl::StrCat("inotify: ", std::strerror(errno)));
      events_.assign(descriptor);
    }
    const size_t slash = disk->watched.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : disk->watched.substr(0, slash);
    const int watch = inotify_add_watch(events_.native_handle(), directory.c_str(), IN_MOVED_TO);
    if (watch < 0) {
      return absl::UnavailableError(absl::StrCat("layered_runtime: layer \"", layer.name, "\": ", directory, ": ",
                                                 std::strerror(errno)));
    }
    links_[watch].insert(disk->watched.substr(slash == std::string::npos ? 0 : slash + 1));
  }
  if (events_.is_open()) WaitForEvents();
  return absl::OkStatus();
}

void Runtime::WaitForEvents() {
  events_.async_read_some(boost::asio::buffer(buffer_), [this](const boost::system::error_code& error, size_t bytes) {
    if (error) return;
    OnEvents(bytes);
    WaitForEvents();
  });
}

void Runtime::OnEvents(size_t bytes) {
  bool replaced = false;
  for (size_t at = 0; at + sizeof(inotify_event) <= bytes;) {
    inotify_event event;
    std::memcpy(&event, buffer_.data() + at, sizeof event);
    const char* const name = buffer_.data() + at + sizeof event;
    const auto links = links_.find(event.wd);
    if ((event.mask & IN_Q_OVERFLOW) != 0) replaced = true;
    if (event.len > 0 && links != links_.end()) replaced |= links->second.contains(std::string_view(name));
    at += sizeof event + event.len;
  }
  if (!replaced) return;
  if (const absl::Status status = layers_.Load(); !status.ok()) {
    spdlog::warn("runtime: {}; the values stay as they were", std::string(status.message()));
  }
}

admin::RuntimeView Runtime::View() const {
  admin::RuntimeView view;
  for (const runtime::LayerSettings& layer : layers_.settings()) view.layers.push_back(layer.name);
  for (const auto& [name, value] : layers_.merged()) {
    admin::RuntimeView::Entry& entry = view.entries.emplace_back();
    entry.name = name;
    entry.final_value = value.text;
    for (size_t i = 0; i < layers_.settings().size(); ++i) {
      const auto found = layers_.values(i).find(name);
      entry.layer_values.push_back(found == layers_.values(i).end() ? "" : found->second.text);
    }
  }
  return view;
}

}  // namespace pillion::server
