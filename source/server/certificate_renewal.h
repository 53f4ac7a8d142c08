#pragma once

// The TLS contexts of listeners and clusters while the process runs: made anew when a file or a secret of theirs is
// replaced, and missed when half of a certificate's life has passed without that, and again at its end; files are read once
// more before that is said. When each of their certificates ends is a gauge, as Envoy has it. Where there is none, because
// it can't be made of secrets that are there, or without trust that was withdrawn, it is tried again. Owned by the server;
// main thread.

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "source/base/clock.h"
#include "source/config/tls.h"
#include "source/event/control_timer.h"
#include "source/event/file_watcher.h"
#include "source/server/certificates.h"
#include "source/stats/registry.h"

namespace pillion::server {

class CertificateRenewal {
 public:
  // Chain and key are two files: what is replaced within this time of the first is read together.
  static constexpr base::Duration kSettle = std::chrono::milliseconds(50);
  // The wall clock may be set: how long it is believed.
  static constexpr base::Duration kLook = std::chrono::seconds(10);

  // `check`: connections are to be looked at, whether they may go on. Counts tls.context_renewed, tls.context_rejected and,
  // as a gauge, tls.certificates_overdue. All outlives it.
  CertificateRenewal(event::FileWatcher& files, event::ControlTimers& timers, const base::Clock& clock,
                     stats::Registry& registry, std::function<void()> check);
  CertificateRenewal(const CertificateRenewal&) = delete;
  CertificateRenewal& operator=(const CertificateRenewal&) = delete;

  // The contexts of one owner, for as long as this lives. Ends before what made it.
  class Watch;
  // An error: a directory can't be watched.
  absl::StatusOr<std::unique_ptr<Watch>> Add(const ContextOwner& owner, const Contexts& contexts);
  // For the administration: of each context, of the administration, the listeners, then the clusters.
  std::vector<admin::CertificatesView> Views() const;
  // What secrets have changed holds when it returns, not only in a moment.
  void RenewDue();
  // Those of static_resources.secrets with these names have changed.
  void RenewNamed(const std::set<std::string>& names);
  // Days until the first of all certificates ends, its own and trusted ones; as Envoy counts: UINT32_MAX without one.
  uint64_t DaysUntilExpiry() const;

 private:
  // How many of the own certificates of a context are.
  struct Late {
    uint64_t overdue = 0;
    uint64_t ended = 0;
  };
  struct Entry {
    ContextOwner owner;
    std::shared_ptr<config::RenewableContext> context;
    std::vector<std::string> watched;  // the directories of `watches`
    std::vector<std::unique_ptr<event::FileWatch>> watches;
    std::unique_ptr<event::ControlTimer> settle;
    std::optional<base::MonotonicTime> settled_at;  // of `settle`, where it is set
    stats::Scope scope;
    std::vector<stats::Scope> expirations;  // a gauge for each certificate
    stats::Counter* by_sds;  // null: it has no secrets of others
    uint64_t overdue = 0;  // of its certificates, as counted
    Late said_late;        // of them, those that were said to be
    bool due = false;      // a secret has changed; counted in due_
    std::vector<std::string> said;  // of what is wrong, while there is no context
    std::vector<config::RemoteSecret::Observation> observations;
  };

  void SetDue(Entry& entry, bool due);
  absl::Status WatchFiles(Entry& entry);
  void Remove(Entry& entry);
  // Renews it then at the latest: what happens meanwhile does not put it off.
  void RenewWithin(Entry& entry, base::Duration time);
  void Renew(Entry& entry);
  void ShowExpirations(Entry& entry);
  void SayWhyRefused(Entry& entry);
  void OnRejected(Entry& entry, bool had_one);
  void Look();
  void LookAgain();
  Late LateOf(const Entry& entry) const;
  void Judge(Entry& entry);

  event::FileWatcher& files_;
  event::ControlTimers& timers_;
  const base::Clock& clock_;
  stats::Registry& registry_;
  const std::function<void()> check_;
  bool looking_ = false;
  std::vector<std::unique_ptr<Entry>> entries_;
  size_t due_ = 0;  // of these
  std::unique_ptr<event::ControlTimer> look_;
  stats::Scope scope_;
  stats::Counter* renewed_;
  stats::Counter* rejected_;
  stats::Gauge* overdue_;
};

class CertificateRenewal::Watch {
 public:
  explicit Watch(CertificateRenewal& renewal) : renewal_(renewal) {}
  ~Watch() {
    for (Entry* entry : entries_) renewal_.Remove(*entry);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  friend class CertificateRenewal;

  CertificateRenewal& renewal_;
  std::vector<Entry*> entries_;
};

}  // namespace pillion::server
