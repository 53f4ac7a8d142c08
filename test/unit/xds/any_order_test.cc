// Whatever order of changes, answers, refusals, subscriptions and cuts: in the end there is what the control plane has, as
// far as it is wanted and good.

#include <gtest/gtest.h>

#include "test/unit/xds/stream_world.h"
#include "test/unit/xds/talk.h"

namespace pillion::xds {
namespace {

// A control plane that keeps the rules, for one type. It says nothing of its own accord but when it is pumped, and only what
// is new to the other end.
class ControlPlane {
 public:
  ControlPlane(Form form, std::string type_name, bool all) : form_(form), type_(std::move(type_name)), all_(all) {}

  void Set(const std::string& name, const std::string& content) {
    resources_[name] = {std::to_string(++version_), content};
  }
  void Remove(const std::string& name) {
    if (resources_.erase(name) > 0) ++version_;
  }
  const std::map<std::string, std::pair<std::string, std::string>>& resources() const { return resources_; }

  void Begin() {
    asked_ = false;
    names_.clear();
    sent_.clear();
    news_ = false;
    nonce_.clear();
  }
  void Hear(const std::string& bytes) { form_ == Form::kState ? HearState(bytes) : HearDelta(bytes); }
  // What it has to say; nothing: nothing.
  std::optional<std::string> Say() {
    if (!asked_) return std::nullopt;
    return form_ == Form::kState ? SayState() : SayDelta();
  }
  int replies() const { return replies_; }
  int said() const { return said_; }

 private:
  void HearState(const std::string& bytes) {
    const auto request = Parse<DiscoveryRequest>(bytes);
    if (request.type_url() != Url(type_)) return;
    if (!request.response_nonce().empty() && request.response_nonce() != nonce_) {
      ++replies_;
      return;  // stale
    }
    const std::set<std::string> names(request.resource_names().begin(), request.resource_names().end());
    if (!asked_) {
      news_ = request.version_info() != std::to_string(version_);
      told_ = version_;
    } else {
      if (request.version_info() == last_ || request.has_error_detail()) ++replies_;
      for (const std::string& name : names) news_ |= !names_.contains(name);
    }
    asked_ = true;
    names_ = names;
  }
  std::optional<std::string> SayState() {
    if (!news_ && told_ == version_) return std::nullopt;
    if (!all_ && names_.empty()) return std::nullopt;
    news_ = false;
    told_ = version_;
    last_ = std::to_string(version_);
    nonce_ = "n" + std::to_string(++said_);
    DiscoveryResponse response = State(type_, last_, nonce_, {});
    for (const auto& [name, resource] : resources_) {
      if (all_ || names_.contains(name)) *response.add_resources() = Body(type_, name, resource.second);
    }
    return response.SerializeAsString();
  }

  void HearDelta(const std::string& bytes) {
    const auto request = Parse<DeltaDiscoveryRequest>(bytes);
    if (request.type_url() != Url(type_)) return;
    if (!request.response_nonce().empty()) ++replies_;
    if (!asked_) {
      for (const auto& [name, version] : request.initial_resource_versions()) sent_[name] = version;
    }
    for (const std::string& name : request.resource_names_subscribe()) {
      if (asked_ || !sent_.contains(name)) sent_[name] = "";  // is to be sent, whatever was sent before
      names_.insert(name);
    }
    for (const std::string& name : request.resource_names_unsubscribe()) {
      names_.erase(name);
      sent_.erase(name);
    }
    asked_ = true;
  }
  std::optional<std::string> SayDelta() {
    DeltaDiscoveryResponse response = Delta(type_, "n" + std::to_string(said_ + 1), {});
    for (const auto& [name, resource] : resources_) {
      if (!all_ && !names_.contains(name)) continue;
      const auto sent = sent_.find(name);
      if (sent != sent_.end() && sent->second == resource.first) continue;
      sent_[name] = resource.first;
      auto& item = *response.add_resources();
      item.set_name(name);
      item.set_version(resource.first);
      *item.mutable_resource() = Body(type_, name, resource.second);
    }
    for (auto it = sent_.begin(); it != sent_.end();) {
      if (resources_.contains(it->first)) {
        ++it;
        continue;
      }
      response.add_removed_resources(it->first);
      it = sent_.erase(it);
    }
    if (response.resources().empty() && response.removed_resources().empty()) return std::nullopt;
    ++said_;
    return response.SerializeAsString();
  }

  const Form form_;
  const std::string type_;
  const bool all_;
  std::map<std::string, std::pair<std::string, std::string>> resources_;  // name: version, content
  int version_ = 0;
  // Of this stream.
  bool asked_ = false;
  std::set<std::string> names_;
  std::map<std::string, std::string> sent_;  // name, version
  bool news_ = false;
  int told_ = 0;
  std::string nonce_, last_;
  int said_ = 0, replies_ = 0;
};

class AnyOrderTest : public testing::TestWithParam<Form>, protected StreamWorld {
 protected:
  AnyOrderTest() {
    clusters_ = &stream_.Add({.type_name = kClusters, .all = true}, cluster_);
    endpoints_ = &stream_.Add({.type_name = kEndpoints}, endpoint_);
    stream_.Start();
  }

  // Lets the control plane hear what was sent, and say what it has to; `most` times.
  void Pump(int most) {
    for (int i = 0; i < most && caller_.open(); ++i) {
      if (caller_.size() != calls_) {
        calls_ = caller_.size();
        heard_ = 0;
        all_.Begin();
        named_.Begin();
      }
      for (; heard_ < caller_.last().sent.size(); ++heard_) {
        all_.Hear(caller_.last().sent[heard_]);
        named_.Hear(caller_.last().sent[heard_]);
      }
      std::optional<std::string> answer = all_.Say();
      if (!answer) answer = named_.Say();
      if (!answer) return;
      caller_.Answer(*answer);
    }
  }

  Wanter cluster_, endpoint_;
  ControlPlane all_{GetParam(), kClusters, true}, named_{GetParam(), kEndpoints, false};
  Stream stream_{{.method = "/m", .form = GetParam(), .aggregated = true, .max_message = 1000, .name = "cp"},
                 around()};
  Subscription* clusters_ = nullptr;
  Subscription* endpoints_ = nullptr;
  size_t calls_ = 0, heard_ = 0;
};

TEST_P(AnyOrderTest, EndsInWhatThereIs) {
  constexpr int kNames = 8;
  std::set<std::string> wanted;
  for (uint64_t seed = 1; seed <= 800; ++seed) {
    SCOPED_TRACE(seed);
    base::Random random(seed);
    for (uint64_t steps = random.Below(60); steps > 0; --steps) {
      const std::string name = "r" + std::to_string(random.Below(kNames));
      ControlPlane& plane = random.Below(2) == 0 ? all_ : named_;
      switch (random.Below(10)) {
        case 0:
        case 1:
          plane.Set(name, std::to_string(random.Below(1000)));
          break;
        case 2:
          plane.Set(name, "bad" + std::to_string(random.Below(1000)));
          break;
        case 3:
          plane.Remove(name);
          break;
        case 4:
        case 5:
          wanted.insert(name);
          endpoints_->Subscribe(name);
          break;
        case 6:
          wanted.erase(name);
          endpoints_->Unsubscribe(name);
          endpoint_.contents.erase(name);
          break;
        case 7:
          if (caller_.open() && random.Below(3) == 0) caller_.End({codec::grpc::Code::kUnavailable, "gone"});
          break;
        case 8:
          timers_.Advance(std::chrono::milliseconds(random.Below(500)));
          break;
        case 9:
          Pump(static_cast<int>(random.Below(5)));
          break;
      }
    }
    // Now all is good, and the world stands still.
    for (ControlPlane* plane : {&all_, &named_}) {
      for (int i = 0; i < kNames; ++i) {
        const std::string name = "r" + std::to_string(i);
        const auto found = plane->resources().find(name);
        if (found != plane->resources().end() && found->second.second.starts_with("bad")) plane->Set(name, "mended");
      }
    }
    for (int i = 0; i < 10; ++i) {
      timers_.Advance(Backoff::kMost);
      Pump(100);
    }
    std::map<std::string, std::string> clusters, endpoints;
    for (const auto& [name, resource] : all_.resources()) clusters[name] = resource.second;
    for (const auto& [name, resource] : named_.resources()) {
      if (wanted.contains(name)) endpoints[name] = resource.second;
    }
    ASSERT_EQ(cluster_.contents, clusters);
    // A state of the world does not say of names that they are gone.
    if (GetParam() == Form::kState) {
      std::erase_if(endpoint_.contents, [&](const auto& one) { return !endpoints.contains(one.first); });
    }
    ASSERT_EQ(endpoint_.contents, endpoints);
    ASSERT_TRUE(clusters_->protocol().refused().all().empty());
    ASSERT_EQ(clusters_->protocol().holdings().all().size(), clusters.size());
  }
  EXPECT_GT(all_.said(), 1000);
  EXPECT_GT(named_.said(), 1000);
}

// Each answer is replied to once, where none is refused twice in a row.
TEST_P(AnyOrderTest, EachAnswerHasOneReply) {
  base::Random random(3);
  for (int i = 0; i < 1000; ++i) {
    all_.Set("r" + std::to_string(random.Below(5)), i % 5 == 4 ? "bad" : "good" + std::to_string(i));
    if (i % 5 == 0) all_.Set("r0", "good");
    Pump(10);
    timers_.Advance(Backoff::kMost);
    Pump(1);
  }
  Pump(1);
  EXPECT_EQ(all_.replies(), all_.said());
  EXPECT_GT(all_.said(), 900);
}

INSTANTIATE_TEST_SUITE_P(Forms, AnyOrderTest, testing::Values(Form::kState, Form::kDelta),
                         [](const auto& info) { return info.param == Form::kState ? "State" : "Delta"; });

}  // namespace
}  // namespace pillion::xds
