// The hosts that requests name: which, and in which order the attempts of a request take them.

#include "source/proxy/named_hosts.h"

#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::proxy {
namespace {

using Names = std::vector<std::string>;

class NamedHostsTest : public testing::Test {
 protected:
  // All that there are.
  Names Take(const metadata::Annotations* notes = nullptr, const http::RequestHead* request = nullptr) {
    NamedHosts::Left left;
    Names names;
    while (true) {
      NamedHosts hosts(request, notes, arena, left);  // for each attempt another one
      const std::string_view name = hosts.Next(named);
      if (name.empty()) return names;
      names.emplace_back(name);
    }
  }

  base::BlockPool blocks;
  base::Arena arena{blocks};
  http::RequestHead head{arena};
  config::HostOverride named{
      .sources = {http::FieldName("x-to"), config::MetadataPath{.name_space = "envoy.lb", .keys = {"to"}}}};
};

TEST_F(NamedHostsTest, OneAfterTheOther) {
  EXPECT_EQ(Take(nullptr, &head), Names());
  head.headers.Add("x-to", " 10.0.0.1:80 ,,[::1]:81, ");
  head.headers.Add("x-to", "10.0.0.9:80");  // of several fields the first one
  EXPECT_EQ(Take(nullptr, &head), (Names{"10.0.0.1:80", "[::1]:81"}));
  EXPECT_EQ(Take(), Names());
}

TEST_F(NamedHostsTest, WhatFiltersHaveNoted) {
  metadata::Annotations notes;
  ASSERT_TRUE(notes.metadata.Set(arena, "envoy.lb", "to", {.kind = metadata::Value::Kind::kText, .text = "10.0.0.2:80"}));
  EXPECT_EQ(Take(&notes, &head), Names{"10.0.0.2:80"});
  head.headers.Add("x-to", "10.0.0.1:80");
  EXPECT_EQ(Take(&notes, &head), (Names{"10.0.0.1:80", "10.0.0.2:80"}));
  metadata::Annotations flag;
  ASSERT_TRUE(flag.metadata.Set(arena, "envoy.lb", "to", {.kind = metadata::Value::Kind::kFlag, .flag = true}));
  EXPECT_EQ(Take(&flag), Names());
}

TEST_F(NamedHostsTest, NotMoreThanAFew) {
  std::string text;
  for (size_t i = 0; i < NamedHosts::kMost + 3; ++i) text += "10.0.0.1:" + std::to_string(1000 + i) + ", ,";
  head.headers.Add("x-to", text);
  NamedHosts::Left left;
  NamedHosts hosts(&head, nullptr, arena, left);
  for (size_t i = 0; i < NamedHosts::kMost; ++i) EXPECT_EQ(hosts.Next(named), "10.0.0.1:" + std::to_string(1000 + i));
  EXPECT_FALSE(hosts.TakeOverflow());
  EXPECT_EQ(hosts.Next(named), "");
  EXPECT_TRUE(hosts.TakeOverflow());
  // And is not said again by the next attempt.
  NamedHosts next(&head, nullptr, arena, left);
  EXPECT_EQ(next.Next(named), "");
  EXPECT_FALSE(next.TakeOverflow());
}

constexpr char kCluster[] =
    "load_balancing_policy: {policies: [{typed_extension_config: {name: o, typed_config: "
    "{'@type': type.googleapis.com/envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost, "
    "override_host_sources: [{header: x-to}], fallback_policy: {policies: [{typed_extension_config: {name: r, "
    "typed_config: {'@type': type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin}}}]}"
    "}}}]}";

TEST(NamedHostsOfRequests, EachAttemptTakesTheNext) {
  test::ProxyWorld world({.route = "timeout: 0s\nretry_policy: {retry_on: 5xx, num_retries: 2, "
                                   "retry_back_off: {base_interval: 0.001s}}",
                          .cluster = kCluster,
                          .hosts = 3});
  const std::unique_ptr<test::Peer> client = world.Connect();
  // The one between them is no host of the cluster.
  client->Send("GET / HTTP/1.1\r\nhost: h\r\nx-to: 10.0.1.3:80, 10.9.9.9:80, 10.0.1.1:80\r\n\r\n");
  world.Run();
  ASSERT_EQ(world.upstream(2).size(), 1u);
  EXPECT_EQ(world.upstream(0).size() + world.upstream(1).size(), 0u);
  world.upstream(2).peer(0).Send("HTTP/1.1 503 Down\r\ncontent-length: 0\r\n\r\n");
  world.Run();
  world.Wait(10);
  ASSERT_EQ(world.upstream(0).size(), 1u);
  world.upstream(0).peer(0).Send("HTTP/1.1 503 Down\r\ncontent-length: 0\r\n\r\n");
  world.Run();
  world.Wait(10);
  // None is left: as the other policy has it.
  EXPECT_EQ(world.stat("cluster.app.upstream_rq_total"), 3);
  // An answer that is tried again counts as an error of its host.
  const upstream::Host& host = *world.context().FindCluster("app")->hosts().hosts.at(2);
  EXPECT_EQ(host.Sum(upstream::HostFigures::kRqError), 1u);
  client->Close();
  world.Run();
}

TEST(NamedHostsOfRequests, WhatIsBeyondTheFirstOnesIsCounted) {
  test::ProxyWorld world({.cluster = kCluster, .hosts = 3});
  const std::unique_ptr<test::Peer> client = world.Connect();
  for (const size_t strangers : {size_t{NamedHosts::kMost} - 1, size_t{NamedHosts::kMost}}) {
    std::string names;
    for (size_t i = 0; i < strangers; ++i) names += "10.9.9.9:80,";
    client->Send("GET / HTTP/1.1\r\nhost: h\r\nx-to: " + names + "10.0.1.3:80\r\n\r\n");
    world.Run();
    const bool found = strangers < NamedHosts::kMost;
    if (found) {
      ASSERT_EQ(world.upstream(2).size(), 1u);
      world.upstream(2).peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
      world.Run();
    }
    EXPECT_EQ(world.stat("cluster.app.lb_override_hosts_overflow"), found ? 0 : 1);
    EXPECT_EQ(world.stat("cluster.app.upstream_rq_total"), found ? 1 : 2);
  }
}

TEST(NamedHostsOfRequests, AlwaysTheSame) {
  test::ProxyWorld world({.cluster = kCluster, .hosts = 3});
  const std::unique_ptr<test::Peer> client = world.Connect();
  for (int i = 0; i < 6; ++i) {
    client->Send("GET / HTTP/1.1\r\nhost: h\r\nx-to: 10.0.1.2:80\r\n\r\n");
    world.Run();
    ASSERT_EQ(world.upstream(1).size(), 1u);
    world.upstream(1).peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    world.Run();
  }
  EXPECT_EQ(world.upstream(0).size() + world.upstream(2).size(), 0u);
}

}  // namespace
}  // namespace pillion::proxy
