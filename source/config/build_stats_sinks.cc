// Where metrics are sent.

#include "source/config/build.h"
#include "source/config/initial_metadata.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

namespace v3 = envoy::config::metrics::v3;

// What an Ethernet frame has room for behind the heads of IP and UDP.
constexpr size_t kStatsdDatagram = 1432;

// Of either message.
template <typename Message>
StatsSink BuildSink(BuildContext& context, const Message& from, const std::string& path) {
  StatsSink sink;
  if (!from.prefix().empty()) sink.prefix = from.prefix();
  if (from.has_address()) {
    sink.to = BuildAddress(context, from.address(), FieldPath(path, "address"), Transport::kDatagrams).value_or(Address());
  }
  return sink;
}

MetricsService BuildService(BuildContext& context, const v3::MetricsServiceConfig& from, const std::string& path) {
  const auto& grpc = from.grpc_service().envoy_grpc();
  const std::string place = FieldPath(path, "grpc_service");
  const std::string cluster_path = FieldPath(place, "envoy_grpc.cluster_name");
  CheckClusterExists(context, grpc.cluster_name(), cluster_path);
  context.grpc_services.push_back({grpc.cluster_name(), true, cluster_path});
  context.stats_sinks.push_back({grpc.cluster_name(), true, cluster_path});
  return {.cluster = grpc.cluster_name(),
          .authority = grpc.authority().empty() ? grpc.cluster_name() : grpc.authority(),
          .metadata = BuildInitialMetadata(context, from.grpc_service(), place),
          .deltas = from.report_counters_as_deltas().value(),
          .labels = from.emit_tags_as_labels(),
          .summaries = from.histogram_emit_mode() != v3::HISTOGRAM,
          .histograms = from.histogram_emit_mode() != v3::SUMMARY,
          .batch = from.batch_size()};
}

}  // namespace

std::vector<StatsSink> BuildStatsSinks(BuildContext& context,
                                       const google::protobuf::RepeatedPtrField<v3::StatsSink>& from,
                                       const std::string& path) {
  std::vector<StatsSink> sinks;
  for (int i = 0; i < from.size(); ++i) {
    const google::protobuf::Any& config = from[i].typed_config();
    const std::string place = ElementPath(path, i);
    const std::string config_path = FieldPath(place, "typed_config");
    v3::StatsdSink statsd;
    v3::DogStatsdSink dog;
    v3::MetricsServiceConfig service;
    if (config.UnpackTo(&statsd)) {
      StatsSink& sink = sinks.emplace_back(BuildSink(context, statsd, config_path));
      sink.most_bytes = kStatsdDatagram;
      if (statsd.has_tcp_cluster_name()) {
        sink.to = statsd.tcp_cluster_name();
        const std::string cluster_path = FieldPath(config_path, "tcp_cluster_name");
        CheckClusterExists(context, statsd.tcp_cluster_name(), cluster_path);
        context.stats_sinks.push_back({statsd.tcp_cluster_name(), false, cluster_path});
      }
    } else if (config.UnpackTo(&dog)) {
      StatsSink& sink = sinks.emplace_back(BuildSink(context, dog, config_path));
      sink.tags = true;
      if (dog.has_max_bytes_per_datagram()) sink.most_bytes = dog.max_bytes_per_datagram().value();
    } else if (config.UnpackTo(&service)) {
      sinks.emplace_back().to = BuildService(context, service, config_path);
    } else {
      context.errors.AddMissing(place, config_path,
                                WrongType(config, "StatsdSink, DogStatsdSink or MetricsServiceConfig"));
    }
  }
  return sinks;
}

}  // namespace pillion::config
