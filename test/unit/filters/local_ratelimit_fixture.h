#pragma once

// The filter local_ratelimit in a proxy, and requests to it.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {

inline constexpr std::string_view kType = "\"@type\": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
inline constexpr std::string_view kOn =
    "stat_prefix: rl, filter_enabled: {default_value: {numerator: 100}}, filter_enforced: {default_value: {numerator: 100}}";

inline std::string Bucket(int tokens, const std::string& interval = "10s") {
  return "token_bucket: {max_tokens: " + std::to_string(tokens) + ", fill_interval: " + interval + "}";
}
inline std::string Message(const std::string& fields) { return "{" + std::string(kType) + ", " + fields + "}"; }
inline std::string On(const std::string& fields) { return Message(std::string(kOn) + ", " + fields); }
// An action.
inline std::string Expression(const std::string& text, const std::string& more = "") {
  return "{extension: {name: e, typed_config: {\"@type\": "
         "type.googleapis.com/envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor, descriptor_key: k, text: \"" +
         text + "\"" + more + "}}}";
}

class LocalRateLimitTest : public testing::Test {
 protected:
  void Start(const std::string& message, ProxySettings settings = {}) {
    clients_.clear();
    world_.reset();  // and its buckets with it
    settings.http_filters = "- {name: limit, typed_config: " + message + "}\n";
    world_ = std::make_unique<ProxyWorld>(settings);
    for (uint32_t i = 0; i < settings.workers; ++i) clients_.push_back(world_->Connect());
  }
  void TearDown() override { clients_.clear(); }

  // The head of the answer; "/direct" is answered without an upstream.
  std::string Get(const std::string& fields = "", const std::string& path = "/direct", size_t client = 0) {
    clients_[client]->Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
    return clients_[client]->Take();
  }
  // The listener is another one from now on, with new clients.
  void Update(const std::string& message, ProxySettings settings = {}) {
    settings.http_filters = "- {name: limit, typed_config: " + message + "}\n";
    world_->UpdateListener(settings);
    for (std::unique_ptr<Peer>& client : clients_) client = world_->Connect();
  }
  bool Passes(const std::string& fields = "", const std::string& path = "/direct", size_t client = 0) {
    const std::string answer = Get(fields, path, client);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.1 429 ")) << answer;
    return answer.starts_with("HTTP/1.1 200 ");
  }
  // Of how many.
  int Passing(int requests, const std::string& fields = "", const std::string& path = "/direct") {
    int passing = 0;
    for (int i = 0; i < requests; ++i) passing += Passes(fields, path);
    return passing;
  }
  int64_t Count(const std::string& name) { return world_->stat("rl.http_local_rate_limit." + name); }

  std::unique_ptr<ProxyWorld> world_;
  std::vector<std::unique_ptr<Peer>> clients_;
};

}  // namespace pillion::test
