#include "source/client/http.h"

#include "source/client/http_exchange.h"

namespace pillion::client {

// What of a request is on the main thread.
class ThreadHttpCaller::RemoteCall final : public HttpCall {
 public:
  RemoteCall(ControlThread& thread, const Target& target, HttpRequest request, Done done)
      : thread_(thread), done_(std::make_shared<Done>(std::move(done))) {
    thread_.Post([&thread, target, request = std::move(request), exchange = exchange_, done = done_]() mutable {
      auto told = [exchange, done, post = thread.post_to_main()](absl::StatusOr<HttpAnswer> answer) {
        *exchange = nullptr;
        post([done, answer = std::move(answer)]() mutable {
          if (const Done call = std::exchange(*done, nullptr)) call(std::move(answer));
        });
      };
      *exchange = new HttpExchange(thread.parts(), target, std::move(request), std::move(told));
      (*exchange)->Start();
    });
  }
  ~RemoteCall() override {
    *done_ = nullptr;
    thread_.Post([exchange = exchange_] {
      if (*exchange != nullptr) std::exchange(*exchange, nullptr)->Cancel();
    });
  }

 private:
  ControlThread& thread_;
  const std::shared_ptr<Done> done_;  // main thread; null: nobody listens
  // The other thread's; null: it is over.
  const std::shared_ptr<HttpExchange*> exchange_ = std::make_shared<HttpExchange*>(nullptr);
};

std::unique_ptr<HttpCall> ThreadHttpCaller::Call(const Target& target, HttpRequest request, Done done) {
  return std::make_unique<RemoteCall>(thread_, target, std::move(request), std::move(done));
}

}  // namespace pillion::client
