#pragma once

// Requests of HTTP whose other end is the test.

#include <memory>
#include <utility>
#include <vector>

#include "source/client/http.h"

namespace pillion::test {

class FakeHttpCaller final : public client::HttpCaller {
 public:
  std::unique_ptr<client::HttpCall> Call(const client::Target& target, client::HttpRequest request, Done done) override {
    targets.push_back(target);
    requests.push_back(std::move(request));
    waiting_ = std::make_shared<Done>(std::move(done));
    return std::make_unique<FakeCall>(waiting_);
  }

  // The last one waits for its answer.
  bool open() const { return waiting_ != nullptr && *waiting_ != nullptr; }
  void Answer(absl::StatusOr<client::HttpAnswer> answer) {
    const std::shared_ptr<Done> waiting = std::exchange(waiting_, nullptr);
    std::exchange(*waiting, nullptr)(std::move(answer));
  }

  std::vector<client::Target> targets;
  std::vector<client::HttpRequest> requests;

 private:
  class FakeCall final : public client::HttpCall {
   public:
    explicit FakeCall(std::shared_ptr<Done> done) : done_(std::move(done)) {}
    ~FakeCall() override { *done_ = nullptr; }

   private:
    const std::shared_ptr<Done> done_;
  };

  std::shared_ptr<Done> waiting_;  // what is null is over
};

}  // namespace pillion::test
