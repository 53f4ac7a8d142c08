// HTTP filters: what is wrong with them, one case each.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

Loaded LoadFilter(const std::string& message, const std::string& fields) {
  return LoadText(ManagerText("          route_config: {virtual_hosts: []}\n",
                              "{name: filter, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http." +
                                  message + ", " + fields + "}}, "),
                  WithHttpFilters());
}

// Of a filter's configuration.
constexpr std::string_view kConfig = "http_filters[0].typed_config";

// The first error of a filter.
std::string ErrorOf(const std::string& message, const std::string& fields) {
  return FirstAt(kConfig, LoadFilter(message, fields).errors);
}

// The path of a SPIFFE ID alone: a DNS name or a subject may be meant by what has no slash, or a '='.
TEST(FiltersTest, RbacWithPrincipalsThatNobodyIs) {
  const auto notes = [](const std::string& names) {
    const Loaded loaded = LoadFilter("rbac.v3.RBAC", "rules: {policies: {p: {permissions: [{any: true}], principals: [" + names + "]}}}");
    std::string text = loaded.errors.empty() ? "" : "an error; ";
    for (const ConfigError& note : loaded.notes) text += TextAt(kConfig, note);
    return text;
  };
  const auto name = [](const std::string& matcher) { return "{authenticated: {principal_name: {" + matcher + "}}}"; };
  EXPECT_EQ(notes(name("exact: td.test/ns/prod/sa/web") + ", " + name("prefix: td.test/ns/")),
            ".rules.policies[\"p\"].principals[0].authenticated.principal_name: \"td.test/ns/prod/sa/web\" never matches a SPIFFE ID, "
            "expected one that begins with spiffe://");
  EXPECT_EQ(notes("{not_id: " + name("prefix: /ns/prod/") + "}"),
            ".rules.policies[\"p\"].principals[0].not_id.authenticated.principal_name: \"/ns/prod/\" never matches a SPIFFE ID, "
            "expected one that begins with spiffe://");
  for (const char* misspelt : {"exact: 'SPIFFE://td.test/a'", "exact: 'spiffe:/td.test/a'", "prefix: 'Spiffe://td.test/'"}) {
    EXPECT_THAT(notes(name(misspelt)), testing::HasSubstr("never matches a SPIFFE ID, expected one that begins with")) << misspelt;
  }
  for (const char* star : {"exact: 'spiffe://td.test/ns/*/sa/web'", "prefix: 'spiffe://td.test/*'", "exact: 'SPIFFE://a/*', ignore_case: true"}) {
    EXPECT_THAT(notes(name(star)), testing::HasSubstr("never matches a SPIFFE ID, for * stands for itself, expected a prefix")) << star;
  }
  for (const char* good : {"exact: 'spiffe://td.test/a'", "exact: 'Spiffe://td.test/a', ignore_case: true", "prefix: 'spiffe://'", "prefix: 'spiffe:/'", "exact: web.td.test",
                           "exact: 'CN=a/b'", "suffix: /sa/web", "contains: /prod/", "exact: 'https://a.test/b'"}) {
    EXPECT_EQ(notes(name(good)), "") << good;
  }
}

TEST(FiltersTest, HeaderToMetadata) {
  const auto error = [](const std::string& rule) {
    return ErrorOf("header_to_metadata.v3.Config", "request_rules: [" + rule + "]");
  };
  const std::string note = "on_header_present: {key: k}";
  EXPECT_EQ(error("{header: x, " + note + "}"), "none");
  EXPECT_EQ(error("{" + note + "}"), ".request_rules[0]: expected a header or a cookie");
  EXPECT_EQ(error("{header: x, cookie: c, " + note + "}"), ".request_rules[0]: expected a header or a cookie");
  EXPECT_EQ(error("{header: x}"), ".request_rules[0]: expected on_header_present or on_header_missing");
  EXPECT_EQ(error("{header: 'a b', " + note + "}"), ".request_rules[0].header: \"a b\", expected a header's name");
  EXPECT_EQ(error("{cookie: c, remove: true, " + note + "}"), ".request_rules[0].remove: only a header can be removed");
  EXPECT_EQ(error("{header: x, on_header_missing: {key: k}}"),
            ".request_rules[0].on_header_missing.value: missing, but there is no other");
  EXPECT_EQ(error("{header: x, on_header_present: {value: v}}"),
            ".request_rules[0].on_header_present.key: missing, but required");
  EXPECT_EQ(error("{header: x, on_header_present: {key: k, type: PROTOBUF_VALUE}}"),
            ".request_rules[0].on_header_present.type: PROTOBUF_VALUE is not implemented, expected STRING or NUMBER");
  EXPECT_EQ(error("{header: x, on_header_present: {key: k, value: v, regex_value_rewrite: {pattern: {regex: a}}}}"),
            ".request_rules[0].on_header_present.regex_value_rewrite: excludes value");
}

TEST(FiltersTest, HeaderMutation) {
  const auto error = [](const std::string& mutations) {
    return ErrorOf("header_mutation.v3.HeaderMutation", "mutations: {" + mutations + "}");
  };
  EXPECT_EQ(error("request_mutations: [{remove: x}]"), "none");
  EXPECT_EQ(error("request_mutations: [{remove: host}]"),
            ".mutations.request_mutations[0].remove: \"host\" can be neither added nor removed");
  EXPECT_EQ(error("response_mutations: [{append: {header: {key: a, value: '%NONE%'}}}]"),
            ".mutations.response_mutations[0].append.header.value: byte 0: unknown operator %NONE%");
  EXPECT_EQ(error("query_parameter_mutations: [{}]"), ".mutations.query_parameter_mutations[0]: expected append or remove");
  EXPECT_EQ(error("query_parameter_mutations: [{append: {record: {key: k, value: 1}}}]"),
            ".mutations.query_parameter_mutations[0].append.record.value: expected a text");
}

TEST(FiltersTest, HealthCheck) {
  const auto error = [](const std::string& fields) { return ErrorOf("health_check.v3.HealthCheck", fields); };
  EXPECT_EQ(error("pass_through_mode: false"), "none");
  EXPECT_EQ(error("headers: []"), ".pass_through_mode: missing, but required");
  EXPECT_EQ(error("pass_through_mode: false, cache_time: 1s"), ".cache_time: needs pass_through_mode");
  EXPECT_EQ(error("pass_through_mode: true, cluster_min_healthy_percentages: {a: {value: 1}}"),
            ".cluster_min_healthy_percentages: excludes pass_through_mode");
}

TEST(FiltersTest, SetFilterState) {
  const auto error = [](const std::string& object) {
    return ErrorOf("set_filter_state.v3.Config", "on_request_headers: [" + object + "]");
  };
  const std::string text = "format_string: {text_format_source: {inline_string: x}}";
  EXPECT_EQ(error("{object_key: k, factory_key: envoy.string, " + text + "}"), "none");
  EXPECT_EQ(error("{object_key: k, factory_key: envoy.hashable_string, " + text + "}"), "none");
  EXPECT_EQ(error("{object_key: k, " + text + "}"),
            ".on_request_headers[0].factory_key: \"\", expected \"envoy.string\" or \"envoy.hashable_string\", a text that "
            "others may read");
  for (const std::string name : {"envoy.network.upstream_server_name", "envoy.network.upstream_subject_alt_names",
                                 "envoy.network.application_protocols"}) {
    EXPECT_EQ(error("{object_key: " + name + ", shared_with_upstream: ONCE, " + text + "}"), "none");
    EXPECT_EQ(error("{object_key: " + name + ", factory_key: " + name + ", " + text + "}"), "none");
    EXPECT_EQ(error("{object_key: " + name + ", factory_key: envoy.string, " + text + "}"),
              ".on_request_headers[0].factory_key: \"envoy.string\", expected \"" + name + "\" as object_key");
    EXPECT_EQ(error("{object_key: k, factory_key: " + name + ", " + text + "}"),
              ".on_request_headers[0].factory_key: \"" + name +
                  "\", expected \"envoy.string\" or \"envoy.hashable_string\", a text that others may read");
  }
  EXPECT_EQ(error("{object_key: k, factory_key: envoy.string, format_string: {json_format: {}}}"),
            ".on_request_headers[0].format_string.json_format: not implemented, expected text_format_source");
}

}  // namespace
}  // namespace pillion::config
