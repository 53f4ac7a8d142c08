#include "source/filters/grey/lane_fault.h"

#include <algorithm>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "source/base/timer_wheel.h"
#include "source/filters/fault/injected.h"
#include "source/filters/grey/colouring.h"
#include "source/filters/grey/lane_mirror.h"
#include "source/grey/chance.h"
#include "source/upstream/lane_text.h"

namespace pillion::filters::grey_rules {
namespace {

using filter::Step;

constexpr std::string_view kLabel = "grey_lane";

// Of one lane.
struct Effects {
  Effects(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix, std::shared_ptr<Active> of_lane)
      : active(std::move(of_lane)),
        scope(registry, stats::Prefix(prefix).Add("fault")),
        injected(scope, shard),
        faults_overflow(*shard.counter(scope.AddCounter("faults_overflow"))),
        mirror(registry, shard, prefix, active->copies) {}

  const std::shared_ptr<Active> active;
  stats::Scope scope;
  fault::InjectedCounts injected;
  stats::Counter& faults_overflow;
  LaneMirror mirror;
};

class Shard final : public filter::HttpFilterShard {
 public:
  Shard(const Config& config, const filter::ShardContext& context)
      : colouring_(config, context), registry_(context.registry), stats_(context.stats), prefix_(context.stat_prefix) {
    for (const Lane& lane : config.settings().lanes) own_.emplace_back(&lane, &EffectsOf(lane));
  }

  filter::HttpFilter* Make(filter::StreamContext& stream, const config::FilterConfig* of_route) override;
  filter::HttpFilter* MakeDisabled(filter::StreamContext& stream) override { return colouring_.MakeDisabled(stream); }

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
    const std::string text = upstream::LabelsText(lane.colour.labels());
    std::unique_ptr<Effects>& effects = effects_[text];
    if (effects == nullptr) {
      const stats::Prefix prefix = stats::Prefix(prefix_).Add("grey").Add("lane").Add(kLabel, text);
      effects = std::make_unique<Effects>(registry_, stats_, prefix, lane.active);
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
    const base::Duration delay = fault_->delay_now();
    if (delay > base::Duration::zero() && Draw(fault_->delay_per_million) && Begin()) {
      effects_->injected.delays_injected.Increment();
      stream().SetFlag(telemetry::ResponseFlag::kDelayInjected);
      stream().worker().SetTimer(delay_, delay);
      return Step::kPause;
    }
    return AbortIfDue() ? Step::kPause : Step::kContinue;
  }

  void OnEnd() override {
    delay_.Cancel();
    if (!active_) return;
    effects_->active->faults.End();
    effects_->injected.active_faults.Decrement();
  }

 private:
  bool Draw(const Number& per_million) { return stream().random().Below(grey::kMillion) < per_million.now(); }

  void OnDelayOver() {
    if (!AbortIfDue()) ContinueRequest();
  }

  bool AbortIfDue() {
    if (!fault_->aborts || !Draw(fault_->abort_per_million) || !Begin()) return false;
    effects_->injected.aborts_injected.Increment();
    const int status = fault_->status_now();
    SendReply(fault_->aborts_grpc ? fault::AbortReply(0, status) : fault::AbortReply(status, -1));
    return true;
  }

  // Both faults of a stream are one active one. False: there are as many as may be.
  bool Begin() {
    if (active_) return true;
    active_ = effects_->active->faults.Begin(fault_->max_active.now());
    (active_ ? effects_->injected.active_faults.Increment() : effects_->faults_overflow.Increment());
    return active_;
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
