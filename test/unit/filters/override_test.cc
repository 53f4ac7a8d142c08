// What a route table, a virtual host and a route change of a filter: typed_per_filter_config, shown by the buffer filter,
// which refuses bodies of more than 10 bytes here.

#include <gtest/gtest.h>

#include "test/unit/filters/filter_config.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr char kFilter[] =
    "- name: limit\n"
    "  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 10}\n";

std::string Override(const std::string& config) { return "typed_per_filter_config: {limit: " + config + "}"; }

std::string Buffer(const std::string& fields) {
  return "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute, " + fields + "}";
}
std::string Bytes(int most) { return Buffer("buffer: {max_request_bytes: " + std::to_string(most) + "}"); }
std::string General(const std::string& fields) {
  return "{\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, " + fields + "}";
}

// Whether a body of that size is passed on.
bool Passes(ProxySettings settings, size_t size) {
  if (settings.http_filters.empty()) settings.http_filters = kFilter;
  ProxyWorld world(settings);
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x'));
  world.Run();
  if (world.upstream().size() == 0) {
    EXPECT_TRUE(client->received().starts_with("HTTP/1.1 413")) << client->received();
    return false;
  }
  return true;
}

TEST(Override, NoneIsTheFiltersOwn) {
  EXPECT_TRUE(Passes({}, 10));
  EXPECT_FALSE(Passes({}, 11));
}

TEST(Override, TheNearestCounts) {
  EXPECT_TRUE(Passes({.table = Override(Bytes(20))}, 11));
  EXPECT_FALSE(Passes({.virtual_host = Override(Bytes(5)), .table = Override(Bytes(20))}, 6));
  EXPECT_TRUE(Passes({.virtual_host = Override(Bytes(2)), .table = Override(Bytes(1)), .entry = Override(Bytes(30))}, 30));
  EXPECT_FALSE(Passes({.entry = Override(Bytes(30))}, 31));
}

TEST(Override, OfAWeightedClusterIsNearest) {
  const std::string choice = "route: {weighted_clusters: {clusters: [{name: app, weight: 1, " + Override(Bytes(30)) + "}]}}";
  const std::string route = "- {match: {prefix: /}, " + Override(Bytes(5)) + ", " + choice + "}";
  EXPECT_TRUE(Passes({.first_routes = route}, 30));
  EXPECT_FALSE(Passes({.first_routes = route}, 31));
}

TEST(Override, DisablesByTheFiltersWordOrInGeneral) {
  EXPECT_TRUE(Passes({.virtual_host = Override(Buffer("disabled: true"))}, 11));
  EXPECT_TRUE(Passes({.entry = Override(General("disabled: true"))}, 11));
  EXPECT_TRUE(Passes({.entry = Override(General("config: " + Bytes(20)))}, 11));
  EXPECT_FALSE(Passes({.virtual_host = Override(General("disabled: true")), .entry = Override(Bytes(10))}, 11));
}

TEST(Override, EnablesWhatIsDisabled) {
  const std::string off = std::string(kFilter) + "  disabled: true";
  EXPECT_TRUE(Passes({.http_filters = off}, 11));
  EXPECT_FALSE(Passes({.entry = Override(Bytes(10)), .http_filters = off}, 11));
  EXPECT_FALSE(Passes({.virtual_host = Override(General("config: " + Bytes(10))), .http_filters = off}, 11));
}

TEST(Override, EnablesByAnEmptyConfigurationAlone) {
  EXPECT_FALSE(Passes({.entry = Override(General("config: {}")), .http_filters = std::string(kFilter) + "  disabled: true"}, 11));
  // Whoever writes nothing of either says nothing.
  for (const std::string fields : {"disabled: false", "is_optional: true"}) {
    const config::Loaded loaded =
        Load({.http_filters = "{name: limit, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http."
                              "buffer.v3.Buffer, max_request_bytes: 10}}",
              .of_route = Override(General(fields))});
    ASSERT_EQ(loaded.errors.size(), 1u) << fields;
    EXPECT_TRUE(loaded.errors[0].path.ends_with("typed_per_filter_config[\"limit\"]")) << loaded.errors[0].path;
    EXPECT_EQ(loaded.errors[0].message,
              "neither config nor disabled, expected one of them; config: {} enables the filter as it is");
  }
}

// With CORS in the chain, and that of the table and its route.
config::Loaded Loaded(const std::string& overrides) {
  const std::string field = "typed_per_filter_config: {" + overrides + "}", type = "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.";
  return test::Load({.http_filters = "{name: cors, typed_config: " + type + "cors.v3.Cors}}, "
                                     "{name: stats, typed_config: " + type + "grpc_stats.v3.FilterConfig}}",
                     .of_route = field,
                     .of_table = field});
}

// A filter would take another one's configuration for its own.
TEST(OverrideTest, OfAnotherFilterIsRefused) {
  const std::string type = "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.";
  constexpr char kExpected[] = ", expected envoy.extensions.filters.http.cors.v3.CorsPolicy";
  for (const auto& [config, message] : std::vector<std::pair<std::string, std::string>>{
           {"cors: " + Bytes(10), std::string("a envoy.extensions.filters.http.buffer.v3.BufferPerRoute") + kExpected},
           {"cors: " + type + "cors.v3.Cors}", std::string("a envoy.extensions.filters.http.cors.v3.Cors") + kExpected},
           {"cors: " + type + "router.v3.Router}", std::string("a envoy.extensions.filters.http.router.v3.Router") + kExpected},
           {"stats: " + Bytes(10), "a envoy.extensions.filters.http.buffer.v3.BufferPerRoute, expected nothing"},
           {"other: " + type + "cors.v3.Cors}", std::string("a envoy.extensions.filters.http.cors.v3.Cors") + kExpected},
           {"other: " + type + "router.v3.Router}",
            "a envoy.extensions.filters.http.router.v3.Router, expected what an HTTP filter takes from a route"}}) {
    const config::Loaded loaded = Loaded(config);
    ASSERT_EQ(loaded.errors.size(), 2u) << config;
    const std::string place = "typed_per_filter_config[\"" + config.substr(0, config.find(':')) + "\"]";
    EXPECT_TRUE(loaded.errors[0].path.ends_with("route_config." + place)) << loaded.errors[0].path;
    EXPECT_EQ(loaded.errors[0].message, message);
  }
}

// As with Envoy it is taken; but it is hardly meant.
TEST(OverrideTest, OfARouteWhereTheFilterStands) {
  const config::Loaded loaded =
      Load({.http_filters = "{name: limit, typed_config: " + Buffer("max_request_bytes: 10") + "}", .of_route = Override(Bytes(1))});
  const std::string errors = Texts(loaded.errors);
  EXPECT_NE(errors.find("BufferPerRoute stands in a route's typed_per_filter_config, expected envoy.extensions.filters.http.buffer.v3.Buffer"),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("unknown field \"max_request_bytes\""), std::string::npos) << errors;
  EXPECT_EQ(Texts(loaded.notes), "");  // the filter has the name of the route's configuration, built or not
}

TEST(OverrideTest, OfNoFilterIsNoted) {
  EXPECT_TRUE(Loaded("cors: " + General("disabled: true")).notes.empty());
  const config::Loaded loaded = Loaded("corss: " + General("disabled: true") + ", f: " + Bytes(10));
  ASSERT_NE(loaded.bootstrap, nullptr);
  ASSERT_EQ(loaded.notes.size(), 2u);
  EXPECT_TRUE(loaded.notes[0].path.ends_with("route_config.typed_per_filter_config[\"corss\"]")) << loaded.notes[0].path;
  EXPECT_EQ(loaded.notes[0].message,
            "no filter before the router has this name, so that it says nothing here (1 more elsewhere), did you mean \"cors\"?; "
            "there are \"cors\", \"stats\"");
  EXPECT_TRUE(loaded.notes[1].path.ends_with("[\"f\"]"));
}

}  // namespace
}  // namespace pillion::test
