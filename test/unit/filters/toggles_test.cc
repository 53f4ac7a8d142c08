// The toggles filter: who may turn what off, and that it is. With real peers: test/e2e/test_toggles.py.

#include <gtest/gtest.h>

#include "test/unit/filters/filter_config.h"
#include "test/unit/proxy/proxy_world.h"

namespace pillion::test {
namespace {

constexpr char kAnswer[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
constexpr char kRedirect[] = "HTTP/1.1 302 Found\r\nlocation: http://h/there\r\ncontent-length: 0\r\n\r\n";
constexpr char kAll[] = "{turn_off: [CONTEXT, GREY, LIMIT, CONCURRENCY, DEGRADATION, FAULT, MIRROR], lane: true, explain: true}";
// Everybody that comes by the loopback network.
const std::string kTrusting = "trust: {addresses: [{address_prefix: 0.0.0.0, prefix_len: 0}]}";
const std::string kType = "type.googleapis.com/pillion.filters.http.toggles.v1.Toggles";

std::string Toggles(const std::string& fields) {
  return "- name: toggles\n  typed_config: {\"@type\": " + kType + ", " + fields + "}\n";
}

// One request passes it.
const std::string kOneRequest =
    "- name: none\n  typed_config:\n    \"@type\": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit\n"
    "    stat_prefix: none\n    token_bucket: {max_tokens: 1, tokens_per_fill: 1, fill_interval: 100000s}\n"
    "    filter_enabled: {default_value: {numerator: 100}}\n    filter_enforced: {default_value: {numerator: 100}}\n";
const std::string kFault =
    "- name: fault\n  typed_config:\n    \"@type\": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault\n"
    "    abort: {http_status: 418, percentage: {numerator: 100}}\n";
const std::string kContext =
    "- name: context\n  typed_config:\n    {\"@type\": type.googleapis.com/pillion.filters.http.context.v1.Context, " + kTrusting +
    "}\n";

std::string Allows(const std::string& allow) {
  return "typed_per_filter_config: {toggles: {\"@type\": " + kType + "PerRoute, allow: " + allow + "}}";
}

// A filter behind it that tells what the stream is.
struct Seen final : filter::HttpFilterConfig {
  mutable int made = 0;
  mutable std::string lane;
  mutable bool explains = false;
  std::optional<filter::Feature> own;

  std::optional<filter::Feature> feature() const override { return own; }
  uint32_t hooks() const override { return filter::kRequestHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext&) const override;
};

struct Watching final : filter::HttpFilter {
  explicit Watching(const Seen& seen) : seen(seen) {}
  filter::Step OnRequestHead(http::RequestHead&, bool) override {
    ++seen.made;
    seen.lane.clear();
    if (const upstream::LaneWish* const wish = stream().lane_wish()) {
      for (const upstream::Label& label : wish->labels) seen.lane += std::string(label.key) + "=" + std::string(label.value) + ";";
    }
    seen.explains = stream().explains();
    stream().GoToLane(other);  // as filters do that know better
    return filter::Step::kContinue;
  }
  const Seen& seen;
  upstream::LaneWish other;
};

struct SeenShard final : filter::HttpFilterShard {
  explicit SeenShard(const Seen& seen) : seen(seen) {}
  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig*) override {
    return stream.arena().New<Watching>(seen);
  }
  const Seen& seen;
};

std::unique_ptr<filter::HttpFilterShard> Seen::MakeShard(const filter::ShardContext&) const {
  return std::make_unique<SeenShard>(*this);
}

class TogglesTest : public testing::Test {
 protected:
  void Start(const std::string& toggles, const std::string& behind = "", ProxySettings settings = {}) {
    client_.reset();
    settings.http_filters = Toggles(toggles) + behind;
    settings.further_filters = {{"seen", seen_}};
    if (settings.filter_log.empty()) settings.filter_log = "%DYNAMIC_METADATA(pillion.toggles)%";
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  // The status of the answer. What went upstream: `head_`.
  std::string Ask(const std::string& fields, const std::string& path = "/", bool grpc = false) {
    const std::string type = grpc ? "content-type: application/grpc\r\ncontent-length: 0\r\n" : "";
    const size_t before = world_->upstream().size();
    client_ = world_->Connect();
    client_->Send("POST " + path + " HTTP/1.1\r\nhost: h\r\n" + type + fields + (grpc ? "\r\n" : "content-length: 0\r\n\r\n"));
    world_->Run();
    head_.clear();
    for (const auto& peer : world_->upstream().peers()) {
      if (peer->received().empty()) continue;
      head_ = peer->Take();
      peer->Send(kAnswer);
      world_->Run();
    }
    copies_ = world_->upstream().size() - before;
    const std::string answer = client_->received();
    answer_ = answer;
    return answer.size() < 12 ? "" : answer.substr(9, 3);
  }
  bool Went(const std::string& name) { return head_.find("\r\n" + name + ":") != std::string::npos; }
  int64_t stat(const std::string& name) { return world_->stat("http.in.toggles." + name); }
  std::string Line() {
    const std::vector<std::string> lines = world_->TakeLog();
    return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " lines";
  }

  const std::shared_ptr<Seen> seen_ = std::make_shared<Seen>();
  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
  std::string head_;
  std::string answer_;
  size_t copies_ = 0;
};

TEST_F(TogglesTest, WhatIsTurnedOffIsNotMade) {
  for (const auto& [name, feature] : {std::pair{"context", filter::Feature::kContext},
                                      {"grey", filter::Feature::kGrey},
                                      {"limit", filter::Feature::kLimit},
                                      {"concurrency", filter::Feature::kConcurrency},
                                      {"degradation", filter::Feature::kDegradation},
                                      {"fault", filter::Feature::kFault},
                                      {"mirror", filter::Feature::kMirror}}) {
    SCOPED_TRACE(name);
    seen_->own = feature;
    Start(kTrusting + ", allow: " + kAll);
    seen_->made = 0;
    EXPECT_EQ(Ask("x-pillion-off: other\r\n"), "200");
    EXPECT_EQ(seen_->made, 1);
    EXPECT_EQ(Ask("X-Pillion-Off: other , " + std::string(name) + "\r\n"), "200");
    EXPECT_EQ(seen_->made, 1);
    EXPECT_FALSE(Went("x-pillion-off"));
    EXPECT_EQ(stat("off." + std::string(name)), 1);
    EXPECT_EQ(stat("unknown"), 2);
  }
}

TEST_F(TogglesTest, FiltersThatThereAre) {
  Start(kTrusting + ", allow: {turn_off: [LIMIT, FAULT]}", kOneRequest + kFault);
  EXPECT_EQ(Ask(""), "418");
  EXPECT_EQ(Ask(""), "429");
  EXPECT_EQ(Ask("x-pillion-off: limit\r\n"), "418");
  EXPECT_EQ(Ask("x-pillion-off: fault\r\n"), "429");
  EXPECT_EQ(Ask("x-pillion-off: fault,limit\r\n"), "200");
  EXPECT_EQ(Ask("x-pillion-off: fault\r\nx-pillion-off: limit\r\n"), "200");
}

TEST_F(TogglesTest, TheContextGoesOnAsItCame) {
  Start(kTrusting + ", allow: {turn_off: [CONTEXT]}", kContext);
  EXPECT_EQ(Ask("x-timeout-ms: 0\r\n"), "504");
  EXPECT_EQ(Ask("x-timeout-ms: 0\r\nx-pillion-off: context\r\n"), "200");
  EXPECT_TRUE(Went("x-timeout-ms"));
  EXPECT_FALSE(Went("x-vivo-context"));
}

TEST_F(TogglesTest, NoCopyIsSent) {
  Start(kTrusting + ", allow: {turn_off: [MIRROR]}", "", {.route = "request_mirror_policies: [{cluster: app}]"});
  Ask("");
  EXPECT_EQ(copies_, 2u);
  Start(kTrusting + ", allow: {turn_off: [MIRROR]}", "", {.route = "request_mirror_policies: [{cluster: app}]"});
  Ask("x-pillion-off: mirror\r\n");
  EXPECT_EQ(copies_, 1u);
}

TEST_F(TogglesTest, ALaneIsForced) {
  Start(kTrusting + ", allow: {lane: true}");
  Ask("x-pillion-lane: version=v2.1, env=gray\r\n");
  EXPECT_EQ(seen_->lane, "env=gray;version=v2.1;");  // by key
  EXPECT_FALSE(Went("x-pillion-lane"));
  EXPECT_EQ(stat("lane"), 1);
  Ask("x-pillion-lane: env=gray,env=blue\r\nx-pillion-lane: release=r1\r\n");
  EXPECT_EQ(seen_->lane, "env=gray;release=r1;");
  Ask("x-pillion-lane: zone=a,env=,=b,version\r\n");
  EXPECT_EQ(seen_->lane, "");
  EXPECT_EQ(stat("unknown"), 4);
  EXPECT_EQ(stat("lane"), 2);
}

TEST_F(TogglesTest, OfTheLabelsThatAreConfigured) {
  Start(kTrusting + ", labels: [lane], allow: {lane: true}");
  Ask("x-pillion-lane: lane=a,env=gray\r\n");
  EXPECT_EQ(seen_->lane, "lane=a;");
}

TEST_F(TogglesTest, TheAnswerExplains) {
  Start(kTrusting + ", allow: {explain: true}", "", {.entry = "name: main"});
  Ask("x-pillion-explain: 0\r\n");
  EXPECT_FALSE(seen_->explains);
  EXPECT_EQ(answer_.find("x-pillion-explain"), std::string::npos);
  Ask("x-pillion-explain: 1\r\n");
  EXPECT_TRUE(seen_->explains);
  EXPECT_NE(answer_.find("\r\nx-pillion-explain: {"), std::string::npos) << answer_;
  EXPECT_FALSE(Went("x-pillion-explain"));
  Ask("x-pillion-explain: yes\r\n");
  EXPECT_EQ(stat("explain"), 1);
  EXPECT_EQ(stat("unknown"), 1);
}

TEST_F(TogglesTest, NothingIsAllowedThatNobodySays) {
  Start(kTrusting, kOneRequest);
  const std::string all = "x-pillion-off: limit,mirror\r\nx-pillion-lane: env=gray\r\nx-pillion-explain: 1\r\n";
  EXPECT_EQ(Ask(all), "200");
  EXPECT_EQ(Ask(all), "429");
  EXPECT_EQ(stat("not_allowed"), 8);
  EXPECT_EQ(seen_->lane, "");
  EXPECT_FALSE(seen_->explains);
  EXPECT_FALSE(Went("x-pillion-off") || Went("x-pillion-lane") || Went("x-pillion-explain"));
  EXPECT_EQ(stat("untrusted"), 0);
}

TEST_F(TogglesTest, ARouteSaysWhatItAllows) {
  const ProxySettings settings{.first_routes = "- match: {prefix: /open}\n  route: {cluster: app}\n  " +
                                               Allows("{turn_off: [LIMIT], lane: true}") + "\n"};
  seen_->own = filter::Feature::kLimit;
  Start(kTrusting + ", allow: {explain: true}", "", settings);
  const std::string fields = "x-pillion-off: limit,fault\r\nx-pillion-lane: env=gray\r\nx-pillion-explain: 1\r\n";
  Ask(fields, "/open");
  EXPECT_EQ(seen_->made, 0);
  EXPECT_EQ(stat("not_allowed"), 2);
  EXPECT_EQ(stat("lane"), 1);
  Ask(fields, "/");
  EXPECT_EQ(seen_->made, 1);
  EXPECT_TRUE(seen_->explains);
  EXPECT_EQ(stat("not_allowed"), 5);
}

TEST_F(TogglesTest, WhatIsNotedForLogs) {
  Start(kTrusting + ", allow: {turn_off: [LIMIT, GREY], lane: true, explain: true}");
  Ask("x-pillion-off: limit,fault,nothing,grey\r\nx-pillion-lane: version=v2,env=gray,zone=a\r\nx-pillion-explain: 1\r\n");
  EXPECT_EQ(Line(), "{\"off\":\"grey,limit\",\"lane\":\"env=gray,version=v2\",\"explain\":true,\"unknown\":\"nothing,zone=a\","
                    "\"not_allowed\":\"fault\"}");
}

// Who shows no certificate; and where it is disabled, which he may have chosen by his path.
TEST_F(TogglesTest, AStrangerSFieldsAreTakenAway) {
  const std::string off = "typed_per_filter_config: {toggles: {\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, "
                          "disabled: true}}";
  for (const std::string& entry : {std::string(), off}) {
    seen_->own = filter::Feature::kLimit;
    Start("allow: " + std::string(kAll), "", {.entry = entry});
    seen_->made = 0;
    Ask("x-pillion-off: limit\r\nx-pillion-lane: env=gray\r\nx-pillion-explain: 1\r\n");
    EXPECT_EQ(seen_->made, 1);
    EXPECT_EQ(seen_->lane, "");
    EXPECT_FALSE(seen_->explains);
    EXPECT_FALSE(Went("x-pillion-off") || Went("x-pillion-lane") || Went("x-pillion-explain"));
    EXPECT_EQ(stat("untrusted"), 1);
    EXPECT_EQ(stat("not_allowed"), 0);
  }
}

TEST_F(TogglesTest, AndChooseNoRoute) {
  const ProxySettings settings{.first_routes = "- match: {prefix: /, headers: [{name: x-pillion-lane, present_match: true}]}\n"
                                               "  direct_response: {status: 299}\n"};
  Start("allow: " + std::string(kAll), "", settings);
  EXPECT_EQ(Ask("x-pillion-lane: env=gray\r\n"), "200");
  Start(kTrusting, "", settings);
  EXPECT_EQ(Ask("x-pillion-lane: env=gray\r\n"), "299");
}

TEST_F(TogglesTest, OnTheWayOutEverybodyIsTrusted) {
  Start("direction: OUTBOUND, allow: {lane: true}");
  Ask("x-pillion-lane: env=gray\r\n");
  EXPECT_EQ(seen_->lane, "env=gray;");
}

TEST_F(TogglesTest, WhereItIsDisabledATrustedOneSGoOn) {
  Start(kTrusting + ", allow: {lane: true}", "",
        {.entry = "typed_per_filter_config: {toggles: {\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, "
                  "disabled: true}}"});
  Ask("x-pillion-lane: env=gray\r\n");
  EXPECT_EQ(seen_->lane, "");
  EXPECT_TRUE(Went("x-pillion-lane"));
}

TEST_F(TogglesTest, ItHoldsAfterARedirect) {
  Start(kTrusting + ", allow: " + kAll, kContext, {.route = "internal_redirect_policy: {}\ntimeout: 0s"});
  client_->Send("GET / HTTP/1.1\r\nhost: h\r\nx-timeout-ms: 0\r\nx-pillion-off: context\r\nx-pillion-lane: env=gray\r\n"
                "x-pillion-explain: 1\r\n\r\n");
  world_->Run();
  world_->upstream().peer(0).Take();
  world_->upstream().peer(0).Send(kRedirect);
  world_->Run();
  world_->Wait(1);
  Peer& last = *world_->upstream().peers().back();
  EXPECT_NE(last.received().find("GET /there"), std::string::npos);
  EXPECT_EQ(seen_->made, 2);
  EXPECT_EQ(seen_->lane, "env=gray;");
  last.Send(kAnswer);
  world_->Run();
  EXPECT_NE(client_->received().find("\r\nx-pillion-explain: {"), std::string::npos) << client_->received();
  EXPECT_EQ(stat("lane"), 1);
}

TEST_F(TogglesTest, ACallOfGrpc) {
  Start(kTrusting + ", allow: {turn_off: [FAULT]}", kFault);
  Ask("", "/s/m", true);
  EXPECT_NE(answer_.find("grpc-status"), std::string::npos);
  EXPECT_EQ(Ask("x-pillion-off: fault\r\n", "/s/m", true), "200");
  EXPECT_TRUE(answer_.ends_with("hi"));
}

// In flow style.
std::string Configured(const std::string& fields) {
  return "{name: toggles, typed_config: {\"@type\": " + kType + ", " + fields + "}}";
}

TEST(TogglesConfigTest, StandsBeforeWhatItTurnsOff) {
  const std::string fault =
      "{name: slow, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault}}";
  const std::string error = Refused({.http_filters = fault + ", " + Configured(kTrusting)});
  EXPECT_NE(error.find("http_filters[1]: behind \"slow\", which is made before it could be turned off (x-pillion-off: fault), "
                       "expected before that"),
            std::string::npos)
      << error;
  EXPECT_EQ(Refused({.http_filters = Configured(kTrusting) + ", " + fault}), "");
}

TEST(TogglesConfigTest, WhatIsWrong) {
  const auto says = [](const std::string& fields, const std::string& expected) {
    const std::string error = Refused({.http_filters = Configured(fields)});
    EXPECT_NE(error.find(expected), std::string::npos) << error;
  };
  says("allow: {turn_off: [LIMIT, FEATURE_UNSPECIFIED]}", "allow.turn_off[1]: expected a feature");
  says("labels: [env, 'a=b']", "labels[1]: \"a=b\", expected a name without");
  says("trust: {addresses: [{address_prefix: x}]}", "trust.addresses[0]");
}

}  // namespace
}  // namespace pillion::test
