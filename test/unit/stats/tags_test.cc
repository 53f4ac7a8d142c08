#include "source/stats/tags.h"

#include <gtest/gtest.h>

#include "source/stats/rules.h"

namespace pillion::stats {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

PrometheusName Convert(const Prefix& prefix, std::string_view name) {
  return ToPrometheus(prefix.text() + std::string(name), prefix.tags(), Rules());
}

TEST(Prefix, IsDottedTextWithoutColons) {
  EXPECT_EQ(Prefix("server").text(), "server.");
  EXPECT_EQ(Prefix("listener").Add(kListenerAddress, "127.0.0.1:80").text(), "listener.127.0.0.1_80.");
}

TEST(ToPrometheus, NameWithoutTags) {
  const PrometheusName name = ToPrometheus("server.live", {}, Rules());
  EXPECT_EQ(name.family, "envoy_server_live");
  EXPECT_TRUE(name.labels.empty());
}

TEST(ToPrometheus, ClusterAndResponseCode) {
  const Prefix be = Prefix("cluster").Add(kClusterName, "be");
  EXPECT_EQ(Convert(be, "upstream_cx_active").family, "envoy_cluster_upstream_cx_active");

  const PrometheusName code = Convert(be, "upstream_rq_200");
  EXPECT_EQ(code.family, "envoy_cluster_upstream_rq");
  EXPECT_EQ(code.labels, (Labels{{kResponseCode, "200"}, {kClusterName, "be"}}));

  const PrometheusName code_class = Convert(be, "upstream_rq_2xx");
  EXPECT_EQ(code_class.family, "envoy_cluster_upstream_rq_xx");
  EXPECT_EQ(code_class.labels, (Labels{{kResponseCodeClass, "2"}, {kClusterName, "be"}}));

  EXPECT_EQ(Convert(be, "upstream_rq_time").family, "envoy_cluster_upstream_rq_time");
  EXPECT_EQ(Convert(be, "upstream_rq_axx").labels.size(), 1u);
}

TEST(ToPrometheus, WhatTlsAgreedOn) {
  const Prefix be = Prefix("cluster").Add(kClusterName, "ssl.ciphers.be");
  const PrometheusName suite = Convert(be, "ssl.ciphers.TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(suite.family, "envoy_cluster_ssl_ciphers");
  EXPECT_EQ(suite.labels, (Labels{{"cipher_suite", "TLS_AES_128_GCM_SHA256"}, {kClusterName, "ssl.ciphers.be"}}));

  const Prefix in = Prefix("listener").Add(kListenerAddress, "127.0.0.1:80");
  EXPECT_EQ(Convert(in, "ssl.ciphers.A").labels, (Labels{{"envoy_ssl_cipher", "A"}, {kListenerAddress, "127.0.0.1_80"}}));
  const PrometheusName version = Convert(in, "ssl.versions.TLSv1.3");
  EXPECT_EQ(version.family, "envoy_listener_ssl_versions");
  EXPECT_EQ(version.labels, (Labels{{"envoy_ssl_version", "TLSv1.3"}, {kListenerAddress, "127.0.0.1_80"}}));
  EXPECT_EQ(Convert(in, "ssl.curves.X25519").labels[0].first, "envoy_ssl_curve");
  EXPECT_EQ(Convert(in, "ssl.sigalgs.ed25519").labels[0].first, "envoy_ssl_sigalg");
  EXPECT_EQ(Convert(in, "ssl.handshake").family, "envoy_listener_ssl_handshake");
}

TEST(ToPrometheus, DotsInAClustersNameStayInItsLabel) {
  const Prefix prefix = Prefix("cluster").Add(kClusterName, "outbound|80||a.ns.svc").Add("http2");
  const PrometheusName name = Convert(prefix, "tx_reset");
  EXPECT_EQ(name.family, "envoy_cluster_http2_tx_reset");
  EXPECT_EQ(name.labels, (Labels{{kClusterName, "outbound|80||a.ns.svc"}}));
}

TEST(ToPrometheus, SeveralTagsComeFromTheBack) {
  const Prefix http = Prefix("listener").Add(kListenerAddress, "127.0.0.1:80").Add("http").Add(kHttpPrefix, "ing");
  const PrometheusName name = Convert(http, "downstream_rq_5xx");
  EXPECT_EQ(name.family, "envoy_listener_http_downstream_rq_xx");
  EXPECT_EQ(name.labels,
            (Labels{{kResponseCodeClass, "5"}, {kHttpPrefix, "ing"}, {kListenerAddress, "127.0.0.1_80"}}));

  const Prefix worker = Prefix("listener").Add(kListenerAddress, "[::1]:80").AddWorker(12);
  EXPECT_EQ(worker.text(), "listener.[__1]_80.worker_12.");
  const PrometheusName active = Convert(worker, "downstream_cx_active");
  EXPECT_EQ(active.family, "envoy_listener_worker_downstream_cx_active");
  EXPECT_EQ(active.labels, (Labels{{kWorkerId, "12"}, {kListenerAddress, "[__1]_80"}}));
}

}  // namespace
}  // namespace pillion::stats
