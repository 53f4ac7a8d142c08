#pragma once

// What would be said for each of many, in the log once in a second, with how many others there were. Main thread.

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace pillion::admin {

class Sparingly {
 public:
  explicit Sparingly(std::function<void(const std::string& text)> say) : say_(std::move(say)) {}

  void Say(const std::string& text) {
    const auto now = std::chrono::steady_clock::now();
    if (said_ && now < *said_ + std::chrono::seconds(1)) {
      ++unsaid_;
      return;
    }
    say_(unsaid_ == 0 ? text : fmt::format("{} (and {} others meanwhile)", text, unsaid_));
    said_ = now;
    unsaid_ = 0;
  }

 private:
  const std::function<void(const std::string& text)> say_;
  std::optional<std::chrono::steady_clock::time_point> said_;
  uint64_t unsaid_ = 0;  // since
};

}  // namespace pillion::admin
