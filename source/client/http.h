#pragma once

// Requests of HTTP as the main thread makes them: one, and its answer as a whole.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "source/base/clock.h"
#include "source/client/control_thread.h"
#include "source/client/target.h"

namespace pillion::client {

struct HttpRequest {
  std::string method;
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  base::Duration timeout;  // of all of it, with the connect
  size_t max_answer;       // bytes of the body
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::string encoding = {};  // content-encoding, as it came: the body has it still
};

// One request, from its begin on. Main thread. Destroyed, it is given up and nobody is told.
class HttpCall {
 public:
  virtual ~HttpCall() = default;
};

// A test seam; in the process it is ThreadHttpCaller.
class HttpCaller {
 public:
  using Done = std::function<void(absl::StatusOr<HttpAnswer> answer)>;

  virtual ~HttpCaller() = default;
  // `done` is called once, not from within; it may end the call. An error: there was no whole answer.
  virtual std::unique_ptr<HttpCall> Call(const Target& target, HttpRequest request, Done done) = 0;
};

// By way of the control thread, which outlives it.
class ThreadHttpCaller final : public HttpCaller {
 public:
  explicit ThreadHttpCaller(ControlThread& thread) : thread_(thread) {}
  std::unique_ptr<HttpCall> Call(const Target& target, HttpRequest request, Done done) override;

 private:
  class RemoteCall;

  ControlThread& thread_;
};

}  // namespace pillion::client
