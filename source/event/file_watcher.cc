#include "source/event/file_watcher.h"

#include <sys/inotify.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace pillion::event {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxLinks = 40;  // as the kernel follows

}  // namespace

FileWatch::FileWatch(FileWatcher& watcher, std::string path, Of of, std::function<void()> replaced)
    : watcher_(watcher),
      path_(std::move(path)),
      of_(of),
      replaced_(std::make_shared<const std::function<void()>>(std::move(replaced))) {
  watcher_.watches_.push_back(this);
}

FileWatch::~FileWatch() {
  watcher_.watches_.remove(this);
  watcher_.Forget(places_);
}

absl::StatusOr<std::unique_ptr<FileWatch>> FileWatcher::WatchFile(const std::string& path,
                                                                  std::function<void()> replaced) {
  return Watch(path, FileWatch::Of::kFile, std::move(replaced));
}

absl::StatusOr<std::unique_ptr<FileWatch>> FileWatcher::WatchDirectory(const std::string& directory,
                                                                       std::function<void()> replaced) {
  return Watch(directory, FileWatch::Of::kDirectory, std::move(replaced));
}

absl::StatusOr<std::unique_ptr<FileWatch>> FileWatcher::Watch(const std::string& path, FileWatch::Of of,
                                                              std::function<void()> replaced) {
  if (!events_.is_open()) {
    const int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor < 0) return absl::UnavailableError(std::string("inotify: ") + std::strerror(errno));
    events_.assign(descriptor);
    WaitForEvents();
  }
  std::unique_ptr<FileWatch> watch(new FileWatch(*this, path, of, std::move(replaced)));
  if (absl::Status status = Follow(*watch); !status.ok()) return status;
  return watch;
}

absl::Status FileWatcher::Follow(FileWatch& watch) {
  std::vector<FileWatch::Place> places;
  const fs::path whole(watch.path_);
  std::list<fs::path> rest(whole.begin(), whole.end());
  fs::path at = ".";
  bool ends_in_link = false;  // that is watched
  for (int links = 0; !rest.empty();) {
    const fs::path name = std::move(rest.front());
    rest.pop_front();
    const fs::path next = at / name;  // of the root: the root
    std::error_code error;
    if (name.empty()) continue;  // after a last slash
    if (links == kMaxLinks || !fs::is_symlink(next, error)) {
      at = next;
      continue;
    }
    ++links;
    // Watched before it is read: what changes in between is told of. Whoever may not watch it may follow it still.
    ends_in_link = AddPlace(at, name, true, places).ok() && rest.empty();
    const fs::path target = fs::read_symlink(next, error);
    rest.insert(rest.begin(), target.begin(), target.end());
  }
  const bool file = watch.of_ == FileWatch::Of::kFile;
  const absl::Status end = AddPlace(file ? at.parent_path() : at, file ? at.filename() : "", false, places);
  places.swap(watch.places_);
  Forget(places);
  return ends_in_link ? absl::OkStatus() : end;
}

absl::Status FileWatcher::AddPlace(const std::string& directory, std::string name, bool link,
                                   std::vector<FileWatch::Place>& places) {
  const uint32_t events = link ? IN_MOVED_TO | IN_CREATE : IN_MOVED_TO;
  const int number =
      inotify_add_watch(events_.native_handle(), directory.c_str(), events | IN_ONLYDIR | IN_MASK_ADD);
  if (number < 0) return absl::UnavailableError(directory + ": " + std::strerror(errno));
  places.push_back({number, std::move(name), link});
  return absl::OkStatus();
}

// A directory that nobody watches any more tells no more.
void FileWatcher::Forget(const std::vector<FileWatch::Place>& places) {
  for (const FileWatch::Place& place : places) {
    const auto is_there = [&](const FileWatch::Place& other) { return other.directory == place.directory; };
    const auto watches_it = [&](const FileWatch* watch) { return std::ranges::any_of(watch->places_, is_there); };
    if (std::ranges::none_of(watches_, watches_it)) inotify_rm_watch(events_.native_handle(), place.directory);
  }
}

void FileWatcher::WaitForEvents() {
  events_.async_read_some(boost::asio::buffer(buffer_), [this](const boost::system::error_code& error, size_t bytes) {
    if (error) return;
    OnEvents(bytes);
    WaitForEvents();
  });
}

void FileWatcher::OnEvents(size_t bytes) {
  std::vector<FileWatch*> concerned;  // each once, whatever happened
  for (size_t at = 0; at + sizeof(inotify_event) <= bytes;) {
    inotify_event event;
    std::memcpy(&event, buffer_.data() + at, sizeof event);
    const std::string_view name = event.len > 0 ? buffer_.data() + at + sizeof event : "";
    const bool lost = (event.mask & IN_Q_OVERFLOW) != 0;  // there were more than the system keeps
    const bool created = (event.mask & IN_CREATE) != 0;
    const auto happened = [&](const FileWatch::Place& place) {
      return place.directory == event.wd && (place.name.empty() || place.name == name) && (place.link || !created);
    };
    for (FileWatch* watch : watches_) {
      const bool concerns = lost || (!name.empty() && std::ranges::any_of(watch->places_, happened));
      if (concerns && std::ranges::find(concerned, watch) == concerned.end()) concerned.push_back(watch);
    }
    at += sizeof event + event.len;
  }
  // Who is told may end watches, and begin others.
  std::vector<std::weak_ptr<const std::function<void()>>> told;
  for (FileWatch* watch : concerned) {
    Follow(*watch).IgnoreError();  // where it leads nowhere now, the links on the way there are watched
    told.push_back(watch->replaced_);
  }
  for (const auto& each : told) {
    if (const auto replaced = each.lock()) (*replaced)();
  }
}

}  // namespace pillion::event
