// One secret of a control plane.

#include "source/secrets/subscription.h"

#include <gtest/gtest.h>

#include "test/support/certificates.h"
#include "test/support/simulated_timers.h"

namespace pillion::secrets {
namespace {

using config::RemoteSecret;

class SubscriptionTest : public testing::Test {
 protected:
  SubscriptionTest() {
    clock_.JumpWall(std::chrono::system_clock::now() - clock_.WallNow());
    subscription_.Start();
    subscription_.WhenReady([this] { ++ready_; });
  }

  static config::ApiSource Plane() {
    config::ApiSource source;
    source.cluster = "plane";
    return source;
  }
  xds::Resource Trust(const std::string& version) {
    Secret secret;
    secret.set_name("trust");
    secret.mutable_validation_context()->mutable_trusted_ca()->set_inline_string(ca_.pem());
    google::protobuf::Any any;
    any.PackFrom(secret);
    return {.name = "trust", .version = version, .body = std::make_shared<const google::protobuf::Any>(std::move(any))};
  }
  uint64_t Count(const std::string& name) { return registry_.control().counter(registry_.AddCounter(name))->value(); }

  const test::Issued ca_ = test::IssueCertificate(test::CaSpec("ca"));
  test::SimulatedClock clock_;
  test::SimulatedTimers timers_{clock_};
  stats::Registry registry_{1};
  config::PassedOver passed_over_;
  config::UnknownRule unknown_{.fields = config::UnknownFields::kPassOver, .passed_over = &passed_over_};
  std::vector<std::string> log_;
  const std::shared_ptr<RemoteSecret> secret_ = std::make_shared<RemoteSecret>(
      Plane(), "trust", RemoteSecret::Kind::kValidationContext, std::chrono::seconds(15));
  Subscription subscription_{secret_, {timers_, clock_, registry_, unknown_, [this](std::string_view line) { log_.emplace_back(line); }}};
  int ready_ = 0;
};

TEST_F(SubscriptionTest, TakenAndWaitedForNoMore) {
  EXPECT_TRUE(subscription_.OnResource(Trust("7")).empty());
  ASSERT_NE(secret_->current(), nullptr);
  EXPECT_EQ(secret_->version(), "7");
  EXPECT_EQ(ready_, 1);
  timers_.Advance(std::chrono::seconds(60));
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(Count("sds.trust.init_fetch_timeout"), 0u);
}

TEST_F(SubscriptionTest, NotInTime) {
  timers_.Advance(std::chrono::seconds(15));
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(Count("sds.trust.init_fetch_timeout"), 1u);
  ASSERT_EQ(log_.size(), 1u);
  EXPECT_TRUE(subscription_.OnResource(Trust("1")).empty());
  EXPECT_EQ(ready_, 1);
}

TEST_F(SubscriptionTest, GivenUp) {
  subscription_.OnGivenUp();
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(secret_->current(), nullptr);
  ASSERT_EQ(log_.size(), 1u);
  subscription_.OnGivenUp();
  timers_.Advance(std::chrono::seconds(15));
  EXPECT_EQ(log_.size(), 1u);
  EXPECT_EQ(Count("sds.trust.init_fetch_timeout"), 0u);
  EXPECT_TRUE(subscription_.OnResource(Trust("1")).empty());
  EXPECT_NE(secret_->current(), nullptr);
}

TEST_F(SubscriptionTest, ThereIsNone) {
  subscription_.OnRemoved("");
  EXPECT_EQ(ready_, 1);  // to wait on would be in vain
  EXPECT_EQ(secret_->error(), "sds:plane has no secret trust");
  EXPECT_EQ(log_, std::vector<std::string>{"sds:plane has no secret trust; who needs it is not served"});
  EXPECT_TRUE(subscription_.OnResource(Trust("1")).empty());
  EXPECT_EQ(secret_->error(), "");
  // It is named still: what is there stays.
  subscription_.OnRemoved("");
  EXPECT_NE(secret_->current(), nullptr);
  EXPECT_EQ(secret_->error(), "sds:plane has no secret trust any more");
}

TEST_F(SubscriptionTest, WhatCannotBeRead) {
  google::protobuf::Any any;
  any.set_type_url("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret");
  any.set_value("\x0a\x05trust\x12\x7f");
  const xds::Resource bad{.name = "trust", .version = "1", .body = std::make_shared<const google::protobuf::Any>(any)};
  EXPECT_EQ(subscription_.OnResource(bad), std::vector<std::string>{"bytes that are no Secret"});
  EXPECT_EQ(Count("sds.trust.update_rejected"), 1u);
  EXPECT_EQ(ready_, 0);
  EXPECT_EQ(secret_->error(), "bytes that are no Secret");
  EXPECT_EQ(secret_->failed_version(), "1");
  EXPECT_EQ(secret_->failed(), clock_.WallNow());
}

}  // namespace
}  // namespace pillion::secrets
