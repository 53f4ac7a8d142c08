// What the actions of rate limits make of a request, whichever filter asks.

#include <gtest/gtest.h>

#include "test/unit/filters/local_ratelimit_fixture.h"

namespace pillion::test {
namespace {

// What an action makes of a request, shown by a descriptor that lets nothing but the first one through.
class ActionTest : public LocalRateLimitTest {
 protected:
  bool Makes(const std::string& actions, const std::string& entries, const std::string& fields = "",
             const std::string& path = "/direct") {
    ProxySettings settings;
    settings.first_routes = "- {match: {prefix: /direct}, direct_response: {status: 200}}";
    Start(On("descriptors: [{entries: [" + entries + "], " + Bucket(1) + "}], rate_limits: [{actions: [" + actions + "]}]"), settings);
    return Passing(2, fields, path) == 1;
  }
};

TEST_F(ActionTest, RequestHeaders) {
  const std::string one = "{request_headers: {header_name: x-a, descriptor_key: k}}";
  EXPECT_TRUE(Makes(one, "{key: k, value: v}", "x-a: v\r\n"));
  EXPECT_FALSE(Makes(one, "{key: k, value: v}", "x-a: w\r\n"));
  EXPECT_FALSE(Makes(one, "{key: k, value: v}"));
  const std::string two = "{generic_key: {descriptor_value: g}}, "
                          "{request_headers: {header_name: x-a, descriptor_key: k, skip_if_absent: true}}";
  EXPECT_TRUE(Makes(two, "{key: generic_key, value: g}"));
  EXPECT_FALSE(Makes(two, "{key: generic_key, value: g}", "x-a: v\r\n"));
  EXPECT_TRUE(Makes(two, "{key: generic_key, value: g}, {key: k, value: v}", "x-a: v\r\n"));
}

TEST_F(ActionTest, GenericKeyByItsName) {
  EXPECT_TRUE(Makes("{generic_key: {descriptor_key: k, descriptor_value: g}}", "{key: k, value: g}"));
}

TEST_F(ActionTest, QueryParameters) {
  const std::string one = "{query_parameters: {query_parameter_name: t, descriptor_key: k}}";
  EXPECT_TRUE(Makes(one, "{key: k, value: v}", "", "/direct?t=v"));
  EXPECT_FALSE(Makes(one, "{key: k, value: v}", "", "/direct?u=v"));
  EXPECT_TRUE(Makes("{generic_key: {descriptor_value: g}}, {query_parameters: {query_parameter_name: t, descriptor_key: k, "
                    "skip_if_absent: true}}", "{key: generic_key, value: g}"));
}

TEST_F(ActionTest, HeaderValueMatch) {
  const std::string match = "descriptor_value: d, headers: [{name: x-a, string_match: {exact: v}}]";
  EXPECT_TRUE(Makes("{header_value_match: {" + match + "}}", "{key: header_match, value: d}", "x-a: v\r\n"));
  EXPECT_FALSE(Makes("{header_value_match: {" + match + "}}", "{key: header_match, value: d}"));
  EXPECT_TRUE(Makes("{header_value_match: {descriptor_key: k, expect_match: false, " + match + "}}", "{key: k, value: d}"));
}

TEST_F(ActionTest, Expressions) {
  const std::string kind = Expression("request.path.startsWith('/direct/pay') ? 'payments' : 'default'");
  EXPECT_TRUE(Makes(kind, "{key: k, value: payments}", "", "/direct/pay/1"));
  EXPECT_FALSE(Makes(kind, "{key: k, value: payments}", "", "/direct/x"));
  const std::string tenant = "request.headers['x-tenant']";
  EXPECT_TRUE(Makes(Expression(tenant), "{key: k}", "x-tenant: a\r\n"));
  EXPECT_FALSE(Makes(Expression(tenant), "{key: k}"));
  const std::string generic = "{generic_key: {descriptor_value: g}}, ";
  EXPECT_FALSE(Makes(generic + Expression(tenant), "{key: generic_key, value: g}"));
  EXPECT_TRUE(Makes(generic + Expression(tenant, ", skip_if_error: true"), "{key: generic_key, value: g}"));
}

std::string Tree(const std::string& header) {
  return "{extension: {name: e, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor, "
         "descriptor_key: k, parsed: {id: 1, call_expr: {function: '_[_]', args: [{id: 2, select_expr: {field: headers, operand: {id: 3, ident_expr: "
         "{name: request}}}}, {id: 4, const_expr: {string_value: " + header + "}}]}}}}}";
}

TEST_F(ActionTest, ExpressionsAsTrees) {
  EXPECT_TRUE(Makes(Tree("x-tenant"), "{key: k, value: a}", "x-tenant: a\r\n"));
  EXPECT_FALSE(Makes(Tree("x-tenant"), "{key: k, value: a}", "x-tenant: b\r\n"));
  EXPECT_FALSE(Makes(Tree("x-tenant"), "{key: k}"));
}

TEST_F(ActionTest, Clusters) {
  Start(On("descriptors: [{entries: [{key: destination_cluster, value: app}], " + Bucket(1) +
           "}], rate_limits: [{actions: [{destination_cluster: {}}]}]"));
  EXPECT_EQ(Passing(3), 3);  // answered here: there is none
  Get("", "/x");
  world_->upstream().peer(0).Send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  world_->Run();
  clients_[0]->Take();
  EXPECT_FALSE(Passes("", "/x"));
}

TEST_F(ActionTest, GenericKeyOfOperators) {
  const std::string one = "{generic_key: {descriptor_value: 'a-%REQ(X-A)%', default_value: d}}";
  EXPECT_TRUE(Makes(one, "{key: generic_key, value: a-v}", "x-a: v\r\n"));
  const std::string other = "{generic_key: {descriptor_value: '%REQ(X-A)%', default_value: d}}";
  EXPECT_TRUE(Makes(other, "{key: generic_key, value: v}", "x-a: v\r\n"));
  EXPECT_TRUE(Makes(other, "{key: generic_key, value: d}"));
  EXPECT_FALSE(Makes("{generic_key: {descriptor_value: '%REQ(X-A)%'}}", "{key: generic_key}")) << "nothing to say";
}

TEST_F(ActionTest, MatchesOfOperators) {
  const std::string text = "descriptor_value: '%REQ(X-A)%', default_value: d";
  const std::string header = "{header_value_match: {headers: [{name: x-b}], " + text + "}}";
  EXPECT_TRUE(Makes(header, "{key: header_match, value: v}", "x-a: v\r\nx-b: b\r\n"));
  EXPECT_TRUE(Makes(header, "{key: header_match, value: d}", "x-b: b\r\n"));
  const std::string query = "{query_parameter_value_match: {query_parameters: [{name: q}], " + text + "}}";
  EXPECT_TRUE(Makes(query, "{key: query_match, value: v}", "x-a: v\r\n", "/direct?q"));
  EXPECT_TRUE(Makes(query, "{key: query_match, value: d}", "", "/direct?q"));
}

// Nobody has noted anything.
TEST_F(ActionTest, DynamicMetadata) {
  const std::string noted = "descriptor_key: k, metadata_key: {key: shop, path: [{key: plan}]}";
  EXPECT_FALSE(Makes("{dynamic_metadata: {" + noted + "}}", "{key: k}"));
  EXPECT_TRUE(Makes("{dynamic_metadata: {" + noted + ", default_value: none}}", "{key: k, value: none}"));
}

TEST_F(ActionTest, QueryParameterValueMatch) {
  const std::string match = "descriptor_value: d, query_parameters: [{name: q, string_match: {exact: v}}]";
  EXPECT_TRUE(Makes("{query_parameter_value_match: {" + match + "}}", "{key: query_match, value: d}", "", "/direct?q=v"));
  EXPECT_FALSE(Makes("{query_parameter_value_match: {" + match + "}}", "{key: query_match, value: d}", "", "/direct?q=w"));
  EXPECT_TRUE(Makes("{query_parameter_value_match: {descriptor_key: k, expect_match: false, " + match + "}}", "{key: k, value: d}"));
}

}  // namespace
}  // namespace pillion::test
