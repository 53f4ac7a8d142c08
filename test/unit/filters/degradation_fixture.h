#pragma once

// The filter degradation in a proxy, and requests to it.

#include <gtest/gtest.h>

#include <algorithm>

#include "source/filters/degradation/degradation.h"
#include "test/unit/filters/filter_config.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {

inline constexpr std::string_view kPackage = "\"@type\": type.googleapis.com/pillion.filters.http.degradation.v1.";

inline std::string Message(const std::string& fields) { return "{" + std::string(kPackage) + "Degradation, " + fields + "}"; }
inline std::string Rules(const std::string& rules, const std::string& more = "") {
  return Message("rules: [" + rules + "]" + (more.empty() ? "" : ", " + more));
}
// At half of the calls, of two; for 10 s.
inline std::string Errors(const std::string& fields = "", const std::string& name = "e") {
  std::string text = "{name: " + name + ", grade: ERROR_RATIO";
  for (const std::string field : {"threshold: 0.5", "minimum_requests: 2", "statistics_interval: 10s", "open_for: 10s"}) {
    if (fields.find(field.substr(0, field.find(':'))) == std::string::npos) text += ", " + field;
  }
  return text + (fields.empty() ? "" : ", " + fields) + "}";
}
inline std::string PerRoute(const std::string& fields) {
  return "typed_per_filter_config: {degradation: {" + std::string(kPackage) + "DegradationPerRoute, " + fields + "}}";
}
inline std::string Route(const std::string& path, const std::string& fields) {
  return "- {match: {path: " + path + "}, route: {cluster: app}, " + fields + "}\n";
}

// Has requests go to the lane that they name: x-lane: env=gray;version=v2.
struct Painter final : filter::HttpFilterConfig {
  uint32_t hooks() const override { return filter::kRequestHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext&) const override;
};

struct Painting final : filter::HttpFilter {
  filter::Step OnRequestHead(http::RequestHead& head, bool) override {
    const http::HeaderField* const field = head.headers.Find("x-lane");
    if (field == nullptr) return filter::Step::kContinue;
    base::Arena& arena = stream().arena();
    std::string_view text = field->value();
    auto* const labels = arena.NewArray<upstream::Label>(text.size());
    size_t size = 0;
    while (!text.empty()) {
      const std::string_view label = text.substr(0, text.find(';'));
      text.remove_prefix(std::min(label.size() + 1, text.size()));
      const size_t equals = label.find('=');
      labels[size++] = {label.substr(0, equals), label.substr(equals + 1)};
    }
    stream().GoToLane(*arena.New<upstream::LaneWish>(std::span<const upstream::Label>(labels, size), false));
    return filter::Step::kContinue;
  }
};

struct PainterShard final : filter::HttpFilterShard {
  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig*) override {
    return stream.arena().New<Painting>();
  }
};

inline std::unique_ptr<filter::HttpFilterShard> Painter::MakeShard(const filter::ShardContext&) const {
  return std::make_unique<PainterShard>();
}

class DegradationTest : public testing::Test {
 protected:
  void Start(const std::string& message, ProxySettings settings = {}) {
    client_.reset();
    world_.reset();
    settings.http_filters += "- {name: degradation, typed_config: " + message + "}\n";
    if (settings.route.find("timeout") == std::string::npos) settings.route += "timeout: 0s";
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  // Where requests go to the lane that they name.
  void StartPainted(const std::string& message, ProxySettings settings = {}) {
    loaded_ = Load({.http_filters = "{name: degradation, typed_config: " + message + "}"});
    ASSERT_NE(loaded_.bootstrap, nullptr);
    const config::FilterChain& chain = loaded_.bootstrap->listeners[0]->filter_chains[0];
    settings.further_filters = {{"painter", std::make_shared<Painter>()},
                                std::get<config::HttpConnectionManager>(chain.terminal).http_filters[0]};
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  void Ask(const std::string& path = "/", const std::string& fields = "", Peer* client = nullptr) {
    (client == nullptr ? *client_ : *client).Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
  }
  void Answer(int status, uint32_t peer = 0) {
    world_->upstream().peer(peer).Send("HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-length: 0\r\n\r\n");
    world_->Run();
  }
  // What a request is answered with, where upstream answers with that status after some time.
  std::string Get(int status, const std::string& path = "/", const std::string& fields = "", int64_t milliseconds = 0) {
    Ask(path, fields);
    if (client_->received().empty()) {
      if (milliseconds > 0) world_->Wait(milliseconds);
      Answer(status);
    }
    return client_->Take();
  }
  // 0: it was refused.
  int Status(int status, const std::string& path = "/", const std::string& fields = "", int64_t milliseconds = 0) {
    const std::string answer = Get(status, path, fields, milliseconds);
    return answer.find("degradation ") == std::string::npos ? std::stoi(answer.substr(9)) : 0;
  }
  bool Passes(const std::string& path = "/", const std::string& fields = "") { return Status(200, path, fields) == 200; }
  void Open() {
    Status(500);
    Status(500);
    ASSERT_EQ(Status(200), 0);
    world_->TakeLog();
  }
  int64_t Count(const std::string& name) { return world_->stat("http.in.degradation." + name); }

  config::Loaded loaded_;
  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

}  // namespace pillion::test
