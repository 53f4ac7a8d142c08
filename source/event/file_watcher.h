#pragma once

// Tells of files that are replaced: by a file, or a link, that is renamed to their place. That is how configuration is to be
// changed, for whoever reads meanwhile has the old or the new one and never half of it. Owned by the server, outlives the
// watches; main thread.

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <list>
#include <memory>
#include <string>

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
  FileWatch(FileWatcher& watcher, int directory, std::string name, std::function<void()> replaced);

  FileWatcher& watcher_;
  const int directory_;     // inotify's number of it
  const std::string name_;  // in it; empty: any
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

  absl::StatusOr<std::unique_ptr<FileWatch>> Watch(const std::string& directory, std::string name,
                                                   std::function<void()> replaced);
  void Forget(const FileWatch& watch);
  void WaitForEvents();
  void OnEvents(size_t bytes);

  boost::asio::posix::stream_descriptor events_;  // of inotify; opened for the first watch
  std::list<FileWatch*> watches_;
  alignas(8) std::array<char, 4096> buffer_;
};

}  // namespace pillion::event
