// TLS contexts whose certificates and trust are made anew while they are used.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "test/unit/config/tls_fixture.h"

namespace pillion::config {
namespace {

using ::testing::HasSubstr;

class RenewalTest : public TlsConfigTest {
 protected:
  RenewalTest() { std::filesystem::create_directory(folder_); }
  ~RenewalTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) const { std::ofstream(Path(name)) << text; }
  void WritePair(const test::Issued& issued) const {
    Write("chain.pem", issued.pem());
    Write("key.pem", issued.key_pem());
  }
  std::string File(const std::string& name) const { return "{filename: '" + Path(name) + "'}"; }
  std::string Files() const {
    return "tls_certificates: [{certificate_chain: " + File("chain.pem") + ", private_key: " + File("key.pem") + "}]";
  }
  // A response of a subscription with one secret.
  static std::string Response(const std::string& name, const std::string& secret) {
    return "resources: [{'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret, name: " + name + ", " +
           secret + "}]";
  }
  static std::string SerialOf(const RenewableContext& context) {
    return identity::SerialText(context.current()->parts().pairs.at(0).leaf());
  }

  using Renewal = RenewableContext::Renewal;
  const std::string folder_ = "/tmp/pillion_renewal_" + std::to_string(::getpid());
  const test::Issued other_ = test::IssueSvid(ca_, "spiffe://td.test/b");
};

TEST_F(RenewalTest, Files) {
  WritePair(leaf_);
  const auto tls = Good(Files() + ", validation_context: {" + Ca() + "}");
  ASSERT_NE(tls, nullptr);
  RenewableContext& context = *tls->context;
  EXPECT_EQ(context.directories(), std::vector<std::string>{folder_});
  const std::shared_ptr<const tls::Context> first = context.current();
  EXPECT_EQ(context.Renew(), Renewal::kSame);
  EXPECT_EQ(context.current(), first);
  // Half of it: nothing changes, and it says what is wrong.
  Write("chain.pem", other_.pem());
  EXPECT_EQ(context.Renew(), Renewal::kRejected);
  ASSERT_EQ(context.errors().size(), 1u);
  EXPECT_THAT(ErrorText("", context.errors()[0]), HasSubstr("key.pem"));
  EXPECT_EQ(context.current(), first);
  Write("key.pem", other_.key_pem());
  EXPECT_EQ(context.Renew(), Renewal::kTaken);
  EXPECT_TRUE(context.errors().empty());
  EXPECT_NE(context.current(), first);
  EXPECT_EQ(SerialOf(context), identity::SerialText(other_.certificate()));
  std::filesystem::remove(Path("key.pem"));
  EXPECT_EQ(context.Renew(), Renewal::kRejected);
  EXPECT_EQ(SerialOf(context), identity::SerialText(other_.certificate()));
}

TEST_F(RenewalTest, WatchedDirectories) {
  WritePair(leaf_);
  const auto tls = Good("tls_certificates: [{certificate_chain: " + File("chain.pem") + ", private_key: " + File("key.pem") +
                        ", watched_directory: {path: /a}}], validation_context: {" + Ca() + ", watched_directory: {path: /b}}");
  ASSERT_NE(tls, nullptr);
  EXPECT_EQ(tls->context->directories(), (std::vector<std::string>{"/a", folder_, "/b"}));
}

TEST_F(RenewalTest, DirectoriesOfLinks) {
  WritePair(leaf_);
  std::filesystem::create_directory(Path("elsewhere"));
  std::filesystem::rename(Path("key.pem"), Path("elsewhere/key.pem"));
  std::filesystem::create_symlink("elsewhere/key.pem", Path("key.pem"));
  const auto tls = Good(Files() + ", validation_context: {" + Ca() + "}");
  ASSERT_NE(tls, nullptr);
  EXPECT_EQ(tls->context->directories(), (std::vector<std::string>{folder_, folder_ + "/elsewhere"}));
}

// Own certificates by files, whom to trust from an agent: what can't be made anew must not go on trusting.
TEST_F(RenewalTest, TrustThatIsWithdrawnWhileFilesAreBroken) {
  WritePair(leaf_);
  const Loaded loaded = LoadText(
      "bootstrap_extensions: [{name: agent, typed_config: {'@type': type.googleapis.com/pillion.bootstrap.workload_api.v1."
      "WorkloadApi, endpoint: 'unix:///run/agent.sock'}}]\nstatic_resources: {clusters: [{name: a, transport_socket: {name: tls, "
      "typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, "
      "common_tls_context: {tls_certificates: [{certificate_chain: " + File("chain.pem") + ", private_key: " + File("key.pem") +
      "}], validation_context_sds_secret_config: {name: ROOTCA}}}}}]}");
  ASSERT_EQ(Errors(loaded), "");
  RenewableContext& context = *loaded.bootstrap->clusters.at(0)->tls->context;
  RemoteSecret& secret = *loaded.bootstrap->remote_secrets->all().at(0);
  const auto trust = std::make_shared<envoy::extensions::transport_sockets::tls::v3::Secret>();
  trust->mutable_validation_context()->mutable_trusted_ca()->set_inline_string(ca_.pem());
  secret.Set(trust, "1", {});
  EXPECT_EQ(context.Renew(), Renewal::kTaken);
  ASSERT_NE(context.current(), nullptr);
  std::filesystem::remove(Path("key.pem"));
  EXPECT_EQ(context.Renew(), Renewal::kRejected);
  EXPECT_NE(context.current(), nullptr);
  secret.Withdraw("gone", {});
  EXPECT_EQ(context.Renew(), Renewal::kRejected);
  EXPECT_THAT(ErrorText("", context.errors().at(0)), HasSubstr("key.pem"));
  EXPECT_EQ(context.current(), nullptr);
  // What it was made of last is not the same as nothing.
  secret.Set(trust, "1", {});
  EXPECT_EQ(context.Renew(), Renewal::kRejected);
  EXPECT_EQ(context.current(), nullptr);
  WritePair(leaf_);
  EXPECT_EQ(context.Renew(), Renewal::kTaken);
  ASSERT_NE(context.current(), nullptr);
  EXPECT_TRUE(context.current()->policy()->verifies_chain());
}

TEST_F(RenewalTest, SecretsFromFiles) {
  WritePair(leaf_);
  Write("pair.yaml", Response("mine", "tls_certificate: {certificate_chain: " + File("chain.pem") +
                                          ", private_key: " + File("key.pem") + "}"));
  Write("trust.yaml", Response("root", "validation_context: {" + Ca() + "}"));
  const auto secret = [&](const std::string& name, const std::string& file) {
    return "{name: " + name + ", sds_config: {path_config_source: {path: '" + Path(file) + "'}}}";
  };
  const std::string pair = "tls_certificate_sds_secret_configs: [" + secret("mine", "pair.yaml") + "], ";
  const std::string trust = "validation_context_sds_secret_config: ";
  const auto tls = Good(pair + trust + secret("root", "trust.yaml"));
  ASSERT_NE(tls, nullptr);
  EXPECT_TRUE(tls->verifies_chain);
  RenewableContext& context = *tls->context;
  WritePair(other_);
  EXPECT_EQ(context.Renew(), Renewal::kTaken);
  EXPECT_EQ(SerialOf(context), identity::SerialText(other_.certificate()));
  // Whom it trusts can't be taken away from it.
  Write("trust.yaml", Response("root", "validation_context: {}"));
  EXPECT_EQ(context.Renew(), Renewal::kRejected);
  EXPECT_THAT(ErrorText("", context.errors().at(0)), HasSubstr("nobody vouches for peers, expected trusted_ca"));
  // A file that is gone for a while is waited for.
  std::filesystem::remove(Path("trust.yaml"));
  EXPECT_EQ(context.Renew(), Renewal::kRejected);
  EXPECT_EQ(context.directories(), std::vector<std::string>{folder_});
  std::filesystem::remove(Path("pair.yaml"));
  EXPECT_EQ(context.Renew(), Renewal::kRejected);
  EXPECT_EQ(context.directories(), std::vector<std::string>{folder_});
  Write("pair.yaml", Response("mine", "tls_certificate: {certificate_chain: " + File("chain.pem") +
                                          ", private_key: " + File("key.pem") + "}"));
  Write("trust.yaml", Response("another", "validation_context: {" + Ca() + "}"));
  EXPECT_EQ(context.Renew(), Renewal::kRejected);
  EXPECT_THAT(Bad(pair + trust + secret("root", "trust.yaml")), HasSubstr("has no Secret with the name \"root\""));
  EXPECT_THAT(Bad(pair + trust + secret("mine", "pair.yaml")), HasSubstr("the secret \"mine\" is no validation_context"));
  EXPECT_THAT(Bad(pair + trust + secret("root", "none.yaml")), HasSubstr("none.yaml\", expected a file that is there"));
  Write("trust.yaml", "resources: [{'@type': x");
  EXPECT_THAT(Bad(pair + trust + secret("root", "trust.yaml")), HasSubstr("trust.yaml"));
}

}  // namespace
}  // namespace pillion::config
