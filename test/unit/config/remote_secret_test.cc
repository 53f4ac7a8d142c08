// Secrets that others give: who is asked, and what a context is until they have come.

#include "source/config/remote_secret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "source/config/load.h"
#include "source/config/tls.h"
#include "test/support/certificates.h"

namespace pillion::config {
namespace {

using ::testing::HasSubstr;

class RemoteSecretTest : public ::testing::Test {
 protected:
  // A cluster with a TLS context of these fields, and `more` clusters.
  static Loaded Load(const std::string& common, const std::string& more = "") {
    return LoadText("static_resources: {clusters: [{name: a, transport_socket: {name: tls, typed_config: {'@type': "
                    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: {" +
                    common + "}}}" + more + "}]}");
  }
  static std::string Errors(const Loaded& loaded) {
    std::string result;
    for (const ConfigError& error : loaded.errors) result += ErrorText("", error) + "\n";
    return result;
  }
  static std::string Bad(const std::string& common, const std::string& more = "") { return Errors(Load(common, more)); }

  const test::Issued ca_ = test::IssueCertificate(test::CaSpec("ca"));
  const test::Issued leaf_ = test::IssueSvid(ca_, "spiffe://td.test/a");
};

TEST_F(RemoteSecretTest, SecretsOfAControlPlane) {
  const auto sds = [](const std::string& name, const std::string& source = "api_type: GRPC, transport_api_version: V3", const std::string& service = "") {
    return "{name: " + name + ", sds_config: {initial_fetch_timeout: 3s, resource_api_version: V3, api_config_source: {" + source +
           ", grpc_services: [{envoy_grpc: {cluster_name: cp}" + service + "}]}}}";
  };
  const std::string cp = "}, {name: cp, typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {'@type': "
                         "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: "
                         "{http2_protocol_options: {}}}}";
  const std::string both = "tls_certificate_sds_secret_configs: [" + sds("own") + "], validation_context_sds_secret_config: " + sds("trust");
  const Loaded loaded = Load(both, cp);
  ASSERT_EQ(Errors(loaded), "");
  const UpstreamTls& tls = *loaded.bootstrap->clusters.at(0)->tls;
  EXPECT_EQ(tls.context->current(), nullptr);  // never plain, never without
  EXPECT_TRUE(tls.verifies_chain);
  const auto secrets = loaded.bootstrap->remote_secrets->all();
  ASSERT_EQ(secrets.size(), 2u);
  EXPECT_EQ(secrets[0]->source(), secrets[1]->source());  // one stream for both
  EXPECT_EQ(secrets[0]->initial_fetch_timeout(), std::chrono::seconds(3));
  EXPECT_EQ(std::get<ApiSource>(secrets[0]->source()).authority, "cp");
  EXPECT_EQ(tls.context->Renew(), RenewableContext::Renewal::kSame);
  using Secret = envoy::extensions::transport_sockets::tls::v3::Secret;
  const auto own = std::make_shared<Secret>();
  own->mutable_tls_certificate()->mutable_certificate_chain()->set_inline_string(leaf_.pem());
  own->mutable_tls_certificate()->mutable_private_key()->set_inline_string(leaf_.key_pem());
  secrets[0]->Set(own, "1", {});
  EXPECT_EQ(tls.context->Renew(), RenewableContext::Renewal::kSame);  // one is not enough
  EXPECT_EQ(tls.context->current(), nullptr);
  const auto trust = std::make_shared<Secret>();
  trust->mutable_validation_context()->mutable_trusted_ca()->set_inline_string(ca_.pem());
  secrets[1]->Set(trust, "1", {});
  EXPECT_EQ(tls.context->Renew(), RenewableContext::Renewal::kTaken);
  ASSERT_NE(tls.context->current(), nullptr);
  EXPECT_TRUE(tls.context->current()->policy()->verifies_chain());
  EXPECT_EQ(tls.context->files().chains, std::vector<std::string>{"sds:cp/own"});
  EXPECT_EQ(tls.context->files().trusted, "sds:cp/trust");
  EXPECT_EQ(tls.context->Renew(), RenewableContext::Renewal::kSame);

  // Trust that is withdrawn: nobody is accepted, and own certificates go on being renewed.
  const std::string trusting = tls.context->current()->policy()->digest();
  secrets[1]->Withdraw("gone", {});
  EXPECT_EQ(tls.context->Renew(), RenewableContext::Renewal::kTaken);
  ASSERT_NE(tls.context->current(), nullptr);
  const identity::PeerPolicy& nobody = *tls.context->current()->policy();
  EXPECT_TRUE(nobody.verifies_chain());
  EXPECT_NE(nobody.digest(), trusting);
  const auto refusal = nobody.CheckAgain(leaf_.certificate(), identity::PeerRole::kClient, "", absl::Now());
  ASSERT_TRUE(refusal);
  EXPECT_THAT(refusal->text, HasSubstr("no trust bundle for the peer's trust domain, of"));
  EXPECT_EQ(tls.context->Renew(), RenewableContext::Renewal::kSame);
  const test::Issued next = test::IssueSvid(ca_, "spiffe://td.test/a");
  const auto rotated = std::make_shared<Secret>();
  rotated->mutable_tls_certificate()->mutable_certificate_chain()->set_inline_string(next.pem());
  rotated->mutable_tls_certificate()->mutable_private_key()->set_inline_string(next.key_pem());
  secrets[0]->Set(rotated, "2", {});
  EXPECT_EQ(tls.context->Renew(), RenewableContext::Renewal::kTaken);
  secrets[1]->Set(trust, "1", {});
  EXPECT_EQ(tls.context->Renew(), RenewableContext::Renewal::kTaken);
  EXPECT_EQ(tls.context->current()->policy()->digest(), trusting);

  const auto bad = [&](const std::string& source, const std::string& service = "") {
    return Bad("tls_certificate_sds_secret_configs: [" + sds("own", source, service) + "]", cp);
  };
  EXPECT_THAT(bad("api_type: GRPC"), HasSubstr("transport_api_version: AUTO, expected V3"));
  EXPECT_THAT(bad("api_type: GRPC, transport_api_version: V3", ", initial_metadata: [{key: x-bin, value: a}]"), HasSubstr("initial_metadata[0].key"));
  EXPECT_THAT(bad("api_type: GRPC, transport_api_version: V3", ", initial_metadata: [{key: x, value: '%A%'}]"), HasSubstr("initial_metadata[0].value"));
  EXPECT_THAT(Bad("tls_certificate_sds_secret_configs: [" + sds("own") + "]"), HasSubstr("unknown cluster 'cp'"));
  EXPECT_THAT(Bad("tls_certificate_sds_secret_configs: [" + sds("own") + "]", "}, {name: cp"), HasSubstr("does not speak HTTP/2"));
  EXPECT_THAT(Bad("tls_certificate_sds_secret_configs: [" + sds("x") + "], validation_context_sds_secret_config: " + sds("x"), cp),
              HasSubstr("\"x\" is no validation_context elsewhere"));
  EXPECT_THAT(Bad("tls_certificate_sds_secret_configs: [{name: x, sds_config: {api_config_source: {api_type: GRPC, "
                  "transport_api_version: V3, grpc_services: [{google_grpc: {target_uri: x}}]}}}]", cp),
              HasSubstr("google_grpc"));
}

TEST_F(RemoteSecretTest, ModesNeedTheBundlesOfAll) {
  const auto load = [](const std::string& trust) {
    return Errors(LoadText(
        "bootstrap_extensions: [{name: agent, typed_config: {'@type': type.googleapis.com/pillion.bootstrap.workload_api.v1."
        "WorkloadApi, endpoint: 'unix:///run/agent.sock'}}]\nstatic_resources: {listeners: [{name: a, address: {socket_address: "
        "{address: 127.0.0.1, port_value: 0}}, filter_chains: [{filters: [{name: echo, typed_config: {'@type': "
        "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}], transport_socket: {name: peers, typed_config: "
        "{'@type': type.googleapis.com/pillion.transport_sockets.peer_authentication.v1.PeerAuthentication, tls: "
        "{common_tls_context: {tls_certificate_sds_secret_configs: [{name: default}], "
        "validation_context_sds_secret_config: {name: '" + trust + "'}}}}}}]}]}"));
  };
  EXPECT_EQ(load("ALL"), "");
  EXPECT_THAT(load("ROOTCA"), HasSubstr("validation_context_sds_secret_config.name: \"ROOTCA\" is a plain bundle, expected \"ALL\""));
  EXPECT_THAT(load("spiffe://td.test"), HasSubstr("is a plain bundle"));
}

TEST_F(RemoteSecretTest, SecretsOfAnAgent) {
  const auto load = [](const std::string& api, const std::string& common) {
    return LoadText("bootstrap_extensions: [" + api + "]\nstatic_resources: {clusters: [{name: a, transport_socket: {name: tls, typed_config: "
                    "{'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: {" +
                    common + "}}}}]}");
  };
  const auto api = [](const std::string& fields) {
    return "{name: agent, typed_config: {'@type': type.googleapis.com/pillion.bootstrap.workload_api.v1.WorkloadApi" + fields + "}}";
  };
  const std::string endpoint = ", endpoint: 'unix:///run/agent.sock', initial_fetch_timeout: 0s";
  const std::string common = "tls_certificate_sds_secret_configs: [{name: default}], validation_context_sds_secret_config: {name: ALL}";
  const Loaded loaded = load(api(endpoint), common);
  ASSERT_EQ(Errors(loaded), "");
  EXPECT_EQ(loaded.bootstrap->workload_api->endpoint.text(), "/run/agent.sock");
  EXPECT_EQ(loaded.bootstrap->remote_secrets->all().size(), 2u);
  EXPECT_TRUE(loaded.bootstrap->remote_secrets->all()[0]->source() == ConfigSource(WorkloadApiSource()));
  EXPECT_THAT(Errors(load(api(", endpoint: 'http://x'"), common)), HasSubstr("expected unix:///PATH or tcp://IP:PORT"));
  EXPECT_THAT(Errors(load(api(endpoint) + ", " + api(endpoint), common)), HasSubstr("a second WorkloadApi"));
  EXPECT_THAT(Errors(load(api(endpoint), "tls_certificate_sds_secret_configs: [{name: ALL}]")),
              HasSubstr("nor has the Workload API such a tls_certificate: it has \"default\", SPIFFE IDs and \"hint:\" with a hint"));
  EXPECT_THAT(Errors(load(api(endpoint), "tls_certificate_sds_secret_configs: [{name: defualt}]")),
              HasSubstr(", did you mean \"default\"?"));
  EXPECT_THAT(Errors(load(api(endpoint), "validation_context_sds_secret_config: {name: ROTCA}")),
              HasSubstr("such a validation_context: it has \"ALL\", \"ROOTCA\" and \"spiffe://DOMAIN\", did you mean \"ROOTCA\"?"));
  unsetenv("SPIFFE_ENDPOINT_SOCKET");
  EXPECT_THAT(Errors(load(api(""), common)), HasSubstr("no environment variable SPIFFE_ENDPOINT_SOCKET"));
  setenv("SPIFFE_ENDPOINT_SOCKET", "tcp://127.0.0.1:8081", 1);
  EXPECT_EQ(Errors(load(api(""), common)), "");
  unsetenv("SPIFFE_ENDPOINT_SOCKET");
}

}  // namespace
}  // namespace pillion::config
