#include "source/server/certificate_renewal.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "source/config/load.h"
#include "test/support/certificates.h"
#include "test/support/simulated_timers.h"

namespace pillion::server {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class CertificateRenewalTest : public testing::Test {
 protected:
  CertificateRenewalTest()
      : folder_(fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    clock_.JumpWall(std::chrono::system_clock::now() - clock_.WallNow());
  }

  void Replace(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / "beside") << text;
    fs::rename(folder_ / "beside", folder_ / name);
  }
  void ReplacePair() const {
    const test::Issued issued = test::IssueSvid(ca_, "spiffe://td.test/a");
    Replace("chain.pem", issued.pem());
    Replace("key.pem", issued.key_pem());
  }
  // The files of the pair, in YAML; and a cluster whose common_tls_context has these fields, with more resources, "...: [], ",
  // and more of a bootstrap.
  std::string Pair() const {
    return "{certificate_chain: {filename: '" + (folder_ / "chain.pem").string() + "'}, private_key: {filename: '" +
           (folder_ / "key.pem").string() + "'}}";
  }
  static config::Loaded LoadCluster(const std::string& common, const std::string& resources = "", const std::string& more = "") {
    return config::LoadText(more + "static_resources: {" + resources +
                            "clusters: [{name: a, transport_socket: {name: tls, typed_config: {'@type': "
                            "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, "
                            "common_tls_context: {" + common + "}}}}]}");
  }
  // What the kernel has told is there to be read when the call that did it has returned.
  void Poll() {
    io_.restart();
    io_.poll();
  }
  void WriteInPlace(const test::CertificateSpec& spec) const {
    const test::Issued issued = test::IssueCertificate(spec, &ca_);
    std::ofstream(folder_ / "chain.pem") << issued.pem();
    std::ofstream(folder_ / "key.pem") << issued.key_pem();
  }
  uint64_t Overdue() { return static_cast<uint64_t>(registry_.control().gauge(registry_.AddGauge("tls.certificates_overdue"))->value()); }
  uint64_t Renewed() { return registry_.control().counter(registry_.AddCounter("tls.context_renewed"))->value(); }

  const test::Issued ca_ = test::IssueCertificate(test::CaSpec("ca"));
  const fs::path folder_;
  boost::asio::io_context io_;
  event::FileWatcher files_{io_};
  test::SimulatedClock clock_;
  test::SimulatedTimers timers_{clock_};
  stats::Registry registry_{1};
};

// Events that don't end don't put it off.
TEST_F(CertificateRenewalTest, WithinItsTimeWhateverElseHappens) {
  ReplacePair();
  const config::Loaded loaded = LoadCluster("tls_certificates: [" + Pair() + "]");
  ASSERT_TRUE(loaded.bootstrap != nullptr);
  int checks = 0;
  CertificateRenewal renewal(files_, timers_, clock_, registry_, [&] { ++checks; });
  const auto watch = renewal.Add(OwnerOf(*loaded.bootstrap->clusters[0]), ContextsOf(*loaded.bootstrap->clusters[0]));
  ASSERT_TRUE(watch.ok()) << watch.status();
  ReplacePair();
  Poll();
  timers_.Advance(CertificateRenewal::kSettle - milliseconds(1));
  EXPECT_EQ(Renewed(), 0u);
  Replace("other", "x");
  Poll();
  timers_.Advance(milliseconds(1));
  EXPECT_EQ(Renewed(), 1u);
  EXPECT_EQ(checks, 1);
  ReplacePair();
  for (int i = 0; i < 6; ++i) {  // 60 ms
    Replace("other", "x");
    Poll();
    timers_.Advance(milliseconds(10));
  }
  EXPECT_EQ(Renewed(), 2u);
  timers_.Advance(CertificateRenewal::kSettle);
  EXPECT_EQ(Renewed(), 2u);
}

// By the names of secrets, and anew with each renewal.
TEST_F(CertificateRenewalTest, WhenCertificatesEndIsAGauge) {
  WriteInPlace({.uris = {"spiffe://td.test/a"}, .ends_s = 300});
  Replace("ca.pem", ca_.pem());
  const config::Loaded loaded = LoadCluster(
      "tls_certificate_sds_secret_configs: [{name: mine}], validation_context: {trusted_ca: {filename: '" +
          (folder_ / "ca.pem").string() + "'}}",
      "secrets: [{name: mine, tls_certificate: " + Pair() + "}], ");
  ASSERT_TRUE(loaded.bootstrap != nullptr);
  const config::Cluster& cluster = *loaded.bootstrap->clusters[0];
  const auto shown = [this] {
    std::map<std::string, int64_t> ends;
    for (const stats::Snapshot::Number& number : registry_.Read().numbers) {
      const std::string name = number.description->name();
      if (name.starts_with("cluster.a.ssl.certificate.")) ends[name.substr(26)] = number.gauge;
    }
    return ends;
  };
  const auto end_of = [](const X509* certificate) { return absl::ToUnixSeconds(identity::NotAfter(certificate)); };
  CertificateRenewal renewal(files_, timers_, clock_, registry_, [] {});
  auto watch = renewal.Add(OwnerOf(cluster), ContextsOf(cluster));
  ASSERT_TRUE(watch.ok()) << watch.status();
  using Ends = std::map<std::string, int64_t>;
  const std::string ca = "unnamed_ca_cert_e3b0c442.expiration_unix_time_seconds";
  const std::string mine = "mine.expiration_unix_time_seconds";
  const int64_t ca_end = end_of(ca_.certificate());
  EXPECT_EQ(shown(), (Ends{{mine, end_of(cluster.tls->context->current()->parts().pairs[0].leaf())}, {ca, ca_end}}));
  const test::Issued later = test::IssueCertificate({.uris = {"spiffe://td.test/a"}, .ends_s = 5000}, &ca_);
  Replace("chain.pem", later.pem());
  Replace("key.pem", later.key_pem());
  Poll();
  timers_.Advance(CertificateRenewal::kSettle);
  EXPECT_EQ(shown(), (Ends{{mine, end_of(later.certificate())}, {ca, ca_end}}));
  watch->reset();
  EXPECT_EQ(shown(), Ends());
}

// Nothing tells of it: it is read at half of the life of the one before, and at the end, before anybody is alarmed.
TEST_F(CertificateRenewalTest, FilesThatAreWrittenInPlace) {
  WriteInPlace({.uris = {"spiffe://td.test/a"}, .begins_s = -100, .ends_s = 300});
  const config::Loaded loaded = LoadCluster("tls_certificates: [" + Pair() + "]");
  ASSERT_TRUE(loaded.bootstrap != nullptr);
  CertificateRenewal renewal(files_, timers_, clock_, registry_, [] {});
  const auto watch = renewal.Add(OwnerOf(*loaded.bootstrap->clusters[0]), ContextsOf(*loaded.bootstrap->clusters[0]));
  ASSERT_TRUE(watch.ok()) << watch.status();
  WriteInPlace({.uris = {"spiffe://td.test/a"}, .begins_s = 0, .ends_s = 500});
  Poll();
  timers_.Advance(std::chrono::seconds(80));
  EXPECT_EQ(Renewed(), 0u);
  timers_.Advance(std::chrono::seconds(60));
  EXPECT_EQ(Renewed(), 1u);
  EXPECT_EQ(Overdue(), 0u);
  timers_.Advance(std::chrono::seconds(160));  // half of the life of the second one, and nothing was written
  EXPECT_EQ(Renewed(), 1u);
  EXPECT_EQ(Overdue(), 1u);
  WriteInPlace({.uris = {"spiffe://td.test/a"}, .begins_s = 0, .ends_s = 100'000});
  timers_.Advance(std::chrono::seconds(150));
  EXPECT_EQ(Renewed(), 1u);
  timers_.Advance(std::chrono::seconds(80));  // past its end
  EXPECT_EQ(Renewed(), 2u);
  EXPECT_EQ(Overdue(), 0u);
}

// Trust is withdrawn while the own key can't be read: connections are looked at, and it is tried again without any event.
TEST_F(CertificateRenewalTest, WhatCannotBeMadeWithoutItsTrustIsTriedAgain) {
  ReplacePair();
  const config::Loaded loaded = LoadCluster(
      "tls_certificates: [" + Pair() + "], validation_context_sds_secret_config: {name: ROOTCA}", "",
      "bootstrap_extensions: [{name: agent, typed_config: {'@type': type.googleapis.com/pillion.bootstrap.workload_api.v1."
      "WorkloadApi, endpoint: 'unix:///run/agent.sock'}}]\n");
  ASSERT_TRUE(loaded.bootstrap != nullptr);
  int checks = 0;
  CertificateRenewal renewal(files_, timers_, clock_, registry_, [&] { ++checks; });
  const auto watch = renewal.Add(OwnerOf(*loaded.bootstrap->clusters[0]), ContextsOf(*loaded.bootstrap->clusters[0]));
  ASSERT_TRUE(watch.ok()) << watch.status();
  config::RemoteSecret& secret = *loaded.bootstrap->remote_secrets->all().at(0);
  const config::RenewableContext& context = *loaded.bootstrap->clusters.at(0)->tls->context;
  const auto trust = std::make_shared<envoy::extensions::transport_sockets::tls::v3::Secret>();
  trust->mutable_validation_context()->mutable_trusted_ca()->set_inline_string(ca_.pem());
  secret.Set(trust, "1", {});
  renewal.RenewDue();
  EXPECT_EQ(checks, 1);
  fs::rename(folder_ / "key.pem", folder_ / "elsewhere");
  secret.Withdraw("gone", {});
  renewal.RenewDue();
  EXPECT_EQ(context.current(), nullptr);
  EXPECT_EQ(checks, 2);
  timers_.Advance(milliseconds(1));
  EXPECT_EQ(context.current(), nullptr);
  fs::rename(folder_ / "elsewhere", folder_ / "key.pem");  // of which nothing is heard: nobody polls
  timers_.Advance(CertificateRenewal::kLook);
  ASSERT_NE(context.current(), nullptr);
  EXPECT_TRUE(context.current()->policy()->verifies_chain());
  EXPECT_EQ(Renewed(), 2u);
}

}  // namespace
}  // namespace pillion::server
