#include "source/xds/planes.h"

#include <algorithm>
#include <utility>

namespace pillion::xds {
namespace {

std::string MethodOf(const config::ApiSource& source, Kind kind) {
  const bool delta = source.protocol == config::ApiSource::Protocol::kDelta;
  if (source.aggregated) {
    return delta ? "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
                 : "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
  }
  return std::string(delta ? NamesOf(kind).delta : NamesOf(kind).state);
}

}  // namespace

std::string NameOf(const config::ApiSource& source, Kind kind) {
  std::string name(source.aggregated ? "ads" : NamesOf(kind).service);
  name += ":" + source.cluster;
  if (!source.authority.empty() && source.authority != source.cluster) name += "/" + source.authority;
  return name;
}

class Planes::Page final : public TypeProtocol::Observer {
 public:
  Page(const std::vector<Journal*>& journals, const config::ConfigSource& source, Kind kind)
      : journals_(journals), source_(source), kind_(kind) {}

  std::string Objection(const Resource& resource) override {
    return First([&](Journal& journal) { return journal.Objection({source_, kind_, resource.name}, resource); });
  }
  std::string ObjectionToRemoval(const std::string& name, bool news) override {
    return First([&](Journal& journal) { return journal.ObjectionToRemoval({source_, kind_, name}, news); });
  }
  void OnChange(const std::string& name, const Holdings::Held* before, const Holdings::Held* now, bool wanted) override {
    for (Journal* const journal : journals_) journal->OnChange({source_, kind_, name}, before, now, wanted);
  }

 private:
  template <typename Ask>
  std::string First(const Ask& ask) const {
    for (Journal* const journal : journals_) {
      if (std::string objection = ask(*journal); !objection.empty()) return objection;
    }
    return "";
  }

  const std::vector<Journal*>& journals_;
  const config::ConfigSource& source_;
  const Kind kind_;
};

class Planes::Gate final : public TypeWatcher {
 public:
  Gate(Planes& planes, TypeWatcher& watcher) : planes_(planes), watcher_(watcher) {}

  std::vector<Refusal> OnUpdate(const Update& update) override {
    const Batch batch(planes_);
    return watcher_.OnUpdate(update);
  }
  bool PassesOver(const std::string& name) const override { return watcher_.PassesOver(name); }
  void OnRequest(const std::vector<std::string>& names) override { watcher_.OnRequest(names); }
  void OnRefused(const std::vector<std::string>& names) override { watcher_.OnRefused(names); }
  void OnFailure() override { watcher_.OnFailure(); }

 private:
  Planes& planes_;
  TypeWatcher& watcher_;
};

Planes::Batch::Batch(Planes& planes) : planes_(planes) {
  if (planes_.batches_++ > 0) return;
  for (const std::unique_ptr<Plane>& plane : planes_.planes_) {
    if (plane->stream != nullptr) planes_.held_.push_back(std::make_unique<Stream::Batch>(*plane->stream));
  }
}

Planes::Batch::~Batch() {
  if (--planes_.batches_ > 0) return;
  // What is told may lead to another batch.
  const std::vector<std::unique_ptr<Stream::Batch>> held = std::exchange(planes_.held_, {});
}

Planes::Planes(Surroundings surroundings) : with_(std::move(surroundings)), random_(with_.seed) {}

Planes::~Planes() = default;

Planes::Plane& Planes::PlaneOf(const config::ConfigSource& source, Kind kind) {
  const auto found = std::ranges::find_if(planes_, [&](const std::unique_ptr<Plane>& plane) {
    return plane->source == source && (!plane->only || *plane->only == kind);
  });
  if (found != planes_.end()) return **found;
  Plane& plane = *planes_.emplace_back(std::make_unique<Plane>());
  plane.source = source;
  const auto* const api = std::get_if<config::ApiSource>(&source);
  if (api == nullptr || !api->aggregated) plane.only = kind;
  if (api == nullptr || api->protocol == config::ApiSource::Protocol::kRest) return plane;
  plane.stream = MakeStream(plane, *api, kind);
  if (batches_ > 0) held_.push_back(std::make_unique<Stream::Batch>(*plane.stream));
  if (started_) plane.stream->Start();
  return plane;
}

std::unique_ptr<Stream> Planes::MakeStream(Plane& plane, const config::ApiSource& source, Kind kind) {
  const base::Duration silent_after = with_.fallback == nullptr ? base::Duration::zero() : with_.fallback->silent_after();
  return std::make_unique<Stream>(
      Stream::Options{.method = MethodOf(source, kind),
                      .form = source.protocol == config::ApiSource::Protocol::kDelta ? Form::kDelta : Form::kState,
                      .aggregated = source.aggregated,
                      .metadata = source.metadata,
                      .max_message = source.max_message,
                      .node_once = source.node_once,
                      .rate_limit = source.rate_limit,
                      .name = NameOf(source, kind)},
      Stream::Surroundings{.caller = with_.caller,
                           .timers = with_.timers,
                           .clock = with_.clock,
                           .random = random_,
                           .stats = control_plane_stats(),
                           .node = with_.node,
                           .target = TargetOf(source, source.authority),
                           .log = with_.log,
                           .silent_after = silent_after,
                           .restore = [this, &plane] { return Restore(plane); },
                           .back = [this, source, kind] { with_.fallback->OnAnswer(source, kind); }});
}

std::function<std::optional<client::Target>()> Planes::TargetOf(const config::ApiSource& source,
                                                                const std::string& authority) const {
  return [this, cluster = source.cluster, authority] {
    std::optional<client::Target> target = with_.host_of(cluster);
    if (target) target->authority = authority;
    return target;
  };
}

std::unique_ptr<FetchedSubscription> Planes::MakeFetched(const config::ConfigSource& source, Kind kind,
                                                         TypeSubscription::Options options, TypeWatcher& watcher) {
  if (const auto* const file = std::get_if<config::PathSource>(&source)) {
    return std::make_unique<FileSubscription>(*file, *with_.files, std::move(options), watcher, with_.clock, with_.log);
  }
  const auto& api = std::get<config::ApiSource>(source);
  return std::make_unique<RestSubscription>(NameOf(api, kind),
                                            std::string(NamesOf(kind).rest), api, std::move(options), watcher,
                                            RestSubscription::Surroundings{.caller = *with_.rest,
                                                                           .timers = with_.timers,
                                                                           .clock = with_.clock,
                                                                           .random = random_,
                                                                           .unknown = with_.files->unknown,
                                                                           .node = with_.node,
                                                                           .target = TargetOf(api, api.cluster),
                                                                           .log = with_.log});
}

TypeSubscription& Planes::Subscribe(Plane& plane, Kind kind, TypeSubscription::Options options, TypeWatcher& watcher) {
  options.type_name = NamesOf(kind).type;
  options.observer = AddPage(plane, kind);
  Gate& gate = *plane.gates.emplace_back(std::make_unique<Gate>(*this, watcher));
  if (plane.stream != nullptr) {
    Subscription& added = plane.stream->Add(std::move(options), gate);
    plane.subscriptions.emplace_back(kind, &added);
    return added;
  }
  plane.fetched = MakeFetched(plane.source, kind, std::move(options), gate);
  plane.subscriptions.emplace_back(kind, plane.fetched.get());
  // A file is there, whoever else is asked later.
  if (started_ || std::holds_alternative<config::PathSource>(plane.source)) plane.fetched->Start();
  return *plane.fetched;
}

NamedResources& Planes::Named(const config::ConfigSource& source, Kind kind) {
  Plane& plane = PlaneOf(source, kind);
  const auto found = std::ranges::find(plane.named, kind, [](const auto& each) { return each.first; });
  if (found != plane.named.end()) return *found->second;
  const auto subscribe = [&](TypeWatcher& watcher) -> TypeSubscription& { return Subscribe(plane, kind, {}, watcher); };
  return *plane.named.emplace_back(kind, std::make_unique<NamedResources>(subscribe)).second;
}

TypeSubscription& Planes::All(const config::ConfigSource& source, Kind kind, SubscriptionStats& stats,
                              TypeWatcher& watcher) {
  return Subscribe(PlaneOf(source, kind), kind, {.all = true, .stats = &stats}, watcher);
}

Planes::Page* Planes::AddPage(Plane& plane, Kind kind) const {
  if (with_.journals.empty()) return nullptr;
  return plane.pages.emplace_back(std::make_unique<Page>(with_.journals, plane.source, kind)).get();
}

bool Planes::Restore(Plane& plane) {
  // Those that others name come first; each may lead to more, which are not there yet.
  bool any = false;
  const auto& source = std::get<config::ApiSource>(plane.source);
  for (size_t kind = 0; kind < kKinds.size(); ++kind) {
    for (size_t i = 0; i < plane.subscriptions.size(); ++i) {
      const auto [each, subscription] = plane.subscriptions[i];
      if (each != static_cast<Kind>(kind) || subscription->protocol().answered()) continue;
      any |= with_.fallback->Restore(source, each, *subscription);
    }
  }
  const Batch batch(*this);
  for (size_t i = 0; i < plane.named.size(); ++i) {
    const auto& [each, named] = plane.named[i];
    if (named->subscription().protocol().answered()) continue;
    named->GiveUp([&, kind = each](const std::string& name) { return with_.fallback->Lacks(source, kind, name); });
  }
  return any;
}

void Planes::ForEachStreamed(const VisitStreamed& visit) const {
  for (const std::unique_ptr<Plane>& plane : planes_) {
    if (plane->stream == nullptr) continue;
    const auto& source = std::get<config::ApiSource>(plane->source);
    for (const auto& [kind, subscription] : plane->subscriptions) visit(source, kind, subscription->protocol());
  }
}

void Planes::ForEachHeld(Kind kind,
                         const std::function<void(const ResourceId& id, const Holdings::Held& held)>& visit) const {
  for (const std::unique_ptr<Plane>& plane : planes_) {
    for (const auto& [each, subscription] : plane->subscriptions) {
      if (each != kind) continue;
      for (const auto& [name, held] : subscription->protocol().holdings().all()) visit({plane->source, kind, name}, held);
    }
  }
}

TypeSubscription* Planes::Find(const config::ConfigSource& source, Kind kind) const {
  for (const std::unique_ptr<Plane>& plane : planes_) {
    if (plane->source != source) continue;
    for (const auto& [each, subscription] : plane->subscriptions) {
      if (each == kind) return subscription;
    }
  }
  return nullptr;
}

std::vector<Refusal> Planes::Put(const config::ConfigSource& source, Kind kind, std::vector<Resource> resources,
                                 const std::vector<std::string>& removed) {
  TypeSubscription* const subscription = Find(source, kind);
  if (subscription == nullptr) return {};
  return subscription->Put(std::move(resources), removed);
}

void Planes::NoteRefused(const ResourceId& id, const std::string& details, const std::string& version,
                         std::shared_ptr<const google::protobuf::Any> body) {
  TypeSubscription* const found = Find(id.source, id.kind);
  if (found != nullptr) found->NoteRefused(id.name, details, version, std::move(body));
}

void Planes::SetNodeMetadata(const std::string& name, const std::vector<std::pair<std::string, std::string>>& fields) {
  auto& set = *(*with_.node.mutable_metadata()->mutable_fields())[name].mutable_struct_value();
  set.Clear();
  for (const auto& [field, value] : fields) (*set.mutable_fields())[field].set_string_value(value);
}

void Planes::ForEachRefused(
    Kind kind, const std::function<void(const std::string& name, const Refused::Entry& entry)>& visit) const {
  for (const std::unique_ptr<Plane>& plane : planes_) {
    for (const auto& [each, named] : plane->named) {
      if (each != kind) continue;
      for (const auto& [name, entry] : named->subscription().protocol().refused().all()) visit(name, entry);
    }
  }
}

ControlPlaneStats& Planes::control_plane_stats() {
  if (!stats_) stats_.emplace(with_.registry);
  return *stats_;
}

void Planes::Start() {
  started_ = true;
  for (const std::unique_ptr<Plane>& plane : planes_) {
    if (plane->stream != nullptr) plane->stream->Start();
    if (plane->fetched != nullptr && !std::holds_alternative<config::PathSource>(plane->source)) plane->fetched->Start();
  }
}

}  // namespace pillion::xds
