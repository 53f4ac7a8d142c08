// compliance_policies and OCSP responses of TLS contexts: what becomes of them, and what is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/config/tls.h"
#include "source/identity/ocsp.h"
#include "test/support/certificates.h"
#include "test/unit/config/loaded.h"

namespace pillion::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Lines = std::vector<std::string>;

std::string Base64(const std::string& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t j = 0; j < 3; ++j) three = three << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) text += i + j > bytes.size() ? '=' : kDigits[three >> (18 - 6 * j) & 63];
  }
  return text;
}

class TlsParametersTest : public ::testing::Test {
 protected:
  static std::string Pair(const test::Issued& issued, const std::string& more = "") {
    return "{certificate_chain: " + Inline(issued.pem()) + ", private_key: " + Inline(issued.key_pem()) + more + "}";
  }
  static std::string Staple(const std::string& der) { return ", ocsp_staple: {inline_bytes: \"" + Base64(der) + "\"}"; }

  static Loaded LoadServer(const std::string& common, const std::string& fields = "") {
    return LoadText("static_resources: {listeners: [{name: a, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, "
                    "filter_chains: [{filters: [{name: echo, typed_config: {'@type': "
                    "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}], transport_socket: {name: tls, "
                    "typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, "
                    "common_tls_context: {" + common + "}" + fields + "}}}]}]}");
  }
  static Loaded LoadClient(const std::string& common) {
    return LoadText("static_resources: {clusters: [{name: a, transport_socket: {name: tls, typed_config: {'@type': "
                    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: {" +
                    common + "}}}}]}");
  }
  Lines Errors(const std::string& common, const std::string& fields = "") {
    return TextsAt("typed_config.", LoadServer(common, fields).errors);
  }

  // What a server with these parameters agrees to.
  tls::ContextParts Parts(const std::string& params, const Loaded& loaded) {
    EXPECT_EQ(TextsAt("typed_config.", loaded.errors), Lines{}) << params;
    if (loaded.bootstrap == nullptr) return {};
    const auto& bootstrap = *loaded.bootstrap;
    const auto& context = bootstrap.listeners.empty() ? bootstrap.clusters.at(0)->tls->context
                                                      : bootstrap.listeners.at(0)->filter_chains.at(0).tls->context;
    const tls::ContextParts& parts = context->current()->parts();
    return {.least = parts.least, .most = parts.most, .ciphers = parts.ciphers, .ciphers13 = parts.ciphers13,
            .curves = parts.curves, .signature_algorithms = parts.signature_algorithms};
  }
  tls::ContextParts ServerParts(const std::string& params) {
    return Parts(params, LoadServer("tls_params: {" + params + "}, tls_certificates: [" + Pair(leaf_) + "]"));
  }

  const test::Issued ca_ = test::IssueCertificate(test::CaSpec("ca"));
  const test::Issued leaf_ = test::IssueCertificate({.dns = {"a.test"}}, &ca_);
};

TEST_F(TlsParametersTest, Fips202205) {
  const tls::ContextParts all = ServerParts("compliance_policies: [FIPS_202205]");
  EXPECT_EQ(all.least, tls::Version::kTls12);
  EXPECT_EQ(all.most, tls::Version::kTls13);
  EXPECT_THAT(all.ciphers, ElementsAre("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                                       "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"));
  EXPECT_THAT(all.ciphers13, ElementsAre("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"));
  EXPECT_THAT(all.curves, ElementsAre("P-256", "P-384"));
  EXPECT_EQ(all.signature_algorithms.size(), 8u);

  // What is configured is narrowed.
  const tls::ContextParts some = ServerParts(
      "compliance_policies: [FIPS_202205], tls_minimum_protocol_version: TLSv1_3, ecdh_curves: [X25519, P-384], "
      "cipher_suites: [ECDHE-RSA-CHACHA20-POLY1305, ECDHE-RSA-AES256-GCM-SHA384], "
      "signature_algorithms: [ed25519, rsa_pss_rsae_sha256]");
  EXPECT_EQ(some.least, tls::Version::kTls13);
  EXPECT_THAT(some.ciphers, ElementsAre("ECDHE-RSA-AES256-GCM-SHA384"));
  EXPECT_THAT(some.curves, ElementsAre("P-384"));
  EXPECT_THAT(some.signature_algorithms, ElementsAre("rsa_pss_rsae_sha256"));
  EXPECT_EQ(ServerParts("").ciphers13, Lines{});

  // Upstream, too, where TLS 1.3 would be asked for.
  EXPECT_EQ(Parts("", LoadClient("tls_params: {compliance_policies: [FIPS_202205]}")).most, tls::Version::kTls13);
  EXPECT_EQ(Parts("", LoadClient("tls_params: {compliance_policies: [FIPS_202205], tls_maximum_protocol_version: TLSv1_2}")).most,
            tls::Version::kTls12);
}

TEST_F(TlsParametersTest, NothingIsLeftOfIt) {
  const auto errors = [&](const std::string& params) {
    return Errors("tls_params: {compliance_policies: [FIPS_202205], " + params + "}, tls_certificates: [" + Pair(leaf_) + "]");
  };
  EXPECT_EQ(errors("cipher_suites: [ECDHE-RSA-CHACHA20-POLY1305]"),
            Lines{"common_tls_context.tls_params.cipher_suites: nothing of it is in FIPS_202205 of compliance_policies, expected one "
                  "such as ECDHE-ECDSA-AES128-GCM-SHA256"});
  EXPECT_EQ(errors("ecdh_curves: [X25519]"),
            Lines{"common_tls_context.tls_params.ecdh_curves: nothing of it is in FIPS_202205 of compliance_policies, expected one "
                  "such as P-256"});
  EXPECT_EQ(errors("signature_algorithms: [ed25519]").size(), 1u);
  EXPECT_EQ(Errors("tls_params: {compliance_policies: [FIPS_202205, FIPS_202205]}, tls_certificates: [" + Pair(leaf_) + "]"),
            Lines{"common_tls_context.tls_params.compliance_policies: 2 policies, expected at most one"});
}

TEST_F(TlsParametersTest, StaplesOfCertificates) {
  const auto load = [&](const std::string& more, const std::string& policy = "") {
    return LoadServer("tls_certificates: [" + Pair(leaf_, more) + "]", policy);
  };
  const Loaded good = load(Staple(ca_.OcspResponse({&leaf_})), ", ocsp_staple_policy: MUST_STAPLE");
  ASSERT_EQ(TextsAt("typed_config.", good.errors), Lines{});
  const auto context = good.bootstrap->listeners.at(0)->filter_chains.at(0).tls->context->current();
  EXPECT_EQ(context->parts().staple_policy, tls::StaplePolicy::kMust);
  ASSERT_TRUE(context->parts().pairs.at(0).ocsp);
  EXPECT_EQ(context->parts().pairs[0].ocsp->der.substr(0, 1), "\x30");

  const std::string place = "common_tls_context.tls_certificates[0].ocsp_staple";
  EXPECT_EQ(TextsAt("typed_config.", load("", ", ocsp_staple_policy: MUST_STAPLE").errors),
            Lines{"ocsp_staple_policy: MUST_STAPLE, but the certificate \"<inline>\", of \"a.test\", has no ocsp_staple"});
  EXPECT_EQ(TextsAt("typed_config.", load("", ", ocsp_staple_policy: STRICT_STAPLING").errors), Lines{});
  EXPECT_EQ(TextsAt("typed_config.", load(", ocsp_staple: {inline_string: abc}").errors),
            Lines{place + ".inline_string: an OCSP response is bytes (DER), expected filename or inline_bytes"});
  EXPECT_EQ(TextsAt("typed_config.", load(Staple("abc")).errors),
            Lines{place + ": \"<inline>\": no OCSP response in DER form"});
  const test::Issued other = test::IssueCertificate({.dns = {"b.test"}}, &ca_);
  EXPECT_THAT(TextsAt("typed_config.", load(Staple(ca_.OcspResponse({&other}))).errors),
              ElementsAre(HasSubstr(place + ": \"<inline>\": a response about certificate ")));
}

TEST_F(TlsParametersTest, ACertificateThatMustBeStapled) {
  const test::Issued must = test::IssueCertificate({.dns = {"a.test"}, .must_staple = true}, &ca_);
  EXPECT_THAT(Errors("tls_certificates: [" + Pair(must) + "]"),
              ElementsAre("common_tls_context: clients take the certificate \"<inline>\", of \"a.test\", with an OCSP response only, "
                          "expected ocsp_staple beside it"));
  EXPECT_EQ(Errors("tls_certificates: [" + Pair(must, Staple(ca_.OcspResponse({&must}))) + "]"), Lines{});
  EXPECT_EQ(TextsAt("typed_config.", LoadClient("tls_certificates: [" + Pair(must) + "]").errors), Lines{});
}

// They are taken, and who reads the configuration is told.
TEST_F(TlsParametersTest, StaplesThatHelpNobody) {
  const auto notes = [&](const Loaded& loaded) {
    EXPECT_EQ(TextsAt("typed_config.", loaded.errors), Lines{});
    return TextsAt("typed_config.", loaded.notes);
  };
  const auto of = [&](const test::OcspSpec& spec) {
    return notes(LoadServer("tls_certificates: [" + Pair(leaf_, Staple(ca_.OcspResponse({&leaf_}, spec))) + "]"));
  };
  EXPECT_THAT(of({}), ElementsAre());
  EXPECT_THAT(of({.begins_s = -120, .ends_s = -60}), ElementsAre(HasSubstr("ocsp_staple: has ended ")));
  EXPECT_THAT(of({.revoked = true}), ElementsAre(HasSubstr("ocsp_staple: does not say that the certificate is good")));
  EXPECT_THAT(notes(LoadClient("tls_certificates: [" + Pair(leaf_, Staple(ca_.OcspResponse({&leaf_}))) + "]")),
              testing::Contains(HasSubstr("ocsp_staple: is passed over: only servers send it")));
}

}  // namespace
}  // namespace pillion::config
