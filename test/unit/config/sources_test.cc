// Several texts as one configuration, and what the command line adds.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

using Message = envoy::config::bootstrap::v3::Bootstrap;

const Message& MessageOf(const Loaded& loaded) {
  return dynamic_cast<const Message&>(*loaded.bootstrap->source);
}

constexpr char kFile[] =
    "node: {id: a, cluster: c, metadata: {kept: 1, replaced: {x: 1}}}\n"
    "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}\n"
    "static_resources:\n"
    "  clusters:\n"
    "  - {name: one, type: STATIC, connect_timeout: 1s}\n";

TEST(SourcesTest, MergesAsProtobufDoes) {
  const Loaded loaded =
      LoadSources({{"file", kFile},
                   {"--config-yaml",
                    "node: {id: b, metadata: {replaced: {y: 2}, new: 3}}\n"
                    "admin: {address: {socket_address: {port_value: 2}}}\n"
                    "static_resources: {clusters: {name: two, type: STATIC, connect_timeout: 1s}}\n"}});
  ASSERT_TRUE(loaded.errors.empty() || loaded.errors.size() == 1) << Texts(loaded.errors)[0];
  // The second text's address stands alone in the text: its check is of the merged whole.
  ASSERT_NE(loaded.bootstrap, nullptr) << Texts(loaded.errors)[0];
  const Message& message = MessageOf(loaded);
  EXPECT_EQ(message.node().id(), "b");
  EXPECT_EQ(message.node().cluster(), "c");
  const auto& metadata = message.node().metadata().fields();
  EXPECT_EQ(metadata.at("kept").number_value(), 1);
  EXPECT_EQ(metadata.at("new").number_value(), 3);
  EXPECT_FALSE(metadata.at("replaced").struct_value().fields().contains("x"));
  EXPECT_EQ(message.admin().address().socket_address().address(), "127.0.0.1");
  EXPECT_EQ(message.admin().address().socket_address().port_value(), 2u);
  ASSERT_EQ(loaded.bootstrap->clusters.size(), 2u);
  EXPECT_EQ(loaded.bootstrap->clusters[1]->name, "two");
}

TEST(SourcesTest, SaysInWhichTextAnErrorIs) {
  const Loaded loaded =
      LoadSources({{"file", kFile},
                   {"--config-yaml",
                    "\nstatic_resources:\n  clusters:\n  - {name: one, type: STATIC, conect_timeout: 1s}\n"}});
  EXPECT_EQ(
      Texts(loaded.errors),
      (std::vector<std::string>{"--config-yaml:4: static_resources.clusters[0]: unknown field \"conect_timeout\", "
                                "did you mean \"connect_timeout\"?",
                                "--config-yaml:4: static_resources.clusters[1].name: duplicate name \"one\""}));
}

TEST(SourcesTest, TheNodeFlagsReplaceWhatTheNodeSays) {
  LoadOptions options;
  options.node = {.id = "flag", .cluster = "", .zone = "z"};
  const Loaded loaded = LoadSources({{"file", kFile}}, options);
  ASSERT_NE(loaded.bootstrap, nullptr);
  EXPECT_EQ(loaded.bootstrap->node.id, "flag");
  EXPECT_EQ(loaded.bootstrap->node.cluster, "c");
  EXPECT_EQ(loaded.bootstrap->node.locality.zone, "z");
}

TEST(SourcesTest, RefusesProtobufsOwnFormats) {
  for (const char* path : {"a.pb", "a.pb_text"}) {
    const absl::StatusOr<Source> source = ReadSourceFile(path);
    EXPECT_NE(source.status().message().find("expected YAML or JSON"), absl::string_view::npos) << path;
  }
}

TEST(SourcesTest, TakesOneValueForAList) {
  const Loaded loaded = LoadText(
      "stats_config:\n"
      "  stats_tags: {tag_name: t, fixed_value: f}\n"
      "  histogram_bucket_settings: {match: {prefix: a}, buckets: 5}\n");
  ASSERT_NE(loaded.bootstrap, nullptr) << Texts(loaded.errors)[0];
  EXPECT_EQ(loaded.bootstrap->stats.tags.at(0).name, "t");
  EXPECT_EQ(loaded.bootstrap->stats.buckets.at(0).bounds, std::vector<double>{5});
  EXPECT_EQ(Texts(LoadText("stats_config: {stats_tags: x}").errors),
            std::vector<std::string>{"1: stats_config.stats_tags: \"x\", expected a list"});
}

TEST(SourcesTest, TypedStructStandsForTheTypeThatItNames) {
  for (const char* type : {"xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"}) {
    const std::string start =
        std::string("default_regex_engine: {name: r, typed_config: {'@type': type.googleapis.com/") + type;
    const std::string engine = "type.googleapis.com/envoy.extensions.regex_engines.v3.GoogleRE2";
    EXPECT_TRUE(LoadText(start + ", type_url: " + engine + ", value: {}}}").errors.empty());
    EXPECT_TRUE(LoadText(start + ", typeUrl: " + engine + "}}").errors.empty());
    EXPECT_EQ(Texts(LoadText(start + ", type_url: " + engine + ", value: {a: 1}}}").errors),
              std::vector<std::string>{"1: default_regex_engine.typed_config.value: unknown field \"a\""});
    EXPECT_EQ(Texts(LoadText(start + ", value: {}}}").errors).at(0),
              "1: default_regex_engine.typed_config: \"type_url\" is missing; expected \"type.googleapis.com/\" "
              "and the message's name");
    EXPECT_EQ(Texts(LoadText(start + ", type_url: x/y, value: {}}}").errors).at(0),
              "1: default_regex_engine.typed_config: unknown type \"x/y\"");
    EXPECT_EQ(Texts(LoadText(start + ", type_url: " + engine + ", value: 1}}").errors).at(0),
              "1: default_regex_engine.typed_config.value: \"1\", expected a map");
  }
}

TEST(SourcesTest, TakesAByteOrderMarkAndCarriageReturns) {
  EXPECT_TRUE(LoadText("\xEF\xBB\xBFnode: {id: a}\r\nadmin: {}\r\n").errors.empty());
  EXPECT_TRUE(LoadText("\xEF\xBB\xBF{\"node\": {\"id\": \"\\ud83d\\ude00\"}}").errors.empty());
}

TEST(SourcesTest, LogFormat) {
  const Loaded json = LoadText(
      "application_log_config: {log_format: {json_format: {Time: '%Y', Message: '%j', Level: {n: '%l', f: "
      "1.5}}}}");
  ASSERT_NE(json.bootstrap, nullptr);
  EXPECT_EQ(json.bootstrap->log_format, R"({"Level":{"f":1.5,"n":"%l"},"Message":"%j","Time":"%Y"})");
  EXPECT_EQ(LoadText("application_log_config: {log_format: {text_format: '%v'}}").bootstrap->log_format, "%v");
  EXPECT_EQ(Texts(LoadText("application_log_config: {log_format: {json_format: {m: '%v'}}}").errors),
            std::vector<std::string>{"1: application_log_config.log_format.json_format: %v, expected %j for the "
                                     "message: it keeps JSON whole"});
}

TEST(SourcesTest, StatsConfig) {
  const Loaded loaded = LoadText(
      "stats_flush_interval: 2s\n"
      "stats_server_version_override: 7\n"
      "flags_path: /flags\n"
      "admin: {access_log_path: /dev/null, allow_paths: [{exact: /ready}]}\n"
      "stats_config:\n"
      "  use_all_default_tags: false\n"
      "  stats_tags: [{tag_name: a, regex: '^x((.*)y)'}, {tag_name: b, fixed_value: v}, {tag_name: envoy.worker_id}]\n"
      "  stats_matcher: {inclusion_list: {patterns: [{prefix: cluster.}]}}\n"
      "  histogram_bucket_settings: [{match: {prefix: cluster.}, buckets: [10, 5]}]\n");
  ASSERT_NE(loaded.bootstrap, nullptr) << Texts(loaded.errors)[0];
  const StatsConfig& stats = loaded.bootstrap->stats;
  EXPECT_FALSE(stats.default_tags);
  ASSERT_EQ(stats.tags.size(), 3u);
  EXPECT_TRUE(stats.tags[0].regex.has_value());
  EXPECT_EQ(stats.tags[1].fixed_value, "v");
  EXPECT_TRUE(!stats.tags[2].regex && !stats.tags[2].fixed_value);
  EXPECT_TRUE(stats.matcher->include);
  EXPECT_EQ(stats.buckets[0].bounds, (std::vector<double>{5, 10}));
  EXPECT_EQ(stats.flush_interval, std::chrono::seconds(2));
  EXPECT_EQ(loaded.bootstrap->shown_version, 7u);
  EXPECT_EQ(loaded.bootstrap->flags_path, "/flags");
  EXPECT_EQ(std::get<FileLogSink>(loaded.bootstrap->admin.access_logs.at(0).sink).path, "/dev/null");
  EXPECT_TRUE(loaded.bootstrap->admin.allow_paths.at(0).Matches("/ready"));
  EXPECT_TRUE(LoadText("stats_config: {stats_matcher: {reject_all: true}}").bootstrap->stats.matcher->include);
  EXPECT_FALSE(LoadText("stats_config: {stats_matcher: {exclusion_list: {patterns: [{exact: a}]}}}")
                   .bootstrap->stats.matcher->include);
}

TEST(SourcesTest, StatsSinks) {
  const auto sink = [](const std::string& type, const std::string& fields) {
    return "{name: s, typed_config: {\"@type\": type.googleapis.com/envoy.config.metrics.v3." + type + ", " + fields + "}}";
  };
  const std::string address = "address: {socket_address: {protocol: UDP, address: 192.0.2.1, port_value: 8125}}";
  const Loaded loaded =
      LoadText("static_resources: {clusters: [{name: c, load_assignment: {cluster_name: c}}]}\nstats_sinks: [" +
               sink("StatsdSink", address) + ", " + sink("StatsdSink", "tcp_cluster_name: c, prefix: p") + ", " +
               sink("DogStatsdSink", address + ", prefix: d, max_bytes_per_datagram: 512") + "]");
  ASSERT_NE(loaded.bootstrap, nullptr) << Texts(loaded.errors)[0];
  const std::vector<StatsSink>& sinks = loaded.bootstrap->stats.sinks;
  ASSERT_EQ(sinks.size(), 3u);
  EXPECT_EQ(AddressText(std::get<Address>(sinks[0].to)), "192.0.2.1:8125");
  EXPECT_EQ(sinks[0].prefix, "envoy");
  EXPECT_EQ(std::get<std::string>(sinks[1].to), "c");
  EXPECT_EQ(sinks[1].prefix, "p");
  EXPECT_FALSE(sinks[1].tags);
  EXPECT_TRUE(sinks[2].tags);
  EXPECT_EQ(sinks[2].prefix, "d");
  EXPECT_EQ(sinks[2].most_bytes, 512u);
  EXPECT_NE(Texts(LoadText("stats_sinks: [" + sink("StatsdSink", "tcp_cluster_name: d") + "]").errors)
                .at(0)
                .find("stats_sinks[0].typed_config.tcp_cluster_name: unknown cluster 'd'"),
            std::string::npos);
  EXPECT_NE(Texts(LoadText("admin: {" + address + "}").errors).at(0).find("protocol: UDP, expected TCP"),
            std::string::npos);
}

// They are the workers', and metrics go by another thread.
TEST(SourcesTest, StatsSinksHaveNoInternalListeners) {
  const auto error = [](const std::string& type, const std::string& fields) {
    return Texts(LoadText("bootstrap_extensions: [{name: i, typed_config: {\"@type\": "
                          "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener}}]\n"
                          "static_resources: {clusters: [{name: c, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: "
                          "[{endpoint: {address: {envoy_internal_address: {server_listener_name: in}}}}]}]},\n"
                          "  typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {\"@type\": "
                          "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
                          "explicit_http_config: {http2_protocol_options: {}}}}}]}\n"
                          "stats_sinks: [{name: s, typed_config: {\"@type\": type.googleapis.com/envoy.config.metrics.v3." +
                          type + ", " + fields + "}}]")
                     .errors)
        .at(0);
  };
  const std::string why = ": \"c\", whose hosts are internal listeners: expected one with addresses that this process can "
                          "connect to by itself";
  for (const auto& [found, place] : {
           std::pair(error("StatsdSink", "tcp_cluster_name: c"), "tcp_cluster_name"),
           std::pair(error("MetricsServiceConfig", "transport_api_version: V3, grpc_service: {envoy_grpc: {cluster_name: c}}"),
                     "grpc_service.envoy_grpc.cluster_name"),
       }) {
    EXPECT_TRUE(found.ends_with(std::string("stats_sinks[0].typed_config.") + place + why)) << found;
  }
}

TEST(SourcesTest, RefusesBadStatsConfig) {
  const auto error = [](const std::string& text) {
    return Texts(LoadText("stats_config: {" + text + "}").errors).at(0);
  };
  EXPECT_EQ(error("stats_tags: [{tag_name: envoy.cluster_nam}]"),
            "1: stats_config.stats_tags[0].tag_name: \"envoy.cluster_nam\" without a value, expected one of Envoy's own "
            "tags, did you mean \"envoy.cluster_name\"?");
  EXPECT_EQ(error("stats_tags: [{tag_name: a, regex: x}]"),
            "1: stats_config.stats_tags[0].regex: \"x\", expected a group (...): what is cut out of the name");
  EXPECT_NE(error("stats_tags: [{tag_name: a, regex: '('}]").find("stats_tags[0].regex"), std::string::npos);
  EXPECT_EQ(error("stats_tags: [{tag_name: a, regex: '" + std::string(1025, 'x') + "'}]"),
            "1: stats_config.stats_tags[0].regex: 1025 bytes, expected at most 1024");
  EXPECT_EQ(error("histogram_bucket_settings: [{match: {exact: a}, buckets: [1, 1]}]"),
            "1: stats_config.histogram_bucket_settings[0].buckets: 1, expected each bound once");
}

}  // namespace
}  // namespace pillion::config
