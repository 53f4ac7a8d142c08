#include "source/config/inline_secrets.h"

#include <gmock/gmock.h>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "google/protobuf/unknown_field_set.h"
#include "test/support/certificates.h"
#include "test/unit/config/loaded.h"
#include "test/unit/config/pushed.h"
#include "xds/type/v3/typed_struct.pb.h"

namespace pillion::config {
namespace {

using envoy::config::cluster::v3::Cluster;
using envoy::config::listener::v3::Listener;
using envoy::config::route::v3::RouteConfiguration;
using envoy::extensions::transport_sockets::tls::v3::Secret;
using google::protobuf::Any;

// A listener whose TLS context has these fields.
std::string WithTls(const std::string& common, const std::string& more = "") {
  return "{name: l, filter_chains: [{}, {transport_socket: {name: tls, typed_config: {'@type': "
         "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext" + more +
         ", common_tls_context: {" + common + "}}}}]}";
}

std::string SecretIn(const Any& resource) {
  const std::optional<Writable> writable = WritableOf(resource);
  EXPECT_TRUE(writable);
  return writable ? writable->secret : "";
}

TEST(InlineSecretsTest, WhereASecretIs) {
  const std::string pair = "filter_chains[1].transport_socket.typed_config.common_tls_context.tls_certificates[0].";
  EXPECT_EQ(SecretIn(Resource<Listener>(WithTls("tls_certificates: [{certificate_chain: {filename: c}, private_key: "
                                                "{inline_string: k}}]"))), pair + "private_key");
  EXPECT_EQ(SecretIn(Resource<Listener>(WithTls("tls_certificates: [{certificate_chain: {filename: c}, private_key: "
                                                "{filename: k}, password: {inline_bytes: aGk=}}]"))), pair + "password");
  EXPECT_EQ(SecretIn(Resource<Listener>(WithTls("", ", session_ticket_keys: {keys: [{inline_bytes: aGk=}]}"))),
            "filter_chains[1].transport_socket.typed_config.session_ticket_keys");
  EXPECT_EQ(SecretIn(Resource<Secret>("{name: s, tls_certificate: {certificate_chain: {inline_string: c}, private_key: "
                                      "{inline_string: k}}}")), "tls_certificate.private_key");
  EXPECT_EQ(SecretIn(Resource<RouteConfiguration>("{name: r, request_headers_to_add: [{header: {key: a, value: b}}, {header: "
                                                  "{key: Authorization, value: Basic x}}]}")),
            "request_headers_to_add[1].header");
}

TEST(InlineSecretsTest, WhereNoneIs) {
  EXPECT_EQ(SecretIn(Resource<Listener>(WithTls("tls_certificates: [{certificate_chain: {filename: c}, private_key: "
                                                "{filename: k}, password: {environment_variable: P}}]"))), "");
  EXPECT_EQ(SecretIn(Resource<Listener>(WithTls("tls_certificate_sds_secret_configs: [{name: own, sds_config: {ads: {}}}]"))), "");
  EXPECT_EQ(SecretIn(Resource<Secret>("{name: s, validation_context: {trusted_ca: {inline_string: c}}}")), "");
  EXPECT_EQ(SecretIn(Resource<Cluster>("{name: c}")), "");
}

TEST(InlineSecretsTest, InAnExtensionThatComesApart) {
  envoy::config::core::v3::TypedExtensionConfig extension;
  extension.set_name("e");
  *extension.mutable_typed_config() = Resource<Secret>("{name: s, validation_context: {trusted_ca: {inline_string: c}}}");
  EXPECT_EQ(SecretIn(AnyOf(extension)), "");
  *extension.mutable_typed_config() = Resource<Secret>("{name: s, tls_certificate: {private_key: {inline_string: k}}}");
  EXPECT_EQ(SecretIn(AnyOf(extension)), "typed_config.tls_certificate.private_key");
}

// As a TypedStruct stands for a message.
TEST(InlineSecretsTest, InFreeData) {
  Any typed;
  typed.set_type_url("type.googleapis.com/xds.type.v3.TypedStruct");
  google::protobuf::Struct value;
  auto& pair = *(*(*value.mutable_fields())["common_tls_context"].mutable_struct_value()->mutable_fields())["tls_certificates"]
                    .mutable_list_value()->add_values()->mutable_struct_value()->mutable_fields();
  (*pair["certificate_chain"].mutable_struct_value()->mutable_fields())["filename"].set_string_value("c");
  (*pair["private_key"].mutable_struct_value()->mutable_fields())["inline_string"].set_string_value("k");
  xds::type::v3::TypedStruct content;
  content.set_type_url("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext");
  *content.mutable_value() = value;
  typed.set_value(content.SerializeAsString());
  Listener message;
  message.set_name("l");
  *message.add_filter_chains()->mutable_transport_socket()->mutable_typed_config() = typed;
  EXPECT_EQ(SecretIn(AnyOf(message)),
            "filter_chains[0].transport_socket.typed_config.common_tls_context.tls_certificates[0].private_key");
}

TEST(InlineSecretsTest, NobodyKnowsWhatIsInWhatIsUnknown) {
  Any known = Resource<Cluster>("{name: c}");
  EXPECT_FALSE(WritableOf(known)->known);
  Cluster cluster;
  cluster.set_name("c");
  cluster.GetReflection()->MutableUnknownFields(&cluster)->AddLengthDelimited(9999, "token");
  auto& options = (*cluster.mutable_typed_extension_protocol_options())["some"];
  options.set_type_url("type.googleapis.com/some.Type");
  options.set_value("password");
  const std::optional<Writable> writable = WritableOf(AnyOf(cluster));
  ASSERT_TRUE(writable && writable->known);
  const std::string bytes = writable->known->SerializeAsString();
  EXPECT_THAT(bytes, testing::Not(testing::HasSubstr("token")));
  EXPECT_THAT(bytes, testing::Not(testing::HasSubstr("password")));
  Cluster read;
  ASSERT_TRUE(writable->known->UnpackTo(&read));
  EXPECT_EQ(read.name(), "c");
  EXPECT_EQ(read.typed_extension_protocol_options().at("some").type_url(), "type.googleapis.com/some.Type");
  known.set_value("\xff\xff");
  EXPECT_FALSE(WritableOf(known));
  known.set_type_url("type.googleapis.com/some.Type");
  EXPECT_FALSE(WritableOf(known));
}

TEST(InlineSecretsTest, WhenTheFirstCertificateEnds) {
  const test::Issued early = test::IssueCertificate({.ends_s = 100});
  const test::Issued late = test::IssueCertificate({.ends_s = 200});
  const auto pair = [](const test::Issued& issued, const std::string& key = "inline_string: k") {
    return "{certificate_chain: {inline_string: " + Quoted(issued.pem()) + "}, private_key: {" + key + "}}";
  };
  const Any both = Resource<Listener>(WithTls("tls_certificates: [" + pair(late) + ", " + pair(early) + "]"));
  std::optional<CertificateEnd> end = FirstCertificateEnd(both);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->place, "filter_chains[1].transport_socket.typed_config.common_tls_context.tls_certificates[1]");
  EXPECT_EQ(end->time, identity::NotAfter(early.certificate()));
  end = FirstCertificateEnd(Resource<Secret>("{name: s, tls_certificate: " + pair(late) + "}"));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->time, identity::NotAfter(late.certificate()));
  EXPECT_FALSE(FirstCertificateEnd(Resource<Secret>("{name: s, tls_certificate: " + pair(late, "filename: k") + "}")));
  EXPECT_FALSE(FirstCertificateEnd(Resource<Secret>("{name: s, tls_certificate: {certificate_chain: {inline_string: x}, "
                                                    "private_key: {inline_string: k}}}")));
  EXPECT_FALSE(FirstCertificateEnd(Resource<Secret>("{name: s, validation_context: {trusted_ca: {inline_string: " +
                                                    Quoted(early.pem()) + "}}}")));
}

}  // namespace
}  // namespace pillion::config
