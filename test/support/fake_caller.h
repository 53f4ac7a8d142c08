#pragma once

// Calls of gRPC whose other end is the test.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/client/grpc.h"

namespace pillion::test {

class FakeCaller final : public client::GrpcCaller {
 public:
  struct Made {
    client::Target target;
    client::GrpcRequest request;
    client::GrpcEvents* events = nullptr;  // null: it is over
    std::vector<std::string> sent;
    bool last = false;
  };

  std::unique_ptr<client::GrpcCall> Call(const client::Target& target, client::GrpcRequest request,
                                         client::GrpcEvents& events) override {
    calls_.push_back(std::make_shared<Made>(Made{target, std::move(request), &events}));
    return std::make_unique<FakeCall>(calls_.back());
  }

  size_t size() const { return calls_.size(); }
  Made& last() { return *calls_.back(); }
  bool open() const { return !calls_.empty() && calls_.back()->events != nullptr; }

  void Open() { last().events->OnOpen(); }
  void Answer(std::string message) { last().events->OnMessage(std::move(message)); }
  void End(const codec::grpc::Status& status) { std::exchange(last().events, nullptr)->OnEnd(status); }

 private:
  class FakeCall final : public client::GrpcCall {
   public:
    explicit FakeCall(std::shared_ptr<Made> made) : made_(std::move(made)) {}
    ~FakeCall() override { made_->events = nullptr; }
    void Send(std::string message, bool last) override {
      made_->sent.push_back(std::move(message));
      made_->last = last;
    }

   private:
    const std::shared_ptr<Made> made_;
  };

  std::vector<std::shared_ptr<Made>> calls_;
};

}  // namespace pillion::test
