#pragma once

// Tells of files that are replaced: by a file, or a link, that is renamed to their place, or by another link in the place of
// one on the way to them. That is how configuration is to be changed, for whoever reads meanwhile has the old or the new one
// and never half of it; a file that is written in place is not told of. Owned by the server, outlives the watches; main
// thread.

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pillion::event {

class FileWatcher;

// One thing that is watched, until this is destroyed. Within a call of its own it may be.
class FileWatch {
 public:
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

 private:
  friend class FileWatcher;
  // Where something may happen that concerns it.
  struct Place {
    int directory;     // inotify's number of it
    std::string name;  // in it; empty: any
    bool link;         // is followed: a new one is whole as soon as it is there
  };
  enum class Of : uint8_t { kFile, kDirectory };

  FileWatch(FileWatcher& watcher, std::string path, Of of, std::function<void()> replaced);

  FileWatcher& watcher_;
  const std::string path_;
  const Of of_;
  std::vector<Place> places_;  // the links on the way, and where it ends
  const std::shared_ptr<const std::function<void()>> replaced_;
};

class FileWatcher {
 public:
  // `io` outlives it.
  explicit FileWatcher(boost::asio::io_context& io) : events_(io) {}
  FileWatcher(const FileWatcher&) = delete;
  FileWatcher& operator=(const FileWatcher&) = delete;

  // The directory of `path` must be there, the file itself need not.
  absl::StatusOr<std::unique_ptr<FileWatch>> WatchFile(const std::string& path, std::function<void()> replaced);
  // Anything in `directory`: what is mounted into a container changes by a link beside the files (Kubernetes).
  absl::StatusOr<std::unique_ptr<FileWatch>> WatchDirectory(const std::string& directory,
                                                            std::function<void()> replaced);

 private:
  friend class FileWatch;

  absl::StatusOr<std::unique_ptr<FileWatch>> Watch(const std::string& path, FileWatch::Of of,
                                                   std::function<void()> replaced);
  // Where its path leads now. An error: it leads to no directory; what is on the way there is watched nevertheless.
  absl::Status Follow(FileWatch& watch);
  absl::Status AddPlace(const std::string& directory, std::string name, bool link, std::vector<FileWatch::Place>& places);
  void Forget(const std::vector<FileWatch::Place>& places);
  void WaitForEvents();
  void OnEvents(size_t bytes);

  boost::asio::posix::stream_descriptor events_;  // of inotify; opened for the first watch
  std::list<FileWatch*> watches_;
  alignas(8) std::array<char, 4096> buffer_;
};

}  // namespace pillion::event
