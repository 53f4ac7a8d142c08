// Guards of a bootstrap, and those that come.

#include "source/config/guard.h"

#include <gtest/gtest.h>

#include "envoy/config/core/v3/core.pb.h"
#include "pillion/guard/v1/guard.pb.h"
#include "source/config/resources.h"
#include "test/unit/config/loaded.h"
#include "xds/type/v3/typed_struct.pb.h"

namespace pillion::config {
namespace {

using Message = pillion::guard::v1::Guard;
using std::chrono::seconds;

Loaded Load(const std::string& type, const std::string& fields) {
  return LoadText("bootstrap_extensions: [{name: x, typed_config: {'@type': type.googleapis.com/pillion.guard.v1." + type +
                  fields + "}}]");
}

Guard Good(const std::string& fields) {
  const Loaded loaded = Load("Guard", fields.empty() ? "" : ", " + fields);
  ExpectGood(loaded);
  return loaded.bootstrap == nullptr || loaded.bootstrap->guard == nullptr ? Guard() : *loaded.bootstrap->guard;
}

std::string Errors(const std::string& type, const std::string& fields) {
  return LineAt("", Load(type, ", " + fields).errors);
}

constexpr char kAt[] = "bootstrap_extensions[0].typed_config";

TEST(GuardTest, Defaults) {
  EXPECT_EQ(LoadText("{}").bootstrap->guard, nullptr);
  EXPECT_EQ(LoadText("{}").bootstrap->pushed_guard, std::nullopt);
  const Guard guard = Good("");
  EXPECT_EQ(guard, (Guard{.window = seconds(30), .least_requests = 100, .error_ratio = Guard::ErrorRatio{0.05, 1}}));
  // One that is named takes the place of the one that is meant without.
  EXPECT_EQ(Good("p99: {}"), (Guard{.p99 = Guard::P99{2, std::chrono::milliseconds(100)}}));
  EXPECT_EQ(Good("breaker_opens: {}"), (Guard{.breaker_opens = Guard::BreakerOpens{10}}));
  EXPECT_TRUE(guard.clusters && guard.listeners && guard.routes && guard.filters);
  EXPECT_FALSE(guard.endpoints) << "in a mesh they change all the time, and former ones are gone";
}

TEST(GuardTest, Fields) {
  EXPECT_EQ(Good("window: 5s, least_requests: 7, error_ratio: {most_rise: 12.5, most_factor: 1.5}, "
                 "p99: {most_factor: 3, least_rise: 0.25s}, breaker_opens: {most_rise: 0}, kinds: [ROUTES, LISTENERS]"),
            (Guard{.window = seconds(5),
                   .least_requests = 7,
                   .error_ratio = Guard::ErrorRatio{0.125, 1.5},
                   .p99 = Guard::P99{3, std::chrono::milliseconds(250)},
                   .breaker_opens = Guard::BreakerOpens{0},
                   .clusters = false,
                   .filters = false}));
  EXPECT_EQ(Good("kinds: [CLUSTERS, ENDPOINTS]").clusters, true);
  EXPECT_EQ(Good("kinds: [CLUSTERS, ENDPOINTS]").endpoints, true);
  EXPECT_EQ(Good("kinds: [CLUSTERS, ENDPOINTS]").listeners, false);
  EXPECT_EQ(Good("kinds: [CLUSTERS, ENDPOINTS]").routes, false);
  EXPECT_EQ(Good("kinds: [CLUSTERS, ENDPOINTS]").filters, false);
  EXPECT_EQ(Good("kinds: [FILTERS]").filters, true);
}

TEST(GuardTest, WhatCannotBe) {
  const std::string at = std::string(kAt) + ".";
  EXPECT_EQ(Errors("Guard", "window: 0.5s"), at + "window: 0.5s, expected at least 1s and at most 600s");
  EXPECT_EQ(Errors("Guard", "window: 601s"), at + "window: 601s, expected at least 1s and at most 600s");
  EXPECT_EQ(Errors("Guard", "least_requests: 0"), at + "least_requests: 0, expected at least 1");
  EXPECT_EQ(Errors("Guard", "error_ratio: {most_rise: 101}"), at + "error_ratio.most_rise: 101, expected at least 0 and at most 100");
  EXPECT_EQ(Errors("Guard", "p99: {most_factor: 0.5}"), at + "p99.most_factor: 0.5, expected at least 1");
  EXPECT_EQ(Errors("Guard", "kinds: [UNSPECIFIED]"), at + "kinds[0]: expected CLUSTERS, ENDPOINTS, LISTENERS, ROUTES or FILTERS");
}

TEST(GuardTest, Pushed) {
  const std::string plane =
      "api_config_source: {api_type: GRPC, transport_api_version: V3, grpc_services: [{envoy_grpc: {cluster_name: plane}}]}";
  const Loaded loaded = LoadText(
      "static_resources: {clusters: [{name: plane, type: STATIC, connect_timeout: 1s, typed_extension_protocol_options: "
      "{envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {'@type': "
      "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: "
      "{http2_protocol_options: {}}}}}]}\n"
      "bootstrap_extensions: [{name: x, typed_config: {'@type': type.googleapis.com/pillion.guard.v1.PushedGuard, name: g, "
      "config_source: {" + plane + "}}}]");
  ExpectGood(loaded);
  ASSERT_NE(loaded.bootstrap, nullptr);
  ASSERT_TRUE(loaded.bootstrap->pushed_guard);
  EXPECT_EQ(loaded.bootstrap->pushed_guard->name, "g");
  EXPECT_EQ(std::get<ApiSource>(loaded.bootstrap->pushed_guard->feed.source).cluster, "plane");
  EXPECT_EQ(loaded.bootstrap->guard, nullptr);

  const std::string at = std::string(kAt) + ".";
  EXPECT_EQ(Errors("PushedGuard", "config_source: {ads: {}}"),
            at + "name: missing, but required; " + at + "config_source.ads: there is no dynamic_resources.ads_config");
  EXPECT_EQ(Errors("PushedGuard", "name: g"), at + "config_source: missing, but required");
  EXPECT_EQ(Errors("PushedGuard", "name: g, config_source: {path: /dev/null}"),
            at + "config_source: a file can't give it, expected ads or api_config_source");
}

class PushedGuardTest : public testing::Test {
 protected:
  std::string Judge(const google::protobuf::Message& config) {
    envoy::config::core::v3::TypedExtensionConfig extension;
    extension.set_name("g");
    extension.mutable_typed_config()->PackFrom(config);
    google::protobuf::Any resource;
    resource.PackFrom(extension);
    return JudgeAny(resource);
  }
  std::string JudgeAny(const google::protobuf::Any& resource) {
    const Judged<Guard> judged = resources_.BuildGuard(resource);
    guard_ = judged.part;
    std::string result;
    for (const ConfigError& error : judged.errors) result += ErrorText("", error) + "; ";
    notes_.clear();
    for (const ConfigError& note : judged.notes) notes_ += ErrorText("", note) + "; ";
    return result;
  }

  PassedOver passed_over_;
  Resources resources_{LoadText("{}").bootstrap, {.unknown = {.fields = UnknownFields::kPassOver, .passed_over = &passed_over_}}};
  std::string notes_;
  std::shared_ptr<const Guard> guard_;
};

TEST_F(PushedGuardTest, IsJudged) {
  Message message;
  message.mutable_window()->set_seconds(7);
  EXPECT_EQ(Judge(message), "");
  ASSERT_NE(guard_, nullptr);
  EXPECT_EQ(guard_->window, seconds(7));
  message.mutable_window()->set_seconds(0);
  EXPECT_NE(Judge(message).find("typed_config.window: 0s, expected at least 1s"), std::string::npos) << Judge(message);
  EXPECT_EQ(guard_, nullptr);
}

TEST_F(PushedGuardTest, OfWhoDoesNotKnowTheType) {
  xds::type::v3::TypedStruct message;
  message.set_type_url("type.googleapis.com/pillion.guard.v1.Guard");
  (*message.mutable_value()->mutable_fields())["window"].set_string_value("9s");
  EXPECT_EQ(Judge(message), "");
  ASSERT_NE(guard_, nullptr);
  EXPECT_EQ(guard_->window, seconds(9));
}

// As in all that control planes send: passed over, counted, and named once.
TEST_F(PushedGuardTest, FieldsThatAreUnknown) {
  Message message;
  message.mutable_window()->set_seconds(7);
  message.GetReflection()->MutableUnknownFields(&message)->AddVarint(99, 1);
  message.mutable_p99();
  EXPECT_EQ(Judge(message), "");
  ASSERT_NE(guard_, nullptr);
  EXPECT_EQ(notes_, "typed_config: unknown field \"number 99\" of pillion.guard.v1.Guard is passed over; ");
  EXPECT_EQ(passed_over_.count(), 1u);

  xds::type::v3::TypedStruct typed;
  typed.set_type_url("type.googleapis.com/pillion.guard.v1.Guard");
  (*typed.mutable_value()->mutable_fields())["windw"].set_string_value("9s");
  EXPECT_EQ(Judge(typed), "");
  EXPECT_EQ(notes_, "typed_config.value: unknown field \"windw\" of pillion.guard.v1.Guard is passed over; ");
  EXPECT_EQ(passed_over_.count(), 2u);
}

TEST_F(PushedGuardTest, OfAnotherType) {
  const std::string errors = Judge(google::protobuf::Duration());
  EXPECT_NE(errors.find("typed_config: "), std::string::npos) << errors;
  EXPECT_EQ(guard_, nullptr);
  google::protobuf::Any bare;
  bare.PackFrom(Message());
  EXPECT_NE(JudgeAny(bare).find("expected envoy.config.core.v3.TypedExtensionConfig"), std::string::npos);
}

}  // namespace
}  // namespace pillion::config
