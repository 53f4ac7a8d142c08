#pragma once

// A check over TCP: a connect, or bytes that are sent and bytes that must come.

#include <string>

#include "source/health/probe.h"

namespace pillion::health {

class TcpProbe final : public Probe {
 public:
  TcpProbe(const ProbeThread& thread, const Target& target, Done done) : Probe(thread, target, std::move(done)) {}

 private:
  class TcpLink;

  void OnOpen() override;
  Link& NewLink() override;
  void OnBytes(std::string_view bytes);

  const config::TcpHealthCheck& tcp() const { return std::get<config::TcpHealthCheck>(config().how); }

  std::string received_;
};

}  // namespace pillion::health
