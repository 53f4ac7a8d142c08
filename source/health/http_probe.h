#pragma once

// A check by one request over HTTP/1 or HTTP/2: an answer with a status that is expected, or the answer of gRPC's
// health service (grpc.health.v1.Health/Check).

#include <memory>
#include <string>

#include "source/health/probe.h"
#include "source/http/message.h"

namespace pillion::health {

class HttpProbe final : public Probe {
 public:
  HttpProbe(const ProbeThread& thread, const Target& target, Done done);

 private:
  class HttpLink;
  class Exchange;

  // What of an answer counts.
  struct Answer {
    int status = 0;
    std::string body;
    std::string grpc_status;
    std::string service;  // x-envoy-upstream-healthchecked-cluster
    bool grpc = false;    // by its content-type
    bool degraded = false;
    bool immediate_failure = false;
  };

  void OnOpen() override;
  Link& NewLink() override;
  bool LinkUsable() override;
  void BuildHead(http::RequestHead& head) const;
  std::string Body() const;
  size_t MostBody() const;
  Result Judge(const Answer& answer) const;
  void OnAnswer(const Answer& answer);
  void OnReset();

  const config::HttpHealthCheck* const http_;  // null: gRPC
  const config::GrpcHealthCheck* const grpc_;
  const std::string body_;
};

}  // namespace pillion::health
