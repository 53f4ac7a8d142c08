#pragma once

// What limits and other rules know of what was: one state for each definition in the process, whoever has it. It lives as
// long as some configuration has it, so that one that is pushed again, or differs elsewhere, finds it as it was. One of
// these for each kind of state, never destroyed: a worker may still end requests while the process does. Any thread.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace pillion::limit {

template <typename State>
class States {
 public:
  // `make` gives a shared_ptr to a new one, where there is none.
  template <typename Make>
  std::shared_ptr<State> FindOrMake(const std::string& definition, Make make) {
    const std::lock_guard lock(mutex_);
    // Now and then, so that many of them do not take the square of their number.
    if (by_definition_.size() >= sweep_at_) {
      std::erase_if(by_definition_, [](const auto& entry) { return entry.second.expired(); });
      sweep_at_ = 2 * by_definition_.size() + 16;
    }
    std::weak_ptr<State>& known = by_definition_[definition];
    std::shared_ptr<State> state = known.lock();
    if (state == nullptr) known = state = make();
    return state;
  }

  // All that there are, by definition: those whose definition begins so.
  std::vector<std::shared_ptr<const State>> All(const std::string& begin = "") {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const State>> all;
    for (auto at = by_definition_.lower_bound(begin); at != by_definition_.end() && at->first.starts_with(begin); ++at) {
      if (std::shared_ptr<const State> alive = at->second.lock()) all.push_back(std::move(alive));
    }
    return all;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<State>> by_definition_;
  size_t sweep_at_ = 0;
};

}  // namespace pillion::limit
