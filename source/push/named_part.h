#pragma once

// What comes by the name of one resource of one source, once for all who use it: a part, which begins with the first of them
// and ends with the last; all parts of a kind; and who uses some of them. Main thread.
//
// Who waits for a part may, when he is told, end his use of it, and with that the part, or all parts: whatever calls out
// does so last, or looks whether it is still there.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/push/feed.h"
#include "source/xds/complaints.h"
#include "source/xds/initial_fetch.h"
#include "source/xds/named_resources.h"
#include "source/xds/planes.h"
#include "source/xds/subscription_stats.h"

namespace pillion::push {

class NamedPart : private xds::NameWatcher {
 public:
  virtual ~NamedPart();
  NamedPart(const NamedPart&) = delete;
  NamedPart& operator=(const NamedPart&) = delete;

  const std::string& name() const { return name_; }
  const config::ConfigSource& source() const { return feed_.source; }
  // It was asked for.
  bool asked() const { return asked_; }
  void Ask();
  // Calls `ready` once: when it has come, or is not waited for any more; perhaps at once. Without a call it is dropped, when
  // this ends.
  void WhenReady(std::function<void()> ready);

 protected:
  // It is that of the name and source; `with` and `planes` outlive it.
  NamedPart(xds::Planes& planes, const Feed::Surroundings& with, xds::Kind kind, std::string name, config::Feed feed,
            const stats::Prefix& prefix);

  // It has not come in time.
  virtual void OnLate() = 0;
  // There is one.
  virtual bool has_come() const = 0;

  bool waiting() const { return initial_fetch_.waiting(); }
  // It is not waited for any more, if it was. The last step of who calls it.
  void EndWait() { initial_fetch_.Done(); }
  const xds::TypeProtocol& protocol() const { return resources_.subscription().protocol(); }
  bool of_file() const;

  xds::SubscriptionStats stats_;
  stats::Scope scope_;
  xds::Complaints notes_;

 private:
  void OnRequest() override { stats_.Attempt(); }
  void OnFailure() override { stats_.Failure(); }
  void OnRefused() override { stats_.Rejected(); }
  void OnGivenUp() override { EndWait(); }

  const std::string name_;
  const config::Feed feed_;
  xds::NamedResources& resources_;
  xds::InitialFetch initial_fetch_;
  std::vector<std::function<void()>> waiters_;
  bool asked_ = false;
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

// All parts that somebody uses. A Part is a NamedPart, and says of a Source, which has the `name` of its part, whether it
// Is() the one of it. However many there are, each is found by its name.
template <typename Part>
class NamedParts {
 public:
  NamedParts() = default;
  NamedParts(const NamedParts&) = delete;
  NamedParts& operator=(const NamedParts&) = delete;

  // The part of that source; what make() returns, a unique pointer, where nobody uses it as yet. It ends with the last
  // pointer to it, before this does, but for one from which this is ended.
  template <typename Source, typename Make>
  std::shared_ptr<Part> Use(const Source& source, const Make& make) {
    if (std::shared_ptr<Part> part = Lock(source)) return part;
    std::unique_ptr<Part> made = make();
    const uint64_t number = ++last_number_;
    const std::shared_ptr<Part> part(made.release(), [this, number, alive = std::weak_ptr(alive_)](Part* ended) {
      if (!alive.expired()) Forget(*ended, number);
      delete ended;
    });
    parts_.emplace(number, part);
    by_name_[part->name()].push_back(number);
    unasked_.push_back(number);
    return part;
  }
  // Null: nobody uses it.
  template <typename Source>
  Part* Find(const Source& source) const {
    return Lock(source).get();
  }
  // Looks at each.
  template <typename Predicate>
  Part* FindIf(const Predicate& predicate) const {
    for (const auto& [number, each] : parts_) {
      const std::shared_ptr<Part> part = each.lock();
      if (part != nullptr && predicate(*part)) return part.get();
    }
    return nullptr;
  }
  // In the order in which they came.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    FindIf([&visit](const Part& part) {
      visit(part);
      return false;
    });
  }

  // Those that are used are asked for, and those of AskForNew() later.
  void Start() {
    started_ = true;
    AskForNew();
  }
  // Perhaps this has ended when it returns.
  void AskForNew() {
    const std::weak_ptr<const bool> alive = alive_;
    while (!alive.expired() && started_ && !unasked_.empty()) {
      const auto found = parts_.find(unasked_.front());
      unasked_.pop_front();
      if (found == parts_.end()) continue;
      Part* const part = found->second.lock().get();
      part->Ask();  // which may end it, and all of them
    }
  }

 private:
  using Numbers = std::vector<uint64_t>;

  template <typename Source>
  std::shared_ptr<Part> Lock(const Source& source) const {
    const auto found = by_name_.find(source.name);
    if (found == by_name_.end()) return nullptr;
    for (const uint64_t number : found->second) {
      std::shared_ptr<Part> part = parts_.at(number).lock();
      if (part->Is(source)) return part;
    }
    return nullptr;
  }
  // Before its destructor: whoever wants it from now on gets another one.
  void Forget(const Part& part, uint64_t number) {
    const auto found = by_name_.find(part.name());
    std::erase(found->second, number);
    if (found->second.empty()) by_name_.erase(found);
    parts_.erase(number);
  }

  std::map<uint64_t, std::weak_ptr<Part>> parts_;  // each of which is there; in their order
  absl::flat_hash_map<std::string, Numbers> by_name_;  // those of several sources may have one name
  std::deque<uint64_t> unasked_;
  uint64_t last_number_ = 0;
  bool started_ = false;
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

// The parts that one user has.
template <typename Part>
class UsedParts {
 public:
  Part& Add(std::shared_ptr<Part> part) { return *parts_.emplace_back(std::move(part)); }
  const std::vector<std::shared_ptr<Part>>& all() const { return parts_; }
  // Calls one(name) for each of whose index awaited() says so: what that returns is told by the part.
  template <typename One, typename Awaited>
  void WhenReady(const One& one, const Awaited& awaited) {
    const std::weak_ptr<const bool> alive = alive_;
    for (size_t i = 0; !alive.expired() && i < parts_.size(); ++i) {
      if (awaited(i)) parts_[i]->WhenReady(one(parts_[i]->name()));
    }
  }

 private:
  std::vector<std::shared_ptr<Part>> parts_;
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace pillion::push
