// What answers in the place of a filter whose configuration has not come.

#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr std::string_view kEdit = R"(- name: edit
  config_discovery:
    config_source: {path_config_source: {path: /dev/null}}
    type_urls: [type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation])";

constexpr std::string_view kRequest = "GET /x HTTP/1.1\r\nhost: h\r\n\r\n";
using Log = std::vector<std::string>;

TEST(MissingFilterTest, AnswersWithAnError) {
  ProxySettings settings;
  settings.http_filters = kEdit;
  ProxyWorld world(settings);
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send(kRequest);
  world.Run();
  const std::string got = client->Take();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 500 Internal Server Error\r\n")) << got;
  EXPECT_NE(got.find("\r\ncontent-length: 0\r\n"), std::string::npos) << got;
  EXPECT_EQ(world.upstream().size(), 0u);
  EXPECT_EQ(world.TakeLog(), (Log{"GET /x HTTP/1.1 500 NFCF no_filter_config_found[edit] 0 0 0"}));
}

// Those in front of it have their say, and see the answer.
TEST(MissingFilterTest, StandsWhereTheFilterWould) {
  ProxySettings settings;
  settings.http_filters = std::string(R"(- name: front
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
    mutations: {response_mutations: [{append: {header: {key: x-front, value: "1"}}}]}
)") + std::string(kEdit);
  ProxyWorld world(settings);
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send(kRequest);
  world.Run();
  const std::string got = client->Take();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 500 ")) << got;
  EXPECT_NE(got.find("\r\nx-front: 1\r\n"), std::string::npos) << got;
}

TEST(MissingFilterTest, NobodyMissesADisabledOne) {
  ProxySettings settings;
  settings.http_filters = std::string(kEdit) + "\n  disabled: true";
  ProxyWorld world(settings);
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send(kRequest);
  world.Run();
  EXPECT_EQ(world.upstream().size(), 1u);
}

// A default is what serves until then.
TEST(MissingFilterTest, ADefaultServes) {
  ProxySettings settings;
  settings.http_filters = std::string(kEdit) + R"(
    default_config:
      "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
      mutations: {request_mutations: [{append: {header: {key: x-default, value: "1"}}}]})";
  ProxyWorld world(settings);
  const std::unique_ptr<Peer> client = world.Connect();
  client->Send(kRequest);
  world.Run();
  ASSERT_EQ(world.upstream().size(), 1u);
  EXPECT_NE(world.upstream().peer(0).Take().find("\r\nx-default: 1\r\n"), std::string::npos);
}

}  // namespace
}  // namespace pillion::test
