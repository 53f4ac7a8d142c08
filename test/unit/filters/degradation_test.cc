// When breakers open, and what becomes of them then.

#include "test/unit/filters/degradation_fixture.h"

namespace pillion::test {
namespace {

TEST_F(DegradationTest, OpensWhereCallsFail) {
  Start(Rules("{name: pay, grade: ERROR_RATIO, threshold: 0.6, minimum_requests: 5, statistics_interval: 10s, open_for: 60s}"));
  for (const int status : {200, 500, 503, 404}) EXPECT_EQ(Status(status), status);
  EXPECT_EQ(Status(502), 502);  // three of five
  world_->TakeLog();
  const std::string answer = Get(200);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_NE(answer.find("\r\nretry-after: 60\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\ndegradation pay: open, 3 of 5 calls were bad (error ratio 0.6 in 10s of at least 5 calls; "
                               "open for 60s, 1 probe); retry after 60s")) << answer;
  const std::vector<std::string> log = world_->TakeLog();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_TRUE(log[0].starts_with("GET / HTTP/1.1 503 UO degradation_refused[pay:open:3/5] ")) << log[0];
  EXPECT_EQ(Count("pay.passed"), 5);
  EXPECT_EQ(Count("pay.good"), 2);
  EXPECT_EQ(Count("pay.bad"), 3);
  EXPECT_EQ(Count("pay.refused"), 1);
  EXPECT_EQ(Count("pay.rejected"), 1);
  EXPECT_EQ(Count("pay.opened"), 1);
  EXPECT_EQ(Count("pay.breakers"), 1);
  EXPECT_EQ(Count("pay.breakers_open"), 1);
}

TEST_F(DegradationTest, ProbesThenCloses) {
  Start(Rules(Errors()));
  Open();
  world_->Wait(9'000);
  EXPECT_FALSE(Passes());
  world_->Wait(1'000);
  Ask();  // the probe
  const std::unique_ptr<Peer> other = world_->Connect();
  Ask("/", "", other.get());
  EXPECT_NE(other->Take().find("degradation e: half_open"), std::string::npos);
  Answer(500);
  EXPECT_TRUE(client_->Take().starts_with("HTTP/1.1 500 "));
  EXPECT_FALSE(Passes());
  world_->Wait(10'000);
  EXPECT_TRUE(Passes());
  EXPECT_TRUE(Passes());
  EXPECT_EQ(Count("e.opened"), 2);
  EXPECT_EQ(Count("e.half_opened"), 2);
  EXPECT_EQ(Count("e.closed"), 1);
  EXPECT_EQ(Count("e.probes"), 2);
  EXPECT_EQ(Count("e.breakers_open"), 0);
}

TEST_F(DegradationTest, SeveralProbes) {
  Start(Rules(Errors("half_open_probes: 2")));
  Open();
  world_->Wait(10'000);
  std::unique_ptr<Peer> others[2] = {world_->Connect(), world_->Connect()};
  Ask();
  Ask("/", "", others[0].get());
  Ask("/", "", others[1].get());
  EXPECT_TRUE(others[0]->Take().empty());
  EXPECT_FALSE(others[1]->Take().empty());
  EXPECT_EQ(Count("e.probes"), 2);
  EXPECT_EQ(Count("e.breakers_half_open"), 1);
}

TEST_F(DegradationTest, AProbeWhoseClientLeavesFreesItsPlace) {
  Start(Rules(Errors()));
  Open();
  world_->Wait(10'000);
  std::unique_ptr<Peer> other = world_->Connect();
  Ask("/", "", other.get());
  EXPECT_FALSE(Passes());
  other->Reset();
  world_->Run();
  Ask();
  EXPECT_TRUE(client_->Take().empty());  // it is the next
  EXPECT_EQ(Count("e.unknown"), 1);
}

TEST_F(DegradationTest, RecoversWindowByWindow) {
  Start(Rules("{name: e, grade: ERROR_RATIO, threshold: 0.5, minimum_requests: 2, open_for: 3s, recovery_windows: 2}"));
  Open();
  world_->Wait(3'000);
  EXPECT_TRUE(Passes());
  EXPECT_EQ(Count("e.breakers_recovering"), 1);
  for (int window = 0; window < 2; ++window) {
    EXPECT_TRUE(Passes());
    world_->Wait(1'000);
  }
  EXPECT_TRUE(Passes());
  EXPECT_EQ(Count("e.closed"), 1);
  EXPECT_EQ(Count("e.breakers_recovering"), 0);
}

TEST_F(DegradationTest, OnlyTheLastIntervalCounts) {
  Start(Rules(Errors()));
  Status(500);
  world_->Wait(10'000);
  Status(500);
  EXPECT_TRUE(Passes());  // the first is forgotten; this makes one of two
  EXPECT_FALSE(Passes());
}

TEST_F(DegradationTest, IsExactOverAllWorkers) {
  Start(Rules(Errors()), {.workers = 2});
  const std::unique_ptr<Peer> second = world_->Connect();
  Ask();
  Ask("/", "", second.get());
  for (uint32_t peer = 0; peer < 2; ++peer) Answer(500, peer);
  client_->Take();
  second->Take();
  EXPECT_FALSE(Passes());
  Ask("/", "", second.get());
  EXPECT_NE(second->Take().find("degradation e: open, 2 of 2"), std::string::npos);
}

}  // namespace
}  // namespace pillion::test
