// Certificates and trust of resources that come while the process runs.

#include <gmock/gmock.h>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "source/config/resources.h"
#include "source/config/tls.h"
#include "test/support/certificates.h"
#include "test/unit/config/pushed.h"

namespace pillion::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ClusterMessage = envoy::config::cluster::v3::Cluster;
using Secret = envoy::extensions::transport_sockets::tls::v3::Secret;

std::string TlsCluster(const std::string& name, const std::string& common) {
  return "{name: " + name + ", transport_socket: {name: tls, typed_config: {'@type': "
         "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: {" + common + "}}}}";
}

// As Consul sends them.
TEST(ResourcesTest, CertificatesThatStandInAResource) {
  const Process process;
  const test::Issued ca = test::IssueCertificate(test::CaSpec("ca"));
  auto message = MessageOf<ClusterMessage>(TlsCluster("a", ""));
  envoy::extensions::transport_sockets::tls::v3::UpstreamTlsContext tls;
  tls.mutable_common_tls_context()->mutable_validation_context()->mutable_trusted_ca()->set_inline_string(ca.pem());
  message.mutable_transport_socket()->mutable_typed_config()->PackFrom(tls);
  const auto judged = process.resources->BuildCluster(AnyOf(message), process.ads());
  ASSERT_NE(judged.part, nullptr) << Text(judged.errors);
  ASSERT_NE(judged.part->tls->context->current(), nullptr);
  EXPECT_TRUE(judged.part->tls->context->current()->policy()->verifies_chain());
  EXPECT_EQ(judged.part->tls->context->Renew(), RenewableContext::Renewal::kSame);

  tls.mutable_common_tls_context()->mutable_validation_context()->mutable_trusted_ca()->set_inline_string("x");
  message.mutable_transport_socket()->mutable_typed_config()->PackFrom(tls);
  EXPECT_THAT(Text(process.resources->BuildCluster(AnyOf(message), process.ads()).errors),
              HasSubstr("transport_socket.typed_config.common_tls_context.validation_context.trusted_ca"));
}

TEST(ResourcesTest, SecretsComeAndGoWithWhoNamesThem) {
  const Process process;
  RemoteSecrets& secrets = *process.bootstrap->remote_secrets;
  std::vector<std::string> told;
  secrets.Observe([&](const auto& secret) { told.push_back("+" + secret->name()); },
                  [&](const auto& secret) { told.push_back("-" + secret->name()); });
  const auto build = [&](const std::string& name, const std::string& more = "") {
    return process.resources->BuildCluster(
        Resource<ClusterMessage>(TlsCluster("a", "validation_context_sds_secret_config: {name: " + name +
                                                     ", sds_config: {ads: {}}}" + more)),
        process.ads());
  };
  auto first = build("one");
  ASSERT_NE(first.part, nullptr) << Text(first.errors);
  EXPECT_THAT(told, ElementsAre());
  secrets.Settle();
  EXPECT_THAT(told, ElementsAre("+one"));

  // One that is refused leaves nothing behind.
  EXPECT_EQ(build("bad", ", alpn_protocols: ['']").part, nullptr);
  secrets.Settle();
  EXPECT_THAT(told, ElementsAre("+one"));
  EXPECT_EQ(secrets.all().size(), 1u);

  // The next version names it too.
  const std::shared_ptr<RemoteSecret> looked_after = secrets.all()[0];
  auto second = build("one");
  first = {};
  secrets.Settle();
  EXPECT_THAT(told, ElementsAre("+one"));
  const auto trust = std::make_shared<Secret>();
  trust->mutable_validation_context()->mutable_trusted_ca()->set_inline_string(test::IssueCertificate(test::CaSpec("ca")).pem());
  looked_after->Set(trust, "1", {});
  EXPECT_EQ(second.part->tls->context->Renew(), RenewableContext::Renewal::kTaken);

  // One that comes when the secret is there does not wait.
  auto third = build("one");
  ASSERT_NE(third.part, nullptr);
  EXPECT_NE(third.part->tls->context->current(), nullptr);
  second = {};
  third = {};
  auto other = build("two");
  secrets.Settle();
  EXPECT_THAT(told, ElementsAre("+one", "-one", "+two"));
  EXPECT_EQ(secrets.all().size(), 1u);
}

TEST(ResourcesTest, ObserversOfASecretMayGo) {
  RemoteSecret secret(WorkloadApiSource(), "default", RemoteSecret::Kind::kTlsCertificate, {});
  int first = 0;
  int second = 0;
  RemoteSecret::Observation one = secret.AddObserver([&] { ++first; });
  const RemoteSecret::Observation other = secret.AddObserver([&] {
    ++second;
    one.reset();
  });
  secret.Set(std::make_shared<Secret>(), "1", {});
  secret.Set(std::make_shared<Secret>(), "2", {});
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 2);
}

}  // namespace
}  // namespace pillion::config
