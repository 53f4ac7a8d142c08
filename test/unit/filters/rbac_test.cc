#include <gtest/gtest.h>

#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

using Lines = std::vector<std::string>;

constexpr char kMessage[] = "\"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
constexpr char kNotes[] =
    "%RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.rbac)% %DYNAMIC_METADATA(envoy.common)%";

// Rules of policies by name, each a permission that is YAML in one line.
std::string Rules(const std::string& action, const std::vector<std::pair<std::string, std::string>>& permissions) {
  std::string text = "{action: " + action + ", policies: {";
  for (const auto& [name, permission] : permissions) {
    text += "\"" + name + "\": {permissions: [" + permission + "], principals: [{any: true}]}, ";
  }
  return text + "}}";
}
std::string Path(const std::string& prefix) {
  return "{url_path: {path: {prefix: " + prefix + "}}}";
}

// Of a matcher tree.
std::string Config(const std::string& type, const std::string& fields) {
  return "{name: n, typed_config: {\"@type\": type.googleapis.com/" + type + ", " + fields + "}}";
}
std::string Act(const std::string& name, const std::string& action, const std::string& more = "") {
  return "{action: " + Config("envoy.config.rbac.v3.Action", "name: " + name + ", action: " + action) + more + "}";
}
std::string Header(const std::string& name) {
  return Config("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name: " + name);
}
std::string Single(const std::string& input, const std::string& match) {
  return "{single_predicate: {input: " + input + ", value_match: {" + match + "}}}";
}
std::string Entry(const std::string& predicate, const std::string& on_match) {
  return "{predicate: " + predicate + ", on_match: " + on_match + "}, ";
}

class RbacTest : public testing::Test {
 protected:
  void Start(const std::string& fields, ProxySettings settings = {}) {
    client_.reset();
    settings.http_filters += "- name: rbac\n  typed_config: {" + std::string(kMessage) + ", " + fields + "}\n";
    settings.filter_log = kNotes;
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  // Its status, and what comes after the head.
  std::string Ask(const std::string& path, const std::string& fields = "") {
    client_->Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
    const std::string got = client_->Take();
    if (got.size() < 12) return "passed on";
    return got.substr(9, 4) + got.substr(got.find("\r\n\r\n") + 4);
  }
  std::string Line() {
    const Lines lines = world_->TakeLog();
    return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " lines";
  }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

constexpr char kDenied[] = "403 RBAC: access denied";

TEST_F(RbacTest, Allow) {
  Start("rules: " + Rules("ALLOW", {{"b", Path("/direct")}, {"a", Path("/dir")}}));
  EXPECT_EQ(Ask("/direct"), "200 direct");
  EXPECT_EQ(Line(),
            R"(direct_response {"enforced_effective_policy_id":"a","enforced_engine_result":"allowed"} -)");
  EXPECT_EQ(Ask("/other"), kDenied);
  EXPECT_EQ(Line(), R"(rbac_access_denied_matched_policy[none] {"enforced_engine_result":"denied"} -)");
  EXPECT_EQ(world_->stat("http.in.rbac.allowed"), 1);
  EXPECT_EQ(world_->stat("http.in.rbac.denied"), 1);
}

TEST_F(RbacTest, Deny) {
  Start("rules: " + Rules("DENY", {{"no way", Path("/direct")}}), {.hcm = "normalize_path: true"});
  EXPECT_EQ(Ask("/direct"), kDenied);
  EXPECT_EQ(Line(),
            "rbac_access_denied_matched_policy[no_way] "
            R"({"enforced_effective_policy_id":"no way","enforced_engine_result":"denied"} -)");
  EXPECT_EQ(Ask("/x/../direct?q"), kDenied);  // as upstream would see it
}

TEST_F(RbacTest, LogLetsThroughAndSaysSo) {
  Start("rules: " + Rules("LOG", {{"p", "{header: {name: x, present_match: true}}"}}));
  EXPECT_EQ(Ask("/direct", "x: 1\r\n"), "200 direct");
  EXPECT_EQ(Line(), R"(direct_response {"enforced_effective_policy_id":"p","enforced_engine_result":"allowed"} )"
                    R"({"access_log_hint":true})");
  EXPECT_EQ(Ask("/direct"), "200 direct");
  EXPECT_EQ(Line(), R"(direct_response {"enforced_engine_result":"allowed"} {"access_log_hint":false})");
}

TEST_F(RbacTest, ShadowRulesOnlyCount) {
  Start("shadow_rules: " + Rules("DENY", {{"s", Path("/direct")}}) +
        ", shadow_rules_stat_prefix: sh_, rules_stat_prefix: e." + ", rules: " + Rules("DENY", {}));
  EXPECT_EQ(Ask("/direct"), "200 direct");
  EXPECT_EQ(Line(), R"(direct_response {"sh_shadow_effective_policy_id":"s","sh_shadow_engine_result":"denied",)"
                    R"("e.enforced_engine_result":"allowed"} -)");
  EXPECT_EQ(world_->stat("http.in.rbac.sh_.shadow_denied"), 1);
  EXPECT_EQ(world_->stat("http.in.rbac.sh_.shadow_allowed"), 0);
  EXPECT_EQ(world_->stat("http.in.rbac.e.allowed"), 1);
}

// What is noted is there for who asks, whenever it is written.
TEST_F(RbacTest, RulesByWhatShadowRulesNoted) {
  Start("shadow_rules: " + Rules("DENY", {{"s", Path("/direct")}}) + ", rules: " +
        Rules("DENY", {{"p", "{metadata: {filter: envoy.filters.http.rbac, path: [{key: shadow_engine_result}], "
                             "value: {string_match: {exact: denied}}}}"}}));
  EXPECT_EQ(Ask("/direct"), kDenied);
  EXPECT_EQ(Line(), "rbac_access_denied_matched_policy[p] "
                    R"({"shadow_effective_policy_id":"s","shadow_engine_result":"denied",)"
                    R"("enforced_effective_policy_id":"p","enforced_engine_result":"denied"} -)");
  EXPECT_EQ(Ask("/other"), "passed on");
}

TEST_F(RbacTest, CountsEachRule) {
  Start("track_per_rule_stats: true, rules: " + Rules("ALLOW", {{"p", Path("/direct")}, {"q", Path("/q")}}) +
        ", shadow_rules: " + Rules("DENY", {{"s", Path("/direct")}}));
  Ask("/direct");
  Ask("/none");
  EXPECT_EQ(world_->stat("http.in.rbac.policy.p.allowed"), 1);
  EXPECT_EQ(world_->stat("http.in.rbac.policy.q.allowed"), 0);
  EXPECT_EQ(world_->stat("http.in.rbac.policy.s.shadow_denied"), 1);
}

TEST_F(RbacTest, OfARoute) {
  const std::string route =
      "- {match: {path: /open}, direct_response: {status: 200}, typed_per_filter_config: {rbac: "
      "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute}}}\n"
      "- {match: {path: /own}, direct_response: {status: 200}, typed_per_filter_config: {rbac: "
      "{\"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute, rbac: "
      "{track_per_rule_stats: true, rules: " +
      Rules("DENY", {{"own", "{header: {name: x, present_match: true}}"}}) + "}}}}\n";
  Start("rules: " + Rules("ALLOW", {}), {.first_routes = route});
  EXPECT_EQ(Ask("/direct"), kDenied);
  EXPECT_EQ(Ask("/open"), "200 ");
  EXPECT_EQ(Ask("/own"), "200 ");
  EXPECT_EQ(Ask("/own", "x: 1\r\n"), kDenied);
  EXPECT_EQ(world_->stat("http.in.rbac.policy.own.denied"), 1);
  EXPECT_EQ(world_->stat("http.in.rbac.denied"), 2);
}

TEST_F(RbacTest, NothingIsConfigured) {
  Start("track_per_rule_stats: true");
  EXPECT_EQ(Ask("/direct"), "200 direct");
  EXPECT_EQ(Line(), "direct_response - -");
  EXPECT_EQ(world_->stat("http.in.rbac.allowed"), 0);
}

TEST_F(RbacTest, MetadataOfTheRouteAndOfFilters) {
  const std::string of_route =
      "- {match: {path: /m}, direct_response: {status: 200}, metadata: {filter_metadata: {f: {k: {n: v}}}}}\n";
  const std::string rule =
      "{and_rules: {rules: [{sourced_metadata: {metadata_source: ROUTE, metadata_matcher: {filter: f, path: "
      "[{key: k}, {key: n}], value: {string_match: {exact: v}}}}}, {metadata: {filter: d, path: [{key: k}], "
      "value: {string_match: {exact: w}}}}]}}";
  const std::string noting =
      "- name: notes\n  typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http."
      "header_to_metadata.v3.Config, request_rules: [{header: x-d, on_header_present: "
      "{metadata_namespace: d, key: k}}]}\n";
  Start("rules: " + Rules("ALLOW", {{"p", rule}}), {.first_routes = of_route, .http_filters = noting});
  EXPECT_EQ(Ask("/m", "x-d: w\r\n"), "200 ");
  EXPECT_EQ(Ask("/m", "x-d: x\r\n"), kDenied);
  EXPECT_EQ(Ask("/m"), kDenied);
  EXPECT_EQ(Ask("/direct", "x-d: w\r\n"), kDenied);
}

TEST_F(RbacTest, UriTemplatesAndAddresses) {
  Start(
      "rules: {policies: {p: {permissions: [{uri_template: {name: t, typed_config: {\"@type\": "
      "type.googleapis.com/envoy."
      "extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: \"/{a}/x\"}}}], principals: "
      "[{and_ids: {ids: [{direct_remote_ip: {address_prefix: 127.0.0.0, prefix_len: 8}}, {not_id: {remote_ip: "
      "{address_prefix: 192.0.2.0, prefix_len: 24}}}]}}]}}}",
      {.hcm = "use_remote_address: true\nxff_num_trusted_hops: 1"});
  EXPECT_EQ(Ask("/b/x", "x-forwarded-for: 192.0.2.1\r\n"), kDenied);
  EXPECT_EQ(Ask("/b/y"), kDenied);
  EXPECT_EQ(Ask("/b/x"), "passed on");
}

TEST_F(RbacTest, NobodyIsAuthenticatedWithoutTls) {
  Start("rules: {policies: {p: {permissions: [{any: true}], principals: [{authenticated: {}}]}}}");
  EXPECT_EQ(Ask("/direct"), kDenied);
  Start(
      "rules: {policies: {p: {permissions: [{any: true}], principals: [{authenticated: {principal_name: "
      "{safe_regex: "
      "{regex: \".*\"}}}}]}}}");
  EXPECT_EQ(Ask("/direct"), kDenied);
}

// request.headers['x-tenant-id'] == 'acme', as a tree.
constexpr char kOfAcme[] =
    "{id: 5, call_expr: {function: _==_, args: [{id: 3, call_expr: {function: '_[_]', args: [{id: 2, select_expr: "
    "{operand: {id: 1, ident_expr: {name: request}}, field: headers}}, {id: 4, const_expr: {string_value: x-tenant-id}}]}}, "
    "{id: 6, const_expr: {string_value: acme}}]}}";

std::string Conditional(const std::string& action, const std::string& condition) {
  return "rules: {action: " + action + ", policies: {p: {permissions: [" + Path("/direct") + "], principals: [{any: true}], " +
         condition + "}}}";
}

TEST_F(RbacTest, ConditionOfAPolicy) {
  Start(Conditional("ALLOW", std::string("condition: ") + kOfAcme));
  EXPECT_EQ(Ask("/direct", "x-tenant-id: acme\r\n"), "200 direct");
  EXPECT_EQ(Ask("/direct", "x-tenant-id: other\r\n"), kDenied);
  EXPECT_EQ(Ask("/direct"), kDenied);
  EXPECT_EQ(Ask("/other", "x-tenant-id: acme\r\n"), kDenied);  // the rest of the policy must fit, too
  // An expression that fails does not hold.
  Start(Conditional("DENY", std::string("condition: ") + kOfAcme));
  EXPECT_EQ(Ask("/direct", "x-tenant-id: acme\r\n"), kDenied);
  EXPECT_EQ(Ask("/direct", "x-tenant-id: other\r\n"), "200 direct");
  EXPECT_EQ(Ask("/direct"), "200 direct");
}

TEST_F(RbacTest, CheckedConditionOfAPolicy) {
  Start(Conditional("ALLOW", "checked_condition: {expr: {id: 2, call_expr: {function: _==_, args: [{id: 1, ident_expr: {name: "
                             "request.method}}, {id: 3, const_expr: {string_value: GET}}]}}, reference_map: {1: {name: "
                             "request.method}, 2: {overload_id: [equals]}}, type_map: {1: {primitive: STRING}}}"));
  EXPECT_EQ(Ask("/direct"), "200 direct");
}

// They are there whether they are named or not.
TEST_F(RbacTest, ConditionWhoseFunctionsAreNamed) {
  const std::string condition = "condition: {id: 1, call_expr: {function: _==_, args: [{id: 2, call_expr: {target: {id: 3, ident_expr: {name: "
                                "request.method}}, function: lowerAscii}}, {id: 4, const_expr: {string_value: get}}]}}";
  for (const std::string more : {"", ", cel_config: {enable_string_conversion: true, enable_string_concat: true, enable_string_functions: true}",
                                 ", cel_config: {enable_string_functions: false}"}) {
    Start(Conditional("ALLOW", condition + more));
    EXPECT_EQ(Ask("/direct"), "200 direct") << more;
  }
}

// Of a matcher tree.
std::string Says(const std::string& expression) {
  return "{single_predicate: {input: " + Config("xds.type.matcher.v3.HttpAttributesCelMatchInput", "") + ", custom_match: " +
         Config("xds.type.matcher.v3.CelMatcher", "expr_match: {cel_expr_string: \"" + expression + "\"}") + "}}";
}
std::string Only(const std::string& predicate, const std::string& on_match) {
  return "matcher: {matcher_list: {matchers: [" + Entry(predicate, on_match) + "]}, on_no_match: " + Act("rest", "ALLOW") + "}";
}

TEST_F(RbacTest, TreeOfExpressions) {
  Start("matcher: {matcher_list: {matchers: [" + Entry(Says("request.headers['x-a'] == '1'"), Act("one", "ALLOW")) +
        Entry("{not_matcher: " + Says("has(request.headers.`x-b`)") + "}", Act("no-b", "DENY")) + "]}, on_no_match: " +
        Act("rest", "ALLOW") + "}");
  EXPECT_EQ(Ask("/direct", "x-a: 1\r\n"), "200 direct");
  EXPECT_EQ(Line().substr(0, 60), R"(direct_response {"enforced_effective_policy_id":"one","enfor)");
  EXPECT_EQ(Ask("/direct"), kDenied);  // what the first lacks is passed over
  EXPECT_EQ(Ask("/direct", "x-b: 1\r\n"), "200 direct");
}

// What a request can bring about is unclear, and never opens.
TEST_F(RbacTest, ExpressionsThatComeToTheirBounds) {
  const std::string pairs = Says("request.headers.exists(a, request.headers.all(b, request.headers.all(c, a != b + c)) && a == 'no')");
  std::string many;
  for (int i = 0; i < 60; ++i) many += "x-" + std::to_string(i) + ": 1\r\n";
  Start(Only(pairs, Act("p", "DENY")));
  EXPECT_EQ(Ask("/direct"), "200 direct");
  EXPECT_EQ(Ask("/direct", many), kDenied);
  Start(Only("{not_matcher: " + pairs + "}", Act("p", "ALLOW")));
  EXPECT_EQ(Ask("/direct", many), kDenied);
}

TEST_F(RbacTest, ExpressionsByWhatShadowRulesNoted) {
  Start("shadow_rules: " + Rules("DENY", {{"s", Path("/direct")}}) + ", " +
        Only(Says("metadata.filter_metadata['envoy.filters.http.rbac']['shadow_engine_result'] == 'denied'"), Act("p", "DENY")));
  EXPECT_EQ(Ask("/direct"), kDenied);
  EXPECT_EQ(Ask("/other"), "passed on");
}

TEST_F(RbacTest, TreeOfLists) {
  Start("matcher: {matcher_list: {matchers: [" +
        Entry("{and_matcher: {predicate: [" + Single(Header("x-a"), "exact: '1'") +
                  ", {not_matcher: " + Single(Header("x-b"), "prefix: b") + "}]}}",
              Act("anotb", "ALLOW")) +
        Entry("{or_matcher: {predicate: [" + Single(Header("x-a"), "exact: '2'") + ", " +
                  Single(Config("envoy.extensions.matching.common_inputs.network.v3.DestinationPortInput", ""),
                         "exact: '81'") +
                  "]}}",
              "{matcher: {matcher_list: {matchers: [" +
                  Entry(Single(Header("x-b"), "suffix: b"), Act("inner", "LOG")) + "]}}}") +
        "]}, on_no_match: " + Act("rest", "DENY") + "}");
  EXPECT_EQ(Ask("/direct", "x-a: 1\r\n"), "200 direct");
  EXPECT_EQ(Line(),
            R"(direct_response {"enforced_effective_policy_id":"anotb","enforced_engine_result":"allowed"} )"
            R"({"access_log_hint":false})");
  EXPECT_EQ(Ask("/direct", "x-a: 1\r\nx-b: b\r\n"), kDenied);
  EXPECT_EQ(Line().substr(0, 45), "rbac_access_denied_matched_policy[rest] {\"enf");
  EXPECT_EQ(Ask("/direct", "x-a: 2\r\nx-b: b\r\n"), "200 direct");
  EXPECT_EQ(Line(),
            R"(direct_response {"enforced_effective_policy_id":"inner","enforced_engine_result":"allowed"} )"
            R"({"access_log_hint":true})");
  EXPECT_EQ(Ask("/direct", "x-a: 2\r\n"), kDenied);  // the inner one comes to nothing
}

TEST_F(RbacTest, TreeOfMaps) {
  Start("matcher: {matcher_tree: {input: " +
        Config("envoy.extensions.matching.common_inputs.network.v3.SourceIPInput", "") +
        ", exact_match_map: {map: {127.0.0.1: {matcher: {matcher_tree: {input: " + Header("x-p") +
        ", prefix_match_map: {map: {/a: " + Act("a", "ALLOW") + ", /a/b: " + Act("b", "DENY") +
        "}}}}}}}}}, shadow_matcher: {on_no_match: " + Act("s", "DENY") + "}");
  EXPECT_EQ(Ask("/direct", "x-p: /a/c\r\n"), "200 direct");
  EXPECT_EQ(Ask("/direct", "x-p: /a/bc\r\n"), kDenied);
  EXPECT_EQ(Ask("/direct"), kDenied);
  EXPECT_EQ(world_->stat("http.in.rbac.shadow_denied"), 3);
}

}  // namespace
}  // namespace pillion::test
