#include "source/filters/grey/lane_fault.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "source/base/timer_wheel.h"
#include "source/filters/fault/injected.h"
#include "source/filters/grey/colouring.h"
#include "source/filters/grey/lane_mirror.h"
#include "source/grey/chance.h"

namespace pillion::filters::grey_rules {
namespace {

using filter::Step;

constexpr std::string_view kLabel = "grey_lane";

// Of one lane.
struct Effects {
  Effects(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix)
      : scope(registry, stats::Prefix(prefix).Add("fault")), injected(scope, shard), mirror(registry, shard, prefix) {}

  stats::Scope scope;
  fault::InjectedCounts injected;
  LaneMirror mirror;
};

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : colouring_(config, context), registry_(context.registry), stats_(context.stats), prefix_(context.stat_prefix) {
    for (const Lane& lane : config.settings().lanes) own_.emplace_back(&lane, &EffectsOf(lane));
  }

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* of_route) override;

  Colouring& colouring() { return colouring_; }
  Effects& Of(const Lane& lane) {
    for (const auto& [own, effects] : own_) {
      if (own == &lane) return *effects;
    }
    return EffectsOf(lane);
  }

 private:
  // Lanes of routes, too: by their labels.
  Effects& EffectsOf(const Lane& lane) {
    std::string text;
    for (const upstream::Label& label : lane.colour.labels()) {
      if (!text.empty()) text += ',';
      text.append(label.key).append("=").append(label.value);
    }
    std::unique_ptr<Effects>& effects = effects_[text];
    if (effects == nullptr) {
      const stats::Prefix prefix = stats::Prefix(prefix_).Add("grey").Add("lane").Add(kLabel, text);
      effects = std::make_unique<Effects>(registry_, stats_, prefix);
    }
    return *effects;
  }

  Colouring colouring_;
  stats::Registry& registry_;
  stats::Shard& stats_;
  const stats::Prefix prefix_;
  absl::flat_hash_map<std::string, std::unique_ptr<Effects>> effects_;  // by colour
  std::vector<std::pair<const Lane*, Effects*>> own_;                   // of the filter's lanes
};

// | a request of a lane  | then                                        |
// |----------------------|---------------------------------------------|
// | is to wait           | it is held; later the next row              |
// | is to be aborted     | it is answered                              |
// | else                 | it goes on; a copy goes with it, or does not |
class Filter final : public filter::HttpFilter {
 public:
  Filter(Shard& shard, const config::FilterConfig* of_route)
      : shard_(shard), of_route_(of_route), delay_(this, [](void* self) { static_cast<Filter*>(self)->OnDelayOver(); }) {}

  Step OnRequestHead(http::RequestHead&, bool) override {
    const Lane* const lane = shard_.colouring().Colour(stream(), of_route_);
    if (lane == nullptr || (!lane->fault && !lane->mirror)) return Step::kContinue;
    effects_ = &shard_.Of(*lane);
    if (lane->mirror) effects_->mirror.MaybeCopy(stream(), *lane->mirror);
    if (!lane->fault || stream().turned_off().Has(filter::Feature::kFault)) return Step::kContinue;
    fault_ = &*lane->fault;
    if (fault_->delay > base::Duration::zero() && Draw(fault_->delay_per_million)) {
      Begin(effects_->injected.delays_injected);
      stream().SetFlag(telemetry::ResponseFlag::kDelayInjected);
      stream().worker().SetTimer(delay_, fault_->delay);
      return Step::kPause;
    }
    return AbortIfDue() ? Step::kPause : Step::kContinue;
  }

  void OnEnd() override {
    delay_.Cancel();
    if (active_) effects_->injected.active_faults.Decrement();
  }

 private:
  bool Draw(uint32_t per_million) { return stream().random().Below(grey::kMillion) < per_million; }

  void OnDelayOver() {
    if (!AbortIfDue()) ContinueRequest();
  }

  bool AbortIfDue() {
    if (fault_->abort_status == 0 && fault_->abort_grpc_status < 0) return false;
    if (!Draw(fault_->abort_per_million)) return false;
    Begin(effects_->injected.aborts_injected);
    SendReply(fault::AbortReply(fault_->abort_status, fault_->abort_grpc_status));
    return true;
  }

  // Both faults of a stream are one active one.
  void Begin(stats::Counter& counter) {
    counter.Increment();
    if (!std::exchange(active_, true)) effects_->injected.active_faults.Increment();
  }

  Shard& shard_;
  const config::FilterConfig* const of_route_;
  Effects* effects_ = nullptr;
  const Fault* fault_ = nullptr;
  base::Timer delay_;
  bool active_ = false;
};

filter::HttpFilter* Shard::Make(filter::StreamContext& stream, const config::FilterConfig* of_route) {
  return stream.arena().New<Filter>(*this, of_route);
}

}  // namespace

bool HasEffects(const Settings& settings) {
  return std::any_of(settings.lanes.begin(), settings.lanes.end(),
                     [](const Lane& lane) { return lane.fault || lane.mirror; });
}

std::unique_ptr<filter::HttpFilterShard> MakeLaneShard(const Config& config, const filter::ShardContext& context) {
  return std::make_unique<Shard>(config, context);
}

}  // namespace pillion::filters::grey_rules
