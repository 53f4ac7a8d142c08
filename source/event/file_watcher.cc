#include "source/event/file_watcher.h"

#include <sys/inotify.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace pillion::event {

FileWatch::FileWatch(FileWatcher& watcher, int directory, std::string name, std::function<void()> replaced)
    : watcher_(watcher),
      directory_(directory),
      name_(std::move(name)),
      replaced_(std::make_shared<const std::function<void()>>(std::move(replaced))) {
  watcher_.watches_.push_back(this);
}

FileWatch::~FileWatch() { watcher_.Forget(*this); }

absl::StatusOr<std::unique_ptr<FileWatch>> FileWatcher::WatchFile(const std::string& path,
                                                                  std::function<void()> replaced) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  return Watch(directory, path.substr(slash == std::string::npos ? 0 : slash + 1), std::move(replaced));
}

absl::StatusOr<std::unique_ptr<FileWatch>> FileWatcher::WatchDirectory(const std::string& directory,
                                                                       std::function<void()> replaced) {
  return Watch(directory, "", std::move(replaced));
}

absl::StatusOr<std::unique_ptr<FileWatch>> FileWatcher::Watch(const std::string& directory, std::string name,
                                                              std::function<void()> replaced) {
  if (!events_.is_open()) {
    const int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor < 0) return absl::UnavailableError(std::string("inotify: ") + std::strerror(errno));
    events_.assign(descriptor);
    WaitForEvents();
  }
  const int number = inotify_add_watch(events_.native_handle(), directory.c_str(), IN_MOVED_TO | IN_ONLYDIR);
  if (number < 0) return absl::UnavailableError(directory + ": " + std::strerror(errno));
  return std::unique_ptr<FileWatch>(new FileWatch(*this, number, std::move(name), std::move(replaced)));
}

// A directory that nobody watches any more tells no more.
void FileWatcher::Forget(const FileWatch& watch) {
  watches_.remove(const_cast<FileWatch*>(&watch));
  const bool watched = std::any_of(watches_.begin(), watches_.end(),
                                   [&](const FileWatch* other) { return other->directory_ == watch.directory_; });
  if (!watched) inotify_rm_watch(events_.native_handle(), watch.directory_);
}

void FileWatcher::WaitForEvents() {
  events_.async_read_some(boost::asio::buffer(buffer_), [this](const boost::system::error_code& error, size_t bytes) {
    if (error) return;
    OnEvents(bytes);
    WaitForEvents();
  });
}

void FileWatcher::OnEvents(size_t bytes) {
  // Each watch is told once, whatever happened; who is told may end watches, and begin others.
  std::vector<std::weak_ptr<const std::function<void()>>> told;
  const auto tell = [&](const auto& concerns) {
    for (const FileWatch* watch : watches_) {
      if (!concerns(*watch)) continue;
      const bool first = std::none_of(told.begin(), told.end(),
                                      [&](const auto& earlier) { return earlier.lock() == watch->replaced_; });
      if (first) told.push_back(watch->replaced_);
    }
  };
  for (size_t at = 0; at + sizeof(inotify_event) <= bytes;) {
    inotify_event event;
    std::memcpy(&event, buffer_.data() + at, sizeof event);
    const std::string_view name = event.len > 0 ? buffer_.data() + at + sizeof event : "";
    const bool lost = (event.mask & IN_Q_OVERFLOW) != 0;  // there were more than the system keeps
    tell([&](const FileWatch& watch) {
      return lost || (watch.directory_ == event.wd && !name.empty() && (watch.name_.empty() || watch.name_ == name));
    });
    at += sizeof event + event.len;
  }
  for (const auto& each : told) {
    if (const auto replaced = each.lock()) (*replaced)();
  }
}

}  // namespace pillion::event
