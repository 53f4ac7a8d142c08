#include "source/upstream/original_dst.h"

#include <gtest/gtest.h>

#include "source/upstream/transport_choice.h"
#include "test/support/simulation.h"

namespace pillion::upstream {
namespace {

struct Gone final : OriginalDst::Events {
  void OnHostGone(const Host& host) override { texts.push_back(host.address_text()); }
  std::vector<std::string> texts;
};

const UpstreamTransport kTransport{};

net::Address At(uint16_t port) {
  return *net::Address::Ip("192.0.2.1", port);
}

TEST(OriginalDst, AHostForEachAddress) {
  test::Simulation simulation(1);
  Gone gone;
  OriginalDst hosts(simulation.worker(0), std::chrono::seconds(5), kTransport, gone);
  const std::shared_ptr<Host> first = hosts.Pick(At(1));
  EXPECT_EQ(first->address_text(), "192.0.2.1:1");
  EXPECT_EQ(hosts.Pick(At(1)), first);
  EXPECT_NE(hosts.Pick(At(2)), first);
  EXPECT_EQ(hosts.size(), 2u);
}

TEST(OriginalDst, WhoIsNotAskedForGoes) {
  test::Simulation simulation(1);
  Gone gone;
  OriginalDst hosts(simulation.worker(0), std::chrono::seconds(5), kTransport, gone);
  const std::shared_ptr<Host> first = hosts.Pick(At(1));
  hosts.Pick(At(2));
  simulation.AdvanceTime(std::chrono::seconds(6));  // both were asked for until then
  EXPECT_EQ(hosts.size(), 2u);
  EXPECT_EQ(hosts.Pick(At(2))->address_text(), "192.0.2.1:2");
  simulation.AdvanceTime(std::chrono::seconds(5));
  EXPECT_EQ(gone.texts, std::vector<std::string>{"192.0.2.1:1"});
  EXPECT_NE(hosts.Pick(At(1)), first);  // anew
  simulation.AdvanceTime(std::chrono::seconds(20));
  EXPECT_EQ(hosts.size(), 0u);
}

TEST(OriginalDst, Bound) {
  test::Simulation simulation(1);
  Gone gone;
  OriginalDst hosts(simulation.worker(0), std::chrono::seconds(5), kTransport, gone);
  for (size_t i = 0; i < OriginalDst::kMostHosts; ++i) {
    const std::string ip = "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
    ASSERT_NE(hosts.Pick(*net::Address::Ip(ip, 80)), nullptr);
  }
  EXPECT_EQ(hosts.Pick(At(80)), nullptr);
}

}  // namespace
}  // namespace pillion::upstream
