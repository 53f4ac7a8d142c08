#pragma once

// The resources of one type, each by its name to those who want that one. Owned by who owns the stream; main thread.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "source/xds/stream.h"
#include "source/xds/type_watcher.h"

namespace pillion::xds {

// Who wants the resource of one name.
class NameWatcher {
 public:
  // What is wrong with it, in one line each; empty: it was taken.
  virtual std::vector<std::string> OnResource(const Resource& resource) = 0;
  // It is not there any more, or was never; `version`: of the answer that says so.
  virtual void OnRemoved(const std::string& version) = 0;
  virtual void OnRequest() = 0;  // it was asked for
  virtual void OnFailure() = 0;  // the stream ended; the file can't be read
  // What came under that name was refused already.
  virtual void OnRefused() {}
  // Who gives it is done without for now, and what takes his place has it not: a first word is not waited for. It may come
  // at any time all the same.
  virtual void OnGivenUp() {}

 protected:
  ~NameWatcher() = default;
};

class NamedResources final : private TypeWatcher {
 public:
  // `subscribe` has it told of what is wanted by name. What that returns outlives it, as `stream` does; once for a type.
  explicit NamedResources(const std::function<TypeSubscription&(TypeWatcher& watcher)>& subscribe);
  NamedResources(Stream& stream, std::string type_name);
  NamedResources(const NamedResources&) = delete;
  NamedResources& operator=(const NamedResources&) = delete;

  // `watcher` lives until Unwatch(). It is given at once what was taken under that name. Where nothing was, though the name
  // has a watcher already, it is asked for again, and all hear of it once more. What is wrong for one of them is wrong.
  void Watch(const std::string& name, NameWatcher& watcher);
  void Unwatch(const std::string& name, NameWatcher& watcher);
  // Those of `which` that nothing was taken for hear of it. Not from within a watcher.
  void GiveUp(const std::function<bool(const std::string& name)>& which);

  TypeSubscription& subscription() { return subscription_; }

 private:
  std::vector<Refusal> OnUpdate(const Update& update) override;
  void OnRequest(const std::vector<std::string>& names) override;
  void OnRefused(const std::vector<std::string>& names) override;
  void OnFailure() override;

  // Of those that are there when it begins, each that is still there when its turn comes.
  void ForEach(const std::string& name, const std::function<void(NameWatcher& watcher)>& call);
  std::vector<std::string> Names() const;

  struct Watched {
    std::vector<NameWatcher*> watchers;  // at least one
    std::optional<Resource> taken;
  };

  std::map<std::string, Watched> watched_;
  TypeSubscription& subscription_;
};

}  // namespace pillion::xds
