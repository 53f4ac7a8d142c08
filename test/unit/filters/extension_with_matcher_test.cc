// A filter that has nothing to do with some requests: here one that adds a field to requests and answers.

#include <gtest/gtest.h>

#include "test/unit/filters/filter_config.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr char kMutation[] =
    "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation, mutations: {"
    "request_mutations: [{append: {header: {key: x-m, value: on}}}], "
    "response_mutations: [{append: {header: {key: x-r, value: on}}}]}}";
constexpr char kSkip[] =
    "{action: {name: skip, typed_config: {\"@type\": "
    "type.googleapis.com/envoy.extensions.filters.common.matcher.action.v3.SkipFilter}}}";

std::string Filter(const std::string& matcher, const std::string& inner = kMutation) {
  return "- name: some\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.common.matching.v3."
         "ExtensionWithMatcher, extension_config: {name: inner, typed_config: " + inner + "}" +
         (matcher.empty() ? "" : ", xds_matcher: " + matcher) + "}\n";
}
// Skips where x-skip is "yes".
std::string ByField(const std::string& skip = kSkip) {
  return "{matcher_tree: {input: {name: i, typed_config: {\"@type\": "
         "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: x-skip}}, "
         "exact_match_map: {map: {\"yes\": " + skip + "}}}}";
}

class ExtensionWithMatcherTest : public testing::Test {
 protected:
  void Start(const std::string& filter, ProxySettings settings = {}) {
    client_.reset();
    settings.http_filters = filter;
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  // "m", "r": the filter has seen the request, and the answer.
  std::string Ask(const std::string& fields = "") {
    client_->Send("GET / HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
    const std::string asked = world_->upstream().peer(0).Take();
    world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    world_->Run();
    const std::string answer = client_->Take();
    std::string seen;
    if (asked.find("x-m: on") != asked.npos) seen += "m";
    if (answer.find("x-r: on") != answer.npos) seen += "r";
    return seen;
  }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

TEST_F(ExtensionWithMatcherTest, SkipsWhatFits) {
  Start(Filter(ByField()));
  EXPECT_EQ(Ask(), "mr");
  EXPECT_EQ(Ask("x-skip: yes\r\n"), "");
  EXPECT_EQ(Ask("x-skip: no\r\n"), "mr");
}

// Nobody knows which of them the upstream takes: the filter does what it is there for.
TEST_F(ExtensionWithMatcherTest, NotWhatOnlySomeValuesFit) {
  Start(Filter(ByField()));
  EXPECT_EQ(Ask("x-skip: yes\r\nx-skip: no\r\n"), "mr");
}

TEST_F(ExtensionWithMatcherTest, WithoutAMatcherItIsTheFilter) {
  Start(Filter(""));
  EXPECT_EQ(Ask("x-skip: yes\r\n"), "mr");
}

TEST_F(ExtensionWithMatcherTest, ByWhatIsKnownOfTheConnection) {
  const auto from = [](const std::string& ip) {
    return "{matcher_tree: {input: {name: i, typed_config: {\"@type\": "
           "type.googleapis.com/envoy.extensions.matching.common_inputs.network.v3.SourceIPInput}}, "
           "exact_match_map: {map: {\"" + ip + "\": " + kSkip + "}}}}";
  };
  Start(Filter(from("127.0.0.1")));
  EXPECT_EQ(Ask(), "");
  Start(Filter(from("127.0.0.2")));
  EXPECT_EQ(Ask(), "mr");
}

TEST_F(ExtensionWithMatcherTest, ByAnExpression) {
  Start(Filter("{matcher_list: {matchers: [{predicate: {single_predicate: {input: {name: i, typed_config: {\"@type\": "
               "type.googleapis.com/xds.type.matcher.v3.HttpAttributesCelMatchInput}}, custom_match: {name: c, typed_config: "
               "{\"@type\": type.googleapis.com/xds.type.matcher.v3.CelMatcher, expr_match: {cel_expr_string: "
               "\"request.headers['x-skip'] == 'yes'\"}}}}}, on_match: " + std::string(kSkip) + "}]}}"));
  EXPECT_EQ(Ask("x-skip: yes\r\n"), "");
  EXPECT_EQ(Ask("x-skip: no\r\n"), "mr");
}

TEST_F(ExtensionWithMatcherTest, ARouteHasAnotherMatcher) {
  const std::string of_route =
      "typed_per_filter_config: {some: {\"@type\": "
      "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcherPerRoute";
  Start(Filter(ByField()), {.entry = of_route + ", xds_matcher: {on_no_match: " + kSkip + "}}}"});
  EXPECT_EQ(Ask(), "");
  Start(Filter(ByField()), {.entry = of_route + "}}"});
  EXPECT_EQ(Ask("x-skip: yes\r\n"), "mr");
}

// A filter that has the route chosen anew: what that says under the name is of the matcher, and not of the filter within.
TEST_F(ExtensionWithMatcherTest, AFilterThatAsksTheRouteAgain) {
  const std::string context = "{\"@type\": type.googleapis.com/pillion.filters.http.context.v1.Context, direction: INBOUND}";
  const std::string of_route =
      "typed_per_filter_config: {some: {\"@type\": "
      "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcherPerRoute, xds_matcher: ";
  Start(Filter("", context), {.entry = of_route + ByField() + "}}"});
  client_->Send("GET / HTTP/1.1\r\nhost: h\r\nx-tenant: acme\r\n\r\n");
  world_->Run();
  const std::string asked = world_->upstream().peer(0).Take();
  EXPECT_TRUE(asked.starts_with("GET / ")) << asked;
  EXPECT_EQ(asked.find("acme"), asked.npos) << asked;  // of a stranger
}

// A filter that answers, in front of all others, where it would be asked without a chain.
TEST_F(ExtensionWithMatcherTest, AFilterThatOnlyLetsPass) {
  const std::string rbac =
      "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC, rules: {action: DENY, policies: {all: {"
      "permissions: [{any: true}], principals: [{any: true}]}}}}";
  Start(Filter(ByField(), rbac));
  EXPECT_EQ(Ask("x-skip: yes\r\n"), "");
  client_->Send("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
  world_->Run();
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 403"));
}

TEST(ExtensionWithMatcherConfig, WhatIsRefused) {
  // Of a filter in YAML's flow style.
  const auto refused = [](const std::string& inner, const std::string& matcher, const std::string& of_route = "") {
    return Refused({.http_filters = "{name: some, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.common.matching.v3."
                                    "ExtensionWithMatcher, extension_config: {name: inner, typed_config: " + inner +
                                    "}, xds_matcher: " + matcher + "}}",
                    .of_route = of_route});
  };
  EXPECT_EQ(refused(kMutation, ByField()), "");
  const std::string router = "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}";
  EXPECT_NE(refused(router, ByField()).find("extension_config.typed_config: "), std::string::npos);
  EXPECT_NE(refused(router, ByField()).find("an HTTP filter but the router and this one"), std::string::npos);
  const std::string other = "{action: {name: a, typed_config: {\"@type\": type.googleapis.com/envoy.config.rbac.v3.Action, name: a, action: DENY}}}";
  EXPECT_NE(refused(kMutation, ByField(other)).find("SkipFilter"), std::string::npos);
  // What routes say of the filter within has no place: it would be taken for a matcher.
  const std::string of_inner =
      "typed_per_filter_config: {some: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3."
      "HeaderMutationPerRoute, mutations: {}}}";
  EXPECT_NE(refused(kMutation, ByField(), of_inner).find("ExtensionWithMatcherPerRoute"), std::string::npos);
}

}  // namespace
}  // namespace pillion::test
