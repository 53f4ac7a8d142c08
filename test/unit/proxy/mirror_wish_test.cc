// Copies that a filter wishes, and what it is told of their answers and the requests' own.

#include <optional>
#include <vector>

#include "source/filter/http_filter.h"
#include "test/unit/proxy/http2_world.h"

namespace pillion::test {
namespace {

using namespace codec::http2;  // frames
using filter::MirroredAnswer;

constexpr auto kMillisecond = std::chrono::milliseconds(1);

// Asks for a copy of each request, in whatever cluster and lane the test says.
struct Wisher final : filter::HttpFilterConfig, filter::MirrorObserver {
  struct Told {
    MirroredAnswer own;
    MirroredAnswer copy;
  };

  filter::MirrorWish wish;
  filter::FeatureSet off;
  mutable std::vector<Told> told;
  mutable int copies = 0;
  mutable int shards = 0;  // that there are

  void OnCopy(filter::StreamContext& stream, http::RequestHead& copy) override {
    ++copies;
    EXPECT_EQ(stream.request().path, copy.path);
    copy.headers.Add("x-copy", "1");
  }
  void OnAnswers(const MirroredAnswer& own, const MirroredAnswer& copy) override {
    EXPECT_EQ(shards, 1);  // it keeps them
    told.push_back({own, copy});
  }
  uint32_t hooks() const override { return filter::kRequestHead; }
  std::unique_ptr<filter::HttpFilterShard> MakeShard(const filter::ShardContext& context) const override;
};

class Filter final : public filter::HttpFilter {
 public:
  explicit Filter(const Wisher& config) : config_(config) {}
  filter::Step OnRequestHead(http::RequestHead&, bool) override {
    stream().TurnOff(config_.off);
    stream().MirrorTo(config_.wish);
    return filter::Step::kContinue;
  }

 private:
  const Wisher& config_;
};

struct Shard final : filter::HttpFilterShard {
  explicit Shard(const Wisher& config) : config(config) { ++config.shards; }
  ~Shard() override { --config.shards; }
  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig*) override {
    return stream.arena().New<Filter>(config);
  }
  const Wisher& config;
};

std::unique_ptr<filter::HttpFilterShard> Wisher::MakeShard(const filter::ShardContext&) const {
  return std::make_unique<Shard>(*this);
}

class MirrorWishTest : public Http2Test {
 protected:
  MirrorWishTest() { wisher_->wish.observer = wisher_.get(); }

  void Begin(ProxySettings settings = {}) {
    settings.http2_upstream = true;
    settings.further_filters = {{"wisher", wisher_}};
    Start(settings);
  }
  // Both are under way: 1 is the copy, 3 the request.
  void Request(const Fields& fields = {}) {
    EXPECT_EQ(Exchange(HeadersFrame(1, RequestFields(fields))), "");
    upstream2();
  }
  const Wisher::Told& Told() {
    EXPECT_EQ(wisher_->told.size(), 1u);
    static const Wisher::Told kNone;
    return wisher_->told.empty() ? kNone : wisher_->told[0];
  }

  const std::shared_ptr<Wisher> wisher_ = std::make_shared<Wisher>();
};

TEST_F(MirrorWishTest, TheCopyIsTheRequest) {
  Begin();
  Request({{"x-one", "1"}});
  EXPECT_EQ(upstream2().Take(),
            "HEADERS 1 :method=GET :scheme=http :path=/ :authority=h.test x-one=1 x-copy=1 end\n"
            "HEADERS 3 :method=GET :scheme=http :path=/ :authority=h.test x-one=1 end\n");
  EXPECT_EQ(wisher_->copies, 1);
  EXPECT_TRUE(wisher_->told.empty());
}

// The stream is gone when the copy is answered.
TEST_F(MirrorWishTest, TheRequestIsAnsweredFirst) {
  Begin();
  Request();
  world_->Wait(10);
  ExchangeUp(HeadersFrame(3, Response()));
  EXPECT_EQ(client_->Take(), "HEADERS 1 :status=200 end\n");
  EXPECT_TRUE(wisher_->told.empty());
  world_->Wait(30);
  ExchangeUp(HeadersFrame(1, Response({}, "503"), kEndHeaders) + DataFrame(1, "no", kEndStream));
  EXPECT_EQ(Told().own.status, 200);
  EXPECT_EQ(Told().own.grpc_status, -1);
  EXPECT_EQ(Told().own.took, 10 * kMillisecond);
  EXPECT_EQ(Told().copy.status, 503);
  EXPECT_EQ(Told().copy.took, 40 * kMillisecond);
}

TEST_F(MirrorWishTest, TheCopyIsAnsweredFirst) {
  Begin();
  Request();
  world_->Wait(5);
  ExchangeUp(HeadersFrame(1, Response()));
  EXPECT_TRUE(wisher_->told.empty());
  world_->Wait(20);
  // Its body takes a while; what counts is the head.
  ExchangeUp(HeadersFrame(3, Response({}, "404"), kEndHeaders));
  world_->Wait(20);
  ExchangeUp(DataFrame(3, "no", kEndStream));
  EXPECT_EQ(Told().own.status, 404);
  EXPECT_EQ(Told().own.took, 25 * kMillisecond);
  EXPECT_EQ(Told().copy.status, 200);
  EXPECT_EQ(Told().copy.took, 5 * kMillisecond);
}

TEST_F(MirrorWishTest, Grpc) {
  Begin();
  Request({{"content-type", "application/grpc"}, {"te", "trailers"}});
  ExchangeUp(HeadersFrame(3, Response({{"grpc-status", "7"}})));
  ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + HeadersFrame(1, {{"grpc-status", "14"}}));
  EXPECT_EQ(Told().own.status, 200);
  EXPECT_EQ(Told().own.grpc_status, 7);
  EXPECT_EQ(Told().copy.status, 200);
  EXPECT_EQ(Told().copy.grpc_status, 14);
}

// An answer of the proxy's own is the request's, too.
TEST_F(MirrorWishTest, NoUpstreamForTheRequest) {
  Begin();
  Request();
  ExchangeUp(ResetFrame(3, 2));
  ExchangeUp(HeadersFrame(1, Response()));
  EXPECT_EQ(Told().own.status, 503);
  EXPECT_EQ(Told().copy.status, 200);
}

TEST_F(MirrorWishTest, TheCopyBreaksOff) {
  Begin();
  Request();
  ExchangeUp(HeadersFrame(1, Response(), kEndHeaders) + ResetFrame(1, 2));
  ExchangeUp(HeadersFrame(3, Response()));
  EXPECT_EQ(Told().own.status, 200);
  EXPECT_EQ(Told().copy.status, 0);
}

TEST_F(MirrorWishTest, TheClientLeaves) {
  Begin();
  Request();
  ExchangeUp(HeadersFrame(3, Response(), kEndHeaders) + DataFrame(3, "begun"));
  Exchange(ResetFrame(1, 8));
  EXPECT_TRUE(wisher_->told.empty());  // all of the request had come: the copy goes on
  ExchangeUp(HeadersFrame(1, Response()));
  EXPECT_EQ(Told().own.status, 0);
  EXPECT_EQ(Told().copy.status, 200);
}

// The listener is configured anew, with other filters, while the copy is under way: those that wait for it stay.
TEST_F(MirrorWishTest, TheFiltersAreReplaced) {
  Begin();
  Request();
  ExchangeUp(HeadersFrame(3, Response()));
  world_->UpdateListener({.hcm = "server_name: other", .http2_upstream = true});
  world_->Run();
  client_.reset();
  world_->Run();
  EXPECT_EQ(wisher_->shards, 1);
  ExchangeUp(HeadersFrame(1, Response()));
  EXPECT_EQ(Told().copy.status, 200);
  world_->Wait(10'000);  // as long as the former listener may take to drain
  EXPECT_EQ(wisher_->shards, 0);
}

TEST_F(MirrorWishTest, TheProxyEnds) {
  Begin();
  Request();
  ExchangeUp(HeadersFrame(3, Response()));
  client_.reset();
  world_.reset();
  EXPECT_EQ(Told().own.status, 200);
  EXPECT_EQ(Told().copy.status, 0);
  EXPECT_EQ(wisher_->shards, 0);
}

TEST_F(MirrorWishTest, NoSuchCluster) {
  wisher_->wish.cluster = "nowhere";
  Begin();
  EXPECT_EQ(Exchange(HeadersFrame(1, RequestFields())), "");
  EXPECT_EQ(upstream2().Take(), "HEADERS 1 :method=GET :scheme=http :path=/ :authority=h.test end\n");
  EXPECT_EQ(wisher_->copies, 0);
}

// Those of the route, too.
TEST_F(MirrorWishTest, TurnedOff) {
  wisher_->off.Add(filter::Feature::kMirror);
  Begin({.route = "request_mirror_policies: [{cluster: app}]"});
  EXPECT_EQ(Exchange(HeadersFrame(1, RequestFields())), "");
  EXPECT_EQ(upstream2().Take(), "HEADERS 1 :method=GET :scheme=http :path=/ :authority=h.test end\n");
  EXPECT_EQ(wisher_->copies, 0);
}

// A wish and the route's policies: one copy of each.
TEST_F(MirrorWishTest, BesideThoseOfTheRoute) {
  Begin({.route = "request_mirror_policies: [{cluster: app}]"});
  EXPECT_EQ(Exchange(HeadersFrame(1, RequestFields())), "");
  EXPECT_EQ(upstream2().Take(),
            "HEADERS 1 :method=GET :scheme=http :path=/ :authority=h.test-shadow end\n"
            "HEADERS 3 :method=GET :scheme=http :path=/ :authority=h.test x-copy=1 end\n"
            "HEADERS 5 :method=GET :scheme=http :path=/ :authority=h.test end\n");
  EXPECT_EQ(wisher_->copies, 1);
}

}  // namespace
}  // namespace pillion::test
