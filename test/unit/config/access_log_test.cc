// Filters of access logs: what is read of them, and what is wrong with them.

#include <gtest/gtest.h>

#include "source/base/block.h"
#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

Loaded LoadFilter(const std::string& filter) {
  return LoadText(R"(admin:
  address: {socket_address: {address: 127.0.0.1, port_value: 9901}}
  access_log:
  - filter: )" + filter + R"(
    typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog})");
}

std::vector<std::string> ErrorsOf(const std::string& filter) {
  return TextsAt("admin.access_log[0].filter", LoadFilter(filter).errors);
}

using Errors = std::vector<std::string>;

TEST(AccessLogTest, Formatters) {
  const auto errors = [](const std::string& formatter) {
    std::vector<std::string> texts;
    for (const ConfigError& error : LoadText(R"(admin:
  address: {socket_address: {address: 127.0.0.1, port_value: 9901}}
  access_log:
  - typed_config:
      "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
      log_format: {text_format: "%REQ_WITHOUT_QUERY(:PATH)% %METADATA(DYNAMIC:a:b)%", formatters: [{name: f, )"
      "typed_config: {\"@type\": type.googleapis.com/envoy.extensions." + formatter + "}}]}").errors) {
      texts.push_back(error.message);
    }
    return texts;
  };
  EXPECT_EQ(errors("formatter.req_without_query.v3.ReqWithoutQuery"), Errors{});
  EXPECT_EQ(errors("formatter.metadata.v3.Metadata"), Errors{});
  ASSERT_EQ(errors("filters.http.cors.v3.Cors").size(), 1u);
  EXPECT_NE(errors("filters.http.cors.v3.Cors")[0].find("Metadata or ReqWithoutQuery"), std::string::npos);
}

// Each, and whether a GET with x-a: 1 that took 20 ms and got 503 and UF has a line.
TEST(AccessLogTest, Filters) {
  base::BlockPool blocks;
  base::Arena arena(blocks);
  http::RequestHead head(arena);
  head.headers.Add("x-a", "1");
  telemetry::RequestRecord record;
  record.type = telemetry::LogType::kDownstreamEnd;
  record.request = &head;
  record.response_code = 503;
  record.response_flags = telemetry::ResponseFlag::kUpstreamConnectionFailure;
  record.at(telemetry::TimePoint::kEnd) = base::MonotonicTime(std::chrono::milliseconds(20));
  const std::pair<std::string, bool> cases[] = {
      {"status_code_filter: {comparison: {value: {default_value: 503}}}", true},
      {"status_code_filter: {comparison: {op: GE, value: {default_value: 504, runtime_key: k}}}", false},
      {"status_code_filter: {comparison: {op: LE, value: {default_value: 504}}}", true},
      {"status_code_filter: {comparison: {op: NE, value: {default_value: 503}}}", false},
      {"duration_filter: {comparison: {op: GE, value: {default_value: 20}}}", true},
      {"duration_filter: {comparison: {op: GE, value: {default_value: 21}}}", false},
      {"not_health_check_filter: {}", true},
      {"runtime_filter: {runtime_key: k, percent_sampled: {numerator: 1}}", true},
      {"runtime_filter: {runtime_key: k, use_independent_randomness: true}", false},
      {"header_filter: {header: {name: x-a}}", true},
      {"header_filter: {header: {name: x-a, string_match: {exact: '2'}}}", false},
      {"response_flag_filter: {}", true},
      {"response_flag_filter: {flags: [UF, UC]}", true},
      {"response_flag_filter: {flags: [UC]}", false},
      {"grpc_status_filter: {statuses: [UNAVAILABLE]}", true},
      {"grpc_status_filter: {statuses: [UNAVAILABLE], exclude: true}", false},
      {"log_type_filter: {types: [DownstreamEnd]}", true},
      {"log_type_filter: {types: [TcpConnectionEnd, NotSet]}", false},
      {"metadata_filter: {}", true},
      {"metadata_filter: {matcher: {filter: n, path: [{key: k}], value: {present_match: true}}}", true},
      {"metadata_filter: {matcher: {filter: n, path: [{key: k}], value: {present_match: true}},"
       " match_if_key_not_found: false}",
       false},
      {"and_filter: {filters: [{response_flag_filter: {}}, {header_filter: {header: {name: x-b}}}]}", false},
      {"or_filter: {filters: [{response_flag_filter: {}}, {header_filter: {header: {name: x-b}}}]}", true},
  };
  for (const auto& [text, holds] : cases) {
    const Loaded loaded = LoadFilter("{" + text + "}");
    ExpectGood(loaded);
    if (loaded.bootstrap != nullptr) {
      EXPECT_EQ(loaded.bootstrap->admin.access_logs[0].filter->Holds(record), holds) << text;
    }
  }
}

TEST(AccessLogTest, FiltersFollowTheRuntime) {
  const Loaded loaded = LoadFilter("{status_code_filter: {comparison: {value: {default_value: 503, runtime_key: k}}}}");
  telemetry::RequestRecord record;
  record.response_code = 504;
  const telemetry::RecordFilter& filter = *loaded.bootstrap->admin.access_logs[0].filter;
  EXPECT_FALSE(filter.Holds(record));
  runtime::Value value;
  value.integer = 504;
  loaded.bootstrap->runtime_keys->Apply({{"k", value}});
  EXPECT_TRUE(filter.Holds(record));
}

// Each, and whether it holds of a value {t: text, n: 2, f: true, l: [2], z: null}.
TEST(AccessLogTest, MetadataFilters) {
  using metadata::Value;
  base::BlockPool blocks;
  base::Arena arena(blocks);
  metadata::Annotations notes;
  const metadata::Member element = {"", Value::Number(2)};
  notes.metadata.Set(arena, "s", "t", Value::Text("text"));
  notes.metadata.Set(arena, "s", "n", Value::Number(2));
  notes.metadata.Set(arena, "s", "f", Value::Flag(true));
  notes.metadata.Set(arena, "s", "l", {.kind = Value::Kind::kList, .size = 1, .members = &element});
  notes.metadata.Set(arena, "s", "z", Value());
  telemetry::RequestRecord record;
  record.annotations = &notes;
  struct Case {
    std::string key;
    std::string matcher;
    bool holds;
  };
  const Case cases[] = {
      {"t", "{string_match: {exact: text}}", true},
      {"t", "{string_match: {exact: other}}", false},
      {"t", "{string_match: {exact: other}}, invert: true", true},
      {"n", "{double_match: {exact: 2}}", true},
      {"n", "{double_match: {range: {start: 2, end: 3}}}", true},
      {"n", "{double_match: {range: {start: 1, end: 2}}}", false},
      {"f", "{bool_match: false}", false},
      {"z", "{null_match: {}}", true},
      {"t", "{present_match: false}", false},
      {"l", "{list_match: {one_of: {double_match: {exact: 2}}}}", true},
      {"n", "{or_match: {value_matchers: [{null_match: {}}, {double_match: {exact: 2}}]}}", true},
  };
  for (const Case& item : cases) {
    const Loaded loaded = LoadFilter("{metadata_filter: {matcher: {filter: s, path: [{key: " + item.key +
                                     "}], value: " + item.matcher + "}}}");
    ExpectGood(loaded);
    if (loaded.bootstrap == nullptr) continue;
    EXPECT_EQ(loaded.bootstrap->admin.access_logs[0].filter->Holds(record), item.holds) << item.matcher;
  }
}

TEST(AccessLogTest, MembersAreSorted) {
  const Loaded loaded = LoadText(R"(admin:
  access_log:
  - typed_config:
      "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
      log_format: {json_format_options: {sort_properties: true}, json_format: {b: x, c: x, a: x}})");
  ASSERT_NE(loaded.bootstrap, nullptr) << ErrorText("", loaded.errors.at(0));
  std::string keys;
  const auto& format = std::get<JsonLogFormat>(loaded.bootstrap->admin.access_logs[0].format);
  for (const auto& [key, value] : std::get<JsonFormat::Object>(format.root.value)) keys += key;
  EXPECT_EQ(keys, "abc");
}

TEST(AccessLogTest, WrongFilters) {
  EXPECT_EQ(ErrorsOf("{response_flag_filter: {flags: [UF, XX]}}"),
            Errors{".response_flag_filter.flags[1]: \"XX\", expected a response flag such as UF"});
  EXPECT_EQ(ErrorsOf("{and_filter: {filters: [{response_flag_filter: {}}]}}"),
            Errors{".and_filter.filters: 1 filters, expected at least 2"});
  EXPECT_EQ(ErrorsOf("{or_filter: {}}"), Errors{".or_filter.filters: 0 filters, expected at least 2"});
  EXPECT_EQ(ErrorsOf("{status_code_filter: {}}"), Errors{".status_code_filter.comparison: missing, but required"});
  EXPECT_EQ(ErrorsOf("{duration_filter: {comparison: {op: GE}}}"),
            Errors{".duration_filter.comparison.value: missing, but required"});
  EXPECT_EQ(ErrorsOf("{runtime_filter: {}}"), Errors{".runtime_filter.runtime_key: missing, but required"});
  EXPECT_EQ(ErrorsOf("{metadata_filter: {matcher: {filter: s, value: {present_match: true}}}}"),
            Errors{".metadata_filter.matcher.path: empty, but required"});
  EXPECT_EQ(ErrorsOf("{metadata_filter: {matcher: {filter: s, path: [{key: k}], value: {or_match: {}}}}}"),
            Errors{".metadata_filter.matcher.value.or_match.value_matchers: 0 matchers, expected at least 2"});
  EXPECT_EQ(ErrorsOf("{grpc_status_filter: {statuses: [FINE]}}").size(), 1u);
}

}  // namespace
}  // namespace pillion::config
