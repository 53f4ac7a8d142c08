#pragma once

// Two ends of TLS over a loopback stream.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/stats/registry.h"
#include "source/tls/transport.h"
#include "test/support/certificates.h"
#include "test/support/loopback.h"
#include "test/support/peer.h"
#include "test/support/simulation.h"

namespace pillion::tls {

inline std::shared_ptr<const identity::PeerPolicy> TrustOf(const test::Issued& ca, std::string uri = "") {
  identity::PeerPolicyParts parts;
  parts.trusted = *identity::ReadCertificates(ca.pem());
  parts.digest_text = ca.pem() + uri;
  if (!uri.empty()) {
    parts.names.push_back({identity::NameType::kUri, {match::StringMatcher::Kind::kExact, uri}});
  }
  return std::make_shared<identity::PeerPolicy>(std::move(parts));
}

inline void AddPair(ContextParts& parts, const test::Issued& issued) {
  auto pair = identity::ReadKeyPair(issued.pem(), issued.key_pem(), "");
  parts.pairs.push_back(std::get<identity::KeyPair>(std::move(pair)));
}

inline std::shared_ptr<const Context> Build(ContextParts parts) {
  auto context = Context::Build(std::move(parts));
  return context.ok() ? *context : nullptr;
}

// Both ends as transports, and a peer in the test's hands on each.
class World {
 public:
  World() : registry_(1), ids_(registry_, stats::Prefix("end"), true), stats_(ids_, registry_.shard(0)) {}

  // A server whose client is no TLS end of ours.
  test::Peer& ConnectRaw(std::shared_ptr<const Context> context) {
    auto [near, far] = simulation.network().Pair(simulation.loop(), simulation.loop());
    server_end = std::make_unique<TlsTransport>(
        simulation.worker(), std::move(far),
        TransportOptions{.context = std::move(context), .stats = &stats_, .handshake_timeout = std::chrono::seconds(10)});
    server_tls = server_end.get();
    server = std::make_unique<test::Peer>(std::move(server_end));
    client = std::make_unique<test::Peer>(std::move(near));
    Run();
    return *client;
  }

  // A client whose server is no TLS end of ours.
  test::Peer& ConnectToRaw(std::shared_ptr<const Context> context) {
    auto [near, far] = simulation.network().Pair(simulation.loop(), simulation.loop());
    client_end = std::make_unique<TlsTransport>(
        simulation.worker(), std::move(near), TransportOptions{.context = std::move(context), .sessions = &sessions});
    client_tls = client_end.get();
    client = nullptr;
    server = std::make_unique<test::Peer>(std::move(far));
    client = std::make_unique<test::Peer>(std::move(client_end));
    Run();
    return *server;
  }

  // Mutual TLS with SVIDs of one CA.
  ContextParts Server() {
    ContextParts parts{.server = true, .policy = TrustOf(ca), .require_peer_certificate = true};
    AddPair(parts, server_svid);
    return parts;
  }
  ContextParts Client() {
    ContextParts parts{.policy = TrustOf(ca)};
    AddPair(parts, client_svid);
    return parts;
  }

  void Connect(std::shared_ptr<const Context> server_context, std::shared_ptr<const Context> client_context,
               const test::LoopbackFaults& faults = {}, std::string server_name = "",
               std::optional<std::string> expected_name = std::nullopt) {
    auto [near, far] = simulation.network().Pair(simulation.loop(), simulation.loop(), faults);
    client_below = near.get();
    client_end = std::make_unique<TlsTransport>(
        simulation.worker(), std::move(near),
        TransportOptions{.context = std::move(client_context), .server_name = server_name, .expected_name = expected_name,
                         .sessions = &sessions});
    server_end = std::make_unique<TlsTransport>(
        simulation.worker(), std::move(far),
        TransportOptions{.context = std::move(server_context), .stats = &stats_,
                         .handshake_timeout = std::chrono::seconds(10), .strict_end = strict_end});
    client_tls = client_end.get();
    server_tls = server_end.get();
    client = nullptr;
    server = nullptr;
    server = std::make_unique<test::Peer>(std::move(server_end));
    client = std::make_unique<test::Peer>(std::move(client_end));
    simulation.RunUntilIdle();
  }
  void Run() { simulation.RunUntilIdle(); }

  uint64_t Counted(std::string_view name) {
    uint64_t value = 0;
    const stats::Snapshot snapshot = registry_.Read();
    for (const auto& number : snapshot.numbers) {
      if (number.description->name() == "end.ssl." + std::string(name)) value = number.counter;
    }
    return value;
  }

  const test::Issued ca = test::IssueCertificate(test::CaSpec("ca"));
  const test::Issued server_svid = test::IssueSvid(ca, "spiffe://td.test/server");
  const test::Issued client_svid = test::IssueSvid(ca, "spiffe://td.test/client");
  test::Simulation simulation;
  SessionStore sessions{1};
  bool strict_end = false;  // of servers
  std::unique_ptr<TlsTransport> client_end;
  std::unique_ptr<TlsTransport> server_end;
  net::Transport* client_below = nullptr;
  TlsTransport* client_tls = nullptr;
  TlsTransport* server_tls = nullptr;
  std::unique_ptr<test::Peer> client;
  std::unique_ptr<test::Peer> server;

 private:
  stats::Registry registry_;
  StatIds ids_;
  Stats stats_;
};

}  // namespace pillion::tls
