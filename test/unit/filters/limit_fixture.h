#pragma once

// The filter limit in a proxy, and requests to it.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {

inline constexpr std::string_view kType = "\"@type\": type.googleapis.com/pillion.filters.http.limit.v1.Limit";
inline constexpr std::string_view kTenant = "key: [{name: tenant, value: \"request.headers['x-tenant']\"}]";

inline std::string Message(const std::string& fields) { return "{" + std::string(kType) + ", " + fields + "}"; }
inline std::string Rules(const std::string& rules, const std::string& more = "") {
  return Message("rules: [" + rules + "]" + (more.empty() ? "" : ", " + more));
}
// Of a name that no other test has: rules of one name share their state.
inline std::string Window(int limit, const std::string& fields = "", const std::string& name = "w") {
  return "{name: " + name + ", window: {limit: " + std::to_string(limit) + ", length: 60s}" + (fields.empty() ? "" : ", " + fields) + "}";
}
inline std::string Bucket(int burst, const std::string& fields = "", const std::string& name = "b") {
  return "{name: " + name + ", bucket: {rate: 1, burst: " + std::to_string(burst) + "}" + (fields.empty() ? "" : ", " + fields) + "}";
}

class LimitTest : public testing::Test {
 protected:
  void Start(const std::string& message, ProxySettings settings = {}) {
    clients_.clear();
    world_.reset();
    settings.http_filters += "- {name: limit, typed_config: " + message + "}\n";
    world_ = std::make_unique<ProxyWorld>(settings);
    for (uint32_t i = 0; i < settings.workers; ++i) clients_.push_back(world_->Connect());
  }
  void TearDown() override { clients_.clear(); }

  // "/direct" is answered without an upstream.
  std::string Get(const std::string& fields = "", const std::string& path = "/direct", size_t client = 0) {
    clients_[client]->Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
    return clients_[client]->Take();
  }
  bool Passes(const std::string& fields = "", const std::string& path = "/direct", size_t client = 0) {
    const std::string answer = Get(fields, path, client);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.1 429 ")) << answer;
    return answer.starts_with("HTTP/1.1 200 ");
  }
  int Passing(int requests, const std::string& fields = "", const std::string& path = "/direct") {
    int passing = 0;
    for (int i = 0; i < requests; ++i) passing += Passes(fields, path);
    return passing;
  }
  void Answer(const std::string& body = "", uint32_t peer = 0) {
    world_->upstream().peer(peer).Send("HTTP/1.1 200 OK\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    world_->Run();
  }
  int64_t Count(const std::string& name) { return world_->stat("http.in.limit." + name); }

  std::unique_ptr<ProxyWorld> world_;
  std::vector<std::unique_ptr<Peer>> clients_;
};

}  // namespace pillion::test
