// Limits that count a request when it is over: apply_on_stream_done.

#include <gtest/gtest.h>

#include "test/unit/filters/ratelimit_fixture.h"

namespace pillion::test {
namespace {

constexpr char kCounted[] = "{apply_on_stream_done: true, hits_addend: {format: '%RESPONSE_CODE%'}, actions: [{generic_key: {descriptor_value: end}}]}";
constexpr char kAtTheEnd[] = "domain: \"shop\" descriptors { entries { key: \"generic_key\" value: \"end\" } hits_addend { value: 200 } }";

TEST_F(RateLimitTest, CountsWhatIsKnownAtTheEnd) {
  Start("", {.virtual_host = std::string("rate_limits: [") + kTenant + ", " + kCounted + "]"});
  Get();
  EXPECT_EQ(Asked()->ShortDebugString(), "domain: \"shop\" descriptors { entries { key: \"tenant\" value: \"gold\" } }");
  Answer(Saying(v3::RateLimitResponse::OK));
  EXPECT_TRUE(Upstream().starts_with("GET /x "));
  EXPECT_TRUE(Pass().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(Asked()->ShortDebugString(), kAtTheEnd);
  EXPECT_NE(head_.find("\r\nhost: rls.test\r\n"), std::string::npos) << head_;
  EXPECT_NE(head_.find("\r\nx-who: me\r\n"), std::string::npos) << head_;
  Answer(Saying(v3::RateLimitResponse::OVER_LIMIT));  // nobody hears it
  EXPECT_EQ(Count("ok"), 1);
  EXPECT_EQ(Count("over_limit"), 0);
  EXPECT_EQ(Count("error"), 0);
  EXPECT_EQ(world_->stat("cluster.app.upstream_rq_active"), 0);
}

// Who is not asked about before is counted, too; in an expression all may be asked for that is known then.
TEST_F(RateLimitTest, CountsAtTheEndAlone) {
  Start("", {.entry = "typed_per_filter_config: {limit: {" + std::string(kOfRoute) +
                      ", rate_limits: [{apply_on_stream_done: true, actions: [{extension: {name: e, typed_config: {\"@type\": "
                      "type.googleapis.com/envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor, descriptor_key: k, "
                      "text: \"string(response.code) + response.headers['x-kind']\"}}}]}]}}"});
  Get();
  EXPECT_TRUE(Upstream().starts_with("GET /x "));
  world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\nx-kind: a\r\ncontent-length: 0\r\n\r\n");
  world_->Run();
  EXPECT_EQ(Asked()->ShortDebugString(), "domain: \"shop\" descriptors { entries { key: \"k\" value: \"200a\" } }");
}

TEST_F(RateLimitTest, CountsARefusedOneAtTheEnd) {
  Start("", {.virtual_host = std::string("rate_limits: [") + kTenant + ", " + kCounted + "]"});
  Get();
  Asked();
  Answer(Saying(v3::RateLimitResponse::OVER_LIMIT));
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 429 "));
  const auto counted = Asked();
  ASSERT_TRUE(counted);
  EXPECT_EQ(counted->descriptors(0).hits_addend().value(), 429u);
}

TEST_F(RateLimitTest, CountsNothingAtTheEndOfWhatDoesNotConcernIt) {
  const ProxySettings settings{.virtual_host = std::string("rate_limits: [") + kCounted + "]"};
  for (const std::string fields : {", request_type: internal", ", filter_enabled: {default_value: {}}"}) {
    Start(fields, settings);
    Get();
    EXPECT_TRUE(Upstream().starts_with("GET /x "));
    Pass();
    EXPECT_EQ(Upstream(), "") << fields;
  }
  Start("", settings);
  Get(kGold, "/direct");
  EXPECT_TRUE(world_->upstream().peers().empty());
}

// Whoever goes before the service has answered is not counted; what can't be told is an error.
TEST_F(RateLimitTest, WhatIsNotCountedAtTheEnd) {
  const std::string both = std::string("rate_limits: [") + kTenant + ", " + kCounted + "]";
  Start("", {.virtual_host = both});
  Get();
  EXPECT_TRUE(Asked());
  client_->Reset();
  world_->Run();
  EXPECT_EQ(world_->upstream().peers().size(), 1u);
  // Nor whoever is answered before.
  Start(", timeout: 10s", {.hcm = "stream_idle_timeout: 1s", .virtual_host = both});
  Get();
  EXPECT_TRUE(Asked());
  world_->Wait(1000);
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 504 "));
  EXPECT_EQ(world_->upstream().peers().size(), 1u);
  Start("", {.virtual_host = std::string("rate_limits: [") + kCounted + "]"});
  Get();
  Upstream();
  world_->ReplaceCluster(nullptr);
  EXPECT_TRUE(Pass().starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(Count("error"), 1);
}

TEST_F(RateLimitTest, TheProcessEndsDuringACallAtTheEnd) {
  Start("", {.virtual_host = std::string("rate_limits: [") + kCounted + "]"});
  Get();
  Upstream();
  Pass();
  EXPECT_TRUE(Asked());
  client_.reset();
  world_.reset();  // nothing is left
}

}  // namespace
}  // namespace pillion::test
