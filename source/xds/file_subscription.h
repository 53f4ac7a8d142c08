#pragma once

// One type of resources from a file: read when something is wanted of it, and again whenever it is replaced. What is wanted
// by name has a file of its own, with that resource and no other, as Envoy has it. A file that can't be read changes
// nothing, and so does what is wrong within one. Owned by Planes; main thread.

#include <memory>
#include <string>
#include <vector>

#include "source/config/path_source.h"
#include "source/config/resource_file.h"
#include "source/config/unknown.h"
#include "source/event/file_watcher.h"
#include "source/xds/fetched_subscription.h"

namespace pillion::xds {

// What all that is read from files has in common; outlives it.
struct Files {
  event::FileWatcher& watcher;
  const config::UnknownRule& unknown;
};

class FileSubscription final : public FetchedSubscription {
 public:
  FileSubscription(config::PathSource source, const Files& files, Options options, TypeWatcher& watcher,
                   const base::Clock& clock, Log log);

  // Each of them gives the watcher what is there before it returns.
  void Start() override;
  void Subscribe(const std::string& name) override;
  void Unsubscribe(const std::string& name) override;

 private:
  void Watch();
  void Read();
  void ReadOnce();
  // By name: what the file should be.
  void TakeOne(Answer answer);

  const config::PathSource source_;
  const Files files_;
  std::unique_ptr<event::FileWatch> watch_;  // null: nothing is wanted, or it can't be watched
  bool reading_ = false;
  bool again_ = false;  // what is wanted has changed while it was read
};

}  // namespace pillion::xds
