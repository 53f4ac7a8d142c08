#include "source/filter/http_chain.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "test/support/fake_stream_context.h"
#include "test/support/simulated_clock.h"

namespace pillion::filter {
namespace {

constexpr uint32_t kAllHooks = 0xff;

class Scripted;

// Everything that happens, in order: "a:head", "out:data xyz end".
struct Story {
  std::vector<std::string> events;
  std::map<std::string, Step> answers;  // by event; kContinue where there is none
  std::map<std::string, std::function<void(Scripted&)>> acts;

  std::vector<std::string> Take() { return std::exchange(events, {}); }
};

class Scripted final : public HttpFilter {
 public:
  Scripted(std::string name, Story& story) : name_(std::move(name)), story_(story) {}

  Step OnRequestHead(http::RequestHead&, bool end) override { return Tell("head", end); }
  Step OnRequestData(base::Slice& data, bool end) override { return Keep(Tell("data " + Text(data), end), data); }
  Step OnRequestTrailers(http::HeaderMap&) override { return Tell("trailers"); }
  Step OnRequestBody(base::Buffer& body, http::HeaderMap* trailers) override {
    return Tell("body " + body.ToString() + (trailers != nullptr ? " trailers" : ""));
  }
  Step OnResponseHead(http::ResponseHead&, bool end) override { return Tell("response head", end); }
  Step OnResponseData(base::Slice& data, bool end) override {
    return Keep(Tell("response data " + Text(data), end), data);
  }
  Step OnResponseTrailers(http::HeaderMap&) override { return Tell("response trailers"); }
  Step OnResponseBody(base::Buffer& body, http::HeaderMap*) override {
    const Step step = Tell("response body " + body.ToString());
    body.Clear();
    body.Append("changed");
    return step;
  }
  size_t collect_limit() const override { return 10; }
  void OnAttempt(http::RequestHead&, const Attempt& attempt) override {
    Tell("attempt " + std::to_string(attempt.number));
  }
  void OnEnd() override { Tell("end"); }

  using HttpFilter::ChooseRoute;
  using HttpFilter::ContinueRequest;
  using HttpFilter::ContinueResponse;
  using HttpFilter::EmitRequestData;
  using HttpFilter::EmitResponseData;
  using HttpFilter::HoldRequest;
  using HttpFilter::HoldResponse;
  using HttpFilter::SendReply;

  std::string kept;

 private:
  static std::string Text(const base::Slice& data) { return std::string(data.view()); }

  Step Tell(std::string event, bool end = false) {
    event = name_ + ":" + event + (end ? " end" : "");
    story_.events.push_back(event);
    if (const auto act = story_.acts.find(event); act != story_.acts.end()) act->second(*this);
    const auto answer = story_.answers.find(event);
    return answer == story_.answers.end() ? Step::kContinue : answer->second;
  }

  Step Keep(Step step, base::Slice& data) {
    if (step == Step::kTake) kept += data.view();
    return step;
  }

  const std::string name_;
  Story& story_;
};

class HttpChainTest : public testing::Test, public test::FakeStreamContext, public ChainEnds {
 protected:
  // Filters a, b, c.
  void Make(size_t count = 3, uint32_t hooks = kAllHooks) {
    count_ = count;
    hooks_ = hooks;
    chain_ = std::make_unique<HttpChain>(*this, *this, MakeFilter(), count);
  }
  void TearDown() override { chain_.reset(); }

  void Head(bool end = false) { chain_->request().TakeHead(request_, end); }
  void Data(std::string_view text, bool end = false) {
    chain_->request().TakeData(base::Slice::Copy(worker_.blocks(), text), end);
  }
  void Trailers() { chain_->request().TakeTrailers(trailers_); }
  void ResponseHead(bool end = false) { chain_->response().TakeHead(response_, end); }
  void ResponseData(std::string_view text, bool end = false) {
    chain_->response().TakeData(base::Slice::Copy(worker_.blocks(), text), end);
  }
  void Turn() { worker_.RunTurn(); }

  // StreamContext
  event::Worker& worker() override { return worker_; }
  void ChooseRoute() override {
    Out("route");
    absent_ = kFirstPlace + 1;
  }

  // ChainEnds
  ChainMember MakeFilter() override {
    if (filters_.size() == count_) return {};
    const std::string name(1, static_cast<char>('a' + filters_.size()));
    filters_.push_back(arena_.New<Scripted>(name, story_));
    if (tells_making_) Out("makes " + name);
    return {filters_.back(), hooks_, static_cast<uint32_t>(kFirstPlace + filters_.size() - 1)};
  }
  FilterPart PartOf(uint32_t place) override { return {.absent = place == absent_}; }
  void OnRequestHeadPassed(bool end) override { Out("head", end); }
  void OnRequestDataPassed(base::Slice data, bool end) override { Out("data " + std::string(data.view()), end); }
  void OnRequestTrailersPassed(http::HeaderMap&) override { Out("trailers"); }
  void OnResponseHeadPassed(http::ResponseHead&, bool end) override { Out("response head", end); }
  void OnResponseDataPassed(base::Slice data, bool end) override {
    Out("response data " + std::string(data.view()), end);
  }
  void OnResponseTrailersPassed(http::HeaderMap&) override { Out("response trailers"); }
  void HoldRequest(bool hold) override { Out(hold ? "hold request" : "resume request"); }
  void HoldResponse(bool hold) override { Out(hold ? "hold response" : "resume response"); }
  void OnRequestBodyWanted() override { Out("body wanted"); }
  void OnFilterReply(const Reply& reply) override {
    Out("reply " + std::to_string(reply.status));
    chain_->response().TakeHead(response_, true);
  }
  void OnRequestTooLarge() override { Out("request too large"); }
  void OnResponseTooLarge() override { Out("response too large"); }

  void Out(std::string event, bool end = false) { story_.events.push_back("out:" + event + (end ? " end" : "")); }

  using Events = std::vector<std::string>;

  test::SimulatedClock clock_;
  event::Worker worker_{0, clock_};
  http::ResponseHead response_{arena_};
  http::HeaderMap trailers_{arena_};
  Story story_;
  size_t count_ = 0;
  uint32_t hooks_ = 0;
  bool tells_making_ = false;
  static constexpr uint32_t kFirstPlace = 7;
  uint32_t absent_ = 0;             // the place of one that the route disables
  std::vector<Scripted*> filters_;  // that are made
  std::unique_ptr<HttpChain> chain_;
};

TEST_F(HttpChainTest, RequestsInOrderResponsesInOppositeOrder) {
  Make(2);
  Head();
  Data("x");
  Trailers();
  ResponseHead();
  ResponseData("y", true);
  EXPECT_EQ(story_.Take(),
            (Events{"a:head", "b:head", "out:head", "a:data x", "b:data x", "out:data x", "a:trailers", "b:trailers",
                    "out:trailers", "b:response head", "a:response head", "out:response head", "b:response data y end",
                    "a:response data y end", "out:response data y end"}));
  chain_->OnAttempt(request_, {.number = 2, .cluster = "", .host = "", .time_left = {}});
  chain_->End();
  EXPECT_EQ(story_.Take(), (Events{"a:attempt 2", "b:attempt 2", "a:end", "b:end"}));
}

// Each when the head comes to it: what stands before it may still change what it is made of.
TEST_F(HttpChainTest, FiltersAreMadeAsTheHeadComesToThem) {
  tells_making_ = true;
  story_.answers["b:head"] = Step::kPause;
  Make();
  Head();
  Data("x", true);
  EXPECT_EQ(story_.Take(), (Events{"out:makes a", "a:head", "out:makes b", "b:head", "out:hold request", "a:data x end"}));
  filters_[1]->ContinueRequest();
  Turn();
  EXPECT_EQ(story_.Take(), (Events{"out:makes c", "c:head", "out:head", "b:data x end", "c:data x end", "out:data x end", "out:resume request"}));
}

// What it was made by is what the route before has said.
TEST_F(HttpChainTest, WhoHasTheRouteChosenLearnsWhatItIsByThat) {
  std::vector<bool> absent;
  const auto choose = [&absent](Scripted& filter) { absent.push_back(filter.ChooseRoute().absent); };
  story_.acts["a:head end"] = story_.acts["b:head end"] = story_.acts["c:head end"] = choose;
  Make();
  Head(true);
  EXPECT_EQ(absent, (std::vector<bool>{false, true, false}));
  EXPECT_EQ(story_.Take(), (Events{"a:head end", "out:route", "b:head end", "out:route", "c:head end", "out:route",
                                   "out:head end"}));
}

TEST_F(HttpChainTest, AnAnswerPassesThoseThatTheRequestDidNotReach) {
  tells_making_ = true;
  story_.acts["a:head end"] = [](Scripted& filter) { filter.SendReply({.status = 429}); };
  story_.answers["a:head end"] = Step::kPause;
  Make();
  Head(true);
  EXPECT_EQ(story_.Take(), (Events{"out:makes a", "a:head end", "out:reply 429", "out:makes b", "out:makes c", "c:response head end",
                                   "b:response head end", "a:response head end", "out:response head end"}));
  chain_->End();
  EXPECT_EQ(story_.Take(), (Events{"a:end", "b:end", "c:end"}));
}

TEST_F(HttpChainTest, OnlyHooksOfTheMask) {
  Make(2, kResponseHead);
  Head();
  Data("x", true);
  ResponseHead(true);
  EXPECT_EQ(story_.Take(), (Events{"out:head", "out:data x end", "b:response head end", "a:response head end",
                                   "out:response head end"}));
}

TEST_F(HttpChainTest, PausedHeadHoldsWhatComesAfter) {
  Make();
  story_.answers["b:head"] = Step::kPause;
  Head();
  Data("x");
  Data("y", true);
  EXPECT_EQ(story_.Take(), (Events{"a:head", "b:head", "out:hold request", "a:data x", "a:data y end"}));
  filters_[1]->ContinueRequest();
  EXPECT_EQ(story_.Take(), Events{});  // not inside the call
  Turn();
  EXPECT_EQ(story_.Take(), (Events{"c:head", "out:head", "b:data xy end", "c:data xy end", "out:data xy end",
                                   "out:resume request"}));
}

TEST_F(HttpChainTest, ContinueInsideTheHook) {
  Make(1);
  story_.answers["a:head end"] = Step::kPause;
  story_.acts["a:head end"] = [](Scripted& filter) { filter.ContinueRequest(); };
  Head(true);
  EXPECT_EQ(story_.Take(), (Events{"a:head end", "out:hold request"}));
  Turn();
  EXPECT_EQ(story_.Take(), (Events{"out:head end", "out:resume request"}));
}

TEST_F(HttpChainTest, PausedDataAndTrailers) {
  Make(2);
  story_.answers["a:data x"] = Step::kPause;
  story_.answers["b:trailers"] = Step::kPause;
  Head();
  Data("x");
  Data("y");
  Trailers();
  EXPECT_EQ(story_.Take(), (Events{"a:head", "b:head", "out:head", "a:data x", "out:hold request"}));
  filters_[0]->ContinueRequest();
  Turn();
  EXPECT_EQ(story_.Take(), (Events{"b:data x", "out:data x", "a:data y", "b:data y", "out:data y", "a:trailers",
                                   "b:trailers"}));
  filters_[1]->ContinueRequest();
  Turn();
  EXPECT_EQ(story_.Take(), (Events{"out:trailers", "out:resume request"}));
}

TEST_F(HttpChainTest, TwoFiltersPauseAtOnce) {
  Make(2);
  story_.answers["a:data x"] = Step::kPause;
  story_.answers["b:head"] = Step::kPause;
  Head();
  Data("x");
  Data("y", true);
  EXPECT_EQ(story_.Take(), (Events{"a:head", "b:head", "out:hold request", "a:data x"}));
  filters_[1]->ContinueRequest();
  Turn();
  EXPECT_EQ(story_.Take(), (Events{"out:head"}));
  filters_[0]->ContinueRequest();
  Turn();
  EXPECT_EQ(story_.Take(), (Events{"b:data x", "out:data x", "a:data y end", "b:data y end", "out:data y end",
                                   "out:resume request"}));
}

TEST_F(HttpChainTest, ContinueOfWhoDoesNotPause) {
  Make(2);
  story_.answers["b:head"] = Step::kPause;
  Head();
  filters_[0]->ContinueRequest();
  filters_[1]->ContinueResponse();
  Turn();
  EXPECT_EQ(story_.Take(), (Events{"a:head", "b:head", "out:hold request"}));
}

TEST_F(HttpChainTest, CollectsABody) {
  Make();
  story_.answers["b:head"] = Step::kCollect;
  Head();
  Data("x");
  Data("y");
  EXPECT_EQ(story_.Take(), (Events{"a:head", "b:head", "out:body wanted", "a:data x", "a:data y"}));
  Data("z", true);
  EXPECT_EQ(story_.Take(),
            (Events{"a:data z end", "b:body xyz", "c:head", "out:head", "c:data xyz end", "out:data xyz end"}));
}

TEST_F(HttpChainTest, CollectsABodyWithTrailersTwice) {
  Make(2);
  story_.answers["a:head"] = Step::kCollect;
  story_.answers["b:head"] = Step::kCollect;
  Head();
  Data("x");
  Trailers();
  EXPECT_EQ(story_.Take(), (Events{"a:head", "out:body wanted", "a:body x trailers", "b:head", "out:body wanted",
                                   "b:body x trailers", "out:head", "out:data x", "out:trailers"}));
}

TEST_F(HttpChainTest, CollectsAndThenPauses) {
  Make(1);
  story_.answers["a:response head"] = Step::kCollect;
  story_.answers["a:response body xy"] = Step::kPause;
  ResponseHead();
  ResponseData("x");
  ResponseData("y", true);
  EXPECT_EQ(story_.Take(), (Events{"a:response head", "a:response body xy", "out:hold response"}));
  filters_[0]->ContinueResponse();
  Turn();
  EXPECT_EQ(story_.Take(), (Events{"out:response head", "out:response data changed end", "out:resume response"}));
}

TEST_F(HttpChainTest, NothingToCollect) {
  Make(1);
  story_.answers["a:head end"] = Step::kCollect;
  Head(true);
  EXPECT_EQ(story_.Take(), (Events{"a:head end", "out:head end"}));
}

TEST_F(HttpChainTest, CollectsNoMoreThanItsLimit) {
  Make(1);
  story_.answers["a:head"] = Step::kCollect;
  Head();
  Data("0123456789");
  EXPECT_EQ(story_.Take(), (Events{"a:head", "out:body wanted"}));
  Data("x");
  EXPECT_EQ(story_.Take(), (Events{"out:request too large"}));
}

TEST_F(HttpChainTest, TakesAndEmits) {
  Make(2);
  story_.answers["b:response data xyz end"] = Step::kTake;
  ResponseHead();
  ResponseData("xyz", true);
  EXPECT_EQ(story_.Take(),
            (Events{"b:response head", "a:response head", "out:response head", "b:response data xyz end"}));
  filters_[1]->HoldResponse(true);
  filters_[1]->EmitResponseData(base::Slice::Copy(worker_.blocks(), "xy"), false);
  filters_[1]->HoldResponse(false);
  filters_[1]->EmitResponseData(base::Slice::Copy(worker_.blocks(), "z"), true);
  EXPECT_EQ(filters_[1]->kept, "xyz");
  EXPECT_EQ(story_.Take(),
            (Events{"out:hold response", "a:response data xy", "out:response data xy", "out:resume response",
                    "a:response data z end", "out:response data z end"}));
}

TEST_F(HttpChainTest, AReplyEndsTheRequestAndGoesThroughAllFilters) {
  Make();
  story_.answers["b:head"] = Step::kPause;
  story_.acts["b:head"] = [](Scripted& filter) { filter.SendReply({.status = 403}); };
  Head();
  Data("x", true);
  EXPECT_EQ(story_.Take(), (Events{"a:head", "b:head", "out:reply 403", "c:response head end", "b:response head end",
                                   "a:response head end", "out:response head end"}));
}

TEST_F(HttpChainTest, AReplyOutsideOfAHook) {
  Make(1);
  story_.answers["a:head end"] = Step::kPause;
  Head(true);
  filters_[0]->SendReply({.status = 504});
  filters_[0]->SendReply({.status = 500});  // the first counts
  EXPECT_EQ(story_.Take(), (Events{"a:head end", "out:hold request"}));
  Turn();
  EXPECT_EQ(story_.Take(), (Events{"out:reply 504", "a:response head end", "out:response head end"}));
}

TEST_F(HttpChainTest, NothingAfterTheEnd) {
  Make(1);
  story_.answers["a:head"] = Step::kPause;
  Head();
  Data("x", true);
  filters_[0]->ContinueRequest();
  chain_->End();
  filters_[0]->ContinueRequest();
  filters_[0]->SendReply({.status = 500});
  Turn();
  ResponseHead(true);
  EXPECT_EQ(story_.Take(), (Events{"a:head", "out:hold request", "a:end"}));
}

}  // namespace
}  // namespace pillion::filter
