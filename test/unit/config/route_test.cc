// Route tables: what is read of them, and what is wrong with them.

#include <gtest/gtest.h>

#include "source/base/block.h"
#include "source/config/route.h"
#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

// Lines of YAML, indented as they are in a bootstrap's table.
Loaded LoadTable(const std::string& table) {
  constexpr char kClusters[] = "{name: a, load_assignment: {cluster_name: a}}, {name: b, load_assignment: {cluster_name: b}}";
  return LoadText(ManagerText("          route_config:\n" + table, "", kClusters));
}

Loaded LoadRoute(const std::string& route) {
  return LoadTable("            virtual_hosts: [{name: v, domains: [\"*\"], routes: [" + route + "]}]");
}

const RouteConfig& TableOf(const Loaded& loaded) {
  return *std::get<HttpConnectionManager>(loaded.bootstrap->listeners[0]->filter_chains[0].terminal).route_config;
}

Route GoodRoute(const std::string& text) {
  const Loaded loaded = LoadRoute(text);
  ExpectGood(loaded);
  return loaded.bootstrap == nullptr ? Route() : *TableOf(loaded).virtual_hosts[0]->routes.at(0);
}

// The errors of a route, their paths without what leads to it.
std::vector<std::string> ErrorsOf(const std::string& route) {
  return TextsAt("route_config.virtual_hosts[0].routes[0].", LoadRoute(route).errors);
}

using Errors = std::vector<std::string>;

const std::string kTo = ", route: {cluster: a}}";

TEST(RouteTest, Paths) {
  using Path = match::RequestMatcher::Path;
  const auto match = [](const std::string& text) { return GoodRoute("{match: {" + text + "}" + kTo).match; };
  EXPECT_EQ(match("prefix: /p").kind, Path::kPrefix);
  EXPECT_EQ(match("path: /p").kind, Path::kExact);
  EXPECT_EQ(match("pathSeparatedPrefix: /p").kind, Path::kSeparatedPrefix);
  EXPECT_EQ(match("path_separated_prefix: /p").path, "/p");
  EXPECT_EQ(match("safe_regex: {google_re2: {}, regex: '/p.*'}").kind, Path::kRegex);
  EXPECT_EQ(match("safe_regex: {regex: '/p.*'}").regex->pattern(), "/p.*");
  EXPECT_TRUE(match("path: /p").case_sensitive);
  EXPECT_FALSE(match("path: /p, case_sensitive: false").case_sensitive);
}

// Each line, and whether a request with x-a: 7, cookie c=1 and ?q=2 fits it.
TEST(RouteTest, Criteria) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  http::RequestHead head(arena);
  head.path = "/?q=2";
  head.headers.Add("x-a", "7");
  head.headers.Add("cookie", "c=1");
  const std::pair<std::string, bool> cases[] = {
      {"headers: [{name: X-A}]", true},
      {"headers: [{name: x-b}]", false},
      {"headers: [{name: x-a, exact_match: '7'}]", true},
      {"headers: [{name: x-a, exact_match: '8'}]", false},
      {"headers: [{name: x-a, prefix_match: '8'}]", false},
      {"headers: [{name: x-a, suffix_match: '8'}]", false},
      {"headers: [{name: x-a, contains_match: '8'}]", false},
      {"headers: [{name: x-a, safe_regex_match: {regex: '[0-7]'}}]", true},
      {"headers: [{name: x-a, range_match: {start: 7, end: 8}}]", true},
      {"headers: [{name: x-a, range_match: {start: -7, end: 7}}]", false},
      {"headers: [{name: x-a, present_match: false}]", false},
      {"headers: [{name: x-a, string_match: {exact: '8'}, invert_match: true}]", true},
      {"headers: [{name: x-b, string_match: {prefix: '8'}, invert_match: true}]", false},
      {"headers: [{name: x-b, string_match: {suffix: '8'}, invert_match: true, treat_missing_header_as_empty: true}]", true},
      {"headers: [{name: x-a, string_match: {contains: '7'}}, {name: x-b}]", false},
      {"headers: [{name: x-a, string_match: {safe_regex: {regex: '[^7]'}}}]", false},
      {"query_parameters: [{name: q}]", true},
      {"query_parameters: [{name: q, string_match: {exact: '2'}}]", true},
      {"query_parameters: [{name: q, present_match: false}]", false},
      {"cookies: [{name: c, string_match: {exact: '1'}}]", true},
      {"cookies: [{name: c, string_match: {exact: '1'}, invert_match: true}]", false},
      {"grpc: {}", false},
      {"runtime_fraction: {default_value: {numerator: 1}, runtime_key: k}", true},
      {"runtime_fraction: {default_value: {numerator: 0, denominator: MILLION}}", false},
  };
  for (const auto& [text, fits] : cases) {
    EXPECT_EQ(GoodRoute("{match: {prefix: /, " + text + "}" + kTo).match.Matches(head, 0), fits) << text;
  }
}

TEST(RouteTest, Fractions) {
  const auto fraction = [](const std::string& value) {
    return GoodRoute("{match: {prefix: /, runtime_fraction: {default_value: " + value + "}}" + kTo).match.fraction->fraction;
  };
  EXPECT_EQ(fraction("{numerator: 5}").denominator, 100u);
  EXPECT_EQ(fraction("{numerator: 5, denominator: TEN_THOUSAND}").denominator, 10'000u);
  EXPECT_EQ(fraction("{numerator: 5, denominator: MILLION}").denominator, 1'000'000u);
}

TEST(RouteTest, WrongMatches) {
  const auto errors = [](const std::string& match) { return ErrorsOf("{match: {" + match + "}" + kTo); };
  EXPECT_EQ(errors("safe_regex: {regex: '/('}"), Errors{"match.safe_regex.regex: \"/(\": missing ): /("});
  EXPECT_EQ(errors("safe_regex: {}"), Errors{"match.safe_regex.regex: missing, but required"});
  EXPECT_EQ(errors("path_separated_prefix: /p/"),
            Errors{"match.path_separated_prefix: \"/p/\", expected a path that begins with '/', does not end with it, "
                   "and has no '?' or '#'"});
  EXPECT_EQ(errors("prefix: /, headers: [{}]"), Errors{"match.headers[0].name: missing, but required"});
  EXPECT_EQ(errors("prefix: /, headers: [{name: 'a b'}]"),
            Errors{"match.headers[0].name: \"a b\", expected a header's name"});
  EXPECT_EQ(errors("prefix: /, headers: [{name: a, range_match: {start: 1, end: 1}}]"),
            Errors{"match.headers[0].range_match: nothing lies between start and end"});
  EXPECT_EQ(errors("prefix: /, headers: [{name: a, range_match: {start: x}}]").front(),
            "match.headers[0].range_match.start: \"x\", expected a whole number from -9223372036854775808 to "
            "9223372036854775807");
  EXPECT_EQ(errors("prefix: /, headers: [{name: a, string_match: {}}]"),
            Errors{"match.headers[0].string_match: one of exact, prefix, suffix, safe_regex, contains is required"});
  EXPECT_EQ(errors("prefix: /, headers: [{name: a, string_match: {prefix: ''}}]"),
            Errors{"match.headers[0].string_match.prefix: empty, but required"});
  EXPECT_EQ(errors("prefix: /, headers: [{name: a, string_match: {safe_regex: {regex: a}, ignore_case: true}}]"),
            Errors{"match.headers[0].string_match.ignore_case: has no effect on safe_regex; write (?i) into that"});
  EXPECT_EQ(errors("prefix: /, query_parameters: [{name: a, string_match: {safe_regex: {regex: '['}}}]"),
            Errors{"match.query_parameters[0].string_match.safe_regex.regex: \"[\": missing ]: ["});
  EXPECT_EQ(errors("prefix: /, cookies: [{name: a}]"), Errors{"match.cookies[0].string_match: missing, but required"});
  EXPECT_EQ(errors("prefix: /, runtime_fraction: {}"),
            Errors{"match.runtime_fraction.default_value: missing, but required"});
  EXPECT_EQ(errors("prefix: /, path_match_policy: {}"), Errors{"match: prefix and path_match_policy exclude each other"});
}

TEST(RouteTest, Clusters) {
  const auto action = [](const std::string& text) {
    return std::get<RouteAction>(GoodRoute("{match: {prefix: /}, route: {" + text + "}}").action);
  };
  EXPECT_EQ(std::get<std::string>(action("cluster: a").cluster), "a");
  EXPECT_EQ(std::get<ClusterHeader>(action("cluster_header: X-C").cluster).text(), "x-c");
  const WeightedClusters weighted = std::get<WeightedClusters>(
      action("weighted_clusters: {total_weight: 4, header_name: x-n, clusters: [{name: a, weight: 1, "
             "host_rewrite_literal: h.test, request_headers_to_remove: [x-r], response_headers_to_add: "
             "[{header: {key: x-s, value: v}}]}, {cluster_header: x-c, weight: 3}]}")
          .cluster);
  EXPECT_EQ(weighted.total_weight, 4u);
  EXPECT_EQ(weighted.number_header->text(), "x-n");
  EXPECT_EQ(weighted.choices[0].host_rewrite, "h.test");
  EXPECT_EQ(weighted.choices[0].headers.request.remove.at(0).text(), "x-r");
  EXPECT_EQ(weighted.choices[0].headers.response.add.at(0).name.text(), "x-s");
  EXPECT_EQ(weighted.choices[1].weight, 3u);
  EXPECT_EQ(std::get<ClusterHeader>(weighted.choices[1].cluster).text(), "x-c");
  EXPECT_EQ(action("cluster: a").cluster_not_found_status, 503);
  EXPECT_EQ(action("cluster: a, cluster_not_found_response_code: NOT_FOUND").cluster_not_found_status, 404);
  EXPECT_EQ(action("cluster: a, cluster_not_found_response_code: INTERNAL_SERVER_ERROR").cluster_not_found_status, 500);
}

TEST(RouteTest, Rewrites) {
  const auto action = [](const std::string& text) {
    return std::get<RouteAction>(GoodRoute("{match: {prefix: /}, route: {cluster: a, " + text + "}}").action);
  };
  EXPECT_EQ(std::get<PrefixRewrite>(action("prefix_rewrite: /n").path_rewrite).prefix, "/n");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(action("prefix_rewrite: ''").path_rewrite));
  const std::string regex = "{pattern: {regex: a}, substitution: b}";
  EXPECT_TRUE(std::holds_alternative<match::RegexRewrite>(action("regex_rewrite: " + regex).path_rewrite));
  EXPECT_EQ(std::get<std::string>(action("host_rewrite_literal: h").host_rewrite), "h");
  EXPECT_TRUE(std::holds_alternative<EndpointHost>(action("auto_host_rewrite: true").host_rewrite));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(action("auto_host_rewrite: false").host_rewrite));
  EXPECT_EQ(std::get<http::FieldName>(action("host_rewrite_header: X-H").host_rewrite).text(), "x-h");
  EXPECT_TRUE(std::holds_alternative<HostFromPath>(action("host_rewrite_path_regex: " + regex).host_rewrite));
  EXPECT_TRUE(action("append_x_forwarded_host: true").append_x_forwarded_host);
}

TEST(RouteTest, Redirects) {
  const auto redirect = [](const std::string& text) {
    return std::get<Redirect>(GoodRoute("{match: {prefix: /}, redirect: {" + text + "}}").action);
  };
  EXPECT_EQ(redirect("host_redirect: h").host, "h");
  EXPECT_EQ(redirect("").status, 301);
  EXPECT_EQ(redirect("response_code: FOUND").status, 302);
  EXPECT_EQ(redirect("response_code: PERMANENT_REDIRECT").status, 308);
  EXPECT_EQ(redirect("https_redirect: true").scheme, "https");
  EXPECT_EQ(redirect("scheme_redirect: ftp").scheme, "ftp");
  EXPECT_EQ(redirect("port_redirect: 81").port, 81);
  EXPECT_TRUE(redirect("strip_query: true").strip_query);
  EXPECT_EQ(std::get<std::string>(redirect("path_redirect: n").path), "/n");
  EXPECT_EQ(std::get<PrefixRewrite>(redirect("prefix_rewrite: /n").path).prefix, "/n");
  EXPECT_TRUE(std::holds_alternative<match::RegexRewrite>(
      redirect("regex_rewrite: {pattern: {regex: a}, substitution: b}").path));
}

TEST(RouteTest, HeaderEdits) {
  const Loaded loaded = LoadTable(R"(            request_headers_to_add: [{header: {key: x-table}}]
            request_headers_to_remove: [x-1, x-2]
            most_specific_header_mutations_wins: true
            virtual_hosts:
            - name: v
              domains: ["*"]
              response_headers_to_add:
              - {header: {key: X-V, value: "%REQ(x-a)%"}, append_action: ADD_IF_ABSENT, keep_empty_value: true}
              - {header: {key: x-w, value: "100%%"}, append: false}
              routes:
              - match: {prefix: /}
                direct_response: {status: 200}
                response_headers_to_remove: [server]
                request_headers_to_add: [{header: {key: x-r, value: r}, append_action: OVERWRITE_IF_EXISTS}]
)");
  ExpectGood(loaded);
  ASSERT_NE(loaded.bootstrap, nullptr);
  const RouteConfig& table = TableOf(loaded);
  EXPECT_TRUE(table.most_specific_edits_last);
  EXPECT_EQ(table.headers.request.add.at(0).name.text(), "x-table");
  EXPECT_EQ(table.headers.request.remove.size(), 2u);
  const std::vector<AddedHeader>& added = table.virtual_hosts[0]->headers.response.add;
  EXPECT_EQ(added.at(0).name.text(), "x-v");
  EXPECT_EQ(added.at(0).action, AddedHeader::Action::kAddIfAbsent);
  EXPECT_TRUE(added.at(0).keep_empty_value);
  EXPECT_EQ(added.at(1).action, AddedHeader::Action::kOverwriteOrAdd);
  const LevelHeaderEdits& route = table.virtual_hosts[0]->routes[0]->headers;
  EXPECT_EQ(route.response.remove.at(0).text(), "server");
  EXPECT_EQ(route.request.add.at(0).action, AddedHeader::Action::kOverwriteIfThere);
}

TEST(RouteTest, WrongHeaderEdits) {
  const auto errors = [](const std::string& edits) {
    return ErrorsOf("{match: {prefix: /}, direct_response: {status: 200}, " + edits + "}");
  };
  const auto added = [&](const std::string& option) { return errors("request_headers_to_add: [" + option + "]"); };
  EXPECT_EQ(added("{}"), Errors{"request_headers_to_add[0].header: missing, but required"});
  EXPECT_EQ(added("{header: {value: v}}"), Errors{"request_headers_to_add[0].header.key: missing, but required"});
  EXPECT_EQ(added("{header: {key: 'a b'}}"),
            Errors{"request_headers_to_add[0].header.key: \"a b\", expected a header's name"});
  // G14
  for (const std::string name : {"Host", ":path", "Content-Length", "transfer-encoding", "connection"}) {
    EXPECT_EQ(added("{header: {key: '" + name + "', value: v}}"),
              Errors{"request_headers_to_add[0].header.key: \"" + name + "\" can be neither added nor removed"});
    EXPECT_EQ(errors("response_headers_to_remove: ['" + name + "']"),
              Errors{"response_headers_to_remove[0]: \"" + name + "\" can be neither added nor removed"});
  }
  EXPECT_EQ(errors("request_headers_to_remove: ['']"), Errors{"request_headers_to_remove[0]: empty, but required"});
  EXPECT_EQ(added("{header: {key: a, value: '%NOPE%'}}"),
            Errors{"request_headers_to_add[0].header.value: byte 0: unknown operator %NOPE%"});
  EXPECT_EQ(added("{header: {key: a, value: \"a\\u0001b\"}}"),
            Errors{"request_headers_to_add[0].header.value: \"a\\001b\" is no header's value"});
  EXPECT_EQ(added("{header: {key: a, value: v}, append: true, append_action: ADD_IF_ABSENT}"),
            Errors{"request_headers_to_add[0].append: excludes append_action"});
}

TEST(RouteTest, WrongActions) {
  const auto errors = [](const std::string& action) { return ErrorsOf("{match: {prefix: /}, " + action + "}"); };
  EXPECT_EQ(errors("route: {cluster: nope}"), Errors{"route.cluster: unknown cluster 'nope'"});
  EXPECT_EQ(errors("route: {cluster: a, cluster_header: b}"),
            Errors{"route: cluster and cluster_header exclude each other"});
  EXPECT_EQ(errors("route: {cluster_header: 'a b'}"), Errors{"route.cluster_header: \"a b\", expected a header's name"});
  const auto weighted = [&](const std::string& text) { return errors("route: {weighted_clusters: {" + text + "}}"); };
  EXPECT_EQ(weighted(""), Errors{"route.weighted_clusters.clusters: empty, but required"});
  EXPECT_EQ(weighted("clusters: [{name: a}]"),
            Errors{"route.weighted_clusters.clusters: the sum of the weights is 0, expected 1 to 4294967295"});
  EXPECT_EQ(weighted("clusters: [{name: a, weight: 1}], total_weight: 2"),
            Errors{"route.weighted_clusters.total_weight: 2, but the weights add up to 1"});
  EXPECT_EQ(weighted("clusters: [{name: nope, weight: 1}]"),
            Errors{"route.weighted_clusters.clusters[0].name: unknown cluster 'nope'"});
  EXPECT_EQ(weighted("clusters: [{weight: 1}]"),
            Errors{"route.weighted_clusters.clusters[0]: one of name, cluster_header is required"});
  EXPECT_EQ(errors("route: {cluster: a, prefix_rewrite: /p, regex_rewrite: {pattern: {regex: a}}}"),
            Errors{"route.regex_rewrite: excludes prefix_rewrite"});
  EXPECT_EQ(errors("route: {cluster: a, prefix_rewrite: '/a b'}"),
            Errors{"route.prefix_rewrite: \"/a b\", expected a path, its blanks and such encoded"});
  EXPECT_EQ(errors("route: {cluster: a, regex_rewrite: {pattern: {regex: a}, substitution: '\\1'}}").size(), 1u);
  EXPECT_EQ(errors("route: {cluster: a, host_rewrite_literal: 'a/b'}"),
            Errors{"route.host_rewrite_literal: \"a/b\", expected a host, with or without a port"});
  EXPECT_EQ(errors("route: {cluster: a, host_rewrite_literal: a, auto_host_rewrite: true}"),
            Errors{"route: host_rewrite_literal and auto_host_rewrite exclude each other"});
  EXPECT_EQ(errors("redirect: {port_redirect: 65536}"), Errors{"redirect.port_redirect: 65536, expected at most 65535"});
  EXPECT_EQ(errors("redirect: {path_redirect: '/ä'}").size(), 1u);
  EXPECT_EQ(errors("redirect: {https_redirect: true, scheme_redirect: http}"),
            Errors{"redirect: https_redirect and scheme_redirect exclude each other"});
}

TEST(RouteTest, Mirrors) {
  const auto action = std::get<RouteAction>(GoodRoute(
      "{match: {prefix: /}, route: {cluster: a, request_mirror_policies: [{cluster: b, trace_sampled: false, "
      "runtime_fraction: {default_value: {numerator: 5, denominator: MILLION}}}, {cluster_header: X-To, "
      "disable_shadow_host_suffix_append: true}, {cluster: a, host_rewrite_literal: other}]}}").action);
  ASSERT_EQ(action.mirrors.size(), 3u);
  EXPECT_EQ(std::get<std::string>(action.mirrors[0].cluster), "b");
  EXPECT_TRUE(action.mirrors[0].host_suffix);
  EXPECT_EQ(action.mirrors[0].fraction->fraction.numerator, 5u);
  EXPECT_EQ(std::get<http::FieldName>(action.mirrors[1].cluster).text(), "x-to");
  EXPECT_FALSE(action.mirrors[1].host_suffix);
  EXPECT_EQ(action.mirrors[2].host, "other");
  EXPECT_FALSE(action.mirrors[2].host_suffix);
  const auto errors = [](const std::string& mirror) {
    return ErrorsOf("{match: {prefix: /}, route: {cluster: a, request_mirror_policies: [" + mirror + "]}}");
  };
  EXPECT_EQ(errors("{cluster: nope}"), Errors{"route.request_mirror_policies[0].cluster: unknown cluster 'nope'"});
  EXPECT_EQ(errors("{}"), Errors{"route.request_mirror_policies[0]: one of cluster, cluster_header is required"});
  EXPECT_EQ(errors("{cluster: a, cluster_header: b}").size(), 1u);
  EXPECT_EQ(errors("{cluster: a, host_rewrite_literal: 'a/b'}"),
            Errors{"route.request_mirror_policies[0].host_rewrite_literal: \"a/b\", expected a host, with or without a port"});
}

TEST(RouteTest, Durations) {
  const auto action = [](const std::string& text) {
    return std::get<RouteAction>(GoodRoute("{match: {prefix: /}, route: {cluster: a, " + text + "}}").action);
  };
  const RouteAction plain = action("timeout: 3s");
  EXPECT_EQ(plain.timeout, std::chrono::seconds(3));
  EXPECT_FALSE(plain.max_stream_duration.limit || plain.max_stream_duration.grpc_max);
  const RouteAction grpc =
      action("timeout: 3s, max_stream_duration: {grpc_timeout_header_max: 2s, grpc_timeout_header_offset: 0.1s}");
  EXPECT_EQ(grpc.timeout, std::chrono::seconds(0));
  EXPECT_FALSE(grpc.max_stream_duration.limit.has_value());
  EXPECT_EQ(grpc.max_stream_duration.grpc_max, std::chrono::seconds(2));
  EXPECT_EQ(grpc.max_stream_duration.grpc_offset, std::chrono::milliseconds(100));
}

TEST(RouteTest, OfTheVirtualHost) {
  const Loaded loaded = LoadTable(R"(            virtual_hosts:
            - name: v
              domains: ["*"]
              retry_policy: {retry_on: 5xx, num_retries: 7}
              include_request_attempt_count: true
              include_attempt_count_in_response: true
              per_request_buffer_limit_bytes: 10
              routes:
              - {match: {prefix: /}, route: {cluster: a}}
              - {match: {prefix: /}, route: {cluster: a}, request_body_buffer_limit: 99999999999}
)");
  ExpectGood(loaded);
  ASSERT_NE(loaded.bootstrap, nullptr);
  const VirtualHost& host = *TableOf(loaded).virtual_hosts[0];
  EXPECT_EQ(host.retry_policy->num_retries, 7u);
  EXPECT_TRUE(host.request_attempt_count && host.response_attempt_count);
  EXPECT_EQ(host.held_body->bytes, 10u);
  EXPECT_FALSE(host.held_body->beyond_connection);
  EXPECT_EQ(host.routes[1]->held_body->bytes, 99'999'999'999u);
  EXPECT_TRUE(host.routes[1]->held_body->beyond_connection);
}

TEST(RouteTest, ClustersNeedNotBeKnownWhereThatIsSaid) {
  const Loaded loaded = LoadTable(R"(            validate_clusters: false
            virtual_hosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: nope}}]}])");
  EXPECT_NE(loaded.bootstrap, nullptr);
}

TEST(RouteTest, Tables) {
  const Loaded loaded = LoadTable("            ignore_port_in_host_matching: true");
  ASSERT_NE(loaded.bootstrap, nullptr);
  EXPECT_TRUE(TableOf(loaded).ignore_port_in_host_matching);
}

TEST(RouteConfig, HashPolicies) {
  const Route route = GoodRoute(
      "{match: {prefix: /}, route: {cluster: a, hash_policy: [{header: {header_name: X-User, regex_rewrite: {pattern: "
      "{regex: a}, substitution: b}}}, {cookie: {name: c, ttl: 5s, path: /p, attributes: [{name: Secure}]}, terminal: "
      "true}, {connection_properties: {source_ip: true}}, {query_parameter: {name: q}}]}}");
  const std::vector<HashPolicy>& policies = std::get<RouteAction>(route.action).hash_policies;
  ASSERT_EQ(policies.size(), 4u);
  EXPECT_EQ(std::get<HashPolicy::Header>(policies[0].source).name.text(), "x-user");
  EXPECT_TRUE(std::get<HashPolicy::Header>(policies[0].source).rewrite.has_value());
  const auto& cookie = std::get<HashPolicy::Cookie>(policies[1].source);
  EXPECT_EQ(cookie.ttl, std::chrono::seconds(5));
  EXPECT_EQ(cookie.path, "/p");
  EXPECT_EQ(cookie.attributes[0].first, "Secure");
  EXPECT_TRUE(policies[1].terminal);
  EXPECT_TRUE(std::holds_alternative<HashPolicy::SourceIp>(policies[2].source));
  EXPECT_EQ(std::get<HashPolicy::QueryParameter>(policies[3].source).name, "q");
  EXPECT_EQ(ErrorsOf("{match: {prefix: /}, route: {cluster: a, hash_policy: [{cookie: {name: c, path: \"/;x\"}}]}}"),
            Errors{"route.hash_policy[0].cookie.path: \"/;x\", expected no ';'"});
}

TEST(RouteConfig, MetadataMatch) {
  const Route route = GoodRoute(
      "{match: {prefix: /}, route: {metadata_match: {filter_metadata: {envoy.lb: {a: x, b: x}}}, weighted_clusters: "
      "{clusters: [{name: a, weight: 1, metadata_match: {filter_metadata: {envoy.lb: {b: y}}}}]}}}");
  const auto& action = std::get<RouteAction>(route.action);
  const MetadataValue x{std::string("x")}, y{std::string("y")};
  EXPECT_EQ(action.lb_criteria.text(), LbCriteria({{"a", x}, {"b", x}}).text());
  EXPECT_EQ(std::get<WeightedClusters>(action.cluster).choices[0].lb_criteria.text(),
            LbCriteria({{"a", x}, {"b", y}}).text());
}

TEST(RouteConfig, RetriesElsewhere) {
  const Route route = GoodRoute(
      "{match: {prefix: /}, route: {cluster: a, retry_policy: {retry_on: 5xx, host_selection_retry_max_attempts: 4, "
      "retry_host_predicate: [{name: x, typed_config: {\"@type\": "
      "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate}}]}}}");
  const RetryPolicy& policy = *std::get<RouteAction>(route.action).retry_policy;
  EXPECT_TRUE(policy.avoid_previous_hosts);
  EXPECT_EQ(policy.more_hosts, 4u);
}

std::string Extension(const std::string& type, const std::string& fields = "") {
  return "{name: x, typed_config: {\"@type\": type.googleapis.com/envoy.extensions." + type + fields + "}}";
}

TEST(RouteTest, UriTemplates) {
  const auto matching = [](const std::string& text) {
    return "match: {path_match_policy: " +
           Extension("path.match.uri_template.v3.UriTemplateMatchConfig", ", path_template: '" + text + "'") + "}";
  };
  const auto rewriting = [](const std::string& text, const std::string& more = "") {
    return "route: {cluster: a, " + more + "path_rewrite_policy: " +
           Extension("path.rewrite.uri_template.v3.UriTemplateRewriteConfig", ", path_template_rewrite: '" + text + "'") +
           "}";
  };
  const Route route = GoodRoute("{" + matching("/{one}/{two}") + ", " + rewriting("/{two}/x/{one}") + "}");
  EXPECT_TRUE(route.match.MatchesPath("/1/2"));
  EXPECT_FALSE(route.match.MatchesPath("/1/2/3"));
  base::BlockPool blocks;
  base::Arena arena(blocks);
  EXPECT_EQ(std::get<match::RegexRewrite>(std::get<RouteAction>(route.action).path_rewrite).Apply("/1/2", arena),
            "/2/x/1");

  EXPECT_EQ(ErrorsOf("{" + matching("/{a}{") + ", route: {cluster: a}}"),
            Errors{"match.path_match_policy.typed_config.path_template: \"/{a}{\": byte 4: a '{' without its '}'"});
  EXPECT_EQ(ErrorsOf("{" + matching("/{a}") + ", " + rewriting("/{b}") + "}"),
            Errors{"route.path_rewrite_policy.typed_config.path_template_rewrite: \"/{b}\": byte 1: \"b\" is no variable "
                   "of the route's template"});
  EXPECT_EQ(ErrorsOf("{match: {prefix: /}, " + rewriting("/b") + "}"),
            Errors{"route.path_rewrite_policy: expected a match by path_match_policy, which names the variables"});
  EXPECT_EQ(ErrorsOf("{" + matching("/{a}") + ", " + rewriting("/b", "prefix_rewrite: /c, ") + "}"),
            Errors{"route.path_rewrite_policy: excludes prefix_rewrite, regex_rewrite and path_rewrite"});
}

TEST(RouteTest, EndedConnects) {
  const auto route = [](const std::string& upgrade) {
    return "{match: {connect_matcher: {}}, route: {cluster: a, upgrade_configs: [" + upgrade + "]}}";
  };
  const auto ended = [&](const std::string& upgrade) {
    return std::get<RouteAction>(GoodRoute(route(upgrade)).action).ended_connect;
  };
  EXPECT_FALSE(ended("{upgrade_type: CONNECT}").has_value());
  const auto plain = ended("{upgrade_type: connect, connect_config: {}}");
  ASSERT_TRUE(plain.has_value());
  EXPECT_FALSE(plain->allow_post);
  EXPECT_EQ(plain->proxy_version, std::nullopt);
  const auto more = ended("{upgrade_type: CONNECT, connect_config: {allow_post: true, proxy_protocol_config: {version: V2}}}");
  ASSERT_TRUE(more.has_value());
  EXPECT_TRUE(more->allow_post);
  EXPECT_EQ(more->proxy_version, net::ProxyVersion::kV2);
  EXPECT_EQ(ErrorsOf(route("{upgrade_type: websocket, connect_config: {}}")),
            Errors{"route.upgrade_configs[0].connect_config: set for upgrade_type \"websocket\", expected \"CONNECT\""});
}

TEST(RouteTest, InternalRedirects) {
  const auto action = [](const std::string& policy) {
    return "{match: {prefix: /}, route: {cluster: a, internal_redirect_policy: {" + policy + "}}}";
  };
  const Route plain = GoodRoute(action(""));
  const InternalRedirect& redirect = *std::get<RouteAction>(plain.action).internal_redirect;
  EXPECT_EQ(redirect.most, 1u);
  EXPECT_EQ(redirect.codes, std::vector<uint16_t>{302});
  EXPECT_EQ(ErrorsOf(action("redirect_response_codes: [301, 304]")),
            Errors{"route.internal_redirect_policy.redirect_response_codes[1]: 304, expected 301, 302, 303, 307 or 308"});
  EXPECT_EQ(ErrorsOf(action("response_headers_to_copy: [host]")).size(), 1u);
  EXPECT_EQ(ErrorsOf(action("predicates: [" + Extension("filters.http.cors.v3.Cors") + "]")),
            Errors{"route.internal_redirect_policy.predicates[0].typed_config: a envoy.extensions.filters.http.cors.v3.Cors, "
                   "expected PreviousRoutesConfig, AllowListedRoutesConfig or SafeCrossSchemeConfig"});
}

}  // namespace
}  // namespace pillion::config
