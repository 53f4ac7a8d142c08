#include "source/config/route.h"
#include "source/filter/descriptors.h"

#include <gtest/gtest.h>

#include "test/support/fake_stream_context.h"

namespace pillion::filter {
namespace {

using Action = config::RateLimitAction;
using config::RateLimitRule;
using metadata::Value;

class DescriptorsTest : public testing::Test, public test::FakeStreamContext {
 protected:
  DescriptorsTest() {
    request_.method = "GET";
    request_.path = "/pay?q=1";
    request_.headers.Add("x-tenant", "acme");
    facts_.remote = {.address = {}, .ip = "192.0.2.7", .port = 5000};
  }

  static Action Header(std::string name) { return {"header", Action::RequestHeader{http::FieldName(name)}}; }
  static Action Generic(std::string text) { return {"generic_key", Action::Fixed{{.fixed = text, .format = {}, .otherwise = {}}}}; }
  static RateLimitRule Rule(std::vector<Action> actions, uint32_t stage = 0) {
    RateLimitRule rule;
    rule.stage = stage;
    rule.actions = std::move(actions);
    return rule;
  }

  // "k=v,l=w *2 <=5/1; ..."
  static std::string Show(Descriptors descriptors) {
    std::string all;
    for (const Descriptor& descriptor : descriptors) {
      if (!all.empty()) all += "; ";
      for (const DescriptorEntry& entry : descriptor.entries) {
        if (&entry != &descriptor.entries.front()) all += ",";
        all += std::string(entry.key) + "=" + std::string(entry.value);
      }
      if (descriptor.hits) all += " *" + std::to_string(*descriptor.hits);
      if (descriptor.limit) all += " <=" + std::to_string(descriptor.limit->requests) + "/" + std::to_string(descriptor.limit->unit);
    }
    return all;
  }
  std::string Of(const config::RateLimitRules& rules) { return Show(MakeDescriptors(rules, *this, request_)); }
  std::string OfRoute(uint32_t stage, HostRateLimits host) { return Show(RouteDescriptors(stage, host, *this, request_)); }
  config::RouteAction& Forward() { return route_.action.emplace<config::RouteAction>(); }

  void Note(std::string_view key, const Value& value) { ASSERT_TRUE(annotations_.metadata.Set(arena_, "shop", key, value)); }
  // Notes what a limit is read from.
  void NoteLimit(const Value& requests, const Value& unit) {
    metadata::Tree tree;
    Note("limit", tree.Keep(Value::Kind::kObject, {{"requests_per_unit", requests}, {"unit", unit}}));
  }

  const config::Route* route() const override { return &route_; }
  const config::VirtualHost* virtual_host() const override { return &virtual_host_; }
  std::string_view cluster_name() const override { return "payments"; }

  config::Route route_;
  config::VirtualHost virtual_host_;
};

TEST_F(DescriptorsTest, AnEntryForEachActionOrNone) {
  EXPECT_EQ(Of({Rule({Generic("g"), Header("x-tenant"), {"destination_cluster", Action::DestinationCluster{}}})}),
            "generic_key=g,header=acme,destination_cluster=payments");
  EXPECT_EQ(Of({Rule({Generic("g"), Header("x-other")}), Rule({{"remote_address", Action::RemoteAddress{}}})}), "remote_address=192.0.2.7");
  EXPECT_EQ(Of({Rule({{"header", Action::RequestHeader{http::FieldName("x-other"), true}}})}), "") << "without entries there is none";
}

TEST_F(DescriptorsTest, WhatFiltersNoted) {
  const auto noted = [](std::vector<std::string> keys, std::string otherwise = "", bool skip = false) {
    return Action{"plan", Action::Metadata{.path = {"shop", std::move(keys)}, .of_route = false, .otherwise = std::move(otherwise), .skip_if_absent = skip}};
  };
  EXPECT_EQ(Of({Rule({noted({"plan"})})}), "");
  EXPECT_EQ(Of({Rule({noted({"plan"}, "none")})}), "plan=none");
  EXPECT_EQ(Of({Rule({Generic("g"), noted({"plan"}, "", true)})}), "generic_key=g");
  Note("plan", Value::Text("gold"));
  Note("number", Value::Number(1));
  EXPECT_EQ(Of({Rule({noted({"plan"}, "none")})}), "plan=gold");
  EXPECT_EQ(Of({Rule({noted({"plan", "deeper"})})}), "");
  EXPECT_EQ(Of({Rule({noted({"number"})})}), "") << "only texts";
}

TEST_F(DescriptorsTest, ALimitThatFiltersNoted) {
  RateLimitRule rule = Rule({Generic("g")});
  rule.limit = config::MetadataPath{"shop", {"limit"}};
  EXPECT_EQ(Of({rule}), "generic_key=g");
  NoteLimit(Value::Number(42), Value::Text("HOUR"));
  EXPECT_EQ(Of({rule}), "generic_key=g <=42/3");
  NoteLimit(Value::Number(42), Value::Text("FORTNIGHT"));
  EXPECT_EQ(Of({rule}), "generic_key=g");
  NoteLimit(Value::Number(-1), Value::Text("HOUR"));
  EXPECT_EQ(Of({rule}), "generic_key=g");
  NoteLimit(Value::Text("42"), Value::Text("HOUR"));
  EXPECT_EQ(Of({rule}), "generic_key=g");
}

TEST_F(DescriptorsTest, HowMuchARequestCounts) {
  RateLimitRule rule = Rule({Generic("g")});
  rule.hits = uint64_t{3};
  EXPECT_EQ(Of({rule}), "generic_key=g *3");
  rule.hits = *telemetry::TextFormat::Compile("%REQ(X-COST)%");
  EXPECT_EQ(Of({rule}), "");
  request_.headers.Add("x-cost", "1000000000");
  EXPECT_EQ(Of({rule}), "generic_key=g *1000000000");
  for (const std::string_view text : {"1000000001", "-1", "1.5", "much", "18446744073709551617"}) {
    request_.headers.Remove("x-cost");
    request_.headers.Add("x-cost", text);
    EXPECT_EQ(Of({rule}), "") << text;
  }
}

TEST_F(DescriptorsTest, TheVirtualHostsRules) {
  virtual_host_.rate_limits = {Rule({Generic("host")}), Rule({Generic("host-1")}, 1)};
  route_.action = config::DirectResponse();
  EXPECT_EQ(OfRoute(0, HostRateLimits::kInstead), "") << "it goes nowhere";
  config::RouteAction& forward = Forward();
  EXPECT_EQ(OfRoute(0, HostRateLimits::kInstead), "generic_key=host");
  EXPECT_EQ(OfRoute(1, HostRateLimits::kInstead), "generic_key=host-1");
  EXPECT_EQ(OfRoute(2, HostRateLimits::kInstead), "");
  EXPECT_EQ(OfRoute(0, HostRateLimits::kNever), "");
  forward.rate_limits = {Rule({Generic("route")}), Rule({Generic("route-2")}, 2)};
  EXPECT_EQ(OfRoute(0, HostRateLimits::kInstead), "generic_key=route");
  EXPECT_EQ(OfRoute(1, HostRateLimits::kInstead), "") << "the route has rules, if of other stages";
  EXPECT_EQ(OfRoute(0, HostRateLimits::kBeside), "generic_key=route; generic_key=host");
  forward.with_host_rate_limits = true;
  EXPECT_EQ(OfRoute(0, HostRateLimits::kNever), "generic_key=route; generic_key=host");
}

}  // namespace
}  // namespace pillion::filter
