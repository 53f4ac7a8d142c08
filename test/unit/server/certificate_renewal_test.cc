#include "source/server/certificate_renewal.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

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
  // What the kernel has told is there to be read when the call that did it has returned.
  void Poll() {
    io_.restart();
    io_.poll();
  }
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
  const config::Loaded loaded = config::LoadText(
      "static_resources: {clusters: [{name: a, transport_socket: {name: tls, typed_config: {'@type': "
      "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, common_tls_context: "
      "{tls_certificates: [{certificate_chain: {filename: '" + (folder_ / "chain.pem").string() +
      "'}, private_key: {filename: '" + (folder_ / "key.pem").string() + "'}}]}}}}]}");
  ASSERT_TRUE(loaded.bootstrap != nullptr);
  int checks = 0;
  CertificateRenewal renewal(files_, timers_, clock_, registry_, *loaded.bootstrap, [&] { ++checks; });
  ASSERT_TRUE(renewal.Start().ok());
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

}  // namespace
}  // namespace pillion::server
