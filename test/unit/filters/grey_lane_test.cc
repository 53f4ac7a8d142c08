// What is done to one lane's requests: faults, and copies that are compared. (Which lane: grey_test.cc; copies by themselves:
// test/unit/proxy/mirror_wish_test.cc.)

#include <gtest/gtest.h>

#include "source/filters/grey/lane_mirror.h"
#include "source/stats/histogram.h"
#include "test/unit/proxy/http2_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames

constexpr char kFault[] = "http.in.grey.lane.env=gray.fault.";
constexpr char kMirror[] = "http.in.grey.lane.env=gray.mirror.";
constexpr char kResponse[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

// The field x-env says the colour. `lane`: what is done to requests of env=gray.
std::string Grey(const std::string& lane) {
  return "- name: grey\n"
         "  typed_config:\n"
         "    \"@type\": type.googleapis.com/pillion.filters.http.grey.v1.Grey\n"
         "    rules:\n"
         "    - {name: gray, conditions: [{header: {name: x-env, value: {exact: gray}}}], colour: {env: gray}}\n"
         "    - {name: blue, conditions: [{header: {name: x-env, value: {exact: blue}}}], colour: {env: blue}}\n"
         "    lanes:\n"
         "    - labels: {env: gray}\n"
         "      " + lane + "\n";
}

class GreyLaneTest : public testing::Test {
 protected:
  void Start(const std::string& lane, ProxySettings settings = {}) {
    settings.http_filters += Grey(lane);
    world_ = std::make_unique<ProxyWorld>(settings);
    client_ = world_->Connect();
  }
  void TearDown() override { client_.reset(); }

  std::string Get(const std::string& fields, const std::string& path = "/x") {
    client_->Send("GET " + path + " HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
    return client_->Take();
  }
  bool Reached() { return world_->upstream().size() > 0 && !world_->upstream().peer(0).Take().empty(); }
  void Answer() {
    world_->upstream().peer(0).Send(kResponse);
    world_->Run();
  }
  std::string Line() {
    const std::vector<std::string> lines = world_->TakeLog();
    return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " lines";
  }
  int64_t Stat(const std::string& name) { return world_->stat(kFault + name); }

  std::unique_ptr<ProxyWorld> world_;
  std::unique_ptr<Peer> client_;
};

TEST_F(GreyLaneTest, DelaysOneLane) {
  Start("fault: {delay: 3s}");
  Get("x-env: gray\r\n");
  EXPECT_EQ(Stat("active_faults"), 1);
  world_->Wait(2999);
  EXPECT_FALSE(Reached());
  world_->Wait(1);
  EXPECT_TRUE(Reached());
  Answer();
  EXPECT_EQ(Line(), "GET /x HTTP/1.1 200 DI via_upstream 0 2 3000");
  EXPECT_EQ(Stat("delays_injected"), 1);
  EXPECT_EQ(Stat("active_faults"), 0);
  for (const std::string fields : {"x-env: blue\r\n", ""}) {
    SCOPED_TRACE(fields);
    Get(fields);
    EXPECT_TRUE(Reached());
    Answer();
    EXPECT_EQ(Line(), "GET /x HTTP/1.1 200 - via_upstream 0 2 0");
  }
}

TEST_F(GreyLaneTest, AbortsOneLane) {
  Start("fault: {abort_status: 418}");
  EXPECT_TRUE(Get("x-env: gray\r\n").starts_with("HTTP/1.1 418 "));
  EXPECT_EQ(Line(), "GET /x HTTP/1.1 418 FI fault_filter_abort 0 18 0");
  EXPECT_EQ(Stat("aborts_injected"), 1);
  EXPECT_EQ(Stat("active_faults"), 0);
  EXPECT_TRUE(Get("", "/direct").ends_with("direct"));
}

TEST_F(GreyLaneTest, WaitsAndFails) {
  Start("fault: {delay: 0.1s, abort_grpc_status: 14}");
  EXPECT_EQ(Get("x-env: gray\r\ncontent-type: application/grpc\r\n"), "");
  world_->Wait(100);
  const std::string answer = client_->Take();
  EXPECT_NE(answer.find("grpc-status: 14\r\n"), std::string::npos) << answer;
  EXPECT_EQ(Line(), "GET /x HTTP/1.1 200 DI,FI fault_filter_abort 0 0 100");
  EXPECT_EQ(Stat("delays_injected"), 1);
  EXPECT_EQ(Stat("aborts_injected"), 1);
}

// 0.2 of them, by chance; the seed is fixed.
TEST_F(GreyLaneTest, APartOfTheLane) {
  Start("fault: {abort_status: 503, abort_per_million: 200000}");
  constexpr int kRequests = 5000;
  for (int i = 0; i < kRequests; ++i) Get("x-env: gray\r\n", "/direct");
  const int64_t aborted = Stat("aborts_injected");
  EXPECT_GE(aborted, 915);  // three standard deviations: 85
  EXPECT_LE(aborted, 1085);
}

TEST_F(GreyLaneTest, NoneOfTheLane) {
  Start("fault: {delay: 3s, delay_per_million: 0, abort_status: 503, abort_per_million: 0}");
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(Get("x-env: gray\r\n", "/direct").ends_with("direct"));
  EXPECT_EQ(Stat("delays_injected"), 0);
  EXPECT_EQ(Stat("aborts_injected"), 0);
}

TEST_F(GreyLaneTest, TheClientLeavesWhileItWaits) {
  Start("fault: {delay: 3s}");
  Get("x-env: gray\r\n");
  EXPECT_EQ(Stat("active_faults"), 1);
  client_->Reset();
  world_->Run();
  EXPECT_EQ(Stat("active_faults"), 0);
  world_->Wait(3000);
  EXPECT_EQ(world_->upstream().size(), 0u);
}

runtime::Value Number(uint64_t value) {
  runtime::Value set;
  set.integer = value;
  return set;
}

// Keys that are for all lanes, and those of a name of its own.
TEST_F(GreyLaneTest, TheRuntimeMaySayOtherwise) {
  for (const std::string prefix : {"", "my.lane"}) {
    SCOPED_TRACE(prefix);
    const std::string keys = prefix.empty() ? "grey.lane" : prefix;
    client_.reset();
    world_.reset();
    Start("fault: {delay: 3s, delay_per_million: 0, abort_status: 503, abort_per_million: 0}\n      runtime_prefix: " +
          (prefix.empty() ? "''" : prefix));
    world_->runtime_keys().Apply({{keys + ".fault.delay_per_million", Number(1'000'000)}, {keys + ".fault.delay_ms", Number(40)}});
    Get("x-env: gray\r\n");
    EXPECT_FALSE(Reached());
    world_->Wait(40);
    EXPECT_TRUE(Reached());
    Answer();
    client_->Take();
    EXPECT_EQ(Line(), "GET /x HTTP/1.1 200 DI via_upstream 0 2 40");
    world_->runtime_keys().Apply({{keys + ".fault.abort_per_million", Number(1'000'000)}, {keys + ".fault.abort_status", Number(418)}});
    EXPECT_TRUE(Get("x-env: gray\r\n").starts_with("HTTP/1.1 418 "));
    world_->runtime_keys().Apply({{keys + ".fault.abort_per_million", Number(1'000'000)}, {keys + ".fault.abort_status", Number(99)}});
    EXPECT_TRUE(Get("x-env: gray\r\n").starts_with("HTTP/1.1 503 ")) << "that is no status";
    world_->runtime_keys().Apply({{keys + ".fault.abort_per_million", Number(1'000'000)}, {keys + ".fault.max_active", Number(0)}});
    EXPECT_TRUE(Get("x-env: gray\r\n", "/direct").ends_with("direct"));
    EXPECT_EQ(Stat("faults_overflow"), 1);
    world_->runtime_keys().Apply({});
    EXPECT_TRUE(Get("x-env: gray\r\n", "/direct").ends_with("direct"));
  }
}

// What is not configured the runtime does not add.
TEST_F(GreyLaneTest, TheRuntimeAddsNothing) {
  Start("fault: {delay: 3s, delay_per_million: 0}");
  world_->runtime_keys().Apply({{"grey.lane.fault.abort_per_million", Number(1'000'000)}, {"grey.lane.fault.abort_status", Number(503)}});
  EXPECT_TRUE(Get("x-env: gray\r\n", "/direct").ends_with("direct"));
}

// In the process, whichever worker has them.
TEST_F(GreyLaneTest, AsManyFaultsAsThereMayBe) {
  ProxySettings settings;
  settings.workers = 2;
  Start("fault: {delay: 3s, abort_status: 503, abort_per_million: 0, max_active: 1}", settings);
  const std::unique_ptr<Peer> other = world_->Connect();
  Get("x-env: gray\r\n");
  EXPECT_EQ(Stat("active_faults"), 1);
  other->Send("GET /direct HTTP/1.1\r\nhost: h\r\nx-env: gray\r\n\r\n");
  world_->Run();
  EXPECT_TRUE(other->Take().ends_with("direct"));
  EXPECT_EQ(Stat("faults_overflow"), 1);
  EXPECT_EQ(Stat("delays_injected"), 1);
  client_->Reset();
  world_->Run();
  other->Send("GET /direct HTTP/1.1\r\nhost: h\r\nx-env: gray\r\n\r\n");
  world_->Run();
  EXPECT_EQ(other->Take(), "") << "there is room again";
  EXPECT_EQ(Stat("active_faults"), 1);
}

class GreyMirrorTest : public Http2Test {
 protected:
  void Begin(const std::string& lane, const std::string& before = "") {
    Start({.http_filters = before + Grey(lane), .http2_upstream = true});
  }
  int64_t Stat(const std::string& name) { return world_->stat(kMirror + name); }
};

// Only one lane's requests, whichever of the two is answered first.
TEST_F(GreyMirrorTest, Compares) {
  Begin("mirror: {}");
  Exchange(HeadersFrame(1, RequestFields({{"x-env", "gray"}})));
  upstream2();
  EXPECT_EQ(upstream2().Take(),
            "HEADERS 1 :method=GET :scheme=http :path=/ :authority=h.test x-env=gray end\n"
            "HEADERS 3 :method=GET :scheme=http :path=/ :authority=h.test x-env=gray end\n");
  ExchangeUp(HeadersFrame(3, Response()) + HeadersFrame(1, Response()));
  EXPECT_EQ(Stat("same_status"), 1);
  Exchange(HeadersFrame(3, RequestFields({{"x-env", "gray"}})));
  ExchangeUp(HeadersFrame(5, Response({}, "500")) + HeadersFrame(7, Response()));
  EXPECT_EQ(Stat("other_status"), 1);
  Exchange(HeadersFrame(5, RequestFields({{"x-env", "gray"}})));
  ExchangeUp(ResetFrame(9, 2) + HeadersFrame(11, Response()));
  EXPECT_EQ(Stat("no_answer"), 1);
  EXPECT_EQ(Stat("sent"), 3);
  upstream2().Take();
  Exchange(HeadersFrame(7, RequestFields({{"x-env", "blue"}})));
  EXPECT_EQ(upstream2().Take(), "HEADERS 13 :method=GET :scheme=http :path=/ :authority=h.test x-env=blue end\n");
  EXPECT_EQ(Stat("sent"), 3);
}

TEST_F(GreyMirrorTest, Grpc) {
  Begin("mirror: {}");
  Exchange(HeadersFrame(1, RequestFields({{"x-env", "gray"}, {"content-type", "application/grpc"}, {"te", "trailers"}})));
  upstream2();
  ExchangeUp(HeadersFrame(1, Response({{"grpc-status", "0"}})));
  ExchangeUp(HeadersFrame(3, Response(), kEndHeaders) + HeadersFrame(3, {{"grpc-status", "5"}}));
  EXPECT_EQ(Stat("other_status"), 1);
}

TEST_F(GreyMirrorTest, NoneOfTheLane) {
  Begin("mirror: {per_million: 0}");
  Exchange(HeadersFrame(1, RequestFields({{"x-env", "gray"}})));
  upstream2();
  EXPECT_EQ(upstream2().Take(), "HEADERS 1 :method=GET :scheme=http :path=/ :authority=h.test x-env=gray end\n");
  EXPECT_EQ(Stat("sent"), 0);
}

// A copy is on its way until it and its request have ended.
TEST_F(GreyMirrorTest, AsManyCopiesAsThereMayBe) {
  Begin("mirror: {max_active: 1}");
  Exchange(HeadersFrame(1, RequestFields({{"x-env", "gray"}})));
  upstream2();
  upstream2().Take();
  Exchange(HeadersFrame(3, RequestFields({{"x-env", "gray"}})));
  EXPECT_EQ(upstream2().Take(), "HEADERS 5 :method=GET :scheme=http :path=/ :authority=h.test x-env=gray end\n");
  EXPECT_EQ(Stat("sent"), 1);
  EXPECT_EQ(Stat("overflow"), 1);
  ExchangeUp(HeadersFrame(1, Response()) + HeadersFrame(3, Response()) + HeadersFrame(5, Response()));
  upstream2().Take();
  Exchange(HeadersFrame(5, RequestFields({{"x-env", "gray"}})));
  EXPECT_EQ(Stat("sent"), 2);
  world_->runtime_keys().Apply({{"grey.lane.mirror.per_million", Number(0)}});
  ExchangeUp(HeadersFrame(7, Response()) + HeadersFrame(9, Response()));
  Exchange(HeadersFrame(7, RequestFields({{"x-env", "gray"}})));
  EXPECT_EQ(Stat("sent"), 2);
  EXPECT_EQ(Stat("overflow"), 1);
}

// The colour goes on with the request, not with its copy: that is the baseline's.
TEST_F(GreyMirrorTest, TheCopyHasNoColour) {
  const std::string context =
      "- name: context\n"
      "  typed_config:\n"
      "    \"@type\": type.googleapis.com/pillion.filters.http.context.v1.Context\n"
      "    direction: INBOUND\n"
      "    trust: {addresses: [{address_prefix: 0.0.0.0, prefix_len: 0}]}\n"
      "    write: {carriers: [W3C]}\n";
  Begin("mirror: {}", context);
  Exchange(HeadersFrame(1, RequestFields({{"x-env", "gray"}, {"baggage", "team=one"}})));
  upstream2();
  const std::string got = upstream2().Take();
  const size_t second = got.find("HEADERS 3");
  ASSERT_NE(second, std::string::npos) << got;
  EXPECT_EQ(got.substr(0, second).find("env=gray", got.find("baggage=")), std::string::npos) << got;
  EXPECT_NE(got.substr(0, second).find("baggage=team=one"), std::string::npos) << got;
  const std::string own = got.substr(second);
  EXPECT_NE(own.substr(own.find("baggage=")).find("env=gray"), std::string::npos) << got;
}

TEST(LaneMirrorTest, HowMuchSlowerAndFaster) {
  stats::Registry registry(1);
  filters::grey_rules::ActiveCount copies;
  filters::grey_rules::LaneMirror mirror(registry, registry.shard(0), stats::Prefix("l"), copies);
  constexpr auto kMillisecond = std::chrono::milliseconds(1);
  const auto told = [&](int own, int copy) {
    mirror.OnAnswers({200, -1, own * kMillisecond}, {200, -1, copy * kMillisecond});
  };
  told(30, 10);
  told(30, 10);
  told(10, 30);
  told(7, 7);
  mirror.OnAnswers({200, -1, kMillisecond}, {});
  mirror.OnAnswers({}, {200, -1, kMillisecond});
  uint64_t slower = 0, faster = 0;
  for (const auto& histogram : registry.Read().histograms) {
    const uint64_t count = stats::Summarize(histogram.cumulative).count;
    if (histogram.description->name() == "l.mirror.slower_by_ms") slower = count;
    if (histogram.description->name() == "l.mirror.faster_by_ms") faster = count;
  }
  EXPECT_EQ(slower, 3u);
  EXPECT_EQ(faster, 1u);
}

}  // namespace
}  // namespace pillion::test
