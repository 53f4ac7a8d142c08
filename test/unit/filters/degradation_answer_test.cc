// What becomes of a request that is refused, and what is said of it.

#include "source/filters/degradation/transition_log.h"
#include "test/unit/filters/degradation_fixture.h"

namespace pillion::test {
namespace {

TEST_F(DegradationTest, ADryRunDecidesNothing) {
  Start(Rules(Errors("dry_run: true")), {.filter_log = "%DYNAMIC_METADATA(pillion.degradation:outcome)%"});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Status(500), 500);
  EXPECT_EQ(Count("e.dry_run"), 2);
  EXPECT_EQ(Count("e.rejected"), 0);
  EXPECT_EQ(world_->TakeLog(), (std::vector<std::string>{"passed", "passed", "would_refuse", "would_refuse"}));
}

TEST_F(DegradationTest, AnswersAsItIsTold) {
  Start(Rules(Errors("reject: {status: 529, body: later, headers_to_add: [{header: {key: x-why, value: '%RESPONSE_CODE%'}}]}")));
  Status(500);
  Status(500);
  const std::string answer = Get(0);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 529 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nlater")) << answer;
  EXPECT_NE(answer.find("\r\nx-why: 529\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("\r\nretry-after: 10\r\n"), std::string::npos) << answer;
}

// What it gets from there counts for the rules behind.
TEST_F(DegradationTest, DegradesToAnotherCluster) {
  const std::string spare = "degrade: {cluster: app, request_headers_to_add: [{header: {key: x-spare, value: 'yes'}}]}";
  Start(Rules(Errors("minimum_requests: 100", "first") + ", " + Errors(spare, "second") + ", " +
              Errors("minimum_requests: 100", "third")));
  Status(500);
  Status(500);
  world_->upstream().peer(0).Take();
  EXPECT_EQ(Status(500), 500);
  EXPECT_NE(world_->upstream().peer(0).Take().find("\r\nx-spare: yes\r\n"), std::string::npos);
  EXPECT_EQ(Count("second.degraded"), 1);
  EXPECT_EQ(Count("second.bad"), 2);
  EXPECT_EQ(Count("first.bad"), 2);
  EXPECT_EQ(Count("first.unknown"), 1);
  EXPECT_EQ(Count("third.bad"), 3);
}

TEST_F(DegradationTest, DegradesToAnAnswer) {
  Start(Rules(Errors("degrade: {answer: {body: from the cache}}")));
  Status(500);
  Status(500);
  world_->TakeLog();
  const std::string answer = Get(0);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nfrom the cache")) << answer;
  EXPECT_EQ(answer.find("retry-after"), std::string::npos) << answer;
  EXPECT_NE(world_->TakeLog()[0].find(" UO degradation_degraded[e:open:2/2] "), std::string::npos);
}

TEST_F(DegradationTest, AProbeThatAnotherRuleRefusesFreesItsPlace) {
  Start(Rules(Errors("", "first") + ", " + Errors("open_for: 30s", "second")));
  Open();
  world_->Wait(10'000);
  for (int i = 0; i < 2; ++i) EXPECT_NE(Get(0).find("degradation second: open"), std::string::npos);
  EXPECT_EQ(Count("first.probes"), 2);
}

TEST_F(DegradationTest, FieldsOfAnswers) {
  Start(Rules(Errors(), "fields: ALWAYS"));
  EXPECT_NE(Get(500).find("\r\nx-pillion-degradation: e;state=closed\r\n"), std::string::npos);
  Get(500);
  EXPECT_NE(Get(0).find("\r\nx-pillion-degradation: e;state=open;t=10\r\n"), std::string::npos);
  Start(Rules(Errors("", "other"), "fields: REFUSED"));
  EXPECT_EQ(Get(500).find("x-pillion-degradation"), std::string::npos);
  Get(500);
  EXPECT_NE(Get(0).find("\r\nx-pillion-degradation: other;state=open;t=10\r\n"), std::string::npos);
  Start(Rules(Errors("", "none")));
  Open();
  EXPECT_EQ(Get(0).find("x-pillion-degradation"), std::string::npos);
}

TEST_F(DegradationTest, NotesForTheLog) {
  Start(Rules(Errors() + ", " + Errors("minimum_requests: 100", "z")),
        {.filter_log = "%DYNAMIC_METADATA(pillion.degradation)%"});
  Get(500);
  Get(500);
  Get(0);
  const std::vector<std::string> log = world_->TakeLog();
  ASSERT_EQ(log.size(), 3u);
  EXPECT_EQ(log[0], R"({"rule":"z","state":"closed","outcome":"passed","dry_run":false,"rules":{"e":"closed","z":"closed"}})");
  EXPECT_EQ(log[2], R"({"rule":"e","state":"open","outcome":"rejected","dry_run":false,"calls":2,"bad":2,)"
                    R"("retry_after_ms":10000,"rules":{"e":"open"}})");
}

std::vector<std::string> lines;

TEST_F(DegradationTest, LinesOfTheLog) {
  constexpr filters::degradation_rules::TransitionLog kLog{
      .wants = [] { return true; }, .write = [](std::string_view line) { lines.emplace_back(line); }};
  static const auto log = kLog;
  lines.clear();
  filters::degradation_rules::SetTransitionLog(&log);
  Start(Rules(Errors("per: [CLUSTER]")));
  Status(500);
  Status(500);
  world_->Wait(10'000);
  EXPECT_TRUE(Passes());
  ASSERT_EQ(lines.size(), 3u);
  const std::string terms = " (error ratio 0.5 in 10s of at least 2 calls; open for 10s, 1 probe)";
  EXPECT_EQ(lines[0], "e (cluster=app): closed -> open: 2 of 2 calls were bad" + terms);
  EXPECT_EQ(lines[1], "e (cluster=app): open -> half_open" + terms);
  EXPECT_EQ(lines[2], "e (cluster=app): half_open -> closed: 0 of 1 calls were bad" + terms);
  // No more than so many in a second.
  lines.clear();
  const auto state = filters::degradation_rules::AllStates()[0];
  const base::MonotonicTime now = world_->worker().now() + std::chrono::seconds(5);
  for (int i = 0; i < 100; ++i) filters::degradation_rules::LogTransition(*state, "", {}, now);
  EXPECT_EQ(lines.size(), static_cast<size_t>(filters::degradation_rules::kMostLines));
  filters::degradation_rules::LogTransition(*state, "", {}, now + std::chrono::seconds(1));
  EXPECT_TRUE(lines.back().ends_with(" (and 80 others meanwhile)")) << lines.back();
  filters::degradation_rules::SetTransitionLog(nullptr);
}

}  // namespace
}  // namespace pillion::test
