#include "test/unit/proxy/proxy_world.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include "source/base/check.h"
#include "source/config/load.h"
#include "source/filters/http_filters.h"
#include "source/filters/missing_filter.h"
#include "source/upstream/http_client_codecs.h"
#include "test/support/stat.h"

namespace pillion::test {
namespace {

// A line "@name@" stands for the lines that the test gives.
constexpr std::string_view kListener = R"(node: {id: node-1, cluster: service-1}
static_resources:
  listeners:
  - name: in
    stat_prefix: in
    address: {socket_address: {address: 10.0.0.1, port_value: 80}}
    @listener@
    @listener_log@
    filter_chains:
    -
      @chain@
      filters:
      @network_filters@
)";

constexpr std::string_view kHttp = R"(      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          @hcm@
          @log@
          http_filters:
          @http_filters@
          - name: router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
              @router@
          route_config:
            @table@
            virtual_hosts:
            - name: all
              @domains@
              @virtual_host@
              routes:
              @first_routes@
              - match: {path: /direct}
                direct_response: {status: 200, body: {inline_string: direct}}
              - match: {prefix: /}
                @entry@
                route:
                  cluster: app
                  @route@
  clusters:
  - name: app
    @cluster@
    @protocol@
    @hosts@
)";

constexpr std::string_view kTcp = R"(      - name: tcp
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: tcp
          cluster: app
          @hcm@
          @log@
  clusters:
  - name: app
    @cluster@
    @hosts@
)";

constexpr std::string_view kFilterFormat =
    "%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% "
    "%BYTES_SENT% %DURATION%";

// The lines of an access log into a file.
std::string LogLines(const std::string& path, std::string_view format) {
  return "access_log:\n- name: file\n  typed_config:\n"
         "    \"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog\n    path: " + path +
         "\n    log_format: {text_format_source: {inline_string: \"" + std::string(format) + "\\n\"}}";
}

constexpr std::string_view kHttp2Upstream = R"(typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: {http2_protocol_options: {}})";

std::string HostIp(uint32_t host) { return "10.0.1." + std::to_string(host + 1); }

std::string Hosts(uint32_t count) {
  std::string text = "load_assignment:\n  cluster_name: app\n  endpoints:\n  - lb_endpoints:";
  if (count == 0) return text + " []";
  for (uint32_t host = 0; host < count; ++host) {
    text += "\n    - endpoint: {address: {socket_address: {address: " + HostIp(host) + ", port_value: 80}}}";
  }
  return text;
}

// `text` with each line "@name@" replaced by the lines of `parts`, indented as it is.
std::string Fill(std::string_view text, const std::map<std::string, std::string>& parts) {
  std::istringstream lines{std::string(text)};
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    const size_t indent = line.find_first_not_of(' ');
    const auto part = parts.find(line.substr(indent));
    if (part == parts.end()) {
      result += line + "\n";
      continue;
    }
    std::istringstream inner(part->second);
    for (std::string piece; std::getline(inner, piece);) result += std::string(indent, ' ') + piece + "\n";
  }
  return result;
}

std::string NewLogPath() {
  static std::atomic<int> next = 0;
  return testing::TempDir() + "/access." + std::to_string(getpid()) + "." + std::to_string(next++) + ".log";
}

std::shared_ptr<const config::Bootstrap> Load(const ProxySettings& settings, const std::string& log_path,
                                              const std::string& listener_log_path) {
  // Ids are random; a test that wants them says so.
  const bool ids = settings.tcp || settings.hcm.find("generate_request_id") != std::string::npos;
  const std::map<std::string, std::string> parts = {
      {"@listener@", settings.listener},
      {"@chain@", settings.chain},
      {"@network_filters@", settings.network_filters},
      {"@hcm@", (ids ? "" : "generate_request_id: false\n") + settings.hcm},
      {"@domains@", "domains: " + settings.domains},
      {"@http_filters@", settings.http_filters},
      {"@router@", settings.router},
      {"@entry@", settings.entry},
      {"@route@", settings.route},
      {"@first_routes@", settings.first_routes},
      {"@virtual_host@", settings.virtual_host},
      {"@table@", settings.table},
      {"@scopes@", settings.scopes},
      {"@cluster@", settings.cluster},
      {"@protocol@", std::string(settings.http2_upstream ? kHttp2Upstream : "")},
      {"@hosts@", Hosts(settings.hosts)},
      {"@log@", LogLines(log_path, settings.filter_log.empty() ? kFilterFormat : settings.filter_log)},
      {"@listener_log@", settings.listener_log.empty() ? "" : LogLines(listener_log_path, settings.listener_log)},
  };
  std::string form = std::string(kListener) + std::string(settings.tcp ? kTcp : kHttp);
  if (!settings.scopes.empty()) {
    const size_t begin = form.find("          route_config:\n");
    form.replace(begin, form.find("  clusters:\n") - begin, "          @scopes@\n");
  }
  const std::string text = Fill(form, parts);
  config::LoadOptions options;
  options.http_filters = filters::HttpFilterTypes();
  options.missing_filter = filters::MissingFilter();
  config::Loaded loaded = config::LoadText(text, options);
  for (const config::ConfigError& error : loaded.errors) ADD_FAILURE() << config::ErrorText("settings", error);
  PILLION_CHECK(loaded.bootstrap != nullptr);
  if (settings.further_filters.empty()) return loaded.bootstrap;
  auto bootstrap = std::make_shared<config::Bootstrap>(*loaded.bootstrap);
  auto listener = std::make_shared<config::Listener>(*bootstrap->listeners[0]);
  config::FilterChain chain = listener->filter_chains[0];
  auto& filters = std::get<config::HttpConnectionManager>(chain.terminal).http_filters;
  filters.insert(filters.end(), settings.further_filters.begin(), settings.further_filters.end());
  listener->filter_chains.Put(0, std::move(chain));
  bootstrap->listeners[0] = std::move(listener);
  return bootstrap;
}

}  // namespace

ProxyWorld::Door::Door(ProxyWorld& world, uint32_t worker)
    : shard(*world.shards_[worker]),
      listener(world.simulation_.network(), world.simulation_.loop(worker), *net::Address::Ip("10.0.0.1", 80), *this) {}

ProxyWorld::ProxyWorld(const ProxySettings& settings)
    : simulation_(settings.workers + 1),  // the last one is the peers'
      registry_(settings.workers),
      log_writer_(registry_, std::chrono::hours(1)),
      log_{.path = NewLogPath()},
      listener_log_{.path = NewLogPath()},
      workers_(settings.workers) {
  const std::shared_ptr<const config::Bootstrap> bootstrap = Load(settings, log_.path, listener_log_.path);
  SimulatedLoop& peers = simulation_.loop(workers_);
  for (uint32_t host = 0; host < settings.hosts; ++host) {
    upstreams_.push_back(
        std::make_unique<PeerListener>(simulation_.network(), peers, *net::Address::Ip(HostIp(host), 80)));
  }

  runtime_keys_ = bootstrap->runtime_keys;
  cluster_ = std::make_shared<upstream::Cluster>(bootstrap->clusters[0], registry_);
  listener_ = MakeListener(bootstrap->listeners[0]);

  for (uint32_t i = 0; i < workers_; ++i) {
    SimulatedLoop& loop = simulation_.loop(i);
    connectors_.push_back(std::make_unique<LoopbackConnector>(simulation_.network(), loop));
    to_upstream_.push_back(settings.connector != nullptr ? settings.connector : connectors_[i].get());
    proxy::WorkerContext& context =
        *contexts_.emplace_back(std::make_unique<proxy::WorkerContext>(loop.worker(), /*seed=*/i + 1));
    context.connections = &all_connections_;
    context.overload = settings.overload;
    context.SetCluster(0, MakeShard(cluster_, i));
    shards_.push_back(std::make_unique<proxy::ListenerShard>(listener_, context, registry_.shard(i)));
    doors_.push_back(std::make_unique<Door>(*this, i));
  }
}

std::shared_ptr<proxy::Listener> ProxyWorld::MakeListener(std::shared_ptr<const config::Listener> config) {
  return std::make_shared<proxy::Listener>(
      std::move(config), proxy::References{.clusters = [](const std::string&) { return 0u; }}, registry_,
      [this](const std::vector<config::AccessLog>& configured) { return OpenLogs(configured); }, listener_.get());
}

void ProxyWorld::UpdateListener(const ProxySettings& settings, base::Duration drain_time) {
  const std::shared_ptr<const config::Bootstrap> bootstrap = Load(settings, log_.path, listener_log_.path);
  bootstraps_.push_back(bootstrap);  // its runtime keys
  listener_ = MakeListener(bootstrap->listeners[0]);
  for (const auto& shard : shards_) shard->Update(listener_, drain_time);
}

void ProxyWorld::ReviseListener(const std::function<void(config::Listener& listener)>& revise) {
  const auto listener = std::make_shared<config::Listener>(listener_->config());
  revise(*listener);
  listener_ = MakeListener(listener);
  for (const auto& shard : shards_) shard->Update(listener_, std::chrono::seconds(10));
}

void ProxyWorld::ReplaceCluster(const ProxySettings* settings) {
  std::shared_ptr<upstream::Cluster> cluster;
  if (settings != nullptr) {
    bootstraps_.push_back(Load(*settings, log_.path, listener_log_.path));
    cluster = std::make_shared<upstream::Cluster>(bootstraps_.back()->clusters[0], registry_);
  }
  for (uint32_t i = 0; i < workers_; ++i) {
    contexts_[i]->SetCluster(0, cluster == nullptr ? event::Kept<upstream::ClusterShard>() : MakeShard(cluster, i));
  }
  clusters_.push_back(std::exchange(cluster_, std::move(cluster)));
}

event::Kept<upstream::ClusterShard> ProxyWorld::MakeShard(const std::shared_ptr<upstream::Cluster>& cluster,
                                                          uint32_t worker) {
  proxy::WorkerContext& context = *contexts_[worker];
  return event::Kept(new upstream::ClusterShard(
      cluster, cluster->hosts(), context.worker, *to_upstream_[worker], registry_.shard(worker), context.random,
      std::make_unique<upstream::HttpClientCodecs>(cluster->config(), context.worker.blocks(), context.http2_memory)));
}

ProxyWorld::~ProxyWorld() {
  doors_.clear();
  for (const auto& shard : shards_) shard->CloseAll();
  Run();
  for (const auto& shard : shards_) EXPECT_EQ(shard->connections(), 0u);
  for (const auto& context : contexts_) context->EndOwnRequests();
  for (const auto& context : contexts_) {
    if (context->clusters[0]) context->clusters[0]->Drain();
  }
  Run();
  shards_.clear();
  for (const auto& context : contexts_) context->EndClusters();
  Run();
  contexts_.clear();
  for (uint32_t i = 0; i < workers_; ++i) {
    // The block that the next read would go to is the worker's own.
    EXPECT_LE(simulation_.worker(i).blocks().blocks_taken(), 1u) << "blocks leaked on worker " << i;
  }
  listener_.reset();
  log_writer_.Flush();
  for (const Log* log : {&log_, &listener_log_}) std::remove(log->path.c_str());
}

std::unique_ptr<Peer> ProxyWorld::Connect() {
  const net::Address address = *net::Address::Ip("10.0.0.1", 80);
  return std::make_unique<Peer>(simulation_.network().Connect(simulation_.loop(workers_), address));
}

LoopbackFaults& ProxyWorld::faults(uint32_t host) {
  return simulation_.network().faults(*net::Address::Ip(HostIp(host), 80));
}

void ProxyWorld::Rescale() {
  for (const auto& shard : shards_) shard->Rescale();
  for (const auto& context : contexts_) context->RescaleStreams();
}

void ProxyWorld::StartDrain() {
  for (const auto& shard : shards_) shard->StartDrain();
}

size_t ProxyWorld::connections() const {
  size_t count = 0;
  for (const auto& shard : shards_) count += shard->connections();
  return count;
}

int64_t ProxyWorld::stat(std::string_view name) { return Stat(registry_, name); }

proxy::AccessLogs ProxyWorld::OpenLogs(const std::vector<config::AccessLog>& configured) {
  proxy::AccessLogs logs;
  std::vector<std::string> errors;
  for (const config::AccessLog& log : configured) {
    logs.push_back(telemetry::AccessLog::Create(log, log_writer_, errors));
  }
  for (const std::string& error : errors) ADD_FAILURE() << error;
  return logs;
}

std::vector<std::string> ProxyWorld::TakeLog() { return Take(log_); }

std::vector<std::string> ProxyWorld::TakeListenerLog() { return Take(listener_log_); }

std::vector<std::string> ProxyWorld::Take(Log& log) {
  log_writer_.Flush();
  std::ifstream file(log.path);
  std::vector<std::string> lines;
  size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    if (number++ < log.taken) continue;
    lines.push_back(line);
  }
  log.taken = number;
  return lines;
}

}  // namespace pillion::test
