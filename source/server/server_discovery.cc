// How the server finds what it serves, one after the other: hosts by name, secrets, clusters and listeners of others.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/push/errors.h"
#include "source/server/log.h"
#include "source/server/server.h"

namespace pillion::server {
namespace {

// What is to be said of the resources of one answer, of which there may be thousands.
class Notes {
 public:
  explicit Notes(std::string_view kind) : kind_(kind) {}
  Notes(const Notes&) = delete;
  Notes& operator=(const Notes&) = delete;
  ~Notes() {
    if (said_ > kMost) Log("config").warn("{} notes more on {}s of the same answer", said_ - kMost, kind_);
  }

  void Say(const google::protobuf::Any& resource, const std::vector<config::ConfigError>& notes) {
    for (const config::ConfigError& note : notes) {
      if (++said_ <= kMost) Log("config").warn("{}", config::Concat(kind_, " ", push::NoteText(resource, note)));
    }
  }

 private:
  static constexpr size_t kMost = 20;

  const std::string_view kind_;
  size_t said_ = 0;
};

}  // namespace

void Server::Discover() {
  clusters_->DiscoverFirst(ClusterSet::HostsFrom::kNamesAndFiles, [this] { FetchSecrets(); });
}

void Server::FetchSecrets() {
  secrets_->Start();
  runtime_.Subscribe(bootstrap_->runtime_sources, *planes_, resources_, FeedSurroundings());
  planes_->Start();  // with all of them in one request
  secrets_->WhenReady(bootstrap_->remote_secrets->all(), [this] {
    certificates_->RenewDue();
    // What clusters and listeners are begun with, as Envoy has it.
    runtime_.WhenReady([this] { FetchClusters(); });
  });
}

void Server::FetchClusters() {
  const xds::Planes::Batch batch(*planes_);  // one request for the hosts of all
  const auto then = [this] { clusters_->CheckFirst([this] { FetchListeners(); }); };
  clusters_->DiscoverFirst(ClusterSet::HostsFrom::kControlPlanes, [this, then] {
    if (!bootstrap_->dynamic || !bootstrap_->dynamic->clusters) return then();
    const config::Feed& from = *bootstrap_->dynamic->clusters;
    cluster_feed_ = std::make_unique<push::Feed>(
        xds::Kind::kClusters, stats::Prefix("cluster_manager").Add("cds"),
        push::Feed::Target{
            .set = [this, &from](const push::Feed::Bodies& all) { return SetClusters(all, from.source); },
            .remove = [this](const std::string& name) { clusters_->Remove(name, Origin::kPushed); },
            .configured =
                [this](const std::string& name) {
                  return clusters_->Has(name, Origin::kConfigured) &&
                         !configured_.IsLeaving({config::StaticPart::Kind::kCluster, name});
                },
            .done = [this] { bootstrap_->remote_secrets->Settle(); },
            .warming = [this](const std::string& name) { return clusters_->IsWarming(name); },
            .when_warm = [this](std::function<void()> warm) { clusters_->WhenWarm(std::move(warm)); }},
        FeedSurroundings());
    cluster_feed_->Start(*planes_, from, [this, then] { clusters_->WhenWarm(then); });
  });
}

void Server::FetchListeners() {
  const xds::Planes::Batch batch(*planes_);  // and for all tables
  route_tables_->Start();
  scoped_routes_->Start();
  filter_configs_->Start();
  const auto then = [this] { listeners_->WhenFirstReady([this] { GoLive(); }); };
  if (!bootstrap_->dynamic || !bootstrap_->dynamic->listeners) return then();
  const config::Feed& from = *bootstrap_->dynamic->listeners;
  listener_feed_ = std::make_unique<push::Feed>(
      xds::Kind::kListeners, stats::Prefix("listener_manager").Add("lds"),
      push::Feed::Target{
          .set = [this, &from](const push::Feed::Bodies& all) { return SetListeners(all, from.source); },
          .remove = [this](const std::string& name) { listeners_->Remove(name); },
          .configured = [this](const std::string& name) { return listeners_->Has(name, Origin::kConfigured); },
          .done = [this] { bootstrap_->remote_secrets->Settle(); },
          .warming = [this](const std::string& name) { return listeners_->IsWarming(name); },
          .when_warm = [this](std::function<void()> warm) { listeners_->WhenWarm(std::move(warm)); }},
      FeedSurroundings());
  listener_feed_->Start(*planes_, from, [this, then] { listeners_->WhenWarm(then); });
}

void Server::StartLoadReports() {
  if (!bootstrap_->load_reports) return;
  const config::ApiSource& source = *bootstrap_->load_reports;
  load_reports_ = std::make_unique<load_report::Reporter>(
      source, load_report::Reporter::Surroundings{
                  .caller = caller_,
                  .timers = timers_,
                  .clock = clock_,
                  .registry = registry_,
                  .node = OwnNode(),
                  .target =
                      [this, &source] {
                        std::optional<client::Target> target = control_hosts_->Next(source.cluster);
                        if (target) target->authority = source.authority;
                        return target;
                      },
                  .for_each_cluster =
                      [this](const auto& visit) {
                        for (const RunningCluster* running : clusters_->All()) visit(running->cluster);
                      },
                  .warn = [](std::string_view line) { Log("upstream").warn("{}", line); }});
  load_reports_->Start();
}

std::vector<std::vector<std::string>> Server::SetClusters(const push::Feed::Bodies& resources,
                                                          const config::ConfigSource& sender) {
  std::vector<std::vector<std::string>> errors;
  Notes notes("cluster");
  for (const auto& resource : resources) {
    const config::Judged<config::Cluster> judged = resources_.BuildCluster(*resource, sender);
    notes.Say(*resource, judged.notes);
    std::vector<std::string>& wrong = errors.emplace_back(push::LinesOf(judged.errors));
    if (judged.part == nullptr) continue;
    if (const absl::Status status = clusters_->Set(judged.part); !status.ok()) wrong.emplace_back(status.message());
  }
  return errors;
}

std::vector<std::vector<std::string>> Server::SetListeners(const push::Feed::Bodies& resources,
                                                           const config::ConfigSource& sender) {
  std::vector<std::vector<std::string>> errors;
  std::vector<std::shared_ptr<const config::Listener>> good;
  std::vector<size_t> places;  // of those
  Notes notes("listener");
  for (const auto& resource : resources) {
    config::Judged<config::Listener> judged = resources_.BuildListener(*resource, sender);
    notes.Say(*resource, judged.notes);
    errors.push_back(push::LinesOf(judged.errors));
    if (judged.part == nullptr) continue;
    good.push_back(std::move(judged.part));
    places.push_back(errors.size() - 1);
  }
  const std::vector<absl::Status> outcome = listeners_->SetAll(good, Origin::kPushed);
  for (size_t i = 0; i < good.size(); ++i) {
    if (!outcome[i].ok()) errors[places[i]].emplace_back(outcome[i].message());
  }
  return errors;
}

}  // namespace pillion::server
