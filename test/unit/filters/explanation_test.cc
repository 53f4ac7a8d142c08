// What is told of a request: all that was chosen, within bounds, in ASCII.

#include "source/config/route.h"
#include "source/filters/toggles/explanation.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace pillion::filters::toggles {
namespace {

using metadata::Member;
using metadata::Value;

class ExplanationTest : public testing::Test {
 protected:
  // A route of two virtual hosts, the second one of its host.
  void TakeRoute() {
    host_.name = "shop";
    host_.routes.push_back(std::make_shared<config::Route>());
    auto route = std::make_shared<config::Route>();
    route->name = "buy";
    host_.routes.push_back(route);
    chosen_.virtual_host = &host_;
    chosen_.route = route.get();
  }
  void Note(std::string_view space, std::string_view key, const Value& value) {
    ASSERT_TRUE(annotations_.metadata.Set(arena_, space, key, value));
    record_.annotations = &annotations_;
  }
  std::string Text() const { return Explanation(chosen_); }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  metadata::Annotations annotations_;
  telemetry::RequestRecord record_;
  config::VirtualHost host_;
  Chosen chosen_{.record = record_};
};

TEST_F(ExplanationTest, All) {
  TakeRoute();
  const std::vector<upstream::Label> labels = {{"env", "gray"}, {"version", "v2.1"}};
  const upstream::LaneWish wish{.labels = labels, .fails_closed = true};
  chosen_.lane_wish = &wish;
  chosen_.lane_outcome = {upstream::LaneFit::kFallback, upstream::LaneLack::kUnhealthy};
  chosen_.turned_off.Add(filter::Feature::kLimit);
  chosen_.turned_off.Add(filter::Feature::kMirror);
  record_.response_code_details = "via_upstream";
  record_.upstream_cluster = "shop-v2";
  record_.upstream_remote_address = record_.upstream_host_address = "10.0.0.7:8080";
  record_.upstream_attempts = 2;
  const telemetry::AttemptedHost first{.address = "10.0.0.6:8080"};
  const telemetry::AttemptedHost second{.address = "10.0.0.7:8080", .earlier = &first};
  record_.attempted_hosts = &second;
  const Member label{"env", Value::Text("gray")};
  const Member space{"envoy.lb", {.kind = Value::Kind::kObject, .size = 1, .members = &label}};
  const Value host{.kind = Value::Kind::kObject, .size = 1, .members = &space};
  record_.upstream_metadata = &host;
  Note("pillion.grey", "rule", Value::Text("beta"));
  Note("pillion.grey", "source", Value::Text("rule"));
  Note("pillion.limit", "remaining", Value::Number(7));
  Note("pillion.degradation", "open", Value::Flag(true));
  EXPECT_EQ(Text(),
            R"({"route":{"virtual_host":"shop","number":1,"name":"buy","path":"begins with \"\""},)"
            R"("lane":{"wish":{"env":"gray","version":"v2.1"},"fails_closed":true,"fit":"fallback","why":"unhealthy"},)"
            R"("answer":{"by":"upstream"},)"
            R"("upstream":{"cluster":"shop-v2","endpoint":"10.0.0.7:8080","labels":{"env":"gray"},"attempts":2,)"
            R"("last_first":["10.0.0.7:8080","10.0.0.6:8080"]},"off":["limit","mirror"],)"
            R"("grey":{"rule":"beta","source":"rule"},"limit":{"remaining":7},"degradation":{"open":true}})");
}

// Nothing was chosen: there was no upstream, and why.
TEST_F(ExplanationTest, NoRoute) {
  record_.response_code_details = "route_not_found";
  record_.response_flags.Set(telemetry::ResponseFlag::kNoRouteFound);
  EXPECT_EQ(Text(), R"({"route":{"none":true},"answer":{"by":"pillion","why":"route_not_found","flags":"NoRouteFound"}})");
}

// A lane that is refused; a wish for the baseline, whose labels are none.
TEST_F(ExplanationTest, Lanes) {
  const upstream::LaneWish baseline;
  chosen_.lane_wish = &baseline;
  chosen_.lane_outcome.fit = upstream::LaneFit::kBaseline;
  EXPECT_NE(Text().find(R"("lane":{"fit":"baseline"})"), std::string::npos) << Text();
  chosen_.lane_outcome = {upstream::LaneFit::kRefused, upstream::LaneLack::kFull};
  EXPECT_NE(Text().find(R"("lane":{"fit":"refused","why":"full"})"), std::string::npos) << Text();
}

// What peers send ends no string and no line, and leaves ASCII nowhere.
TEST_F(ExplanationTest, HostileTexts) {
  record_.response_code_details = std::string_view("a\"\\\r\nb\0\x7f\xff\xc3\xa9\xf0\x9f\x98\x80", 15);
  Note("pillion.limit", "k\"\n", Value::Text("<\x01>"));
  const std::string text = Text();
  EXPECT_NE(text.find(R"("why":"a\"\\\r\nb\u0000\u007f\ufffd\u00e9\ud83d\ude00")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("limit":{"k\"\n":"\u003c\u0001\u003e"})"), std::string::npos) << text;
  for (const char byte : text) EXPECT_TRUE(byte >= 0x20 && byte < 0x7f) << int{byte};
}

TEST_F(ExplanationTest, TextsAreCut) {
  record_.response_code_details = arena_.Copy(std::string(127, 'a') + "\xc3\xa9" + "b");
  const std::string text = Text();
  EXPECT_NE(text.find("\"" + std::string(127, 'a') + "...\""), std::string::npos) << text;
}

// What has no room is named, what is behind it still stands there.
TEST_F(ExplanationTest, IsBounded) {
  const std::string most(128, '\x01');  // six bytes each
  for (int i = 0; i < 20; ++i) Note("pillion.limit", "key" + std::to_string(i), Value::Text(most));
  Note("pillion.degradation", "rule", Value::Text("slow"));
  const std::string text = Text();
  EXPECT_LE(text.size(), kMostExplanation);
  EXPECT_TRUE(text.ends_with(R"("degradation":{"rule":"slow"},"left_out":["limit"]})")) << text;
}

TEST_F(ExplanationTest, DeepAndWideValuesAreCut) {
  std::vector<Member> wide(100, Member{"n", Value::Number(1)});
  Note("pillion.limit", "wide", {.kind = Value::Kind::kList, .size = 100, .members = wide.data()});
  Value deep = Value::Flag(true);
  std::vector<std::unique_ptr<Member>> levels;
  for (int i = 0; i < 10; ++i) {
    levels.push_back(std::make_unique<Member>(Member{"in", deep}));
    deep = {.kind = Value::Kind::kObject, .size = 1, .members = levels.back().get()};
  }
  Note("pillion.limit", "deep", deep);
  std::string ones;
  for (int i = 0; i < 32; ++i) ones += "1,";
  EXPECT_NE(Text().find(R"("limit":{"wide":[)" + ones + R"("..."],"deep":{"in":{"in":{"in":"..."}}}})"), std::string::npos)
      << Text();
}

}  // namespace
}  // namespace pillion::filters::toggles
