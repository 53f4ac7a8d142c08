// HTTP filters whose configuration comes apart from their listener: what may be configured, and what comes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envoy/config/core/v3/core.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "source/config/check_filters.h"
#include "source/config/check_routes.h"
#include "source/config/filter_source.h"
#include "test/unit/config/pushed.h"

namespace pillion::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using ListenerMessage = envoy::config::listener::v3::Listener;
using ExtensionMessage = envoy::config::core::v3::TypedExtensionConfig;

constexpr char kHttp[] = "type.googleapis.com/envoy.extensions.filters.http.";
constexpr char kManagerPath[] = "filter_chains[0].filters[0].typed_config.";

std::string TypeUrl(const std::string& name) { return kHttp + name; }
const std::string kBuffer = TypeUrl("buffer.v3.Buffer"), kMutation = TypeUrl("header_mutation.v3.HeaderMutation"),
                  kCors = TypeUrl("cors.v3.Cors"), kRouter = TypeUrl("router.v3.Router");

std::string Discovered(const std::string& types, const std::string& more = "", const std::string& source = "{ads: {}}") {
  return "{name: edit, config_discovery: {config_source: " + source + ", type_urls: [" + types + "]" + more + "}}, ";
}
std::string ListenerText(const std::string& filters, const std::string& host_fields = "", bool router = true) {
  return "{name: in, address: {socket_address: {address: 127.0.0.1, port_value: 80}}, filter_chains: [{filters: [{name: http, "
         "typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
         "HttpConnectionManager, stat_prefix: in, route_config: {virtual_hosts: [{name: v, domains: ['*']" + host_fields +
         "}]}, http_filters: [" + filters + (router ? "{name: router, typed_config: {'@type': " + kRouter + "}}" : "") + "]}}]}]}";
}

class DiscoveredFiltersTest : public testing::Test {
 protected:
  Judged<Listener> Build(const std::string& filters, const std::string& host_fields = "", bool router = true) const {
    return process_.resources->BuildListener(Resource<ListenerMessage>(ListenerText(filters, host_fields, router)),
                                             process_.ads());
  }
  static const HttpConnectionManager& ManagerOf(const Listener& listener) {
    return std::get<HttpConnectionManager>(listener.filter_chains[0].terminal);
  }
  Judged<HttpFilter> Come(const HttpFilter& place, const std::string& config) const {
    return process_.resources->BuildHttpFilter(Resource<ExtensionMessage>("{name: edit, typed_config: " + config + "}"), place,
                                               TrafficDirection::kUnspecified);
  }

  const Process process_;
};

TEST_F(DiscoveredFiltersTest, WhereItComesFrom) {
  const Judged<Listener> judged = Build(Discovered(kBuffer + ", envoy.extensions.filters.http.cors.v3.Cors"));
  ASSERT_NE(judged.part, nullptr) << Text(judged.errors);
  const HttpFilter& filter = ManagerOf(*judged.part).http_filters.at(0);
  EXPECT_EQ(filter.name, "edit");
  EXPECT_TRUE(filter.missing);
  EXPECT_EQ(filter.came, 0u);
  EXPECT_NE(filter.config, nullptr);
  ASSERT_NE(filter.source, nullptr);
  EXPECT_EQ(filter.source->name, "edit");
  EXPECT_EQ(filter.source->feed.source, process_.ads());
  EXPECT_EQ(filter.source->feed.initial_fetch_timeout, std::chrono::seconds(15));
  ASSERT_EQ(filter.source->types.size(), 2u);
  EXPECT_EQ(filter.source->types[0].override_type, "envoy.extensions.filters.http.buffer.v3.BufferPerRoute");
  EXPECT_EQ(filter.source->types[1].message, "envoy.extensions.filters.http.cors.v3.Cors");
  EXPECT_FALSE(filter.source->starts_without);
}

TEST_F(DiscoveredFiltersTest, ADefault) {
  const std::string of_buffer = "{'@type': " + kBuffer + ", max_request_bytes: 9}";
  const Judged<Listener> judged =
      Build(Discovered(kBuffer, ", apply_default_config_without_warming: true, default_config: " + of_buffer));
  ASSERT_NE(judged.part, nullptr) << Text(judged.errors);
  const HttpFilter& filter = ManagerOf(*judged.part).http_filters.at(0);
  EXPECT_FALSE(filter.missing);
  EXPECT_TRUE(filter.source->starts_without);
  EXPECT_EQ(filter.override_type, "envoy.extensions.filters.http.buffer.v3.BufferPerRoute");
}

TEST_F(DiscoveredFiltersTest, Errors) {
  const std::string place = std::string(kManagerPath) + "http_filters[0]";
  const auto errors = [&](const std::string& filters, bool router = true) { return Text(Build(filters, "", router).errors); };
  EXPECT_EQ(errors(Discovered(kRouter)), place + ".config_discovery.type_urls[0]: not implemented: the router can't come apart "
                                                 "from its listener, expected typed_config");
  EXPECT_EQ(errors(Discovered(TypeUrl("nobody.v3.Nobody"))),
            place + ".config_discovery.type_urls[0]: \"" + TypeUrl("nobody.v3.Nobody") + "\", expected the type of an HTTP filter");
  EXPECT_THAT(errors(Discovered("")), HasSubstr(place + ".config_discovery.type_urls: "));
  EXPECT_EQ(errors(Discovered(kBuffer, ", apply_default_config_without_warming: true")),
            place + ".config_discovery.apply_default_config_without_warming: expected a default_config with it");
  EXPECT_EQ(errors(Discovered(kBuffer, ", default_config: {'@type': " + kCors + "}")),
            place + ".config_discovery.default_config: a envoy.extensions.filters.http.cors.v3.Cors, expected "
                    "envoy.extensions.filters.http.buffer.v3.Buffer");
  EXPECT_EQ(errors(Discovered(kBuffer), false), place + ": the last filter must be the router, and that can't come apart");
  EXPECT_THAT(errors(Discovered(kBuffer, "", "{path: /nobody/has/this}")),
              HasSubstr(place + ".config_discovery.config_source.path: \"/nobody/has/this\", expected a file that is there"));
  EXPECT_THAT(errors(Discovered(kBuffer, "", "{}")), HasSubstr(place + ".config_discovery.config_source: "));
}

TEST_F(DiscoveredFiltersTest, WhatComes) {
  const Judged<Listener> judged = Build(Discovered(kBuffer + ", " + kMutation));
  ASSERT_NE(judged.part, nullptr) << Text(judged.errors);
  const HttpFilter& place = ManagerOf(*judged.part).http_filters.at(0);
  const Judged<HttpFilter> came = Come(place, "{'@type': " + kBuffer + ", max_request_bytes: 9}");
  ASSERT_NE(came.part, nullptr) << Text(came.errors);
  EXPECT_FALSE(came.part->missing);
  EXPECT_NE(came.part->config, place.config);
  EXPECT_EQ(came.part->name, "edit");
  EXPECT_EQ(came.part->source, place.source);
  EXPECT_EQ(came.part->override_type, "envoy.extensions.filters.http.buffer.v3.BufferPerRoute");
  EXPECT_EQ(Text(Come(place, "{'@type': " + kCors + "}").errors),
            "typed_config: a envoy.extensions.filters.http.cors.v3.Cors, expected envoy.extensions.filters.http.buffer.v3.Buffer or "
            "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation");
  EXPECT_THAT(Text(Come(place, "{'@type': " + kBuffer + "}").errors), HasSubstr("typed_config.max_request_bytes: "));
  EXPECT_THAT(Text(process_.resources->BuildHttpFilter(Resource<ListenerMessage>("{name: edit}"), place,
                                                       TrafficDirection::kUnspecified).errors),
              HasSubstr("expected envoy.config.core.v3.TypedExtensionConfig"));
  ExtensionMessage none;
  none.set_name("edit");
  EXPECT_THAT(Text(process_.resources->BuildHttpFilter(AnyOf(none), place, TrafficDirection::kUnspecified).errors),
              HasSubstr("typed_config: "));
}

// Without a listener that asks for it, as it is checked by itself.
TEST_F(DiscoveredFiltersTest, WhatComesForNobody) {
  const Judged<HttpFilter> came = Come({}, "{'@type': " + kBuffer + ", max_request_bytes: 9}");
  ASSERT_NE(came.part, nullptr) << Text(came.errors);
  EXPECT_NE(came.part->config, nullptr);
  EXPECT_THAT(Text(Come({}, "{'@type': " + kBuffer + "}").errors), HasSubstr("typed_config.max_request_bytes: "));
}

// A route may have what any of the filters takes that it may become; once one has come, what that one takes.
TEST_F(DiscoveredFiltersTest, WhatRoutesSayOfIt) {
  const auto of = [](const std::string& type, const std::string& fields) {
    return ", typed_per_filter_config: {edit: {'@type': " + TypeUrl(type) + ", " + fields + "}}";
  };
  const std::string types = kBuffer + ", " + kCors;
  EXPECT_THAT(Text(Build(Discovered(kBuffer), of("cors.v3.CorsPolicy", "max_age: '1'")).errors),
              HasSubstr("[\"edit\"]: a envoy.extensions.filters.http.cors.v3.CorsPolicy, expected "
                        "envoy.extensions.filters.http.buffer.v3.BufferPerRoute"));
  const Judged<Listener> judged = Build(Discovered(types), of("cors.v3.CorsPolicy", "max_age: '1'"));
  ASSERT_NE(judged.part, nullptr) << Text(judged.errors);
  HttpConnectionManager manager = ManagerOf(*judged.part);
  EXPECT_THAT(CheckFilters(manager), IsEmpty());
  manager.http_filters[0] = *Come(manager.http_filters[0], "{'@type': " + kBuffer + ", max_request_bytes: 9}").part;
  EXPECT_EQ(Text(CheckFilters(manager)), "route_config.virtual_hosts[0].typed_per_filter_config[\"edit\"]: a "
                                         "envoy.extensions.filters.http.cors.v3.CorsPolicy, expected "
                                         "envoy.extensions.filters.http.buffer.v3.BufferPerRoute");
  manager.http_filters[0] = *Come(manager.http_filters[0], "{'@type': " + kCors + "}").part;
  EXPECT_THAT(CheckFilters(manager), IsEmpty());
}

}  // namespace
}  // namespace pillion::config
