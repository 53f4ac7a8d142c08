#include "source/push/filter_configs.h"

#include <gmock/gmock.h>

#include <set>

#include "envoy/config/core/v3/core.pb.h"
#include "test/unit/push/pushed.h"

namespace pillion::push {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using xds::Kind;

constexpr char kBuffer[] = "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer";
constexpr char kCors[] = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors";

google::protobuf::Any Extension(const std::string& config, const std::string& name = "f") {
  return config::Resource<envoy::config::core::v3::TypedExtensionConfig>("{name: " + name + ", typed_config: " + config + "}");
}
google::protobuf::Any Buffer(int bytes) {
  return Extension("{'@type': " + std::string(kBuffer) + ", max_request_bytes: " + std::to_string(bytes) + "}");
}
std::string Filter(const std::string& more = "", const std::string& types = kBuffer, const std::string& name = "f") {
  return "{name: " + name + ", config_discovery: {config_source: {ads: {}}, type_urls: [" + types + "]" + more + "}}, ";
}

class FilterConfigsTest : public PushedTest {
 protected:
  std::shared_ptr<const config::Listener> Listener(const std::string& filters, const std::string& host_fields = "") {
    return ListenerOf("route_config: {virtual_hosts: [{name: v, domains: ['*']" + host_fields + "}]}", filters);
  }
  // A listener that follows.
  FilterConfigs::Use& Add(const std::string& filters, const std::string& host_fields = "") {
    uses_.push_back(filters_.For(Listener(filters, host_fields)));
    return *uses_.back();
  }
  static const config::HttpFilter& FilterOf(const config::Listener& listener, size_t index = 0) {
    return std::get<config::HttpConnectionManager>(listener.filter_chains[0].terminal).http_filters.at(index);
  }
  const config::HttpFilter& Now(const FilterConfigs::Use& use, size_t index = 0) {
    completed_.push_back(use.Complete());
    EXPECT_THAT(completed_.back().errors, IsEmpty());
    return FilterOf(*completed_.back().listener, index);
  }
  std::function<void()> Await(const std::string& filter) {
    waited_for_.insert(filter);
    return [this] { ++ready_; };
  }
  uint64_t Stat(const std::string& name) { return Count("extension_config_discovery.http_filter.f." + name); }

  std::vector<FilterConfigs::Completed> completed_;
  int followed_ = 0;
  std::set<std::string> waited_for_;
  int ready_ = 0;
  FilterConfigs filters_{planes_, *process_.resources,
                         [this] {
                           ++followed_;
                           std::vector<std::string> errors;
                           for (const auto& use : uses_) {
                             if (use == nullptr) continue;
                             for (const std::string& error : use->Complete().errors) errors.push_back(error);
                           }
                           return errors;
                         },
                         with()};
  std::vector<std::unique_ptr<FilterConfigs::Use>> uses_;  // end before that
};

TEST_F(FilterConfigsTest, OneForAllWhoNameIt) {
  filters_.Start();
  planes_.Start();
  EXPECT_EQ(filters_.For(Listener("")), nullptr);
  FilterConfigs::Use& one = Add(Filter());
  one.WhenReady([this](const std::string& name) { return Await(name); });
  FilterConfigs::Use& two = Add(Filter());
  EXPECT_THAT(Sent(), ElementsAre("TypedExtensionConfig node +f"));
  EXPECT_THAT(waited_for_, ElementsAre("f"));
  EXPECT_TRUE(Now(one).missing);
  EXPECT_EQ(ready_, 0);
  Answer(Kind::kExtensions, {{"f", Buffer(1)}});
  EXPECT_EQ(ready_, 1);
  two.WhenReady([this](const std::string& name) { return Await(name); });
  EXPECT_EQ(ready_, 2);
  EXPECT_FALSE(Now(one).missing);
  EXPECT_EQ(Now(one).config, Now(one).config);  // until something else comes
  EXPECT_EQ(one.Complete().listener, one.Complete().listener);
  EXPECT_NE(Now(one).config, Now(two).config);  // each has its own buckets, say
  EXPECT_EQ(Now(one).came, Now(two).came);
  const auto digest = [](const FilterConfigs::Use& use) { return use.Complete().listener->filter_chains[0].digest; };
  const uint64_t before = digest(one);
  EXPECT_EQ(before, digest(two));
  const auto config = Now(one).config;
  Answer(Kind::kExtensions, {{"f", Buffer(2)}});
  EXPECT_NE(Now(one).config, config);
  EXPECT_NE(digest(one), before);
  Answer(Kind::kExtensions, {{"f", Buffer(2)}});
  EXPECT_EQ(followed_, 2);
  EXPECT_THAT(Sent(), ElementsAre("TypedExtensionConfig node N=n1", "TypedExtensionConfig node N=n2", "TypedExtensionConfig node N=n3"));
  EXPECT_EQ(Stat("config_reload"), 2u);
  EXPECT_EQ(Stat("update_success"), 3u);
  ASSERT_EQ(filters_.all().size(), 1u);
  EXPECT_EQ(filters_.all()[0].taken->version, "3");
  uses_[0].reset();
  EXPECT_THAT(Sent(), IsEmpty());
  uses_.clear();
  EXPECT_THAT(Sent(), ElementsAre("TypedExtensionConfig node -f"));
  EXPECT_THAT(filters_.all(), IsEmpty());
}

TEST_F(FilterConfigsTest, WhatIsUsedBeforeTheStartIsAskedForThen) {
  Add(Filter()).WhenReady([this](const std::string& name) { return Await(name); });
  planes_.Start();
  EXPECT_THAT(Sent(), IsEmpty());
  filters_.Start();
  EXPECT_THAT(Sent(), ElementsAre("TypedExtensionConfig node +f"));
  timers_.Advance(std::chrono::seconds(15));
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(log_, ElementsAre("filter configuration f has not come in time; who needs it answers requests with 500"));
  EXPECT_EQ(Stat("init_fetch_timeout"), 1u);
  EXPECT_EQ(Stat("config_fail"), 1u);
  Answer(Kind::kExtensions, {{"f", Buffer(1)}});
  EXPECT_FALSE(Now(*uses_[0]).missing);
}

TEST_F(FilterConfigsTest, ADefaultServes) {
  const std::string of_buffer = std::string(", default_config: {'@type': ") + kBuffer + ", max_request_bytes: 9}";
  filters_.Start();
  planes_.Start();
  FilterConfigs::Use& waits = Add(Filter(of_buffer));
  FilterConfigs::Use& starts = Add(Filter(of_buffer + ", apply_default_config_without_warming: true"));
  starts.WhenReady([this](const std::string& name) { return Await(name); });
  EXPECT_THAT(waited_for_, IsEmpty());
  waits.WhenReady([this](const std::string& name) { return Await(name); });
  EXPECT_THAT(waited_for_, ElementsAre("f"));
  EXPECT_FALSE(Now(waits).missing);
  const auto config = Now(waits).config;
  Answer(Kind::kExtensions, {{"f", Buffer(1)}});
  EXPECT_NE(Now(waits).config, config);
  Answer(Kind::kExtensions, {}, {"f"});
  EXPECT_EQ(Now(waits).config, config);
  EXPECT_EQ(filters_.all()[0].taken, nullptr);
  EXPECT_THAT(log_, ElementsAre("filter configuration f is gone; its default_config serves"));
  EXPECT_EQ(Stat("config_reload"), 2u);
}

TEST_F(FilterConfigsTest, WhatIsNotThereIsNotWaitedFor) {
  filters_.Start();
  planes_.Start();
  FilterConfigs::Use& use = Add(Filter());
  use.WhenReady([this](const std::string& name) { return Await(name); });
  Answer(Kind::kExtensions, {}, {"f"});
  EXPECT_EQ(ready_, 1);
  EXPECT_TRUE(Now(use).missing);
  EXPECT_EQ(followed_, 0);
  Answer(Kind::kExtensions, {{"f", Buffer(1)}});
  EXPECT_FALSE(Now(use).missing);
  Answer(Kind::kExtensions, {}, {"f"});
  EXPECT_TRUE(Now(use).missing);
  EXPECT_EQ(followed_, 2);
}

TEST_F(FilterConfigsTest, ABadOneIsRefusedAndTheLastGoodOneStays) {
  filters_.Start();
  planes_.Start();
  FilterConfigs::Use& use = Add(Filter());
  use.WhenReady([this](const std::string& name) { return Await(name); });
  Sent();
  Answer(Kind::kExtensions, {{"f", Extension(std::string("{'@type': ") + kCors + "}")}});
  EXPECT_EQ(ready_, 1);  // a second one is not waited for
  EXPECT_TRUE(Now(use).missing);
  Lines sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_THAT(sent[0], HasSubstr("typed_config: a envoy.extensions.filters.http.cors.v3.Cors, expected "
                                 "envoy.extensions.filters.http.buffer.v3.Buffer"));
  EXPECT_THAT(log_, testing::Contains("filter configuration f was refused; who needs it answers requests with 500"));
  Answer(Kind::kExtensions, {{"f", Buffer(1)}});
  const auto config = Now(use).config;
  Sent();
  Answer(Kind::kExtensions, {{"f", Extension(std::string("{'@type': ") + kBuffer + "}")}});
  sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_THAT(sent[0], HasSubstr("max_request_bytes"));
  EXPECT_EQ(Now(use).config, config);
  EXPECT_EQ(Stat("update_rejected"), 2u);
  EXPECT_EQ(Stat("config_fail"), 2u);
}

// What the listener's other parts make bad; nobody has it then.
TEST_F(FilterConfigsTest, OneThatAListenerCanNotGoByIsRefused) {
  const std::string types = std::string(kBuffer) + ", " + kCors;
  filters_.Start();
  planes_.Start();
  FilterConfigs::Use& plain = Add(Filter("", types));
  Add(Filter("", types),
      ", typed_per_filter_config: {f: {'@type': type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy}}");
  Sent();
  Answer(Kind::kExtensions, {{"f", Buffer(1)}});
  const Lines sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_THAT(sent[0], HasSubstr("route_config.virtual_hosts[0].typed_per_filter_config[\"f\"]"));
  EXPECT_TRUE(Now(plain).missing);
  EXPECT_TRUE(Now(*uses_[1]).missing);
  Answer(Kind::kExtensions, {{"f", Extension(std::string("{'@type': ") + kCors + "}")}});
  EXPECT_FALSE(Now(plain).missing);
  EXPECT_FALSE(Now(*uses_[1]).missing);
}

// One that comes later and takes another type has nothing as long as what came is of this one.
TEST_F(FilterConfigsTest, WhatCameForOthersMayBeNothingForALaterOne) {
  filters_.Start();
  planes_.Start();
  FilterConfigs::Use& first = Add(Filter());
  Answer(Kind::kExtensions, {{"f", Buffer(1)}});
  FilterConfigs::Use& later = Add(Filter("", kCors));
  EXPECT_FALSE(Now(first).missing);
  EXPECT_TRUE(Now(later).missing);
  EXPECT_EQ(Stat("config_conflict"), 1u);
  EXPECT_THAT(log_, ElementsAre(HasSubstr("filter configuration f, version 1, is not for all listeners that name it: ")));
}

TEST_F(FilterConfigsTest, SeveralInOneListener) {
  filters_.Start();
  planes_.Start();
  FilterConfigs::Use& use = Add(Filter() + Filter("", kCors, "g"));
  use.WhenReady([this](const std::string& name) { return Await(name); });
  EXPECT_THAT(waited_for_, ElementsAre("f", "g"));
  Answer(Kind::kExtensions, {{"f", Buffer(1)}, {"g", Extension(std::string("{'@type': ") + kCors + "}", "g")}});
  EXPECT_EQ(ready_, 2);
  const auto f = Now(use, 0).config, g = Now(use, 1).config;
  Answer(Kind::kExtensions, {{"g", Extension(std::string("{'@type': ") + kCors + "}", "g")}, {"f", Buffer(2)}});
  EXPECT_NE(Now(use, 0).config, f);
  EXPECT_EQ(Now(use, 1).config, g);  // what one keeps is not lost by another one
}

// Whoever waits may be done with what he waits for as soon as he is told, and the server with all of it.
// A listener that ends as it follows, and with it the last use of what has just come, or has just gone.
TEST_F(FilterConfigsTest, WhoFollowsMayEndHisUse) {
  std::unique_ptr<FilterConfigs::Use> use;
  bool ends = true;
  FilterConfigs all(planes_, *process_.resources,
                    [&] {
                      if (ends) use.reset();
                      return std::vector<std::string>();
                    },
                    with());
  use = all.For(Listener(Filter()));
  all.Start();
  planes_.Start();
  Answer(Kind::kExtensions, {{"f", Buffer(1)}});
  EXPECT_EQ(use, nullptr);
  EXPECT_THAT(all.all(), IsEmpty());
  EXPECT_THAT(Sent(), testing::Contains(HasSubstr("-f")));
  ends = false;
  use = all.For(Listener(Filter()));
  Answer(Kind::kExtensions, {{"f", Buffer(1)}});
  EXPECT_EQ(all.all().size(), 1u);
  ends = true;
  Answer(Kind::kExtensions, {}, {"f"});
  EXPECT_EQ(use, nullptr);
  EXPECT_THAT(all.all(), IsEmpty());
}

}  // namespace
}  // namespace pillion::push
