#include "source/client/grpc.h"

#include "source/client/grpc_stream.h"

namespace pillion::client {

// What of a call is on the main thread.
class ThreadCaller::RemoteCall final : public GrpcCall {
 public:
  RemoteCall(ControlThread& thread, const Target& target, GrpcRequest request, GrpcEvents& events)
      : thread_(thread), events_(std::make_shared<GrpcEvents*>(&events)) {
    thread_.Post([&thread, target, request = std::move(request), stream = stream_, events = events_]() mutable {
      // What it tells goes to whoever listens by then.
      GrpcStream::Callbacks callbacks;
      const auto& post = thread.post_to_main();
      callbacks.on_open = [events, post] {
        post([events] {
          if (*events != nullptr) (*events)->OnOpen();
        });
      };
      callbacks.on_message = [&thread, stream, events, post](std::string message) {
        post([&thread, stream, events, message = std::move(message)]() mutable {
          if (*events == nullptr) return;
          (*events)->OnMessage(std::move(message));
          if (*events == nullptr) return;
          thread.Post([stream] {
            if (*stream != nullptr) (*stream)->Taken();
          });
        });
      };
      callbacks.on_end = [stream, events, post](const codec::grpc::Status& status) {
        *stream = nullptr;
        post([events, status] {
          if (GrpcEvents* const told = std::exchange(*events, nullptr)) told->OnEnd(status);
        });
      };
      *stream = new GrpcStream(thread.parts(), target, std::move(request), std::move(callbacks));
      (*stream)->Start();
    });
  }
  ~RemoteCall() override {
    *events_ = nullptr;
    thread_.Post([stream = stream_] {
      if (*stream != nullptr) std::exchange(*stream, nullptr)->Cancel();
    });
  }

  void Send(std::string message, bool last) override {
    thread_.Post([stream = stream_, message = std::move(message), last] {
      if (*stream != nullptr) (*stream)->Send(message, last);
    });
  }

 private:
  ControlThread& thread_;
  const std::shared_ptr<GrpcEvents*> events_;  // main thread; null: nobody listens
  const std::shared_ptr<GrpcStream*> stream_ = std::make_shared<GrpcStream*>(nullptr);  // the other's; null: it is over
};

std::unique_ptr<GrpcCall> ThreadCaller::Call(const Target& target, GrpcRequest request, GrpcEvents& events) {
  return std::make_unique<RemoteCall>(thread_, target, std::move(request), events);
}

}  // namespace pillion::client
