#pragma once

// Names of metrics and the labels in them. A name is dotted text as Envoy writes it
// ("cluster.be.upstream_rq_total"); the parts that vary ("be") are remembered as tags by whoever builds the name,
// so a dot in a cluster's name confuses nobody.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pillion::stats {

// The labels' names in Prometheus' format.
inline constexpr std::string_view kClusterName = "envoy_cluster_name";
inline constexpr std::string_view kEndpointAddress = "envoy_endpoint_address";
inline constexpr std::string_view kHttpPrefix = "envoy_http_conn_manager_prefix";
inline constexpr std::string_view kListenerAddress = "envoy_listener_address";
inline constexpr std::string_view kTcpPrefix = "envoy_tcp_prefix";
inline constexpr std::string_view kVirtualHost = "envoy_virtual_host";
inline constexpr std::string_view kVirtualCluster = "envoy_virtual_cluster";
inline constexpr std::string_view kRoute = "envoy_route";
inline constexpr std::string_view kWorkerId = "envoy_worker_id";
inline constexpr std::string_view kResponseCode = "envoy_response_code";
inline constexpr std::string_view kResponseCodeClass = "envoy_response_code_class";
inline constexpr std::string_view kTlsCertificate = "envoy_tls_certificate";
inline constexpr std::string_view kSslCipher = "envoy_ssl_cipher";  // of connections that were accepted
inline constexpr std::string_view kCipherSuite = "cipher_suite";    // of those to a cluster
inline constexpr std::string_view kSslVersion = "envoy_ssl_version";
inline constexpr std::string_view kSslCurve = "envoy_ssl_curve";
inline constexpr std::string_view kSslSignature = "envoy_ssl_sigalg";

// Bytes [begin, begin + size) of a name are the value of `label`; those from cut_begin to cut_end are cut out for
// Prometheus.
struct Tag {
  std::string_view label;  // static storage, or of the registry's rules
  uint32_t begin;
  uint32_t size;
  uint32_t cut_begin;
  uint32_t cut_end;
};

// The front part of names: Prefix("cluster").Add(kClusterName, "be") is "cluster.be." with one tag. A `:` becomes
// `_`.
class Prefix {
 public:
  Prefix() = default;
  explicit Prefix(std::string_view part) { Add(part); }
  Prefix& Add(std::string_view part);
  Prefix& Add(std::string_view label, std::string_view value);
  Prefix& AddWorker(uint32_t index);  // "worker_<index>."

  const std::string& text() const { return text_; }
  const std::vector<Tag>& tags() const { return tags_; }

 private:
  std::string text_;
  std::vector<Tag> tags_;
};

class Rules;

// A name without what became its labels, each label once.
struct TaggedName {
  std::string name;
  std::vector<std::pair<std::string_view, std::string>> labels;
};
TaggedName TakeTags(std::string_view name, const std::vector<Tag>& tags, const Rules& rules);

// What a metric is called in Prometheus' format: family and labels, the values not yet escaped, each label once. Tags come
// in the order in which Envoy takes them out: the response code or what TLS agreed on, those that are fixed, then from the
// back of the name to the front.
struct PrometheusName {
  std::string family;
  std::vector<std::pair<std::string_view, std::string>> labels;
};
PrometheusName ToPrometheus(std::string_view name, const std::vector<Tag>& tags, const Rules& rules);

}  // namespace pillion::stats
