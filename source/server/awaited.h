#pragma once

// Several things that are waited for together, and for a bounded time. Main thread.

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/event/control_timer.h"

namespace pillion::server {

// What does not serve yet, and what it waits for.
struct Unready {
  std::string name;
  std::vector<std::string> targets;
};

class Awaited {
 public:
  explicit Awaited(event::ControlTimers& timers) : state_(std::make_shared<State>()) { state_->timer = timers.New(); }
  Awaited(const Awaited&) = delete;
  Awaited& operator=(const Awaited&) = delete;
  // Nobody is told any more.
  ~Awaited() {
    state_->all = nullptr;
    state_->timer->Cancel();
  }

  // One more, which is over with the first call of the result, or when that is dropped; before it is all over. Either may
  // come at any time. `what`: for who asks what is waited for.
  std::function<void()> One(std::string what) {
    ++state_->left;
    state_->open.push_back(std::move(what));
    struct Told {
      ~Told() { Tell(); }
      void Tell() {
        const std::shared_ptr<State> of = std::exchange(state, nullptr);
        if (of == nullptr) return;
        of->open.erase(own);
        of->Over();
      }
      std::shared_ptr<State> state;
      std::list<std::string>::iterator own;
    };
    const auto told = std::make_shared<Told>();
    told->state = state_;
    told->own = std::prev(state_->open.end());
    return [told] { told->Tell(); };
  }
  // What is not over.
  std::vector<std::string> open() const {
    if (state_->all == nullptr) return {};
    return {state_->open.begin(), state_->open.end()};
  }

  // Calls `all` once: when each is over, at once where they are, or after `most`; zero: however
  // long that takes.
  void Wait(base::Duration most, std::function<void()> all) {
    const std::shared_ptr<State> state = state_;  // `all` may end this
    state->all = std::move(all);
    if (most > base::Duration::zero()) state->timer->Set(most, [state] { state->End(); });
    state->Over();
  }

 private:
  struct State {
    void Over() {
      if (--left == 0) End();
    }
    void End() {
      timer->Cancel();
      if (all != nullptr) std::exchange(all, nullptr)();
    }

    size_t left = 1;  // with Wait() itself
    std::list<std::string> open;
    std::function<void()> all;
    std::unique_ptr<event::ControlTimer> timer;
  };

  const std::shared_ptr<State> state_;
};

}  // namespace pillion::server
