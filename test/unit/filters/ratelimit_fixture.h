#pragma once

// The filter ratelimit in a proxy, with the service that it asks.

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "envoy/service/ratelimit/v3/rls.pb.h"
#include "source/codec/grpc/message.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {

namespace v3 = envoy::service::ratelimit::v3;

inline constexpr std::string_view kBase =
    "\"@type\": type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit, domain: shop, "
    "rate_limit_service: {transport_api_version: V3, grpc_service: {envoy_grpc: {cluster_name: app, authority: rls.test}, "
    "initial_metadata: [{key: X-Who, value: me}]}}";
inline constexpr std::string_view kOfRoute = "\"@type\": type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute";
inline constexpr char kTenant[] = "{actions: [{request_headers: {header_name: x-tenant, descriptor_key: tenant}}]}";
inline constexpr char kGold[] = "x-tenant: gold\r\n";

// The service is at the same host as the cluster that requests go to; both speak HTTP/1, which is bytes that can be read:
// since then only, for there is no configuration of it.
class RateLimitTest : public testing::Test {
 protected:
  void Start(const std::string& fields = "", ProxySettings settings = {}) {
    client_.reset();
    settings.http_filters += "- {name: limit, typed_config: {" + std::string(kBase) + fields + "}}\n";
    settings.http2_upstream = true;
    ProxySettings later;
    later.cluster =
        "typed_extension_protocol_options:\n"
        "  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
        "    \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n"
        "    explicit_http_config: {http_protocol_options: {enable_trailers: true}}\n";
    if (settings.virtual_host.empty()) settings.virtual_host = std::string("rate_limits: [") + kTenant + "]";
    world_ = std::make_unique<ProxyWorld>(settings);
    world_->ReplaceCluster(&later);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  void Get(const std::string& fields = kGold, const std::string& path = "/x") {
    client_->Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
  }
  // What upstream got on its first connection; there, too, the calls.
  std::string Upstream() { return world_->upstream().peer(0).Take(); }
  // The message of a call; nothing where there was none.
  std::optional<v3::RateLimitRequest> Asked() {
    if (world_->upstream().peers().empty()) return std::nullopt;
    head_ = Upstream();
    const size_t body = head_.find("\r\n\r\n");
    if (!head_.starts_with("POST /envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit HTTP/1.1\r\n") || body == head_.npos) {
      return std::nullopt;
    }
    const size_t line = head_.find("\r\n", body + 4);
    const size_t size = std::stoul(head_.substr(body + 4, line), nullptr, 16);
    v3::RateLimitRequest message;
    EXPECT_TRUE(message.ParseFromString(head_.substr(line + 2 + codec::grpc::kPrefixBytes, size - codec::grpc::kPrefixBytes)));
    return message;
  }
  static std::string Chunk(std::string_view bytes) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    return size + std::string(bytes) + "\r\n";
  }
  void Answer(const v3::RateLimitResponse& message) { AnswerBytes(codec::grpc::Frame(message.SerializeAsString())); }
  void AnswerBytes(std::string_view bytes, const std::string& status = "0") {
    world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n" + Chunk(bytes) +
                                    "0\r\ngrpc-status: " + status + "\r\n\r\n");
    world_->Run();
  }
  static v3::RateLimitResponse Saying(v3::RateLimitResponse::Code code) {
    v3::RateLimitResponse message;
    message.set_overall_code(code);
    return message;
  }
  // The answer of upstream to the request itself, after what it got; and what the client gets.
  std::string Pass() {
    world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    world_->Run();
    return client_->Take();
  }
  int64_t Count(const std::string& name) { return world_->stat("cluster.app.ratelimit." + name); }
  std::string Line() {
    const std::vector<std::string> lines = world_->TakeLog();
    return lines.size() == 1 ? lines.front() : "lines: " + std::to_string(lines.size());
  }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
  std::string head_;  // of the last call
};

}  // namespace pillion::test
