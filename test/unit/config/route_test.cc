// Route tables: what is read of them, and what is wrong with them.

#include <gtest/gtest.h>

#include "source/base/block.h"
#include "source/config/load.h"

namespace pillion::config {
namespace {

// Lines of YAML, indented as they are in a bootstrap's table.
Loaded LoadTable(const std::string& table) {
  constexpr std::string_view kFront = R"(static_resources:
  clusters:
  - {name: a, load_assignment: {cluster_name: a}}
  - {name: b, load_assignment: {cluster_name: b}}
  listeners:
  - name: web
    address: {socket_address: {address: 127.0.0.1, port_value: 80}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
)";
  return LoadText(std::string(kFront) + table);
}

Loaded LoadRoute(const std::string& route) {
  return LoadTable("            virtual_hosts: [{name: v, domains: [\"*\"], routes: [" + route + "]}]");
}

const RouteConfig& TableOf(const Loaded& loaded) {
  return *std::get<HttpConnectionManager>(loaded.bootstrap->listeners[0]->filter_chain.terminal).route_config;
}

Route GoodRoute(const std::string& text) {
  const Loaded loaded = LoadRoute(text);
  for (const ConfigError& error : loaded.errors) ADD_FAILURE() << ErrorText("", error);
  return loaded.bootstrap == nullptr ? Route() : TableOf(loaded).virtual_hosts[0].routes.at(0);
}

// The errors of a route, their paths without what leads to it.
std::vector<std::string> ErrorsOf(const std::string& route) {
  constexpr std::string_view kRoute = "route_config.virtual_hosts[0].routes[0].";
  std::vector<std::string> errors;
  for (const ConfigError& error : LoadRoute(route).errors) {
    const size_t at = error.path.find(kRoute);
    errors.push_back((at == std::string::npos ? error.path : error.path.substr(at + kRoute.size())) + ": " +
                     error.message);
  }
  return errors;
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
  EXPECT_EQ(errors("prefix: /, tls_context: {}"), Errors{"match: unknown field \"tls_context\""});
}

TEST(RouteTest, Tables) {
  const Loaded loaded = LoadTable("            ignore_port_in_host_matching: true");
  ASSERT_NE(loaded.bootstrap, nullptr);
  EXPECT_TRUE(TableOf(loaded).ignore_port_in_host_matching);
}

}  // namespace
}  // namespace pillion::config
