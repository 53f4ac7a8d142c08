#include "source/server/options.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pillion::server {
namespace {

ParsedOptions Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "pillion");
  return ParseOptions(static_cast<int>(arguments.size()), arguments.data());
}

Options Good(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), {"-c", "file.yaml"});
  const ParsedOptions parsed = Parse(arguments);
  EXPECT_FALSE(parsed.exit_code.has_value()) << parsed.text;
  return parsed.options;
}

std::string Error(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), {"-c", "file.yaml"});
  const ParsedOptions parsed = Parse(arguments);
  EXPECT_EQ(parsed.exit_code, 1);
  return parsed.text;
}

const Options::Value* Shown(const Options& options, std::string_view name) {
  for (const auto& [shown, value] : options.shown) {
    if (shown == name) return &value;
  }
  return nullptr;
}

TEST(Options, ReadsWhatHasAnEffect) {
  const Options options = Good({"--config-yaml",
                                "{}",
                                "--mode",
                                "init_only",
                                "--concurrency=3",
                                "-l",
                                "warn",
                                "--component-log-level",
                                "upstream:debug,misc:error",
                                "--log-format",
                                "%v",
                                "--log-format-escaped",
                                "--log-path",
                                "/l",
                                "--drain-time-s",
                                "45",
                                "--file-flush-interval-msec",
                                "1000",
                                "--service-node",
                                "n",
                                "--service-cluster",
                                "c",
                                "--service-zone",
                                "z",
                                "--admin-address-path",
                                "/a",
                                "--allow-unknown-static-fields",
                                "--reject-unknown-dynamic-fields",
                                "--ignore-unknown-dynamic-fields",
                                "--disable-extensions",
                                "envoy.filters.http.fault,b",
                                "--stats-tag",
                                "a:1",
                                "--stats-tag",
                                "b:2:3",
                                "--enable-core-dump",
                                "--drain-strategy",
                                "immediate"});
  EXPECT_EQ(options.config_path, "file.yaml");
  EXPECT_EQ(options.config_yaml, "{}");
  EXPECT_EQ(options.mode, Options::Mode::kInitOnly);
  EXPECT_EQ(options.concurrency, 3u);
  EXPECT_EQ(options.log_level, "warning");
  ASSERT_EQ(options.component_log_levels.size(), 2u);
  EXPECT_EQ(options.component_log_levels[1], (std::pair<std::string, std::string>("misc", "error")));
  EXPECT_EQ(options.log_format, "%v");
  EXPECT_TRUE(options.log_format_escaped);
  EXPECT_EQ(options.log_path, "/l");
  EXPECT_EQ(options.drain_time_s, 45u);
  EXPECT_EQ(options.file_flush_interval_ms, 1000u);
  EXPECT_EQ(options.service_node + options.service_cluster + options.service_zone, "ncz");
  EXPECT_EQ(options.admin_address_path, "/a");
  EXPECT_TRUE(options.allow_unknown_static_fields && options.reject_unknown_dynamic_fields &&
              options.ignore_unknown_dynamic_fields && options.core_dump);
  EXPECT_EQ(options.disabled_extensions, (std::vector<std::string>{"envoy.filters.http.fault", "b"}));
  EXPECT_EQ(options.stats_tags, (std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "2:3"}}));
  EXPECT_TRUE(options.without_effect.empty());
}

TEST(Options, HasEnvoysDefaults) {
  const Options options = Good({});
  EXPECT_EQ(options.mode, Options::Mode::kServe);
  EXPECT_GE(options.concurrency, 1u);
  EXPECT_EQ(options.log_level, "info");
  EXPECT_FALSE(options.log_format.has_value());
  EXPECT_EQ(Good({"--concurrency", "0"}).concurrency, 1u);
}

TEST(Options, SharesPortsWhereSeveralAreMeant) {
  EXPECT_FALSE(Good({}).shares_ports);
  EXPECT_FALSE(Good({"--base-id", "0", "--restart-epoch", "0"}).shares_ports);
  EXPECT_TRUE(Good({"--base-id", "7"}).shares_ports);
  EXPECT_TRUE(Good({"--restart-epoch", "1"}).shares_ports);
  EXPECT_TRUE(Good({"--use-dynamic-base-id"}).shares_ports);
  EXPECT_TRUE(Good({"--disable-hot-restart"}).shares_ports);
}

TEST(Options, SaysWhatHasNoEffect) {
  const std::vector<std::vector<const char*>> flags = {{"--base-id", "7"},
                                                       {"--use-dynamic-base-id"},
                                                       {"--base-id-path", "/b"},
                                                       {"--restart-epoch", "1"},
                                                       {"--disable-hot-restart"},
                                                       {"--parent-shutdown-time-s", "60"},
                                                       {"--skip-hot-restart-on-no-parent"},
                                                       {"--skip-hot-restart-parent-stats"},
                                                       {"--socket-path", "@s"},
                                                       {"--socket-mode", "600"},
                                                       {"--local-address-ip-version", "v6"},
                                                       {"--file-flush-min-size-kb", "4"},
                                                       {"--enable-fine-grain-logging"},
                                                       {"--enable-mutex-tracing"},
                                                       {"--log-stacktrace-single-entry"},
                                                       {"--skip-deprecated-logs"},
                                                       {"--bootstrap-version", "3"},
                                                       {"--drain-strategy", "gradual"}};
  for (const auto& flag : flags) {
    const Options options = Good(flag);
    ASSERT_EQ(options.without_effect.size(), 1u) << flag[0];
    EXPECT_TRUE(options.without_effect[0].starts_with(flag[0])) << options.without_effect[0];
  }
  const Options both = Good({"--concurrency", "2", "--cpuset-threads"});
  EXPECT_EQ(both.without_effect.size(), 1u);
}

TEST(Options, RefusesUnknownFlagsByName) {
  EXPECT_EQ(Error({"--concurency", "2"}), "pillion: unknown flag --concurency, did you mean \"--concurrency\"?\n");
  EXPECT_EQ(Error({"--nothing-like-it=2"}), "pillion: unknown flag --nothing-like-it\n");
  EXPECT_EQ(Error({"stray"}), "pillion: unexpected argument \"stray\"\n");
}

TEST(Options, RefusesBadValues) {
  EXPECT_EQ(Error({"--concurrency", "two"}),
            "pillion: --concurrency \"two\": expected a whole number from 0 to 1024\n");
  EXPECT_EQ(Error({"--concurrency", "-1"}),
            "pillion: --concurrency \"-1\": expected a whole number from 0 to 1024\n");
  EXPECT_EQ(Error({"--base-id", "x"}), "pillion: --base-id \"x\": expected a whole number\n");
  EXPECT_EQ(Error({"--mode", "x"}), "pillion: --mode \"x\": expected one of serve, validate, init_only\n");
  EXPECT_NE(Error({"--log-level", "loud"}).find("-l,--log-level \"loud\": expected one of trace, debug"),
            std::string::npos);
  EXPECT_NE(Error({"--component-log-level", "upstraem:debug"}).find("did you mean \"upstream\"?"),
            std::string::npos);
  EXPECT_NE(Error({"--component-log-level", "upstream:loud"}).find("expected COMPONENT:LEVEL"), std::string::npos);
  EXPECT_NE(Error({"--component-log-level", "upstream"}).find("expected COMPONENT:LEVEL"), std::string::npos);
  EXPECT_NE(Error({"--stats-tag", "a"}).find("expected NAME:VALUE"), std::string::npos);
  EXPECT_NE(Error({"--stats-tag", "a_b:c"}).find("expected NAME:VALUE"), std::string::npos);
  EXPECT_NE(Error({"--stats-tag", "a:b.c"}).find("expected NAME:VALUE"), std::string::npos);
  EXPECT_NE(Error({"--stats-tag", "a:b", "--stats-tag", "a:c"}).find("each name once"), std::string::npos);
  EXPECT_NE(Error({"--drain-time-s", "1", "--drain-time-s", "2"}), "");
}

TEST(Options, PrintsAndEnds) {
  EXPECT_EQ(Parse({"--version"}).exit_code, 0);
  EXPECT_EQ(Parse({"--hot-restart-version"}).text, "disabled\n");
  EXPECT_NE(Parse({"--help"}).text.find("--component-log-level"), std::string::npos);
  EXPECT_EQ(Parse({}).text, "pillion: expected -c FILE, --config-yaml TEXT or both\n");
}

TEST(Options, TakesEmptyTextsAndIgnoresTheRest) {
  const Options options = Good({"--service-zone", "", "--component-log-level", "", "--", "--whatever"});
  EXPECT_EQ(options.service_zone, "");
}

TEST(Options, AreShownAsEnvoyShowsThem) {
  const Options options = Good({"--base-id", "7", "--file-flush-interval-msec", "1500", "--stats-tag", "a:1"});
  EXPECT_EQ(std::get<std::string>(*Shown(options, "base_id")), "7");
  EXPECT_EQ(std::get<std::string>(*Shown(options, "file_flush_interval")), "1.500s");
  EXPECT_EQ(std::get<std::string>(*Shown(options, "mode")), "Serve");
  EXPECT_EQ(std::get<uint64_t>(*Shown(options, "restart_epoch")), 0u);
  EXPECT_EQ(std::get<std::vector<std::string>>(*Shown(options, "stats_tag")), std::vector<std::string>{"a:1"});
  EXPECT_FALSE(std::get<bool>(*Shown(options, "disable_hot_restart")));
  // Each field that Envoy 1.39 shows.
  for (const char* name : {"base_id",
                           "concurrency",
                           "config_path",
                           "config_yaml",
                           "allow_unknown_static_fields",
                           "admin_address_path",
                           "local_address_ip_version",
                           "log_level",
                           "component_log_level",
                           "log_format",
                           "log_path",
                           "service_cluster",
                           "service_node",
                           "service_zone",
                           "file_flush_interval",
                           "drain_time",
                           "parent_shutdown_time",
                           "mode",
                           "disable_hot_restart",
                           "enable_mutex_tracing",
                           "restart_epoch",
                           "cpuset_threads",
                           "reject_unknown_dynamic_fields",
                           "log_format_escaped",
                           "disabled_extensions",
                           "ignore_unknown_dynamic_fields",
                           "use_dynamic_base_id",
                           "base_id_path",
                           "drain_strategy",
                           "enable_fine_grain_logging",
                           "socket_path",
                           "socket_mode",
                           "enable_core_dump",
                           "stats_tag",
                           "skip_hot_restart_on_no_parent",
                           "skip_hot_restart_parent_stats",
                           "skip_deprecated_logs",
                           "file_flush_min_size",
                           "log_stacktrace_single_entry"}) {
    EXPECT_NE(Shown(options, name), nullptr) << name;
  }
}

}  // namespace
}  // namespace pillion::server
