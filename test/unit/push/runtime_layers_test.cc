#include "source/push/runtime_layers.h"

#include <gmock/gmock.h>

#include <map>

#include "envoy/service/runtime/v3/rtds.pb.h"
#include "test/unit/push/pushed.h"

namespace pillion::push {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using xds::Kind;

google::protobuf::Any Layer(const std::string& values, const std::string& name = "r") {
  return config::Resource<envoy::service::runtime::v3::Runtime>("{name: " + name + ", layer: " + values + "}");
}

class RuntimeLayersTest : public PushedTest {
 protected:
  config::RuntimeSource Source(size_t layer, const std::string& name = "r") const {
    return {.layer = layer, .name = name, .feed = {.source = ads(), .initial_fetch_timeout = std::chrono::seconds(15)}};
  }
  void Start(const std::vector<config::RuntimeSource>& sources) {
    layers_.Start(sources);
    layers_.WhenReady([this] { ++ready_; });
    planes_.Start();
  }
  // "a=1,b=2"
  std::string Text(size_t layer) const {
    const auto found = set_.find(layer);
    if (found == set_.end()) return "nothing";
    std::string text;
    for (const auto& [name, value] : found->second) text += (text.empty() ? "" : ",") + name + "=" + value.text;
    return text;
  }

  std::map<size_t, runtime::Keys::Values> set_;
  int ready_ = 0;
  RuntimeLayers layers_{planes_, *process_.resources,
                        [this](size_t layer, runtime::Keys::Values values) { set_[layer] = std::move(values); }, with()};
};

TEST_F(RuntimeLayersTest, ComeAndChangeAndGo) {
  Start({Source(2)});
  EXPECT_THAT(Sent(), ElementsAre("Runtime node +r"));
  EXPECT_THAT(layers_.awaited(), ElementsAre("r"));
  EXPECT_EQ(ready_, 0);
  Answer(Kind::kRuntime, {{"r", Layer("{a: 1, b: {c: true, d: text}, e: {numerator: 5, denominator: MILLION}}")}});
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(layers_.awaited(), IsEmpty());
  EXPECT_EQ(Text(2), "a=1,b.c=true,b.d=text,e={numerator: 5, denominator: MILLION}");
  EXPECT_EQ(set_[2]["e"].denominator, 1'000'000u);
  Answer(Kind::kRuntime, {{"r", Layer("{a: 2}")}});
  EXPECT_EQ(Text(2), "a=2");
  EXPECT_EQ(Count("runtime.update_success"), 2u);
  Answer(Kind::kRuntime, {}, {"r"});
  EXPECT_EQ(Text(2), "");
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(log_, IsEmpty());
}

TEST_F(RuntimeLayersTest, AWrongOneIsRefusedAndChangesNothing) {
  Start({Source(0)});
  Answer(Kind::kRuntime, {{"r", Layer("{a: 1}")}});
  Sent();
  Answer(Kind::kRuntime, {{"r", Layer("{a: 2, b: [1]}")}});
  EXPECT_EQ(Text(0), "a=1");
  EXPECT_EQ(Count("runtime.update_rejected"), 1u);
  EXPECT_THAT(Sent().back(), HasSubstr("layer.b: expected true, false, a number, a text, a fraction or an object of those"));
  Answer(Kind::kRuntime, {{"r", Layer("{a: 3}")}});
  EXPECT_EQ(Text(0), "a=3");
}

// Nobody waits for a second one.
TEST_F(RuntimeLayersTest, TheFirstOneThatIsWrongIsNotWaitedForAnyMore) {
  Start({Source(0)});
  Answer(Kind::kRuntime, {{"r", Layer("{a: [1]}")}});
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(Text(0), "nothing");
}

TEST_F(RuntimeLayersTest, WaitsForEachUpToItsTimeout) {
  Start({Source(0), Source(1, "s")});
  EXPECT_THAT(Sent(), ElementsAre("Runtime node +r +s"));
  Answer(Kind::kRuntime, {{"s", Layer("{b: 1}", "s")}});
  EXPECT_EQ(ready_, 0);
  EXPECT_THAT(layers_.awaited(), ElementsAre("r"));
  timers_.Advance(std::chrono::seconds(15));
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(Count("runtime.init_fetch_timeout"), 1u);
  EXPECT_THAT(log_, ElementsAre(HasSubstr("runtime layer r has not come in time")));
  Answer(Kind::kRuntime, {{"r", Layer("{a: 1}")}});
  EXPECT_EQ(Text(0), "a=1");
  EXPECT_EQ(Text(1), "b=1");
}

TEST_F(RuntimeLayersTest, OneResourceForTwoLayers) {
  Start({Source(0), Source(3)});
  EXPECT_THAT(Sent(), ElementsAre("Runtime node +r"));
  Answer(Kind::kRuntime, {{"r", Layer("{a: 1}")}});
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(Text(0), "a=1");
  EXPECT_EQ(Text(3), "a=1");
}

TEST_F(RuntimeLayersTest, WithoutAnyNothingIsWaitedFor) {
  Start({});
  EXPECT_EQ(ready_, 1);
}

}  // namespace
}  // namespace pillion::push
