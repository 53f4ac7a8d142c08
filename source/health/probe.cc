#include "source/health/probe.h"

#include <utility>

#include "source/health/http_probe.h"
#include "source/health/tcp_probe.h"
#include "source/upstream/connect_options.h"
#include "source/upstream/tls.h"

namespace pillion::health {
namespace {

// For checks, which are small.
constexpr size_t kOutputLimit = 64 * 1024;

std::unique_ptr<const net::ConnectOptions> OptionsOf(const config::Cluster& cluster) {
  std::optional<net::ConnectOptions> options = upstream::ConnectOptionsOf(cluster);
  return options ? std::make_unique<const net::ConnectOptions>(*std::move(options)) : nullptr;
}

}  // namespace

Probe::Link::Link(Probe& probe, std::optional<upstream::Protocol> protocol)
    : worker_(probe.thread_.worker),
      probe_(&probe),
      connection_(worker_,
                  upstream::WrapUncounted(probe.target_.tls.get(), probe.target_.proxy_version, probe.target_.hostname,
                                         protocol, worker_,
                                         probe.thread_.connector.Connect(probe.target_.address,
                                                                         probe.connect_options_.get())),
                  *this,
                  {.output_limit = kOutputLimit}) {}

void Probe::Link::Drop() {
  probe_ = nullptr;
  connection_.Close();
}

void Probe::Link::OnConnected() {
  open_ = true;
  if (probe_ != nullptr) probe_->OnOpen();
}

void Probe::Link::OnClosed(net::CloseReason, int) {
  open_ = false;
  if (probe_ != nullptr) std::exchange(probe_, nullptr)->OnLinkGone();
  worker_.Dispose(*this);
}

std::unique_ptr<Probe> Probe::Make(const ProbeThread& thread, const Target& target, Done done) {
  const auto& how = target.cluster->health_check->how;
  if (std::holds_alternative<config::TcpHealthCheck>(how)) {
    return std::make_unique<TcpProbe>(thread, target, std::move(done));
  }
  return std::make_unique<HttpProbe>(thread, target, std::move(done));
}

Probe::Probe(const ProbeThread& thread, const Target& target, Done done)
    : thread_(thread),
      target_(target),
      done_(std::move(done)),
      connect_options_(OptionsOf(*target.cluster)),
      timer_(this, [](void* self) { static_cast<Probe*>(self)->OnTimeout(); }) {}

Probe::~Probe() { DropLink(); }

void Probe::Begin() {
  checking_ = true;
  thread_.worker.SetTimer(timer_, config().timeout);
  if (LinkUsable()) {
    OnOpen();
    return;
  }
  DropLink();
  link_ = &NewLink();
  link_->Start();
}

void Probe::Finish(const Result& result, bool keep) {
  if (!std::exchange(checking_, false)) return;
  timer_.Cancel();
  if (!keep || !config().reuse_connection) DropLink();
  done_(result);
}

void Probe::OnTimeout() { Finish({.outcome = Outcome::kTimeout}, false); }

void Probe::OnLinkGone() {
  link_ = nullptr;
  Finish({.outcome = Outcome::kNetworkFailure}, false);
}

void Probe::DropLink() {
  if (link_ != nullptr) std::exchange(link_, nullptr)->Drop();
}

bool ContainsInOrder(std::string_view bytes, const std::vector<std::string>& pieces) {
  size_t from = 0;
  for (const std::string& piece : pieces) {
    const size_t at = bytes.find(piece, from);
    if (at == std::string_view::npos) return false;
    from = at + piece.size();
  }
  return true;
}

}  // namespace pillion::health
