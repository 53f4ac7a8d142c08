// Network filters and listener filters whose configuration comes apart from their listener: what may be configured, and what
// comes. (HTTP filters: discovered_filters_test.cc.)

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envoy/config/core/v3/core.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "source/config/filter_place.h"
#include "test/unit/config/pushed.h"

namespace pillion::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using ListenerMessage = envoy::config::listener::v3::Listener;
using ExtensionMessage = envoy::config::core::v3::TypedExtensionConfig;

const std::string kFilters = "type.googleapis.com/envoy.extensions.filters.";
const std::string kEcho = kFilters + "network.echo.v3.Echo", kTcp = kFilters + "network.tcp_proxy.v3.TcpProxy",
                  kHttp = kFilters + "network.http_connection_manager.v3.HttpConnectionManager",
                  kLimit = kFilters + "network.connection_limit.v3.ConnectionLimit",
                  kSni = kFilters + "network.sni_cluster.v3.SniCluster",
                  kTlsInspector = kFilters + "listener.tls_inspector.v3.TlsInspector",
                  kHttpInspector = kFilters + "listener.http_inspector.v3.HttpInspector";
const std::string kRouter = kFilters + "http.router.v3.Router", kBuffer = kFilters + "http.buffer.v3.Buffer";

std::string Of(const std::string& type, const std::string& fields = "") {
  return "{'@type': " + type + (fields.empty() ? "" : ", ") + fields + "}";
}
std::string Discovered(const std::string& name, const std::string& types, const std::string& more = "") {
  return "{name: " + name + ", config_discovery: {config_source: {ads: {}}, type_urls: [" + types + "]" + more + "}}";
}
std::string LimitOf(int most) { return Of(kLimit, "stat_prefix: l, max_connections: " + std::to_string(most)); }
std::string Plain(const std::string& config) { return "{name: plain, typed_config: " + config + "}"; }
std::string ManagerOf(const std::string& http_filters) {
  return Of(kHttp, "stat_prefix: in, route_config: {virtual_hosts: [{name: v, domains: ['*']}]}, http_filters: [" + http_filters +
                       "{name: router, typed_config: " + Of(kRouter) + "}]");
}

class DiscoveredNetworkFiltersTest : public testing::Test {
 protected:
  Judged<Listener> Build(const std::string& filters, const std::string& listener_filters = "") const {
    return process_.resources->BuildListener(
        Resource<ListenerMessage>("{name: in, address: {socket_address: {address: 127.0.0.1, port_value: 80}}, listener_filters: [" +
                                  listener_filters + "], filter_chains: [{filters: [" + filters + "]}]}"),
        process_.ads());
  }
  // What is wrong with it.
  std::string Refused(const std::string& filters, const std::string& listener_filters = "") const {
    return Text(Build(filters, listener_filters).errors);
  }
  Judged<DiscoveredFilter> Come(const Listener& listener, size_t place, const std::string& config) const {
    return process_.resources->BuildFilter(Resource<ExtensionMessage>("{name: f, typed_config: " + config + "}"),
                                           FilterPlacesOf(listener).at(place), listener);
  }

  const Process process_;
};

TEST_F(DiscoveredNetworkFiltersTest, TheirPlaces) {
  const Judged<Listener> judged = Build(Discovered("first", kLimit) + ", " + Plain(Of(kSni)) + ", " + Discovered("last", kTcp + ", " + kEcho),
                                        Plain(Of(kTlsInspector)) + ", " + Discovered("looks", kHttpInspector));
  ASSERT_NE(judged.part, nullptr) << Text(judged.errors);
  const FilterChain& chain = judged.part->filter_chains[0];
  ASSERT_EQ(chain.filters.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<MissingFilter>(chain.filters[0]));
  EXPECT_TRUE(std::holds_alternative<SniCluster>(chain.filters[1]));
  EXPECT_TRUE(std::holds_alternative<MissingFilter>(chain.terminal));
  EXPECT_TRUE(std::holds_alternative<MissingFilter>(judged.part->listener_filters.at(1).filter));
  const std::vector<FilterPlace> places = FilterPlacesOf(*judged.part);
  ASSERT_EQ(places.size(), 3u);
  EXPECT_EQ(places[0].source->name, "first");
  EXPECT_EQ(places[0].source->of, FilterSource::Of::kNetwork);
  EXPECT_FALSE(places[0].source->ends_chain);
  EXPECT_EQ(places[1].index, 2u);
  EXPECT_TRUE(places[1].source->ends_chain);
  EXPECT_EQ(places[2].source->of, FilterSource::Of::kListener);
  EXPECT_EQ(places[2].index, 1u);
  for (const FilterPlace& place : places) EXPECT_TRUE(place.missing);
}

TEST_F(DiscoveredNetworkFiltersTest, WhatCannotBe) {
  EXPECT_EQ(Refused(Discovered("f", kEcho) + ", " + Plain(Of(kEcho))),
            "filter_chains[0].filters[0].config_discovery.type_urls[0]: \"" + kEcho +
                "\", expected envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit or "
                "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit or "
                "envoy.extensions.filters.network.rbac.v3.RBAC or envoy.extensions.filters.network.set_filter_state.v3.Config or "
                "envoy.extensions.filters.network.sni_cluster.v3.SniCluster");
  EXPECT_THAT(Refused(Discovered("f", kLimit)), HasSubstr("filters[0].config_discovery.type_urls[0]: \"type.googleapis.com/envoy.extensions.filters.network.con"));
  EXPECT_THAT(Refused(Plain(Of(kEcho)) + ", " + Discovered("f", kEcho)),
              HasSubstr("filters[1]: comes after the filter that ends the chain"));
  EXPECT_THAT(Refused(Plain(Of(kEcho)), Discovered("f", kEcho)),
              HasSubstr("listener_filters[0].config_discovery.type_urls[0]: \"" + kEcho + "\", expected "));
  EXPECT_THAT(Refused(Discovered("f", kEcho, ", apply_default_config_without_warming: true")),
              HasSubstr("apply_default_config_without_warming: expected a default_config with it"));
  EXPECT_THAT(Refused(Discovered("f", kTcp, ", default_config: " + Of(kEcho))), HasSubstr("config_discovery.default_config: a "));
  EXPECT_THAT(Refused(Discovered("f", kLimit, ", default_config: " + LimitOf(0)) + ", " + Plain(Of(kEcho))),
              HasSubstr("config_discovery.default_config.max_connections: 0"));
}

TEST_F(DiscoveredNetworkFiltersTest, Defaults) {
  const Judged<Listener> judged = Build(Discovered("first", kLimit, ", default_config: " + LimitOf(7)) + ", " +
                                            Discovered("last", kEcho, ", default_config: " + Of(kEcho)),
                                        Discovered("looks", kHttpInspector, ", default_config: " + Of(kHttpInspector)));
  ASSERT_NE(judged.part, nullptr) << Text(judged.errors);
  const FilterChain& chain = judged.part->filter_chains[0];
  EXPECT_EQ(std::get<ConnectionLimit>(chain.filters.at(0)).max_connections, 7u);
  EXPECT_TRUE(std::holds_alternative<Echo>(chain.terminal));
  EXPECT_TRUE(std::holds_alternative<HttpInspector>(judged.part->listener_filters.at(0).filter));
  for (const FilterPlace& place : FilterPlacesOf(*judged.part)) EXPECT_FALSE(place.missing);
}

TEST_F(DiscoveredNetworkFiltersTest, WhatComes) {
  const Judged<Listener> judged = Build(Discovered("first", kLimit + ", " + kSni) + ", " + Discovered("last", kTcp + ", " + kHttp),
                                        Discovered("looks", kTlsInspector));
  ASSERT_NE(judged.part, nullptr) << Text(judged.errors);
  const Listener& listener = *judged.part;
  const auto limit = Come(listener, 0, LimitOf(3));
  ASSERT_NE(limit.part, nullptr) << Text(limit.errors);
  const auto tcp = Come(listener, 1, Of(kTcp, "stat_prefix: t, cluster: later"));
  ASSERT_NE(tcp.part, nullptr) << Text(tcp.errors);
  const auto manager = Come(listener, 1, ManagerOf("{name: size, typed_config: " + Of(kBuffer, "max_request_bytes: 9") + "}, "));
  ASSERT_NE(manager.part, nullptr) << Text(manager.errors);
  const auto inspector = Come(listener, 2, Of(kTlsInspector));
  ASSERT_NE(inspector.part, nullptr) << Text(inspector.errors);

  FilterChain chain = listener.filter_chains[0];
  DiscoveredFilter first = *limit.part, last = *manager.part;
  first.came = 5;
  last.came = 6;
  const std::vector<FilterPlace> places = FilterPlacesOf(listener);
  PutFilter(first, places[0], chain);
  PutFilter(last, places[1], chain);
  EXPECT_EQ(std::get<ConnectionLimit>(chain.filters[0]).max_connections, 3u);
  EXPECT_EQ(std::get<HttpConnectionManager>(chain.terminal).http_filters.size(), 1u);
  EXPECT_EQ(chain.came(0), 5u);
  EXPECT_EQ(chain.came(1), 6u);
  EXPECT_NE(chain.digest, listener.filter_chains[0].digest);
  EXPECT_TRUE(chain.IsGivenAs(listener.filter_chains[0]));
  Listener with = listener;
  DiscoveredFilter looks = *inspector.part;
  looks.came = 7;
  PutFilter(looks, places[2], with);
  EXPECT_TRUE(std::holds_alternative<TlsInspector>(with.listener_filters[0].filter));
  EXPECT_EQ(with.listener_filters[0].came, 7u);
  EXPECT_EQ(with.listener_filters[0].name, "looks");
}

TEST_F(DiscoveredNetworkFiltersTest, WhatComesAndCannotBe) {
  const Judged<Listener> judged =
      Build(Discovered("first", kLimit) + ", " + Discovered("last", kTcp + ", " + kHttp), Discovered("looks", kTlsInspector));
  ASSERT_NE(judged.part, nullptr) << Text(judged.errors);
  const auto refused = [&](size_t place, const std::string& config) { return Text(Come(*judged.part, place, config).errors); };
  EXPECT_THAT(refused(0, Of(kSni)), HasSubstr("typed_config: a envoy.extensions.filters.network.sni_cluster.v3.SniCluster, expected "
                                              "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit"));
  EXPECT_THAT(refused(0, LimitOf(0)), HasSubstr("typed_config.max_connections: 0"));
  EXPECT_THAT(refused(1, Of(kEcho)), HasSubstr("typed_config: a envoy.extensions.filters.network.echo.v3.Echo, expected "));
  EXPECT_THAT(refused(1, Of(kTcp, "stat_prefix: t")), HasSubstr("typed_config"));
  EXPECT_THAT(refused(2, Of(kHttpInspector)), HasSubstr("typed_config: a "));
  // Filters of a manager that came would be asked for by nobody.
  EXPECT_THAT(refused(1, ManagerOf("{name: edit, config_discovery: {config_source: {ads: {}}, type_urls: [" + kBuffer + "]}}, ")),
              HasSubstr("typed_config.http_filters[0].config_discovery: not implemented: its connection manager comes apart itself"));
}

// pillionctl check knows no place.
TEST_F(DiscoveredNetworkFiltersTest, OfWhateverKind) {
  const auto text = [this](const std::string& config) {
    return Text(process_.resources->BuildFilter(Resource<ExtensionMessage>("{name: f, typed_config: " + config + "}")).errors);
  };
  for (const std::string& config :
       {Of(kEcho), LimitOf(1), Of(kTlsInspector), ManagerOf(""), Of(kBuffer, "max_request_bytes: 1")}) {
    EXPECT_EQ(text(config), "") << config;
  }
  EXPECT_THAT(text(LimitOf(0)), HasSubstr("typed_config.max_connections: 0"));
  EXPECT_THAT(text(Of(kBuffer)), HasSubstr("max_request_bytes"));
}

}  // namespace
}  // namespace pillion::config
