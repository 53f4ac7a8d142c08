#include "source/health/tcp_probe.h"

namespace pillion::health {
namespace {

// What a host may send in answer to one check.
constexpr size_t kMostReceived = 64 * 1024;

}  // namespace

// Bytes as they are.
class TcpProbe::TcpLink final : public Link, private codec::Connection {
 public:
  explicit TcpLink(TcpProbe& probe) : Link(probe, std::nullopt) { connection().set_codec(*this); }

  void Send(std::string_view bytes) {
    connection().output().Append(bytes);
    connection().OutputAdded();
  }

 private:
  size_t Receive(const base::Slice& data) override {
    if (probe() != nullptr) static_cast<TcpProbe*>(probe())->OnBytes(data.view());
    return data.size();
  }
  void ReceiveEnd() override { ended_ = true; }
  void Abort(std::string_view) override {}
  void Produce(size_t) override {}
  void OutputDrained() override {}
  bool wants_read() const override { return true; }
  codec::Ending ending() const override { return ended_ ? codec::Ending::kClose : codec::Ending::kOpen; }
  size_t active_streams() const override { return 0; }

  bool ended_ = false;
};

Probe::Link& TcpProbe::NewLink() { return *new TcpLink(*this); }

void TcpProbe::OnOpen() {
  received_.clear();
  if (!tcp().send.empty()) static_cast<TcpLink*>(link())->Send(tcp().send);
  // That there was a connect says nothing of the next check: it makes one of its own.
  if (tcp().receive.empty()) Finish({.outcome = Outcome::kPassed}, false);
}

void TcpProbe::OnBytes(std::string_view bytes) {
  if (!checking()) return;
  received_.append(bytes);
  if (ContainsInOrder(received_, tcp().receive)) {
    Finish({.outcome = Outcome::kPassed}, true);
  } else if (received_.size() > kMostReceived) {
    Finish({.outcome = Outcome::kFailed}, false);
  }
}

}  // namespace pillion::health
