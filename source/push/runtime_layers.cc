#include "source/push/runtime_layers.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "source/config/text.h"
#include "source/push/errors.h"
#include "source/xds/complaints.h"

namespace pillion::push {

class RuntimeLayers::Layer final : private xds::NameWatcher {
 public:
  Layer(RuntimeLayers& all, const config::RuntimeSource& source)
      : all_(all),
        source_(source),
        layers_(all.planes_.Named(source_.feed.source, xds::Kind::kRuntime)),
        stats_(all.with_.registry, all.with_.clock, stats::Prefix("runtime")),  // of all layers, as Envoy has it
        notes_(all.with_.clock, all.with_.warn),
        initial_fetch_(all.with_.timers) {}
  ~Layer() { layers_.Unwatch(source_.name, *this); }

  void Start() {
    initial_fetch_.Start(source_.feed.initial_fetch_timeout, [this](bool late) {
      if (late) {
        stats_.InitialFetchTimeout();
        notes_.Say(config::Concat("runtime layer ", source_.name, " has not come in time; it is empty until it does"));
      }
      all_.OnLayerReady();
    });
    layers_.Watch(source_.name, *this);
    // A file has been read by now; if it has none, nothing says when it will.
    if (is_file()) initial_fetch_.Done();
  }

  const std::string& name() const { return source_.name; }
  bool waiting() const { return initial_fetch_.waiting(); }

 private:
  bool is_file() const { return std::holds_alternative<config::PathSource>(source_.feed.source); }

  std::vector<std::string> OnResource(const xds::Resource& resource) override {
    const base::MonotonicTime begun = all_.with_.clock.MonotonicNow();
    if (!resource.same || !taken_) {
      config::Judged<runtime::Keys::Values> judged = all_.resources_.BuildRuntimeLayer(*resource.body);
      for (const config::ConfigError& note : judged.notes) {
        notes_.Say(config::Concat("runtime layer ", source_.name, ": ", config::ErrorText("", note)));
      }
      if (judged.part == nullptr) {
        OnRefused();
        return LinesOf(judged.errors);
      }
      taken_ = true;
      all_.set_(source_.layer, *judged.part);
    }
    stats_.Success(resource.answer_version, begun);
    initial_fetch_.Done();
    return {};
  }

  // A file that has it no more is one that is being written, or broken.
  void OnRemoved(const std::string& version) override {
    if (is_file()) return OnRefused();
    if (std::exchange(taken_, false)) all_.set_(source_.layer, {});
    stats_.Success(version, all_.with_.clock.MonotonicNow());
    initial_fetch_.Done();
  }

  void OnRequest() override { stats_.Attempt(); }
  void OnFailure() override { stats_.Failure(); }
  // Nobody waits for a second one.
  void OnRefused() override {
    stats_.Rejected();
    initial_fetch_.Done();
  }
  void OnGivenUp() override { initial_fetch_.Done(); }

  RuntimeLayers& all_;
  const config::RuntimeSource source_;
  xds::NamedResources& layers_;
  xds::SubscriptionStats stats_;
  xds::Complaints notes_;
  xds::InitialFetch initial_fetch_;
  bool taken_ = false;
};

RuntimeLayers::RuntimeLayers(xds::Planes& planes, const config::Resources& resources, Set set,
                             Feed::Surroundings surroundings)
    : planes_(planes), resources_(resources), set_(std::move(set)), with_(std::move(surroundings)) {}

RuntimeLayers::~RuntimeLayers() = default;

void RuntimeLayers::Start(const std::vector<config::RuntimeSource>& sources) {
  for (const config::RuntimeSource& source : sources) layers_.push_back(std::make_unique<Layer>(*this, source));
  for (const std::unique_ptr<Layer>& layer : layers_) layer->Start();
}

void RuntimeLayers::WhenReady(std::function<void()> ready) {
  ready_ = std::move(ready);
  OnLayerReady();
}

std::vector<std::string> RuntimeLayers::awaited() const {
  std::vector<std::string> names;
  for (const std::unique_ptr<Layer>& layer : layers_) {
    if (layer->waiting()) names.push_back(layer->name());
  }
  return names;
}

void RuntimeLayers::OnLayerReady() {
  if (std::ranges::any_of(layers_, [](const auto& layer) { return layer->waiting(); })) return;
  if (const std::function<void()> ready = std::exchange(ready_, nullptr)) ready();
}

}  // namespace pillion::push
