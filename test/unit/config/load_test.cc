#include "source/config/load.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/util/message_differencer.h"
#include "source/config/dump.h"
#include "source/config/priority.h"
#include "source/config/read_file.h"
#include "source/config/route.h"
#include "source/config/tree.h"
#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const char* const kGateway = "test/unit/config/testdata/gateway.yaml";
const char* const kBenchmark = "test/unit/config/testdata/benchmark.json";

std::string Text(const char* path) {
  return ReadFile(path, Tree::kMaxBytes).value();
}

std::shared_ptr<const Bootstrap> LoadGood(std::string_view text) {
  const Loaded loaded = LoadText(text);
  ExpectGood(loaded);
  return loaded.bootstrap;
}

bool SameSource(const Bootstrap& a, const Bootstrap& b) {
  return google::protobuf::util::MessageDifferencer::Equals(*a.source, *b.source);
}

TEST(LoadTest, BuildsAllPartsOfTheModel) {
  const auto loaded = LoadFile(kGateway);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const Bootstrap& bootstrap = **loaded;

  EXPECT_EQ(bootstrap.node.id, "gateway-1");
  EXPECT_EQ(bootstrap.node.cluster, "edge");
  EXPECT_EQ(bootstrap.node.locality, (Locality{"eu", "eu-1", ""}));
  EXPECT_EQ(AddressText(*bootstrap.admin.address), "127.0.0.1:9901");
  ASSERT_EQ(bootstrap.admin.access_logs.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<StdoutLogSink>(bootstrap.admin.access_logs[0].sink));
  EXPECT_TRUE(std::holds_alternative<DefaultLogFormat>(bootstrap.admin.access_logs[0].format));

  ASSERT_EQ(bootstrap.listeners.size(), 2u);
  const Listener& http = *bootstrap.listeners[0];
  EXPECT_EQ(http.name, "http");
  EXPECT_EQ(AddressText(http.address), "[::]:8080");
  EXPECT_TRUE(std::get<SocketAddress>(http.address).ipv4_compat);
  EXPECT_EQ(http.stat_prefix, "[__]_8080");
  EXPECT_EQ(http.per_connection_buffer_limit, 32768u);
  EXPECT_EQ(http.tcp_backlog, 511u);
  EXPECT_EQ(http.max_accepts_per_event, 8u);
  EXPECT_TRUE(http.enable_reuse_port);
  EXPECT_EQ(http.filter_chains[0].name, "only");

  const Listener& raw = *bootstrap.listeners[1];
  EXPECT_EQ(std::get<UnixPath>(raw.address), (UnixPath{"@raw", 0600}));
  EXPECT_EQ(raw.stat_prefix, "raw_socket");
  EXPECT_FALSE(raw.enable_reuse_port);
  const auto& tcp = std::get<TcpProxy>(raw.filter_chains[0].terminal);
  EXPECT_EQ(tcp.clusters.at(0).name, "app:v1");
  EXPECT_EQ(tcp.idle_timeout, seconds(0));
  EXPECT_EQ(tcp.max_connect_attempts, 3u);
}

TEST(LoadTest, BuildsTheConnectionManager) {
  const auto bootstrap = LoadGood(Text(kGateway));
  const auto& http = std::get<HttpConnectionManager>(bootstrap->listeners.at(0)->filter_chains[0].terminal);
  EXPECT_EQ(http.codec, HttpConnectionManager::Codec::kHttp1);
  EXPECT_EQ(http.stat_prefix, "ingress");
  EXPECT_EQ(http.server_name, "edge");
  EXPECT_EQ(http.server_header, HttpConnectionManager::ServerHeader::kAppendIfAbsent);
  EXPECT_EQ(http.stream_idle_timeout, seconds(10));
  EXPECT_EQ(http.request_timeout, milliseconds(250));
  EXPECT_EQ(http.drain_timeout, seconds(2));
  EXPECT_EQ(http.delayed_close_timeout, seconds(1));
  EXPECT_EQ(http.max_request_headers_kb, 96u);
  EXPECT_TRUE(http.use_remote_address);
  EXPECT_EQ(http.xff_num_trusted_hops, 1u);
  EXPECT_TRUE(http.internal_addresses.unix_sockets);
  ASSERT_EQ(http.internal_addresses.ranges.size(), 1u);
  EXPECT_TRUE(http.internal_addresses.ranges[0].Contains(*match::IpAddress::Parse("10.1.2.3")));
  EXPECT_FALSE(http.internal_addresses.ranges[0].Contains(*match::IpAddress::Parse("11.1.2.3")));
  EXPECT_TRUE(http.append_x_forwarded_port);
  EXPECT_TRUE(http.request_id_in_response);
  EXPECT_TRUE(http.normalize_path);
  EXPECT_TRUE(http.merge_slashes);
  EXPECT_EQ(http.escaped_slashes, EscapedSlashes::kReject);
  EXPECT_FALSE(http.generate_request_id);
  EXPECT_EQ(http.strip_port, HttpConnectionManager::StripPort::kAny);
  EXPECT_EQ(http.via, "edge");
  EXPECT_EQ(http.options.idle_timeout, seconds(60));
  EXPECT_EQ(http.options.max_headers_count, 50u);
  EXPECT_EQ(http.options.max_requests_per_connection, 1000u);
  EXPECT_EQ(http.options.headers_with_underscores, HeadersWithUnderscores::kRejectRequest);
  EXPECT_TRUE(http.http1.accept_http_10);
  EXPECT_EQ(http.http1.default_host_for_http_10, "old.example");
  EXPECT_EQ(http.http2.max_concurrent_streams, 200u);
  ASSERT_TRUE(http.http2.keepalive.has_value());
  EXPECT_EQ(http.http2.keepalive->interval, seconds(30));
  EXPECT_EQ(http.http2.keepalive->timeout, seconds(5));
  EXPECT_EQ(http.http2.keepalive->interval_jitter_percent, 15);
  ASSERT_EQ(http.upgrades.size(), 2u);
  EXPECT_EQ(http.upgrades[0].type, "websocket");
  EXPECT_TRUE(http.upgrades[0].enabled);
  EXPECT_FALSE(http.upgrades[1].enabled);
  EXPECT_TRUE(http.http_filters.empty());
  EXPECT_TRUE(http.router.suppress_envoy_headers);

  ASSERT_EQ(http.access_logs.size(), 1u);
  EXPECT_EQ(std::get<FileLogSink>(http.access_logs[0].sink).path, "/var/log/access.log");
  EXPECT_TRUE(http.access_logs[0].omit_empty_values);
  const auto& root = std::get<JsonFormat::Object>(std::get<JsonLogFormat>(http.access_logs[0].format).root.value);
  ASSERT_EQ(root.size(), 2u);
  EXPECT_EQ(root[0].first, "a");  // sorted
  EXPECT_EQ(std::get<std::string>(root[1].second.value), "%RESPONSE_CODE%");
  const auto& nested = std::get<JsonFormat::Object>(root[0].second.value);
  ASSERT_EQ(nested.size(), 5u);
  EXPECT_EQ(std::get<double>(nested[0].second.value), 1);
  EXPECT_EQ(std::get<bool>(nested[1].second.value), true);
  EXPECT_TRUE(std::holds_alternative<std::nullptr_t>(nested[2].second.value));
  EXPECT_EQ(std::get<std::string>(std::get<JsonFormat::List>(nested[3].second.value).at(0).value), "x");
  EXPECT_EQ(std::get<std::string>(nested[4].second.value), "%PROTOCOL%");
}

TEST(LoadTest, BuildsTheRouteTable) {
  const auto bootstrap = LoadGood(Text(kGateway));
  const auto& http = std::get<HttpConnectionManager>(bootstrap->listeners.at(0)->filter_chains[0].terminal);
  const RouteConfig& table = *http.route_config;
  EXPECT_EQ(table.name, "table");
  ASSERT_EQ(table.internal_only_headers.size(), 1u);
  EXPECT_EQ(table.internal_only_headers[0].text(), "x-only");
  ASSERT_EQ(table.virtual_hosts.size(), 2u);
  EXPECT_EQ(table.virtual_hosts[0]->domains, (std::vector<Domain>{{Domain::Kind::kExact, "api.example"},
                                                                 {Domain::Kind::kSuffix, ".api.example"},
                                                                 {Domain::Kind::kPrefix, "api."}}));
  EXPECT_EQ(table.virtual_hosts[1]->domains, (std::vector<Domain>{{Domain::Kind::kAny, ""}}));

  const Route& health = *table.virtual_hosts[0]->routes.at(0);
  EXPECT_EQ(health.match.kind, match::RequestMatcher::Path::kExact);
  EXPECT_EQ(health.match.path, "/healthz");
  EXPECT_EQ(std::get<DirectResponse>(health.action).status, 200);
  EXPECT_EQ(std::get<DirectResponse>(health.action).body, "ok\n");

  const Route& users = *table.virtual_hosts[0]->routes.at(1);
  EXPECT_EQ(users.name, "users");
  EXPECT_EQ(users.match.kind, match::RequestMatcher::Path::kPrefix);
  EXPECT_FALSE(users.match.case_sensitive);
  const auto& action = std::get<RouteAction>(users.action);
  EXPECT_EQ(std::get<std::string>(action.cluster), "users");
  EXPECT_EQ(action.timeout, seconds(0));  // max_stream_duration stands in its place
  EXPECT_EQ(action.idle_timeout, seconds(0));
  EXPECT_EQ(action.max_stream_duration.limit, seconds(60));
  EXPECT_EQ(action.priority, Priority::kHigh);
  ASSERT_TRUE(action.retry_policy.has_value());
  EXPECT_EQ(action.retry_policy->retry_on,
            kRetryOnConnectFailure | kRetryOnRefusedStream | kRetryOnGrpcUnavailable);
  EXPECT_EQ(action.retry_policy->num_retries, 2u);
  EXPECT_EQ(action.retry_policy->per_try_timeout, seconds(1));
  EXPECT_EQ(action.retry_policy->retriable_status_codes, (std::vector<uint16_t>{503, 429}));
  EXPECT_EQ(action.retry_policy->back_off_base, milliseconds(100));
  EXPECT_EQ(action.retry_policy->back_off_max, seconds(1));

  const auto& rest = std::get<RouteAction>(table.virtual_hosts[1]->routes.at(0)->action);
  EXPECT_EQ(rest.timeout, seconds(15));
  EXPECT_FALSE(rest.idle_timeout.has_value());
  EXPECT_FALSE(rest.retry_policy.has_value());
}

TEST(LoadTest, BuildsClusters) {
  const auto bootstrap = LoadGood(Text(kGateway));
  ASSERT_EQ(bootstrap->clusters.size(), 2u);
  const Cluster& users = *bootstrap->clusters[0];
  EXPECT_EQ(users.discovery, Cluster::Discovery::kStrictDns);
  EXPECT_EQ(users.load_balancing.policy, LoadBalancing::Policy::kLeastRequest);
  EXPECT_EQ(users.load_balancing.least_request_choices, 3u);
  EXPECT_EQ(users.connect_timeout, milliseconds(500));
  EXPECT_EQ(users.dns_family, Cluster::DnsFamily::kV4Preferred);
  EXPECT_EQ(users.dns_refresh_rate, seconds(10));
  EXPECT_TRUE(users.respect_dns_ttl);
  EXPECT_EQ(users.tcp_keepalive->time_s, 60u);
  EXPECT_FALSE(users.tcp_keepalive->probes.has_value());
  EXPECT_EQ(users.circuit_breaker(Priority::kDefault).max_connections, 10u);
  EXPECT_EQ(users.circuit_breaker(Priority::kDefault).max_retries, 13u);
  EXPECT_EQ(users.circuit_breaker(Priority::kHigh).max_requests, 99u);
  EXPECT_EQ(users.circuit_breaker(Priority::kHigh).max_connections, 1024u);
  EXPECT_EQ(users.http.protocol, UpstreamHttp::Protocol::kHttp2);
  EXPECT_EQ(users.http.options.idle_timeout, seconds(30));
  EXPECT_EQ(users.http.http2.initial_stream_window_size, 65535u);
  EXPECT_EQ(users.http.http2.initial_connection_window_size, 1024u * 1024);
  ASSERT_EQ(users.endpoints.size(), 2u);
  EXPECT_EQ(std::get<DnsTarget>(users.endpoints[0].target), (DnsTarget{"users.internal", 80}));
  EXPECT_EQ(users.endpoints[0].hostname, "u1");
  EXPECT_EQ(users.endpoints[0].weight, 3u);
  EXPECT_EQ(users.endpoints[0].locality.zone, "a");
  EXPECT_EQ(AddressText(std::get<Address>(users.endpoints[1].target)), "10.0.0.1:81");
  EXPECT_EQ(users.endpoints[1].priority, 1u);

  const Cluster& app = *bootstrap->clusters[1];
  EXPECT_EQ(app.name, "app:v1");
  EXPECT_EQ(app.stat_name, "app_v1");
  EXPECT_EQ(app.discovery, Cluster::Discovery::kStatic);
  EXPECT_EQ(app.load_balancing.policy, LoadBalancing::Policy::kRoundRobin);
  EXPECT_EQ(app.connect_timeout, seconds(5));
  EXPECT_EQ(app.http.protocol, UpstreamHttp::Protocol::kHttp1);
  EXPECT_EQ(AddressText(std::get<Address>(app.endpoints.at(0).target)), "[::1]:9001");  // canonical
  EXPECT_EQ(AddressText(std::get<Address>(app.endpoints.at(1).target)), "/run/app.sock");
}

TEST(LoadTest, DefaultsAreEnvoysButForAFew) {
  const auto bootstrap = LoadGood(Text(kBenchmark));
  ASSERT_EQ(bootstrap->listeners.size(), 4u);
  EXPECT_EQ(bootstrap->listeners[0]->stat_prefix, "127.0.0.1_19004");
  EXPECT_EQ(bootstrap->listeners[0]->per_connection_buffer_limit, 1024u * 1024);
  const auto& http = std::get<HttpConnectionManager>(bootstrap->listeners[1]->filter_chains[0].terminal);
  EXPECT_EQ(http.codec, HttpConnectionManager::Codec::kHttp2);
  EXPECT_EQ(http.server_name, "pillion");
  EXPECT_EQ(http.stream_idle_timeout, seconds(300));
  EXPECT_EQ(http.request_headers_timeout, seconds(60));
  EXPECT_EQ(http.request_timeout, seconds(0));
  EXPECT_EQ(http.drain_timeout, seconds(5));
  EXPECT_EQ(http.options.idle_timeout, seconds(3600));
  EXPECT_EQ(http.options.max_headers_count, 100u);
  EXPECT_EQ(http.max_request_headers_kb, 60u);
  EXPECT_EQ(http.http2.initial_stream_window_size, 256u * 1024);
  EXPECT_EQ(http.http2.initial_connection_window_size, 1024u * 1024);
  EXPECT_EQ(http.http2.max_concurrent_streams, 1024u);
  EXPECT_FALSE(http.http2.invalid_message_ends_connection);
  ASSERT_EQ(bootstrap->clusters.size(), 2u);
  EXPECT_EQ(bootstrap->clusters[0]->circuit_breaker(Priority::kDefault).max_connections, 100000u);
  EXPECT_EQ(bootstrap->clusters[1]->http.protocol, UpstreamHttp::Protocol::kHttp2);
}

TEST(LoadTest, TakesCamelCaseNumbersOfEnumsAndBytes) {
  const auto bootstrap =
      LoadGood(R"({"staticResources": {"clusters": [{"name": "a", "lbPolicy": 1, "connectTimeout":
      "2s", "loadAssignment": {"clusterName": "a"}}], "listeners": [{"address": {"socketAddress": {"address":
      "127.0.0.1", "portValue": "80"}}, "filterChains": [{"filters": [{"name": "h", "typedConfig": {"@type":
      "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      "statPrefix": "s", "httpFilters": [{"name": "r", "typedConfig": {"@type":
      "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}], "routeConfig": {"virtualHosts":
      [{"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "directResponse": {"status": 4.04e2,
      "body": {"inlineBytes": "bm8="}}}]}]}}}]}]}]}})");
  ASSERT_NE(bootstrap, nullptr);
  EXPECT_EQ(bootstrap->clusters[0]->load_balancing.policy, LoadBalancing::Policy::kLeastRequest);
  EXPECT_EQ(bootstrap->clusters[0]->connect_timeout, seconds(2));
  EXPECT_EQ(bootstrap->listeners[0]->name, "127.0.0.1:80");
  const auto& http = std::get<HttpConnectionManager>(bootstrap->listeners[0]->filter_chains[0].terminal);
  const auto& direct = std::get<DirectResponse>(http.route_config->virtual_hosts[0]->routes[0]->action);
  EXPECT_EQ(direct.status, 404);
  EXPECT_EQ(direct.body, "no");
}

TEST(LoadTest, LineEndsAndByteOrderMarkDoNotMatter) {
  const std::string text = Text(kGateway);
  const auto plain = LoadGood(text);
  std::string windows = "\xEF\xBB\xBF";
  for (const char c : text) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_TRUE(SameSource(*plain, *LoadGood(windows)));
}

TEST(LoadTest, AliasesStandForTheirAnchor) {
  const auto bootstrap = LoadGood(
      "static_resources:\n"
      "  clusters:\n"
      "  - &a {name: a, connect_timeout: &t 7s}\n"
      "  - {name: b, connect_timeout: *t}\n");
  EXPECT_EQ(bootstrap->clusters.at(1)->connect_timeout, seconds(7));
}

TEST(LoadTest, ReadsSourcesOfBodies) {
  const std::string path = testing::TempDir() + "/body.txt";
  std::ofstream(path) << "from a file";
  ::setenv("PILLION_TEST_BODY", "from the environment", 1);
  std::string text = Text(kGateway);
  const std::string inline_body = "{inline_string: \"ok\\n\"}";
  const size_t at = text.find(inline_body);
  const auto body = [&](const std::string& source) {
    const auto bootstrap = LoadGood(std::string(text).replace(at, inline_body.size(), source));
    const auto& http = std::get<HttpConnectionManager>(bootstrap->listeners.at(0)->filter_chains[0].terminal);
    return std::get<DirectResponse>(http.route_config->virtual_hosts[0]->routes[0]->action).body;
  };
  EXPECT_EQ(body("{filename: " + path + "}"), "from a file");
  EXPECT_EQ(body("{environment_variable: PILLION_TEST_BODY}"), "from the environment");
}

TEST(LoadTest, WhatIsDumpedLoadsAgain) {
  for (const char* path : {kGateway, kBenchmark}) {
    const auto bootstrap = LoadGood(Text(path));
    const auto json = DumpJson(*bootstrap->source);
    ASSERT_TRUE(json.ok()) << json.status();
    EXPECT_NE(json->find("\"static_resources\""), std::string::npos);
    EXPECT_TRUE(SameSource(*bootstrap, *LoadGood(*json)));
  }
}

// As one that is refused may have it: the types of extensions are not the only ones that are written as JSON.
TEST(LoadTest, ASecretInAnysIsNotShown) {
  envoy::extensions::transport_sockets::tls::v3::Secret secret;
  secret.mutable_tls_certificate()->mutable_private_key()->set_inline_string("the key");
  google::protobuf::Any any;
  any.PackFrom(secret);
  for (int depth = 0; depth < 40; ++depth) {
    const auto json = DumpJson(any);
    ASSERT_TRUE(json.ok()) << json.status();
    EXPECT_EQ(json->find("the key"), std::string::npos) << depth;
    EXPECT_EQ(json->find("[redacted]") != std::string::npos, depth <= 32) << depth;
    google::protobuf::Any outer;
    outer.PackFrom(any);
    any = outer;
  }
}

// A file cut anywhere either is a whole configuration or is refused with at least one error; it never crashes.
TEST(LoadTest, EveryTruncationIsRefusedOrWhole) {
  for (const char* path : {kGateway, kBenchmark}) {
    const std::string text = Text(path);
    for (size_t size = 0; size < text.size(); size += 3) {
      const Loaded loaded = LoadText(std::string_view(text).substr(0, size));
      EXPECT_EQ(loaded.bootstrap == nullptr, !loaded.errors.empty());
      if (path == kBenchmark && text.find_last_of('}') >= size) {
        EXPECT_EQ(loaded.bootstrap, nullptr) << size;
      }
    }
  }
}

// The same for a byte that is replaced by one that means something to YAML.
TEST(LoadTest, NoChangedByteCrashes) {
  const std::string text = Text(kGateway);
  for (size_t at = 0; at < text.size(); at += 31) {
    for (const char c : {'\0', ':', '[', '"', '*', '&', '\n', '\xFF'}) {
      std::string changed = text;
      changed[at] = c;
      const Loaded loaded = LoadText(changed);
      EXPECT_EQ(loaded.bootstrap == nullptr, !loaded.errors.empty());
    }
  }
}

TEST(LoadTest, TheServersCheckOfFormatsIsAsked) {
  LoadOptions options;
  std::vector<std::string> asked;
  options.check_log_format = [&](std::string_view format) {
    asked.emplace_back(format);
    return format == "%PROTOCOL%" ? absl::InvalidArgumentError("no such operator") : absl::OkStatus();
  };
  const Loaded loaded = LoadText(Text(kGateway), options);
  EXPECT_EQ(asked.size(), 3u);
  ASSERT_EQ(loaded.errors.size(), 1u);
  EXPECT_EQ(loaded.errors[0].message, "no such operator");
  EXPECT_TRUE(loaded.errors[0].path.ends_with(".access_log[0].typed_config.log_format.json_format.a.z"));
  EXPECT_EQ(loaded.errors[0].line, 68);
}

// A pipe with `text` in it and no writer left, as a shell hands one over for `<(command)`.
class Pipe {
 public:
  explicit Pipe(std::string_view text) {
    EXPECT_EQ(::pipe(ends_), 0);
    EXPECT_EQ(::write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(ends_[1]);
  }
  ~Pipe() { ::close(ends_[0]); }
  std::string path() const { return "/dev/fd/" + std::to_string(ends_[0]); }

 private:
  int ends_[2];
};

TEST(LoadFileTest, ReadsAPipe) {
  const auto loaded = LoadFile(Pipe("node: {id: piped}").path());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->node.id, "piped");
  const Pipe empty("");
  EXPECT_EQ(LoadFile(empty.path()).status().message(), empty.path() + ": empty");
}

TEST(LoadFileTest, RefusesWhatIsNoFileWithoutWaiting) {
  const std::string dir = testing::TempDir();
  const std::string fifo = dir + "/fifo";
  const std::string link = dir + "/zero";
  ::unlink(fifo.c_str());
  ::unlink(link.c_str());
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  ASSERT_EQ(::symlink("/dev/zero", link.c_str()), 0);
  for (const std::string& path : {link, dir}) {
    EXPECT_EQ(LoadFile(path).status().message(), path + ": is neither a regular file nor a pipe");
  }
  EXPECT_EQ(ReadFile(fifo, Tree::kMaxBytes).status().message(), "is not a regular file");  // named in a configuration
  const absl::Status missing = LoadFile(dir + "/missing").status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing.message(), dir + "/missing: cannot be opened: No such file or directory");

  const std::string large = dir + "/large";
  std::ofstream(large).close();
  std::filesystem::resize_file(large, Tree::kMaxBytes + 1);
  EXPECT_EQ(LoadFile(large).status().message(), large + ": is larger than 16777216 bytes");
}

TEST(LoadFileTest, SaysAllErrorsWithFileAndLine) {
  const std::string path = testing::TempDir() + "/wrong.yaml";
  std::ofstream(path) << "node:\n  idd: x\nadmin: 5\n";
  EXPECT_EQ(LoadFile(path).status().message(), path + ":2: node: unknown field \"idd\", did you mean \"id\"?\n" +
                                                   path + ":3: admin: \"5\", expected a map of access_log_path, profile_path, address, access_log, "
                                                          "allow_paths");
}

}  // namespace
}  // namespace pillion::config
