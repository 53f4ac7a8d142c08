#pragma once

// Something that is done once, when all that it waits for is over; perhaps there is nothing to wait for. One thread.

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace pillion::base {

class WhenAll {
 public:
  explicit WhenAll(std::function<void()> then) : state_(std::make_shared<State>(State{1, std::move(then)})) {}
  WhenAll(const WhenAll&) = delete;
  WhenAll& operator=(const WhenAll&) = delete;
  // Nothing is added any more.
  ~WhenAll() { state_->Over(); }

  // One more, which is over with the call of the result: once, at any time, or never.
  std::function<void()> One() {
    ++state_->left;
    return [state = state_] { state->Over(); };
  }

 private:
  struct State {
    void Over() {
      if (--left == 0) then();
    }

    size_t left;  // with WhenAll itself
    const std::function<void()> then;
  };

  const std::shared_ptr<State> state_;
};

}  // namespace pillion::base
