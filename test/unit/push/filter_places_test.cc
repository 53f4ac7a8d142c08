// What comes for network filters and listener filters. (HTTP filters, and how all come: filter_configs_test.cc.)

#include <gmock/gmock.h>

#include "envoy/config/core/v3/core.pb.h"
#include "source/config/filter_place.h"
#include "source/push/filter_configs.h"
#include "test/unit/push/pushed.h"

namespace pillion::push {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using xds::Kind;

const std::string kFilters = "type.googleapis.com/envoy.extensions.filters.";
const std::string kEcho = kFilters + "network.echo.v3.Echo", kLimit = kFilters + "network.connection_limit.v3.ConnectionLimit",
                  kTcp = kFilters + "network.tcp_proxy.v3.TcpProxy",
                  kTlsInspector = kFilters + "listener.tls_inspector.v3.TlsInspector";

google::protobuf::Any Extension(const std::string& name, const std::string& config) {
  return config::Resource<envoy::config::core::v3::TypedExtensionConfig>("{name: " + name + ", typed_config: " + config + "}");
}
std::string Of(const std::string& type) { return "{'@type': " + type + "}"; }
std::string LimitOf(int most) {
  return "{'@type': " + kLimit + ", stat_prefix: l, max_connections: " + std::to_string(most) + "}";
}
std::string Discovered(const std::string& name, const std::string& types, const std::string& more = "") {
  return "{name: " + name + ", config_discovery: {config_source: {ads: {}}, type_urls: [" + types + "]" + more + "}}";
}
std::string Chain(const std::string& filters, int port = 0) {
  const std::string match = port == 0 ? "" : "filter_chain_match: {destination_port: " + std::to_string(port) + "}, ";
  return "{" + match + "filters: [" + filters + "]}";
}
const std::string kEchoes = "{name: echo, typed_config: {'@type': " + kEcho + "}}";

class FilterPlacesTest : public PushedTest {
 protected:
  void SetUp() override {
    filters_.Start();
    planes_.Start();
  }
  // A listener that follows.
  FilterConfigs::Use& Add(const std::string& chains, const std::string& listener_filters = "") {
    given_ = ListenerOfChains(chains, listener_filters);
    uses_.push_back(filters_.For(given_));
    return *uses_.back();
  }
  static std::shared_ptr<const config::Listener> Now(const FilterConfigs::Use& use) {
    const FilterConfigs::Completed completed = use.Complete();
    EXPECT_THAT(completed.errors, IsEmpty());
    return completed.listener;
  }
  uint64_t Stat(const std::string& name) { return Count("extension_config_discovery." + name); }

  int followed_ = 0;
  FilterConfigs filters_{planes_, *process_.resources,
                         [this] {
                           ++followed_;
                           return std::vector<std::string>();
                         },
                         with()};
  std::shared_ptr<const config::Listener> given_;  // that was added last
  std::vector<std::unique_ptr<FilterConfigs::Use>> uses_;
};

TEST_F(FilterPlacesTest, NetworkFilters) {
  FilterConfigs::Use& use = Add(Chain(Discovered("limit", kLimit) + ", " + Discovered("end", kTcp + ", " + kEcho)));
  EXPECT_EQ(Now(use), given_);
  Answer(Kind::kExtensions, {{"limit", Extension("limit", LimitOf(5))}});
  std::shared_ptr<const config::Listener> now = Now(use);
  EXPECT_EQ(now->given, given_);
  EXPECT_EQ(std::get<config::ConnectionLimit>(now->filter_chains[0].filters.at(0)).max_connections, 5u);
  EXPECT_TRUE(std::holds_alternative<config::MissingFilter>(now->filter_chains[0].terminal));
  EXPECT_NE(now->filter_chains[0].digest, given_->filter_chains[0].digest);
  EXPECT_EQ(now->filter_chains[0].given_digest, given_->filter_chains[0].digest);
  Answer(Kind::kExtensions, {{"end", Extension("end", Of(kEcho))}});
  now = Now(use);
  EXPECT_TRUE(std::holds_alternative<config::Echo>(now->filter_chains[0].terminal));
  EXPECT_EQ(std::get<config::ConnectionLimit>(now->filter_chains[0].filters.at(0)).max_connections, 5u);
  EXPECT_EQ(Stat("network_filter.limit.config_reload"), 1u);
  EXPECT_EQ(Stat("network_filter.end.config_reload"), 1u);
  EXPECT_EQ(followed_, 2);
  Answer(Kind::kExtensions, {}, {"limit"});
  now = Now(use);
  EXPECT_TRUE(std::holds_alternative<config::MissingFilter>(now->filter_chains[0].filters.at(0)));
  EXPECT_TRUE(std::holds_alternative<config::Echo>(now->filter_chains[0].terminal));
  EXPECT_THAT(log_, Contains("filter configuration limit is gone; connections that need it are closed"));
}

// Another one stays as it was.
TEST_F(FilterPlacesTest, WhatCanNotStandThereIsRefused) {
  FilterConfigs::Use& use = Add(Chain(Discovered("limit", kLimit) + ", " + kEchoes));
  Answer(Kind::kExtensions, {{"limit", Extension("limit", LimitOf(5))}});
  const std::shared_ptr<const config::Listener> before = Now(use);
  Sent();
  Answer(Kind::kExtensions, {{"limit", Extension("limit", Of(kEcho))}});
  const Lines sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_THAT(sent[0], HasSubstr("typed_config: a envoy.extensions.filters.network.echo.v3.Echo, expected "
                                 "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit"));
  EXPECT_EQ(Now(use), before);
  EXPECT_EQ(Stat("network_filter.limit.config_fail"), 1u);
}

TEST_F(FilterPlacesTest, ListenerFilters) {
  FilterConfigs::Use& use = Add(Chain(kEchoes), Discovered("looks", kTlsInspector));
  int ready = 0;
  use.WhenReady([&](const std::string& name) {
    EXPECT_EQ(name, "looks");
    return [&] { ++ready; };
  });
  Answer(Kind::kExtensions, {{"looks", Extension("looks", Of(kTlsInspector))}});
  EXPECT_EQ(ready, 1);
  const std::shared_ptr<const config::Listener> now = Now(use);
  EXPECT_TRUE(std::holds_alternative<config::TlsInspector>(now->listener_filters.at(0).filter));
  EXPECT_NE(now->listener_filters[0].came, 0u);
  EXPECT_EQ(now->filter_chains.Share(0), given_->filter_chains.Share(0));  // chains have nothing to do with it
  EXPECT_EQ(Stat("tcp_listener_filter.looks.config_reload"), 1u);
}

// Of one name and source, each kind has a resource of its own to take.
TEST_F(FilterPlacesTest, KindsAreApart) {
  Add(Chain(Discovered("same", kLimit) + ", " + kEchoes), Discovered("same", kTlsInspector));
  ASSERT_EQ(filters_.all().size(), 2u);
  Sent();
  Answer(Kind::kExtensions, {{"same", Extension("same", LimitOf(1))}});
  const Lines sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_THAT(sent[0], HasSubstr("TlsInspector"));
}

// However many chains have filters of their own, one that changes costs one chain, not as many as there are.
TEST_F(FilterPlacesTest, OtherChainsAreShared) {
  constexpr int kChains = 40;
  std::string chains;
  const auto name = [](int i) { return "f" + std::to_string(i); };
  for (int i = 0; i < kChains; ++i) {
    chains += (i == 0 ? "" : ", ") + Chain(Discovered(name(i), kLimit) + ", " + kEchoes, 1000 + i);
  }
  FilterConfigs::Use& use = Add(chains);
  std::shared_ptr<const config::Listener> before = Now(use);
  for (int round = 1; round <= 2; ++round) {
    for (int i = 0; i < kChains; ++i) {
      Answer(Kind::kExtensions, {{name(i), Extension(name(i), LimitOf(round))}});
      const std::shared_ptr<const config::Listener> now = Now(use);
      for (int k = 0; k < kChains; ++k) {
        EXPECT_EQ(now->filter_chains.Share(k) == before->filter_chains.Share(k), k != i) << round << " " << i << " " << k;
      }
      before = now;
    }
  }
  EXPECT_EQ(followed_, 2 * kChains);
}

}  // namespace
}  // namespace pillion::push
