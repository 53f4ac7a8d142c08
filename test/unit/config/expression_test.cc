// Expressions in rules about access: what is wrong with them.

#include <gtest/gtest.h>

#include "source/config/load.h"
#include "source/filters/http_filters.h"

namespace pillion::config {
namespace {

// The errors, each without what leads to the filter's configuration.
std::string ErrorsOf(const std::string& fields, bool of_connections = false) {
  LoadOptions options;
  options.http_filters = filters::HttpFilterTypes();
  const std::string rbac = of_connections ? "{name: r, typed_config: {\"@type\": type.googleapis.com/"
                                            "envoy.extensions.filters.network.rbac.v3.RBAC, stat_prefix: r, " + fields + "}}, "
                                          : "";
  const std::string filter = of_connections ? "" : "{name: r, typed_config: {\"@type\": type.googleapis.com/"
                                                   "envoy.extensions.filters.http.rbac.v3.RBAC, " + fields + "}}, ";
  const Loaded loaded = LoadText(R"(static_resources:
  listeners:
  - name: web
    address: {socket_address: {address: 127.0.0.1, port_value: 80}}
    filter_chains:
    - filters: [)" + rbac + R"({name: h, typed_config: {
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager,
        stat_prefix: web, route_config: {virtual_hosts: []}, http_filters: [)" + filter + R"({name: e, typed_config:
        {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]}}]
)",
                                 options);
  std::string text;
  for (const ConfigError& error : loaded.errors) {
    const size_t at = error.path.rfind("typed_config.rules");
    const size_t other = error.path.find("typed_config.matcher");
    const size_t begin = at != std::string::npos ? at : other != std::string::npos ? other : 0;
    text += (text.empty() ? "" : "\n") + error.path.substr(begin) + ": " + error.message;
  }
  return text;
}
std::string Rules(const std::string& condition) {
  return "rules: {policies: {p: {permissions: [{any: true}], principals: [{any: true}], " + condition + "}}}";
}
std::string Tree(const std::string& input, const std::string& match) {
  const auto config = [](const std::string& text) { return "{name: n, typed_config: {\"@type\": type.googleapis.com/" + text + "}}"; };
  return "matcher: {matcher_list: {matchers: [{predicate: {single_predicate: {input: " + config(input) + ", " +
         (match.starts_with("value") ? match : "custom_match: " + config(match)) +
         "}}, on_match: {action: " + config("envoy.config.rbac.v3.Action, name: a") + "}}]}}";
}
constexpr char kInput[] = "xds.type.matcher.v3.HttpAttributesCelMatchInput";
std::string Text(const std::string& expression) {
  return "xds.type.matcher.v3.CelMatcher, expr_match: {cel_expr_string: \"" + expression + "\"}";
}
constexpr char kPlace[] = "typed_config.matcher.matcher_list.matchers[0].predicate.single_predicate.";

TEST(ExpressionTest, ConditionsThatCanNotBe) {
  const std::string place = "typed_config.rules.policies[\"p\"].";
  EXPECT_EQ(ErrorsOf(Rules("condition: {id: 1, const_expr: {bool_value: true}}")), "");
  EXPECT_EQ(ErrorsOf(Rules("condition: {id: 1, const_expr: {int64_value: 1}}")),
            place + "condition: expression 1: it gives int, expected bool");
  EXPECT_EQ(ErrorsOf(Rules("condition: {id: 1, const_expr: {null_value: null}}")),
            place + "condition: expression 1: it gives null_type, expected bool");
  EXPECT_EQ(ErrorsOf(Rules("condition: {id: 3, select_expr: {operand: {ident_expr: {name: request}}, field: pth}}")),
            place + "condition: expression 3: there is no request.pth, did you mean request.path");
  EXPECT_EQ(ErrorsOf(Rules("checked_condition: {expr: {id: 3, ident_expr: {name: x}}, source_info: {positions: {3: 4}, line_offsets: [9]}, "
                           "type_map: {3: {primitive: BOOL}}, expr_version: cel1}")),
            place + "checked_condition: expression 3 at line 1, column 5: there is no x");
  EXPECT_EQ(ErrorsOf(Rules("checked_condition: {source_info: {positions: {three: 4}}, expr: {const_expr: {bool_value: true}}}")),
            place + "checked_condition.source_info.positions: the key \"three\", expected a whole number");
  EXPECT_EQ(ErrorsOf(Rules("checked_condition: {type_map: {3: {primitive: 99}}, expr: {const_expr: {bool_value: true}}}")).substr(0, 70),
            place + "checked_condition.type_map[\"3\"].primi");
  EXPECT_EQ(ErrorsOf(Rules("condition: {const_expr: {bool_value: true}}, checked_condition: {expr: {const_expr: {bool_value: true}}}")),
            place + "checked_condition: there is a condition as well, expected one of them");
  // Of what is known later, and of what a connection does not have.
  const std::string code = "condition: {id: 3, select_expr: {operand: {ident_expr: {name: response}}, field: code}}";
  EXPECT_EQ(ErrorsOf(Rules(code)), place + "condition: expression 3: response.code is known only when the request is over");
  const std::string path = "condition: {id: 3, select_expr: {operand: {ident_expr: {name: request}}, field: path}}";
  EXPECT_EQ(ErrorsOf(Rules(path), true), place + "condition: expression 0: there is no request");
}

TEST(ExpressionTest, FiltersOfLogsThatCanNotBe) {
  const auto errors = [](const std::string& type, const std::string& fields) {
    const Loaded loaded = LoadText(R"({static_resources: {listeners: [{name: web, address: {socket_address: {address: 127.0.0.1,
      port_value: 80}}, access_log: [{name: f, filter: {extension_filter: {name: e, typed_config: {"@type": type.googleapis.com/)" + type +
                                       ", " + fields + R"(}}}, typed_config: {"@type":
      type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /x, log_format: {formatters: [{name: f,
      typed_config: {"@type": type.googleapis.com/envoy.extensions.formatter.cel.v3.Cel}}], text_format_source: {inline_string: a}}}}],
      filter_chains: [{filters: [{name: t, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}]}]}]}})",
                                   {});
    return loaded.errors.empty() ? "" : loaded.errors[0].path.substr(loaded.errors[0].path.find("extension")) + ": " + loaded.errors[0].message;
  };
  const std::string type = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter";
  const std::string place = "extension_filter.typed_config.expression: ";
  EXPECT_EQ(errors(type, "expression: 'response.code >= 400'"), "");
  const std::string named = ", cel_config: {enable_string_functions: true, enable_string_concat: true}";  // whose functions are there anyway
  EXPECT_EQ(errors(type, "expression: \"response.headers['x-a'].lowerAscii() + 'b' == 'ab'\"" + named), "");
  EXPECT_EQ(errors(type, "expression: 'response.code'"), place + "column 10: it gives int, expected bool");
  EXPECT_EQ(errors(type, "expression: 'response.cod == 1'"), place + "column 10: there is no response.cod, did you mean response.code");
  EXPECT_EQ(errors(type, "expression: ''"), place + "missing, but required");
  EXPECT_NE(errors("envoy.config.rbac.v3.Action", "name: a"), "");
}

TEST(ExpressionTest, MatchersThatCanNotBe) {
  EXPECT_EQ(ErrorsOf(Tree(kInput, Text("request.method == 'GET'"))), "");
  EXPECT_EQ(ErrorsOf(Tree(kInput, Text("request.method = 'GET'"))),
            std::string(kPlace) + "custom_match.typed_config.expr_match.cel_expr_string: column 16: found =, expected ==");
  EXPECT_EQ(ErrorsOf(Tree(kInput, Text("request.size"))),
            std::string(kPlace) + "custom_match.typed_config.expr_match.cel_expr_string: column 9: it gives int, expected bool");
  EXPECT_EQ(ErrorsOf(Tree(kInput, "xds.type.matcher.v3.CelMatcher, expr_match: {}")),
            std::string(kPlace) + "custom_match.typed_config.expr_match: one of cel_expr_checked, cel_expr_parsed, checked_expr, "
                                  "parsed_expr, cel_expr_string is required");
  EXPECT_NE(ErrorsOf(Tree(kInput, "value_match: {exact: a}")), "");
  EXPECT_NE(ErrorsOf(Tree("envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: a", Text("true"))), "");
  EXPECT_NE(ErrorsOf(Tree(kInput, "envoy.config.rbac.v3.Action, name: a")), "");
  EXPECT_EQ(ErrorsOf(Tree(kInput, Text("source.ip == '192.0.2.1'")), true), "");
  EXPECT_EQ(ErrorsOf(Tree(kInput, Text("has(request.headers.a)")), true),
            std::string(kPlace) + "custom_match.typed_config.expr_match.cel_expr_string: column 5: there is no request");
}

}  // namespace
}  // namespace pillion::config
