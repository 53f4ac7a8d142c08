#include "source/server/configured_set.h"

#include <sys/stat.h>

#include <utility>

#include "source/push/errors.h"
#include "source/server/log.h"

namespace pillion::server {
namespace {

using Kind = config::StaticPart::Kind;

admin::ReloadView::Names NamesOf(const std::vector<config::StaticPart>& parts) {
  admin::ReloadView::Names names;
  for (const config::StaticPart& part : parts) {
    if (part.kind == Kind::kCluster) names.clusters.push_back(part.name);
    if (part.kind == Kind::kListener) names.listeners.push_back(part.name);
    if (part.kind == Kind::kSecret) names.secrets.push_back(part.name);
  }
  return names;
}

// With so many errors no more is said of what was refused than how much it is.
constexpr size_t kMostErrors = 100;

admin::ReloadView ViewOf(const config::Replacement::Outcome& outcome) {
  admin::ReloadView view;
  view.added = NamesOf(outcome.added);
  view.changed = NamesOf(outcome.changed);
  view.removed = NamesOf(outcome.removed);
  view.kept = NamesOf(outcome.kept);
  view.unchanged = NamesOf(outcome.unchanged);
  size_t errors = 0;
  for (const config::Replacement::Refused& refused : outcome.refused) {
    if (errors >= kMostErrors) break;
    errors += refused.errors.size();
    view.refused.push_back(
        {std::string(config::KindName(refused.part.kind)), refused.part.name, push::LinesOf(refused.errors)});
  }
  view.more_refused = outcome.refused.size() - view.refused.size();
  view.needs_restart = outcome.needs_restart;
  return view;
}

void Say(const std::string& name, const config::Replacement::Outcome& outcome, const admin::ReloadView& view) {
  for (const admin::ReloadView::Refused& refused : view.refused) {
    for (const std::string& error : refused.errors) {
      Log("config").warn("{} {}: refused: {}", refused.kind, refused.name, error);
    }
  }
  if (view.more_refused > 0) Log("config").warn("and {} more refused", view.more_refused);
  for (const std::string& field : view.needs_restart) {
    Log("config").warn("{} changed: it takes effect with a restart", field);
  }
  Log("config").info("reload of {}: {} added, {} changed, {} removed, {} kept, {} unchanged, {} refused", name,
                     outcome.added.size(), outcome.changed.size(), outcome.removed.size(), outcome.kept.size(),
                     outcome.unchanged.size(), outcome.refused.size());
}

bool IsFile(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode);
}

}  // namespace

absl::StatusOr<std::vector<config::Source>> ReadSources(const Options& options) {
  std::vector<config::Source> sources;
  if (!options.config_path.empty()) {
    absl::StatusOr<config::Source> source = config::ReadSourceFile(options.config_path);
    if (!source.ok()) return source.status();
    sources.push_back(*std::move(source));
  }
  if (!options.config_yaml.empty()) sources.push_back({"--config-yaml", options.config_yaml});
  return sources;
}

ConfiguredSet::ConfiguredSet(std::shared_ptr<const config::Bootstrap> bootstrap, config::LoadOptions load,
                             Surroundings surroundings)
    : load_(std::move(load)),
      with_(std::move(surroundings)),
      bootstrap_(std::move(bootstrap)),
      soon_(with_.timers.New()),
      late_(with_.timers.New()) {
  times_.start = with_.clock.WallNow();
  with_.registry.AddCounterCallback("server.reloads", [this] { return reloads_; });
  with_.registry.AddCounterCallback("server.reload_failures", [this] { return failures_; });
  with_.registry.AddCounterCallback("server.static_unknown_fields", [this] { return bootstrap_->unknown_fields; });
}

admin::ReloadView ConfiguredSet::ReadAgain() {
  const std::string& path = with_.options.config_path;
  if (path.empty()) return Fail("the configuration", {"there is no --config-path: there is no file to be read again"});
  if (!IsFile(path)) return Fail(path, {path + ": no regular file: what it gave can't be read again"});
  absl::StatusOr<std::vector<config::Source>> sources = ReadSources(with_.options);
  if (!sources.ok()) return Fail(path, {std::string(sources.status().message())});
  return Take(*sources, false, path);
}

void ConfiguredSet::ReadSoon() {
  if (std::exchange(reads_soon_, true)) return;
  soon_->Set(kSettle, [this] {
    reads_soon_ = false;
    ReadAgain();
  });
}

admin::ReloadView ConfiguredSet::Replace(const std::string& text, const std::string& name) {
  return Take({{name, text}}, true, name);
}

admin::ReloadView ConfiguredSet::Fail(const std::string& name, std::vector<std::string> errors, bool now) {
  ++reloads_;
  ++failures_;
  for (const std::string& error : errors) Log("config").warn("reload of {}: {}; nothing is changed", name, error);
  admin::ReloadView view;
  view.now = now;
  view.errors = std::move(errors);
  return view;
}

admin::ReloadView ConfiguredSet::Take(const std::vector<config::Source>& sources, bool list_too, const std::string& name) {
  if (std::string why = with_.why_not_now(); !why.empty()) return Fail(name, {std::move(why)}, false);
  for (const config::Source& source : sources) with_.memory.OnRead(source.text.size());
  config::Replacement next(bootstrap_, load_, [this](const config::StaticPart& part) {
    return (part.kind == Kind::kCluster && with_.clusters->Has(part.name, Origin::kPushed)) ||
           (part.kind == Kind::kListener && with_.listeners->Has(part.name, Origin::kPushed));
  });
  if (!next.Read(sources, list_too)) return Fail(name, push::LinesOf(next.errors()));
  for (const config::ConfigError& note : next.notes()) Log("config").warn("{}", config::ErrorText("", note));
  const config::Replacement::Outcome outcome = Apply(next);
  ++reloads_;
  if (!outcome.refused.empty()) ++failures_;
  const admin::ReloadView view = ViewOf(outcome);
  Say(name, outcome, view);
  return view;
}

// Make before break: a listener serves when the clusters are there that it may send to, and what is gone goes at the end.
// What was to go and comes again stays: it is taken off that list first, for to set a listener may be what the list waited
// for.
config::Replacement::Outcome ConfiguredSet::Apply(config::Replacement& next) {
  const std::set<std::string> secrets = next.TakeSecrets();
  std::vector<std::string> clusters;
  for (const std::shared_ptr<const config::Cluster>& cluster : next.clusters()) {
    const config::StaticPart part{Kind::kCluster, cluster->name};
    const bool was_going = gone_.erase(part) > 0;
    const absl::Status status = with_.clusters->Set(cluster, Origin::kConfigured);
    if (!status.ok()) next.Refuse(part, std::string(status.message()));
    if (!status.ok() && was_going) gone_.insert(part);
    if (status.ok()) clusters.push_back(cluster->name);
  }
  const ListenerSet::Also when_serving = [this, &clusters](std::function<void()> ready) {
    with_.clusters->WhenServing(clusters, ClusterSet::kMostWarming, std::move(ready));
  };
  const ListenerSet::Configs listeners = next.listeners();
  std::set<config::StaticPart> were_going;
  for (const std::shared_ptr<const config::Listener>& listener : listeners) {
    const auto going = gone_.find({Kind::kListener, listener->name});
    if (going != gone_.end()) were_going.insert(gone_.extract(going));
  }
  const std::vector<absl::Status> outcome_of = with_.listeners->SetAll(listeners, Origin::kConfigured, when_serving,
                                                                          next.leaving_listeners());
  for (size_t i = 0; i < listeners.size(); ++i) {
    if (outcome_of[i].ok()) continue;
    const config::StaticPart part{Kind::kListener, listeners[i]->name};
    next.Refuse(part, std::string(outcome_of[i].message()));
    if (were_going.contains(part)) gone_.insert(part);
  }
  with_.certificates->RenewNamed(secrets);
  config::Replacement::Outcome outcome = next.Finish();
  bootstrap_ = outcome.bootstrap;
  with_.resources.Follow(bootstrap_);
  Date(outcome);
  gone_.insert(outcome.removed.begin(), outcome.removed.end());
  for (const config::StaticPart& part : outcome.removed) {
    if (part.kind == Kind::kCluster) with_.cluster_is_free(part.name);
  }
  with_.listeners->WhenWarm([this] { RemoveGone(); });
  if (!gone_.empty() && !std::exchange(removes_late_, true)) {
    late_->Set(kMostKept, [this] {
      removes_late_ = false;
      RemoveGone();
    });
  }
  bootstrap_->remote_secrets->Settle();
  return outcome;
}

// Listeners before what they send to.
void ConfiguredSet::RemoveGone() {
  const std::set<config::StaticPart> gone = std::exchange(gone_, {});
  for (const config::StaticPart& part : gone) {
    if (part.kind != Kind::kListener) continue;
    if (with_.listeners->Has(part.name, Origin::kConfigured)) with_.listeners->Remove(part.name);
    with_.listener_is_free(part.name);
  }
  for (const config::StaticPart& part : gone) {
    if (part.kind == Kind::kCluster) with_.clusters->Remove(part.name, Origin::kConfigured);
  }
}

void ConfiguredSet::Date(const config::Replacement::Outcome& outcome) {
  const base::WallTime now = with_.clock.WallNow();
  times_.later[{Kind::kBootstrap, ""}] = now;
  for (const auto* parts : {&outcome.added, &outcome.changed}) {
    for (const config::StaticPart& part : *parts) times_.later[part] = now;
  }
  for (const config::StaticPart& part : outcome.removed) times_.later.erase(part);
}

}  // namespace pillion::server
