#pragma once

// A request and the connection that it came by, for decisions on them.

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "source/access/engine.h"
#include "source/base/block.h"

namespace pillion::access {

// What texts, names and fields are made of is little, so that it often fits.
constexpr const char* kNames[] = {"spiffe://a", "spiffe://b", "c.test", "CN=s"};

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int Below(int most) { return std::uniform_int_distribution<int>(0, most - 1)(engine_); }
  template <typename List>
  const char* Of(const List& list) {
    return list[Below(static_cast<int>(std::size(list)))];
  }

 private:
  std::mt19937 engine_;
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() : arena_(blocks_), head_(arena_) {
    facts_.remote.address = match::IpAddress::Parse("10.0.0.1");
    facts_.direct_remote.address = match::IpAddress::Parse("10.0.0.2");
    facts_.local = {.address = match::IpAddress::Parse("10.0.0.3"), .ip = "10.0.0.3", .port = 80};
    head_.method = "GET";
    head_.path = "/";
  }

  void SetPeer(std::vector<std::string> uris, std::vector<std::string> dns = {}, std::string subject = "CN=s") {
    Peer& peer = facts_.peer.emplace();
    for (const std::string& uri : uris) peer.all_uris += (peer.all_uris.empty() ? "" : ",") + uri;
    peer.uris = std::move(uris);
    peer.dns = std::move(dns);
    peer.subject = std::move(subject);
  }

  // The only field x-a.
  void SetField(std::string_view value) {
    head_.headers.RemoveIf([](const http::HeaderField& field) { return field.name() == "x-a"; });
    head_.headers.Add("x-a", value);
  }

  Request request() { return {.connection = facts_, .head = &head_, .notes = &notes_}; }
  std::string Decide(const Engine& engine) { return Decide(engine, request()); }
  // With what the engine has found out for other requests of the connection.
  std::string Decide(const Engine& engine, Findings& findings) {
    Request asked = request();
    asked.findings = &findings;
    return Decide(engine, asked);
  }
  static std::string Decide(const Engine& engine, const Request& request) {
    const Decision decision = engine.Decide(request);
    return std::string(decision.allowed ? "allowed " : "denied ") + std::string(engine.NameOf(decision));
  }

  base::BlockPool blocks_;
  base::Arena arena_;
  http::RequestHead head_;
  ConnectionFacts facts_;
  metadata::Annotations notes_;
};

}  // namespace pillion::access
