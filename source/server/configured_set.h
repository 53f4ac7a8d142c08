#pragma once

// What the process is configured with - clusters, listeners, secrets - as it is now: by its files at the start, and by what
// has taken their place since: the same files, read again, or what the administration was sent.
// Owned by the server; main thread.

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "source/admin/config_dump.h"
#include "source/admin/sources.h"
#include "source/base/clock.h"
#include "source/config/load.h"
#include "source/config/model.h"
#include "source/config/replacement.h"
#include "source/config/resources.h"
#include "source/event/control_timer.h"
#include "source/server/certificate_renewal.h"
#include "source/server/cluster_set.h"
#include "source/server/listener_set.h"
#include "source/server/memory_return.h"
#include "source/server/options.h"
#include "source/stats/registry.h"

namespace pillion::server {

// The texts that the command line names. An error says which can't be read.
absl::StatusOr<std::vector<config::Source>> ReadSources(const Options& options);

class ConfiguredSet {
 public:
  // How long signals are waited for after the first one.
  static constexpr base::Duration kSettle = std::chrono::milliseconds(50);
  // How long at most something that is not configured any more serves on for what takes its place, from the first of it.
  static constexpr base::Duration kMostKept = std::chrono::seconds(15);

  struct Surroundings {
    const Options& options;
    const base::Clock& clock;
    event::ControlTimers& timers;
    stats::Registry& registry;
    MemoryReturn& memory;
    config::Resources& resources;
    // They come to be as the process starts.
    const std::unique_ptr<CertificateRenewal>& certificates;
    const std::unique_ptr<ClusterSet>& clusters;
    const std::unique_ptr<ListenerSet>& listeners;
    std::function<std::string()> why_not_now;  // empty: it may be replaced
    std::function<void(const std::string& name)> cluster_is_free;  // none of that name is configured any more
    std::function<void(const std::string& name)> listener_is_free;  // the same; it is gone
  };

  // `bootstrap`: of the start, loaded with `load`. What is given outlives it.
  ConfiguredSet(std::shared_ptr<const config::Bootstrap> bootstrap, config::LoadOptions load, Surroundings surroundings);

  // With all of it.
  const config::Bootstrap& bootstrap() const { return *bootstrap_; }
  const admin::Times& times() const { return times_; }
  // It is not configured any more, and serves until all that takes its place does.
  bool IsLeaving(const config::StaticPart& part) const { return gone_.contains(part); }

  // Its files are read again.
  admin::ReloadView ReadAgain();
  // The same in a moment, once for all who ask until then.
  void ReadSoon();
  // By a text that is a bootstrap or a list of resources; `name`: what it is called in errors.
  admin::ReloadView Replace(const std::string& text, const std::string& name);

 private:
  admin::ReloadView Take(const std::vector<config::Source>& sources, bool list_too, const std::string& name);
  admin::ReloadView Fail(const std::string& name, std::vector<std::string> errors, bool now = true);
  config::Replacement::Outcome Apply(config::Replacement& next);
  void Date(const config::Replacement::Outcome& outcome);
  void RemoveGone();

  const config::LoadOptions load_;
  const Surroundings with_;
  std::shared_ptr<const config::Bootstrap> bootstrap_;
  admin::Times times_;
  std::set<config::StaticPart> gone_;  // to be removed once all that takes their place serves
  const std::unique_ptr<event::ControlTimer> soon_;
  bool reads_soon_ = false;
  const std::unique_ptr<event::ControlTimer> late_;
  bool removes_late_ = false;
  uint64_t reloads_ = 0;
  uint64_t failures_ = 0;  // of these: something was refused, or all
};

}  // namespace pillion::server
