#include "source/push/filter_configs.h"

#include <algorithm>
#include <iterator>
#include <list>
#include <optional>
#include <utility>
#include <variant>

#include "source/base/xxhash64.h"
#include "source/config/check_filters.h"
#include "source/config/text.h"
#include "source/push/errors.h"
#include "source/xds/complaints.h"

namespace pillion::push {
namespace {

using Manager = config::HttpConnectionManager;

stats::Prefix PrefixOf(const std::string& name) {
  return stats::Prefix("extension_config_discovery").Add("http_filter").Add(name);
}

// Calls visit(chain, manager) for each manager of `listener`.
template <typename Listener, typename Visit>
void ForEachManager(Listener& listener, const Visit& visit) {
  for (size_t i = 0; i < listener.filter_chains.size(); ++i) {
    if (auto* const manager = std::get_if<Manager>(&listener.filter_chains[i].terminal)) visit(i, *manager);
  }
}

}  // namespace

class FilterConfigs::Filter final : private xds::NameWatcher {
 public:
  Filter(FilterConfigs& all, const config::FilterSource& source)
      : all_(all),
        source_(source),
        extensions_(all.planes_.Named(source_.feed.source, xds::Kind::kExtensions)),
        stats_(all.with_.registry, all.with_.clock, PrefixOf(source.name)),
        scope_(all.with_.registry, PrefixOf(source.name)),
        reloads_(all.with_.registry.control().counter(scope_.AddCounter("config_reload"))),
        fails_(all.with_.registry.control().counter(scope_.AddCounter("config_fail"))),
        conflicts_(all.with_.registry.control().counter(scope_.AddCounter("config_conflict"))),
        notes_(all.with_.clock, all.with_.warn),
        initial_fetch_(all.with_.timers) {}
  ~Filter() {
    if (watching_) extensions_.Unwatch(source_.name, *this);
  }

  void Start() {
    watching_ = true;
    waiting_ = true;
    initial_fetch_.Start(source_.feed.initial_fetch_timeout, [this](bool late) {
      waiting_ = false;
      if (late) {
        stats_.InitialFetchTimeout();
        fails_->Increment();
        SayMissing("has not come in time");
      }
      for (const std::function<void()>& ready : std::exchange(ready_, {})) ready();
    });
    extensions_.Watch(source_.name, *this);
    // A file has been read by now; if it has none, nothing says when it will.
    if (std::holds_alternative<config::PathSource>(source_.feed.source) && !taken_) initial_fetch_.Done();
  }

  void WhenReady(std::function<void()> ready) {
    if (watching_ && !waiting_) return ready();
    ready_.push_back(std::move(ready));
  }

  // What came for others may be nothing for this one: it waits for what comes next.
  void Add(Place& place) {
    places_.push_back(&place);
    if (!taken_) return;
    config::Judged<config::HttpFilter> judged = Build(place, *taken_->body);
    if (judged.part == nullptr) {
      conflicts_->Increment();
      notes_.Say(config::Concat("filter configuration ", source_.name, ", version ", taken_->version,
                                ", is not for all listeners that name it: ", LinesOf(judged.errors).front()));
    }
    place.built = std::move(judged.part);
  }
  // True: that was the last.
  bool Remove(Place& place) {
    std::erase(places_, &place);
    return places_.empty();
  }

  const config::FilterSource& source() const { return source_; }
  View view() const {
    return {.name = source_.name,
            .taken = taken_ ? &*taken_ : nullptr,
            .source = &extensions_.subscription().protocol()};
  }

 private:
  std::vector<std::string> OnResource(const xds::Resource& resource) override;
  void OnRemoved(const std::string& version) override;
  void OnRequest() override { stats_.Attempt(); }
  void OnFailure() override { stats_.Failure(); }
  void OnRefused() override { Refuse(); }
  void OnGivenUp() override { initial_fetch_.Done(); }

  // Nobody waits for a second one.
  void Refuse(std::string_view why = "was refused") {
    stats_.Rejected();
    fails_->Increment();
    if (waiting_) SayMissing(why);
    initial_fetch_.Done();
  }

  void SayMissing(std::string_view why) {
    const bool all_have = std::ranges::none_of(places_, [](const Place* place) { return place->given->missing; });
    all_.with_.warn(config::Concat("filter configuration ", source_.name, " ", why, "; ",
                                   all_have ? "its default_config serves" : "who needs it answers requests with 500"));
  }

  config::Judged<config::HttpFilter> Build(const Place& place, const google::protobuf::Any& body) {
    config::Judged<config::HttpFilter> judged = all_.resources_.BuildHttpFilter(body, *place.given, place.direction);
    for (const config::ConfigError& note : judged.notes) {
      notes_.Say(config::Concat("filter configuration ", source_.name, ": ", config::ErrorText("", note)));
    }
    if (judged.part == nullptr) return judged;
    auto filter = std::make_shared<config::HttpFilter>(*judged.part);
    filter->came = std::max<uint64_t>(base::XxHash64(body.value()), 1);
    judged.part = std::move(filter);
    return judged;
  }

  // Each place has from now on what is of it in `next`. What is wrong: nothing has changed.
  std::vector<std::string> Put(std::vector<std::shared_ptr<const config::HttpFilter>> next) {
    const auto swap = [&] {
      for (size_t i = 0; i < places_.size(); ++i) std::swap(places_[i]->built, next[i]);
    };
    swap();
    std::vector<std::string> errors = all_.follow_();
    if (!errors.empty()) swap();
    return errors;
  }

  FilterConfigs& all_;
  const config::FilterSource source_;
  xds::NamedResources& extensions_;
  xds::SubscriptionStats stats_;
  stats::Scope scope_;
  stats::Counter* const reloads_;
  stats::Counter* const fails_;
  stats::Counter* const conflicts_;
  xds::Complaints notes_;
  xds::InitialFetch initial_fetch_;
  bool watching_ = false;
  bool waiting_ = false;
  std::vector<std::function<void()>> ready_;
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
  std::vector<std::string> errors;
  std::vector<std::shared_ptr<const config::HttpFilter>> next;
  for (const Place* const place : places_) {
    config::Judged<config::HttpFilter> judged = Build(*place, *resource.body);
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
  initial_fetch_.Done();
  return {};
}

// It can't be refused. A file that has nothing any more is one that is being written, or broken: nobody takes a filter away
// from requests by it.
void FilterConfigs::Filter::OnRemoved(const std::string& version) {
  if (std::holds_alternative<config::PathSource>(source_.feed.source)) return Refuse("is not in its file");
  const bool was_there = taken_.has_value();
  if (was_there) {
    const std::vector<std::string> errors = Put(std::vector<std::shared_ptr<const config::HttpFilter>>(places_.size()));
    for (const std::string& error : errors) {
      notes_.Say(config::Concat("filter configuration ", source_.name, " is gone, but its listeners keep it: ", error));
    }
  }
  if (was_there) reloads_->Increment();
  taken_.reset();
  if (was_there || waiting_) SayMissing(was_there ? "is gone" : "is not there");
  stats_.Success(version, all_.with_.clock.MonotonicNow());
  initial_fetch_.Done();
}

class FilterConfigs::ListenerUse final : public Use {
 public:
  ListenerUse(FilterConfigs& all, std::shared_ptr<const config::Listener> listener)
      : all_(all), listener_(std::move(listener)) {
    ForEachManager(*listener_, [this](size_t chain, const Manager& manager) {
      for (size_t i = 0; i < manager.http_filters.size(); ++i) {
        const config::HttpFilter& filter = manager.http_filters[i];
        if (filter.source == nullptr) continue;
        places_.push_back(
            {.chain = chain, .index = i, .given = &filter, .direction = listener_->direction, .built = nullptr});
      }
    });
    for (Place& place : places_) {
      Filter* filter = all_.Find(*place.given->source);
      const bool is_new = filter == nullptr;
      if (is_new) {
        all_.filters_.push_back(std::make_unique<Filter>(all_, *place.given->source));
        filter = all_.filters_.back().get();
      }
      filter->Add(place);
      if (is_new && all_.started_) filter->Start();
    }
  }
  ~ListenerUse() override {
    for (Place& place : places_) {
      Filter* const filter = all_.Find(*place.given->source);
      if (!filter->Remove(place)) continue;
      std::erase_if(all_.filters_, [filter](const auto& each) { return each.get() == filter; });
    }
  }

  void WhenReady(const One& one) override {
    for (const Place& place : places_) {
      const config::FilterSource& source = *place.given->source;
      if (!source.starts_without) all_.Find(source)->WhenReady(one(source.name));
    }
  }

  // Of many listeners, most have no part in what came.
  Completed Complete() const override {
    std::vector<std::shared_ptr<const config::HttpFilter>> built;
    for (const Place& place : places_) built.push_back(place.built);
    if (completed_.listener == nullptr || built != built_) completed_ = MakeCompleted();
    built_ = std::move(built);
    return completed_;
  }

 private:
  Completed MakeCompleted() const {
    if (std::ranges::none_of(places_, [](const Place& place) { return place.built != nullptr; })) return {listener_, {}};
    const auto listener = std::make_shared<config::Listener>(*listener_);
    for (const Place& place : places_) {
      if (place.built == nullptr) continue;
      config::FilterChain& chain = listener->filter_chains[place.chain];
      std::get<Manager>(chain.terminal).http_filters[place.index] = *place.built;
      if (chain.given_digest == 0) chain.given_digest = chain.digest;
      chain.digest = base::XxHash64(config::Concat(place.index, ":", place.built->came), chain.digest);
    }
    Completed completed{.listener = listener, .errors = {}};
    ForEachManager(std::as_const(*listener), [&](size_t, const Manager& manager) {
      std::ranges::move(LinesOf(config::CheckFilters(manager)), std::back_inserter(completed.errors));
    });
    return completed;
  }

  FilterConfigs& all_;
  const std::shared_ptr<const config::Listener> listener_;
  std::list<Place> places_;
  mutable Completed completed_{.listener = nullptr, .errors = {}};  // what was asked for last
  mutable std::vector<std::shared_ptr<const config::HttpFilter>> built_;  // that it is of, place by place
};

FilterConfigs::FilterConfigs(xds::Planes& planes, const config::Resources& resources, Follow follow,
                             Feed::Surroundings surroundings)
    : planes_(planes), resources_(resources), follow_(std::move(follow)), with_(std::move(surroundings)) {}

FilterConfigs::~FilterConfigs() = default;

void FilterConfigs::Start() {
  started_ = true;
  for (size_t i = 0; i < filters_.size(); ++i) filters_[i]->Start();
}

FilterConfigs::Filter* FilterConfigs::Find(const config::FilterSource& source) const {
  const auto found = std::ranges::find_if(filters_, [&](const auto& filter) {
    return filter->source().name == source.name && filter->source().feed.source == source.feed.source;
  });
  return found == filters_.end() ? nullptr : found->get();
}

std::unique_ptr<FilterConfigs::Use> FilterConfigs::For(std::shared_ptr<const config::Listener> listener) {
  bool any = false;
  ForEachManager(*listener, [&any](size_t, const Manager& manager) {
    any = any || std::ranges::any_of(manager.http_filters, [](const auto& filter) { return filter.source != nullptr; });
  });
  return any ? std::make_unique<ListenerUse>(*this, std::move(listener)) : nullptr;
}

std::vector<FilterConfigs::View> FilterConfigs::all() const {
  std::vector<View> views;
  for (const std::unique_ptr<Filter>& filter : filters_) views.push_back(filter->view());
  return views;
}

}  // namespace pillion::push
