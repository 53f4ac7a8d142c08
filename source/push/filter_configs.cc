#include "source/push/filter_configs.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "source/base/xxhash64.h"
#include "source/config/check_filters.h"
#include "source/config/filter_place.h"
#include "source/config/text.h"
#include "source/push/errors.h"

namespace pillion::push {
namespace {

using config::FilterSource;
using Built = std::shared_ptr<const config::DiscoveredFilter>;

constexpr size_t kNoChain = SIZE_MAX;

// With Envoy's names.
std::string_view KindText(FilterSource::Of of) {
  switch (of) {
    case FilterSource::Of::kHttp:
      return "http_filter";
    case FilterSource::Of::kNetwork:
      return "network_filter";
    case FilterSource::Of::kListener:
      return "tcp_listener_filter";
  }
  return {};
}

stats::Prefix PrefixOf(const FilterSource& source) {
  return stats::Prefix("extension_config_discovery").Add(KindText(source.of)).Add(source.name);
}

}  // namespace

// The place of one in a listener, which outlives this.
struct FilterConfigs::Place {
  config::FilterPlace at;
  const config::Listener& listener;  // as it was given
  Built built = nullptr;             // of what has come; null: nothing that can stand there
};

class FilterConfigs::Filter final : public NamedPart, public std::enable_shared_from_this<Filter> {
 public:
  Filter(FilterConfigs& all, const FilterSource& source)
      : NamedPart(all.planes_, all.with_, xds::Kind::kExtensions, source.name, source.feed, PrefixOf(source)),
        all_(all),
        of_(source.of),
        reloads_(all.with_.registry.control().counter(scope_.AddCounter("config_reload"))),
        fails_(all.with_.registry.control().counter(scope_.AddCounter("config_fail"))),
        conflicts_(all.with_.registry.control().counter(scope_.AddCounter("config_conflict"))) {}

  bool Is(const FilterSource& other) const {
    return of_ == other.of && name() == other.name && source() == other.feed.source;
  }

  // What came for others may be nothing for this one: it waits for what comes next.
  void Add(Place& place) {
    places_.push_back(&place);
    if (!taken_) return;
    config::Judged<config::DiscoveredFilter> judged = Build(place, *taken_->body);
    if (judged.part == nullptr) {
      conflicts_->Increment();
      notes_.Say(config::Concat("filter configuration ", name(), ", version ", taken_->version,
                                ", is not for all listeners that name it: ", LinesOf(judged.errors).front()));
    }
    place.built = std::move(judged.part);
  }
  void Remove(Place& place) { std::erase(places_, &place); }

  View view() const { return {.name = name(), .taken = taken_ ? &*taken_ : nullptr, .source = &protocol()}; }

 private:
  std::vector<std::string> OnResource(const xds::Resource& resource) override;
  void OnRemoved(const std::string& version) override;
  void OnRefused() override { Refuse(); }
  void OnLate() override {
    fails_->Increment();
    SayMissing("has not come in time");
  }
  bool has_come() const override { return taken_.has_value(); }

  // Nobody waits for a second one.
  void Refuse(std::string_view why = "was refused") {
    stats_.Rejected();
    fails_->Increment();
    if (waiting()) SayMissing(why);
    EndWait();
  }

  void SayMissing(std::string_view why) {
    const bool all_have = std::ranges::none_of(places_, [](const Place* place) { return place->at.missing; });
    const std::string_view without =
        of_ == FilterSource::Of::kHttp ? "who needs it answers requests with 500" : "connections that need it are closed";
    all_.with_.warn(config::Concat("filter configuration ", name(), " ", why, "; ",
                                   all_have ? "its default_config serves" : without));
  }

  config::Judged<config::DiscoveredFilter> Build(const Place& place, const google::protobuf::Any& body) {
    config::Judged<config::DiscoveredFilter> judged = all_.resources_.BuildFilter(body, place.at, place.listener);
    for (const config::ConfigError& note : judged.notes) {
      notes_.Say(config::Concat("filter configuration ", name(), ": ", config::ErrorText("", note)));
    }
    if (judged.part == nullptr) return judged;
    auto filter = std::make_shared<config::DiscoveredFilter>(*judged.part);
    filter->came = std::max<uint64_t>(base::XxHash64(body.value()), 1);
    judged.part = std::move(filter);
    return judged;
  }

  // Each place has from now on what is of it in `next`. What is wrong: nothing has changed.
  std::vector<std::string> Put(std::vector<Built> next) {
    const auto swap = [&] {
      for (size_t i = 0; i < places_.size(); ++i) std::swap(places_[i]->built, next[i]);
    };
    swap();
    std::vector<std::string> errors = all_.follow_();
    if (!errors.empty()) swap();
    return errors;
  }

  FilterConfigs& all_;
  const FilterSource::Of of_;
  stats::Counter* const reloads_;
  stats::Counter* const fails_;
  stats::Counter* const conflicts_;
  std::vector<Place*> places_;
  std::optional<Taken> taken_;
};

std::vector<std::string> FilterConfigs::Filter::OnResource(const xds::Resource& resource) {
  const base::MonotonicTime begun = all_.with_.clock.MonotonicNow();
  if (resource.same && taken_) {
    taken_->version = resource.version;
    stats_.Success(resource.answer_version, begun);
    return {};
  }
  const std::shared_ptr<Filter> self = shared_from_this();  // a listener may end as it follows, and that was the last one
  std::vector<std::string> errors;
  std::vector<Built> next;
  for (const Place* const place : places_) {
    config::Judged<config::DiscoveredFilter> judged = Build(*place, *resource.body);
    // Of many that are alike each says the same.
    if (judged.part == nullptr && errors.empty()) errors = LinesOf(judged.errors);
    next.push_back(std::move(judged.part));
  }
  if (errors.empty()) errors = Put(std::move(next));
  if (!errors.empty()) {
    Refuse();
    return errors;
  }
  taken_ = Taken{.version = resource.version, .updated = all_.with_.clock.WallNow(), .body = resource.body};
  stats_.Success(resource.answer_version, begun);
  reloads_->Increment();
  EndWait();
  return {};
}

// It can't be refused. A file that has nothing any more is one that is being written, or broken: nobody takes a filter away
// from requests by it.
void FilterConfigs::Filter::OnRemoved(const std::string& version) {
  if (of_file()) return Refuse("is not in its file");
  const std::shared_ptr<Filter> self = shared_from_this();  // as above
  const bool was_there = taken_.has_value();
  if (was_there) {
    const std::vector<std::string> errors = Put(std::vector<Built>(places_.size()));
    for (const std::string& error : errors) {
      notes_.Say(config::Concat("filter configuration ", name(), " is gone, but its listeners keep it: ", error));
    }
  }
  if (was_there) reloads_->Increment();
  taken_.reset();
  if (was_there || waiting()) SayMissing(was_there ? "is gone" : "is not there");
  stats_.Success(version, all_.with_.clock.MonotonicNow());
  EndWait();
}

class FilterConfigs::ListenerUse final : public Use {
 public:
  ListenerUse(FilterConfigs& all, std::shared_ptr<const config::Listener> listener,
              const std::vector<config::FilterPlace>& places)
      : listener_(std::move(listener)) {
    for (const config::FilterPlace& at : places) {
      const bool in_listener = at.source->of == FilterSource::Of::kListener;
      const size_t chain = in_listener ? kNoChain : at.chain;
      if (parts_.empty() || parts_.back().chain != chain) parts_.push_back({.chain = chain});
      Place& place = *places_.emplace_back(std::make_unique<Place>(Place{.at = at, .listener = *listener_}));
      parts_.back().places.push_back(&place);
      filters_.Add(all.filters_.Use(*at.source, [&] { return std::make_unique<Filter>(all, *at.source); })).Add(place);
    }
    all.filters_.AskForNew();
  }
  ~ListenerUse() override {
    for (size_t i = 0; i < places_.size(); ++i) filters_.all()[i]->Remove(*places_[i]);
  }

  void WhenReady(const One& one) override {
    filters_.WhenReady(one, [this](size_t i) { return !places_[i]->at.source->starts_without; });
  }

  // Of many listeners, most have no part in what came; of the chains of one, most have none.
  Completed Complete() const override {
    bool changed = completed_.listener == nullptr;
    for (Part& part : parts_) changed = Follow(part) || changed;
    if (changed) completed_ = MakeCompleted();
    return completed_;
  }

 private:
  // What has places of filters: a chain, or what the listener has besides chains.
  struct Part {
    size_t chain;
    std::vector<const Place*> places = {};
    std::vector<Built> built = {};                           // that `made` is of, place by place
    std::shared_ptr<config::FilterChain> made = nullptr;     // null: nothing has come for it, or it is no chain
    std::vector<std::string> errors = {};
  };

  // True: something else has come for it.
  bool Follow(Part& part) const {
    std::vector<Built> built;
    for (const Place* place : part.places) built.push_back(place->built);
    if (built == part.built) return false;
    part.built = std::move(built);
    part.errors.clear();
    part.made.reset();
    if (part.chain == kNoChain || std::ranges::none_of(part.built, [](const Built& each) { return each != nullptr; })) {
      return true;
    }
    part.made = std::make_shared<config::FilterChain>(listener_->filter_chains[part.chain]);
    for (const Place* place : part.places) {
      if (place->built != nullptr) config::PutFilter(*place->built, place->at, *part.made);
    }
    if (const auto* const manager = std::get_if<config::HttpConnectionManager>(&part.made->terminal)) {
      part.errors = LinesOf(config::CheckFilters(*manager));
    }
    return true;
  }

  // Each chain that nothing new has come for is the same object as before.
  Completed MakeCompleted() const {
    const auto nothing = [](const std::unique_ptr<Place>& place) { return place->built == nullptr; };
    if (std::ranges::all_of(places_, nothing)) return {listener_, {}};
    const auto listener = std::make_shared<config::Listener>(*listener_);
    listener->given = listener_;
    Completed completed{.listener = listener, .errors = {}};
    for (const Part& part : parts_) {
      std::ranges::copy(part.errors, std::back_inserter(completed.errors));
      if (part.made != nullptr) listener->filter_chains.Put(part.chain, part.made);
      for (const Place* place : part.places) {
        if (part.chain == kNoChain && place->built != nullptr) config::PutFilter(*place->built, place->at, *listener);
      }
    }
    return completed;
  }

  const std::shared_ptr<const config::Listener> listener_;
  std::vector<std::unique_ptr<Place>> places_;
  UsedParts<Filter> filters_;  // of each place
  mutable std::vector<Part> parts_;
  mutable Completed completed_{.listener = nullptr, .errors = {}};  // what was asked for last
};

FilterConfigs::FilterConfigs(xds::Planes& planes, const config::Resources& resources, Follow follow,
                             Feed::Surroundings surroundings)
    : planes_(planes), resources_(resources), follow_(std::move(follow)), with_(std::move(surroundings)) {}

FilterConfigs::~FilterConfigs() = default;

void FilterConfigs::Start() { filters_.Start(); }

std::unique_ptr<FilterConfigs::Use> FilterConfigs::For(std::shared_ptr<const config::Listener> listener) {
  const std::vector<config::FilterPlace> places = config::FilterPlacesOf(*listener);
  return places.empty() ? nullptr : std::make_unique<ListenerUse>(*this, std::move(listener), places);
}

std::vector<FilterConfigs::View> FilterConfigs::all() const {
  std::vector<View> views;
  filters_.ForEach([&views](const Filter& filter) { views.push_back(filter.view()); });
  return views;
}

}  // namespace pillion::push
