// TLS contexts: what becomes of them, and what is refused.

#include "source/config/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/config/loaded.h"
#include "test/unit/config/tls_fixture.h"

namespace pillion::config {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(TlsConfigTest, Upstream) {
  const auto tls = Good("tls_certificates: [" + Pair() + "], validation_context: {" + Ca() + "}",
                        ", sni: a.test, max_session_keys: 7, allow_renegotiation: false");
  ASSERT_NE(tls, nullptr);
  EXPECT_EQ(tls->sni, "a.test");
  EXPECT_EQ(tls->max_session_keys, 7u);
  EXPECT_TRUE(tls->verifies_chain);
  EXPECT_EQ(tls->context->current()->parts().most, tls::Version::kTls12);  // as Envoy's
  EXPECT_EQ(tls->context->current()->parts().pairs.size(), 1u);
  EXPECT_EQ(tls->context->files().trusted, "<inline>");
  EXPECT_EQ(Bad("", ", allow_renegotiation: true"), "allow_renegotiation: true, but nobody may renegotiate");
  EXPECT_EQ(Bad("tls_certificates: [" + Pair() + ", " + Pair() + "]"),
            "tls_certificates: 2 certificates, expected at most one upstream");
  EXPECT_EQ(Bad("", ", sni: " + std::string(256, 'a')), "sni: 256 bytes, expected at most 255");
  EXPECT_EQ(Bad("", ", auto_sni_san_validation: true"),
            "auto_sni_san_validation: needs trusted_ca: a name in a certificate that nobody vouches for says nothing");
}

TEST_F(TlsConfigTest, Downstream) {
  const auto load = [&](const std::string& fields) {
    return LoadText("static_resources: {listeners: [{name: a, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, "
                    "filter_chains: [{filters: [{name: echo, typed_config: {'@type': "
                    "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}], transport_socket: {name: tls, "
                    "typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, " +
                    fields + "}}}]}]}");
  };
  const Loaded loaded = load("common_tls_context: {tls_certificates: [" + Pair() + "]}, session_timeout: 60s, "
                             "prefer_client_ciphers: true, disable_stateless_session_resumption: true, require_sni: true");
  ExpectGood(loaded);
  ASSERT_NE(loaded.bootstrap, nullptr);
  const FilterChain& chain = loaded.bootstrap->listeners.at(0)->filter_chains.at(0);
  ASSERT_NE(chain.tls, nullptr);
  const std::shared_ptr<const tls::Context> context = chain.tls->context->current();
  const tls::ContextParts& parts = context->parts();
  EXPECT_EQ(parts.session_timeout, std::chrono::seconds(60));
  EXPECT_TRUE(parts.prefer_client_ciphers);
  EXPECT_TRUE(parts.require_server_name);
  EXPECT_FALSE(parts.tickets);
  EXPECT_EQ(parts.most, tls::Version::kTls13);
  EXPECT_EQ(chain.handshake_timeout, std::chrono::seconds(15));
  EXPECT_THAT(Errors(load("common_tls_context: {}")), HasSubstr("tls_certificates: empty, but a server needs a certificate"));
}

TEST_F(TlsConfigTest, SessionTicketKeys) {
  const auto load = [&](const std::string& keys) {
    return LoadText("static_resources: {listeners: [{name: a, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, "
                    "filter_chains: [{filters: [{name: echo, typed_config: {'@type': "
                    "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}], transport_socket: {name: tls, "
                    "typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, "
                    "common_tls_context: {tls_certificates: [" + Pair() + "]}, session_ticket_keys: {keys: [" + keys + "]}}}}]}]}");
  };
  const std::string first(tls::TicketKeys::kBytes, 'a');
  const std::string second(tls::TicketKeys::kBytes, 'b');
  const Loaded loaded = load("{inline_string: " + first + "}, {inline_string: " + second + "}");
  ASSERT_NE(loaded.bootstrap, nullptr);
  const auto context = loaded.bootstrap->listeners.at(0)->filter_chains.at(0).tls->context->current();
  EXPECT_THAT(context->parts().ticket_keys, ::testing::ElementsAre(first, second));
  EXPECT_THAT(Errors(load("{inline_string: short}")), HasSubstr("session_ticket_keys.keys[0]: 5 bytes, expected 80"));
  EXPECT_THAT(Errors(load("")), HasSubstr("session_ticket_keys.keys"));
}

TEST_F(TlsConfigTest, J27Pairs) {
  const test::Issued other = test::IssueCertificate({.common_name = "other"});
  const std::string chain = "certificate_chain: " + Inline(leaf_.pem());
  EXPECT_THAT(Bad("tls_certificates: [{" + chain + ", private_key: " + Inline(other.key_pem()) + "}]"),
              StartsWith("tls_certificates[0].private_key: \"<inline>\": the private key is not that of the certificate of \"spiffe://td.test/a\""));
  EXPECT_THAT(Bad("tls_certificates: [{" + chain + ", private_key: " + Inline(leaf_.key_pem("secret")) + "}]"),
              HasSubstr("the key is encrypted, and no password is given"));
  EXPECT_NE(Good("tls_certificates: [{" + chain + ", private_key: " + Inline(leaf_.key_pem("secret")) +
                 ", password: {inline_string: secret}}]"),
            nullptr);
  EXPECT_THAT(Bad("tls_certificates: [{" + chain + "}]"), HasSubstr("private_key"));
  EXPECT_THAT(Bad("tls_certificates: [{certificate_chain: {filename: /nowhere.pem}, private_key: " + Inline(leaf_.key_pem()) + "}]"),
              HasSubstr("\"/nowhere.pem\""));
  EXPECT_THAT(Bad("tls_certificates: [{certificate_chain: {inline_string: x}, private_key: " + Inline(leaf_.key_pem()) + "}]"),
              HasSubstr("holds no certificate in PEM form"));
}

TEST_F(TlsConfigTest, J28AnEmptyBundle) {
  EXPECT_EQ(Bad("validation_context: {trusted_ca: {inline_string: ' '}}"),
            "validation_context.trusted_ca: \"<inline>\": holds no certificate in PEM form, expected certificates of CAs");
}

TEST_F(TlsConfigTest, J35ASecretThatIsNotThere) {
  EXPECT_EQ(Bad("tls_certificate_sds_secret_configs: [{name: x}]"),
            "tls_certificate_sds_secret_configs[0].name: \"x\", but static_resources.secrets has no such name");
  EXPECT_EQ(Bad("validation_context_sds_secret_config: {name: x}"),
            "validation_context_sds_secret_config.name: \"x\", but static_resources.secrets has no such name");
  EXPECT_EQ(Bad("validation_context_sds_secret_config: {name: x, sds_config: {ads: {}}}"),
            "validation_context_sds_secret_config.sds_config.ads: there is no dynamic_resources.ads_config");
  EXPECT_EQ(Bad("tls_certificate_sds_secret_configs: [{name: default}]"),
            "tls_certificate_sds_secret_configs[0].name: \"default\", but static_resources.secrets has no such name; the Workload API "
            "would, but bootstrap_extensions has no WorkloadApi");
  EXPECT_THAT(Bad("key_log: {path: /keys}"), StartsWith("key_log: is refused, for whoever has that file reads what was said: to see "
                                                        "requests use access_log"));
}

TEST_F(TlsConfigTest, Secrets) {
  const std::string secrets =
      "{name: own, tls_certificate: " + Pair() + "}, {name: trust, validation_context: {" + Ca() + "}}";
  const auto tls = Good("tls_certificate_sds_secret_configs: [{name: own}], validation_context_sds_secret_config: {name: trust}",
                        "", "", secrets);
  ASSERT_NE(tls, nullptr);
  EXPECT_TRUE(tls->verifies_chain);
  EXPECT_EQ(tls->context->current()->parts().pairs.size(), 1u);
  EXPECT_EQ(Bad("tls_certificate_sds_secret_configs: [{name: trust}]", "", "", secrets),
            "tls_certificate_sds_secret_configs[0].name: the secret \"trust\" is no tls_certificate");
  EXPECT_THAT(Bad("", "", "", "{name: a, tls_certificate: " + Pair() + "}, {name: a, tls_certificate: " + Pair() + "}"),
              HasSubstr("duplicate name \"a\""));
}

// What is wrong in one is said once, where it stands, whoever refers to it.
TEST_F(TlsConfigTest, SecretsThatAreWrong) {
  const std::string tls = "transport_socket: {name: tls, typed_config: {'@type': type.googleapis.com/envoy.extensions."
                          "transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: {tls_certificate_sds_secret_configs: "
                          "[{name: own}], validation_context_sds_secret_config: {name: trust}}, auto_sni_san_validation: true}}";
  const Loaded loaded = LoadText("static_resources: {secrets: [{name: trust, validation_context: {trusted_ca: {inline_string: x}}},"
                                 "\n {name: own, tls_certificate: {certificate_chain: " + Inline(leaf_.pem()) +
                                 ", private_key: {filename: /nowhere.key}}}],\nclusters: [{name: a, " + tls + "}, {name: b, " + tls + "}]}");
  EXPECT_EQ(Errors(loaded),
            "static_resources.secrets[0].validation_context.trusted_ca: \"<inline>\": holds no certificate in PEM form, expected "
            "certificates of CAs; static_resources.secrets[1].tls_certificate.private_key.filename: \"/nowhere.key\" cannot be "
            "opened: No such file or directory");
  ASSERT_EQ(loaded.errors.size(), 2u);
  EXPECT_EQ(loaded.errors[0].line, 1);
  EXPECT_EQ(loaded.errors[1].line, 2);
}

TEST_F(TlsConfigTest, WhoVerifiesNobodyIsTold) {
  const auto notes = [&](const std::string& common) {
    const Loaded loaded = Load(common);
    EXPECT_EQ(Errors(loaded), "");
    std::string text;
    for (const ConfigError& note : loaded.notes) text += ErrorText("", note);
    return text;
  };
  const char* const told = ":1: static_resources.clusters[0].transport_socket.typed_config.common_tls_context: has no validation "
                           "context that verifies: whoever answers in the place of a host is taken for it";
  EXPECT_EQ(notes("tls_certificates: [" + Pair() + "]"), told);
  EXPECT_EQ(notes("validation_context: {}"), told);
  EXPECT_EQ(notes("validation_context: {" + Ca() + "}"), "");
  EXPECT_EQ(notes("validation_context: {verify_certificate_spki: ['" + std::string(43, 'A') + "=']}"), "");
}

TEST_F(TlsConfigTest, Parameters) {
  const auto tls = Good("tls_params: {tls_minimum_protocol_version: TLSv1_2, tls_maximum_protocol_version: TLSv1_3, "
                        "cipher_suites: ['[ECDHE-ECDSA-AES256-GCM-SHA384|ECDHE-RSA-AES256-GCM-SHA384]', AES128-GCM-SHA256], "
                        "ecdh_curves: [P-384, X25519]}");
  ASSERT_NE(tls, nullptr);
  EXPECT_EQ(tls->context->current()->parts().most, tls::Version::kTls13);
  // Without forward secrecy nobody gets it.
  EXPECT_EQ(tls->context->current()->parts().ciphers,
            (std::vector<std::string>{"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"}));
  EXPECT_EQ(tls->context->current()->parts().curves, (std::vector<std::string>{"P-384", "X25519"}));
  EXPECT_EQ(Bad("tls_params: {tls_minimum_protocol_version: TLSv1_1}"),
            "tls_params.tls_minimum_protocol_version: TLSv1_1, expected TLSv1_2 or TLSv1_3");
  EXPECT_EQ(Bad("tls_params: {tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_2}"),
            "tls_params.tls_minimum_protocol_version: TLSv1_3, more than tls_maximum_protocol_version");
  EXPECT_EQ(Bad("tls_params: {cipher_suites: [FOO]}"), "tls_params.cipher_suites[0]: unknown cipher suite \"FOO\"");
  EXPECT_THAT(Bad("tls_params: {cipher_suites: [AES128-SHA]}"), HasSubstr("none has ephemeral keys"));
  EXPECT_EQ(Bad("tls_params: {ecdh_curves: [P-224]}"),
            "tls_params.ecdh_curves[0]: \"P-224\", expected X25519, P-256, P-384 or P-521");
  EXPECT_THAT(Bad("tls_params: {signature_algorithms: [none]}"), HasSubstr("OpenSSL does not take it"));
}

TEST_F(TlsConfigTest, Names) {
  const auto names = [&](const std::string& list) {
    return "validation_context: {" + Ca() + ", match_typed_subject_alt_names: [" + list + "]}";
  };
  EXPECT_NE(Good(names("{san_type: URI, matcher: {prefix: 'spiffe://td.test/'}}, {san_type: OTHER_NAME, oid: 1.2.3, "
                       "matcher: {exact: a}}")),
            nullptr);
  EXPECT_EQ(Bad(names("{san_type: URII, matcher: {exact: a}}")),
            "validation_context.match_typed_subject_alt_names[0].san_type: \"URII\", expected one of EMAIL, DNS, URI, IP_ADDRESS, "
            "OTHER_NAME, did you mean \"URI\"?");
  EXPECT_THAT(Bad(names("{matcher: {exact: a}}")), HasSubstr("san_type: missing, expected EMAIL"));
  EXPECT_THAT(Bad(names("{san_type: OTHER_NAME, matcher: {exact: a}}")), HasSubstr("oid: \"\", expected one in dotted form"));
  EXPECT_THAT(Bad(names("{san_type: DNS, oid: 1.2, matcher: {exact: a}}")), HasSubstr("the type is not OTHER_NAME"));
}

TEST_F(TlsConfigTest, Pins) {
  const std::string hash(64, 'a');
  EXPECT_NE(Good("validation_context: {verify_certificate_hash: ['" + hash + "'], verify_certificate_spki: "
                 "['NvqYIYSbgK2vCJpQhObf77vv+bQWtc5ek5RIOwPiC9A=']}"),
            nullptr);
  EXPECT_THAT(Bad("validation_context: {verify_certificate_hash: [abc]}"), HasSubstr("64 hexadecimal digits"));
  EXPECT_THAT(Bad("validation_context: {verify_certificate_spki: [abc]}"), HasSubstr("44 digits in base64"));
}

TEST_F(TlsConfigTest, WhatNeedsACa) {
  EXPECT_THAT(Bad("validation_context: {match_subject_alt_names: [{exact: a}]}"), HasSubstr("needs trusted_ca"));
  EXPECT_THAT(Bad("validation_context: {crl: {inline_string: x}}"), HasSubstr("needs trusted_ca"));
  EXPECT_THAT(Bad("validation_context: {trust_chain_verification: ACCEPT_UNTRUSTED}"), HasSubstr("expected VERIFY_TRUST_CHAIN"));
}

TEST_F(TlsConfigTest, Validation) {
  EXPECT_NE(Good("validation_context: {" + Ca() + ", max_verify_depth: 3, only_verify_leaf_cert_crl: true, crl: " +
                 Inline(ca_.RevocationsPem({})) + "}"),
            nullptr);
  EXPECT_THAT(Bad("validation_context: {" + Ca() + ", max_verify_depth: 101}"), HasSubstr("max_verify_depth"));
  EXPECT_THAT(Bad("validation_context: {" + Ca() + ", crl: {inline_string: x}}"), HasSubstr("holds no revocation list"));
}

TEST_F(TlsConfigTest, AutoConfig) {
  const std::string options =
      ", typed_extension_protocol_options: {envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {'@type': "
      "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, auto_config: {http_protocol_options: "
      "{enable_trailers: true}, http2_protocol_options: {max_concurrent_streams: 7}}}}";
  const Loaded loaded = Load("", "", options);
  ASSERT_NE(loaded.bootstrap, nullptr);
  const Cluster& cluster = *loaded.bootstrap->clusters.at(0);
  EXPECT_EQ(cluster.http.protocol, UpstreamHttp::Protocol::kAuto);
  EXPECT_TRUE(cluster.http.http1.enable_trailers);
  EXPECT_EQ(cluster.http.http2.max_concurrent_streams, 7u);
  EXPECT_TRUE(cluster.tls->context->current()->parts().alpn.empty());  // each connection offers what it is for
  const Loaded plain = LoadText("static_resources: {clusters: [{name: a" + options + "}]}");
  EXPECT_THAT(Errors(plain), HasSubstr("auto_config: needs a transport_socket with UpstreamTlsContext"));
}

TEST_F(TlsConfigTest, ModesOfPeerAuthentication) {
  const auto load = [&](const std::string& validation, const std::string& fields, const std::string& listener = "") {
    return LoadText("static_resources: {listeners: [{name: a, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, "
                    "filter_chains: [{filters: [{name: echo, typed_config: {'@type': "
                    "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}], transport_socket: {name: p, "
                    "typed_config: {'@type': type.googleapis.com/pillion.transport_sockets.peer_authentication.v1."
                    "PeerAuthentication, tls: {common_tls_context: {tls_certificates: [" + Pair() + "], validation_context: {" +
                    validation + "}}}" + fields + "}}}]" + listener + "}]}");
  };
  const std::string spiffe =
      "custom_validator_config: {name: s, typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls."
      "v3.SPIFFECertValidatorConfig, trust_domains: [{name: td.test, trust_bundle: " + Inline(ca_.pem()) + "}]}}";
  const Loaded loaded = load(spiffe, ", mode: PERMISSIVE, port_modes: {80: DISABLE, 443: STRICT}");
  ExpectGood(loaded);
  ASSERT_NE(loaded.bootstrap, nullptr);
  const Listener& listener = *loaded.bootstrap->listeners.at(0);
  const DownstreamTls& tls = *listener.filter_chains.at(0).tls;
  ASSERT_TRUE(tls.modes.has_value());
  EXPECT_EQ(tls.modes->At(1), PeerMode::kPermissive);
  EXPECT_EQ(tls.modes->At(80), PeerMode::kDisable);
  EXPECT_EQ(tls.modes->At(443), PeerMode::kStrict);
  EXPECT_TRUE(tls.context->current()->parts().require_peer_certificate);
  ASSERT_EQ(listener.listener_filters.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<TlsInspector>(listener.listener_filters[0].filter));
  EXPECT_TRUE(load(spiffe, "").bootstrap->listeners.at(0)->listener_filters.empty());
  EXPECT_EQ(load(spiffe, ", mode: PERMISSIVE", ", listener_filters: [{name: t, typed_config: {'@type': type.googleapis.com/"
                         "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]")
                .bootstrap->listeners.at(0)->listener_filters.size(),
            1u);
  EXPECT_THAT(Errors(load(Ca(), "")), HasSubstr("expected a custom_validator_config with SPIFFECertValidatorConfig"));
  EXPECT_THAT(Errors(load("", "")), EndsWith("common_tls_context: expected a custom_validator_config with SPIFFECertValidatorConfig, "
                                             "which says who is who"));
  EXPECT_EQ(load("", "").errors.size(), 1u);
  EXPECT_EQ(load(Ca(), ", mode: PERMISIVE").errors.size(), 2u);
  EXPECT_THAT(Errors(load(spiffe, ", port_modes: {70000: STRICT}")), HasSubstr("port_modes: 70000, expected ports from 1"));
  EXPECT_THAT(Errors(load(spiffe, ", port_modes: {http: STRICT}")), HasSubstr("port_modes: the key \"http\", expected a whole number"));
}

TEST_F(TlsConfigTest, PeerAuthenticationWithoutTlsIsOneError) {
  const auto load = [](const std::string& fields) {
    return Errors(LoadText(
        "static_resources: {listeners: [{name: a, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, filter_chains: "
        "[{filters: [{name: echo, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}], "
        "transport_socket: {name: p, typed_config: {'@type': type.googleapis.com/pillion.transport_sockets.peer_authentication.v1."
        "PeerAuthentication" + fields + "}}}]}]}"));
  };
  const std::string place = "static_resources.listeners[0].filter_chains[0].transport_socket.typed_config.";
  EXPECT_EQ(load(""), place + "tls: missing, but required");
  EXPECT_EQ(load(", mode: STRICTT"), place + "mode: \"STRICTT\", expected one of STRICT, PERMISSIVE, DISABLE, did you mean \"STRICT\"?; " +
                                         place + "tls: missing, but required");
}

TEST_F(TlsConfigTest, ACertificateThatNobodyLooksAtIsNotAskedFor) {
  const auto load = [&](const std::string& validation) {
    return Errors(LoadText("static_resources: {listeners: [{name: a, address: {socket_address: {address: 127.0.0.1, port_value: 0}}, "
                    "filter_chains: [{filters: [{name: echo, typed_config: {'@type': "
                    "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}], transport_socket: {name: tls, "
                    "typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, "
                    "require_client_certificate: true, common_tls_context: {tls_certificates: [" + Pair() + "]" + validation + "}}}}]}]}"));
  };
  for (const char* nothing : {"", ", validation_context: {}"}) {
    EXPECT_THAT(load(nothing), HasSubstr("require_client_certificate: true, but a certificate that nobody vouches for"));
  }
  EXPECT_EQ(load(", validation_context: {" + Ca() + "}"), "");
  EXPECT_EQ(load(", validation_context: {verify_certificate_spki: ['" + std::string(43, 'A') + "=']}"), "");
}

// Each error is at its own place, and there is one of each thing.
TEST_F(TlsConfigTest, CombinedOfADefaultAndASecret) {
  const auto bad = [&](const std::string& by_default, const std::string& by_secret) {
    return Bad("combined_validation_context: {default_validation_context: {" + by_default +
                   "}, validation_context_sds_secret_config: {name: root}}",
               "", "", "{name: root, validation_context: {" + by_secret + "}}");
  };
  const auto names = [](const std::string& type) {
    return "match_typed_subject_alt_names: [{san_type: URI, matcher: {exact: a}}, {san_type: " + type + ", matcher: {exact: a}}]";
  };
  const std::string in_default = "combined_validation_context.default_validation_context.";
  const std::string in_secret = "static_resources.secrets[0].validation_context.";
  EXPECT_EQ(bad(names("URI"), Ca()), "");
  EXPECT_THAT(bad(names("SPIFFE"), Ca()),
              AllOf(StartsWith(in_default + "match_typed_subject_alt_names[1].san_type: \"SPIFFE\", expected one of "),
                    Not(HasSubstr("missing"))));
  EXPECT_EQ(bad(names("URI, oid: '1.2'"), Ca()),
            in_default + "match_typed_subject_alt_names[1].oid: set, but the type is not OTHER_NAME");
  EXPECT_EQ(bad(names("URI"), Ca() + ", " + names("URI, oid: '1.2'")),
            in_secret + "match_typed_subject_alt_names[1].oid: set, but the type is not OTHER_NAME");
  EXPECT_THAT(bad(Ca(), "trusted_ca: {inline_string: x}"), StartsWith(in_secret + "trusted_ca: "));
  EXPECT_THAT(bad("trusted_ca: {inline_string: x}", "crl: {inline_string: y}"),
              AllOf(StartsWith(in_default + "trusted_ca: "), HasSubstr("; " + in_secret + "crl: ")));
}

// They are taken, as Envoy takes them.
TEST_F(TlsConfigTest, OwnCertificatesThatNobodyAccepts) {
  const auto notes = [&](const test::CertificateSpec& spec, const std::string& domain) {
    const test::Issued own = test::IssueCertificate(spec, &ca_);
    const std::string spiffe =
        "custom_validator_config: {name: s, typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3."
        "SPIFFECertValidatorConfig, trust_domains: [{name: " + domain + ", trust_bundle: " + Inline(ca_.pem()) + "}]}}";
    const Loaded loaded = Load("tls_certificates: [{certificate_chain: " + Inline(own.pem()) + ", private_key: " + Inline(own.key_pem()) +
                               "}], validation_context: {" + (domain.empty() ? Ca() : spiffe) + "}");
    std::string text = loaded.errors.empty() ? "" : "an error; ";
    for (const ConfigError& note : loaded.notes) text += ErrorText("", note) + "; ";
    return text;
  };
  const std::string id = "spiffe://td.test/a";
  EXPECT_EQ(notes({.uris = {id}}, ""), "");
  EXPECT_EQ(notes({.uris = {id}}, "td.test"), "");
  EXPECT_THAT(notes({.uris = {id}, .begins_s = 100}, ""),
              AllOf(HasSubstr(": static_resources.clusters[0].transport_socket.typed_config.common_tls_context: the certificate "),
                    HasSubstr(" of spiffe://td.test/a (<inline>) is not valid before 20"), EndsWith("Z: peers will refuse it; ")));
  EXPECT_THAT(notes({.uris = {id}, .ends_s = -100}, ""), HasSubstr(" has ended 20"));
  EXPECT_EQ(notes({.uris = {id, id + "b"}}, ""), "");
  EXPECT_THAT(notes({.uris = {id, id + "b"}}, "td.test"), HasSubstr(" has 2 URI SANs, expected one: peers will refuse it"));
  EXPECT_THAT(notes({.dns = {"a.test"}}, "td.test"), HasSubstr(" of a.test (<inline>) has 0 URI SANs, expected one"));
  EXPECT_THAT(notes({.uris = {id}, .extended_key_usage = "serverAuth"}, "td.test"), HasSubstr(" is no SVID ("));
  EXPECT_THAT(notes({.uris = {id}}, "other.test"),
              AllOf(HasSubstr("the trust domain of the certificate "), EndsWith(" is none of those that it accepts: other.test; ")));
}

}  // namespace
}  // namespace pillion::config
