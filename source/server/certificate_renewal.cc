#include "source/server/certificate_renewal.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/time/time.h"
#include "source/base/escape.h"
#include "source/config/own_certificates.h"
#include "source/server/log.h"

namespace pillion::server {
namespace {

// ": spiffe://td.test/web until 2026-01-01T00:00:00Z" and so on; empty: it has no own certificate.
std::string WhoseUntil(const tls::Context& context) {
  std::string text;
  for (const identity::KeyPair& pair : context.parts().pairs) {
    text += text.empty() ? ": " : ", ";
    std::string owner;
    base::AppendPrintable(owner, identity::OwnerText(pair.leaf()));
    text += owner + " until " + config::UtcText(identity::NotAfter(pair.leaf()));
  }
  return text;
}

}  // namespace

CertificateRenewal::CertificateRenewal(event::FileWatcher& files, event::ControlTimers& timers, const base::Clock& clock,
                                       stats::Registry& registry, std::function<void()> check)
    : files_(files),
      timers_(timers),
      clock_(clock),
      registry_(registry),
      check_(std::move(check)),
      look_(timers.New()),
      scope_(registry, stats::Prefix("tls")),
      renewed_(registry.control().counter(scope_.AddCounter("context_renewed"))),
      rejected_(registry.control().counter(scope_.AddCounter("context_rejected"))),
      overdue_(registry.control().gauge(scope_.AddGauge("certificates_overdue"))) {}

absl::StatusOr<std::unique_ptr<CertificateRenewal::Watch>> CertificateRenewal::Add(const ContextOwner& owner,
                                                                                   const Contexts& contexts) {
  auto watch = std::make_unique<Watch>(*this);
  for (const std::shared_ptr<config::RenewableContext>& context : contexts) {
    Entry& entry = *entries_.emplace_back(std::make_unique<Entry>(Entry{.owner = owner,
                                                                        .context = context,
                                                                        .watched = {},
                                                                        .watches = {},
                                                                        .settle = timers_.New(),
                                                                        .settled_at = {},
                                                                        .scope = stats::Scope(registry_, owner.metrics),
                                                                        .expirations = {},
                                                                        .by_sds = nullptr,
                                                                        .said_late = {},
                                                                        .observations = {}}));
    watch->entries_.push_back(&entry);
    if (absl::Status status = WatchFiles(entry); !status.ok()) return status;
    Judge(entry);
    ShowExpirations(entry);
    if (context->secrets().empty()) continue;
    entry.by_sds = registry_.control().counter(entry.scope.AddCounter("ssl_context_update_by_sds"));
    // Those that come together are taken together.
    for (const std::shared_ptr<config::RemoteSecret>& secret : context->secrets()) {
      entry.observations.push_back(secret->AddObserver([this, &entry] {
        SetDue(entry, true);
        RenewWithin(entry, base::Duration::zero());
      }));
    }
  }
  if (!entries_.empty() && !looking_) LookAgain();
  return watch;
}

void CertificateRenewal::SetDue(Entry& entry, bool due) {
  due_ += static_cast<size_t>(due) - static_cast<size_t>(std::exchange(entry.due, due));
}

void CertificateRenewal::Remove(Entry& entry) {
  SetDue(entry, false);
  overdue_->Add(-static_cast<int64_t>(entry.overdue));
  std::erase_if(entries_, [&entry](const auto& each) { return each.get() == &entry; });
}

std::vector<admin::CertificatesView> CertificateRenewal::Views() const {
  std::vector<const Entry*> sorted;
  for (const std::unique_ptr<Entry>& entry : entries_) sorted.push_back(entry.get());
  std::ranges::stable_sort(sorted, {}, [](const Entry* entry) { return entry->owner.kind; });
  std::vector<admin::CertificatesView> views;
  for (const Entry* entry : sorted) views.push_back(ViewOf(*entry->context));
  return views;
}

// In Kubernetes' volumes what is replaced is a link beside the files: so all that happens in their directories counts.
absl::Status CertificateRenewal::WatchFiles(Entry& entry) {
  if (entry.watched == entry.context->directories()) return absl::OkStatus();
  std::vector<std::unique_ptr<event::FileWatch>> watches;
  for (const std::string& directory : entry.context->directories()) {
    absl::StatusOr<std::unique_ptr<event::FileWatch>> watch =
        files_.WatchDirectory(directory, [this, &entry] { RenewWithin(entry, kSettle); });
    if (!watch.ok()) return watch.status();
    watches.push_back(*std::move(watch));
  }
  entry.watched = entry.context->directories();
  entry.watches = std::move(watches);
  return absl::OkStatus();
}

void CertificateRenewal::RenewWithin(Entry& entry, base::Duration time) {
  const base::MonotonicTime at = clock_.MonotonicNow() + time;
  if (entry.settled_at && *entry.settled_at <= at) return;
  entry.settled_at = at;
  entry.settle->Set(time, [this, &entry] {
    entry.settled_at.reset();
    Renew(entry);
  });
}

// Each cluster that warms asks.
void CertificateRenewal::RenewDue() {
  if (due_ == 0) return;
  for (const std::unique_ptr<Entry>& entry : entries_) {
    if (entry->due) Renew(*entry);
  }
}

void CertificateRenewal::RenewNamed(const std::set<std::string>& names) {
  const auto changed = [&names](const std::string& name) { return names.contains(name); };
  for (const std::unique_ptr<Entry>& entry : entries_) {
    if (std::ranges::any_of(entry->context->named(), changed)) Renew(*entry);
  }
}

void CertificateRenewal::Renew(Entry& entry) {
  SetDue(entry, false);
  const bool had_one = entry.context->current() != nullptr;
  switch (entry.context->Renew()) {
    case config::RenewableContext::Renewal::kSame:
      break;  // though perhaps found elsewhere, by other links
    case config::RenewableContext::Renewal::kRejected:
      OnRejected(entry, had_one);
      break;
    case config::RenewableContext::Renewal::kTaken:
      renewed_->Increment();
      entry.said.clear();
      if (entry.by_sds != nullptr) entry.by_sds->Increment();
      Log("secret").info("{}: certificates were renewed{}", entry.owner.name, WhoseUntil(*entry.context->current()));
      SayWhyRefused(entry);
      check_();
      break;
  }
  ShowExpirations(entry);
  if (const absl::Status status = WatchFiles(entry); !status.ok()) {
    Log("secret").warn("{}: {}", entry.owner.name, std::string(status.message()));
  }
  Judge(entry);
}

void CertificateRenewal::ShowExpirations(Entry& entry) {
  std::vector<stats::Scope> shown;  // before those of now go: a gauge that stays is never missing
  for (const auto& [name, end] : Expirations(*entry.context)) {
    stats::Prefix prefix = entry.owner.certificates;
    shown.emplace_back(registry_, prefix.Add(stats::kTlsCertificate, name));
    shown.back().AddGaugeCallback("expiration_unix_time_seconds", [end = end] { return end; });
  }
  entry.expirations.swap(shown);
}

void CertificateRenewal::SayWhyRefused(Entry& entry) {
  const absl::Time now = absl::FromChrono(clock_.WallNow());
  const std::shared_ptr<const tls::Context> context = entry.context->current();
  for (const std::string& text : config::WhyRefused(*context, entry.context->files(), now)) {
    Log("secret").warn("{}: {}", entry.owner.name, text);
  }
  entry.said_late = {.overdue = 0, .ended = LateOf(entry).ended};
}

void CertificateRenewal::OnRejected(Entry& entry, bool had_one) {
  rejected_->Increment();
  std::vector<std::string> errors;
  for (const config::ConfigError& error : entry.context->errors()) errors.push_back(config::ErrorText("", error));
  const bool has_one = entry.context->current() != nullptr;
  if (had_one || errors != entry.said) {
    for (const std::string& error : errors) {
      Log("secret").warn("{}: {}; {}", entry.owner.name, error,
                         has_one ? "it keeps the certificates that it has" : "nobody is served until this is mended");
    }
  }
  entry.said.clear();
  if (!has_one) entry.said = std::move(errors);
  if (had_one && !has_one) check_();
}

void CertificateRenewal::Look() {
  for (const std::unique_ptr<Entry>& entry : entries_) {
    if (entry->context->current() == nullptr && !entry->said.empty()) {
      Renew(*entry);
      continue;
    }
    // Before anybody is alarmed: files that were written in place are not told of, but read.
    const Late late = LateOf(*entry);
    if (late.overdue > entry->said_late.overdue || late.ended > entry->said_late.ended) Renew(*entry);
    Judge(*entry);
  }
}

void CertificateRenewal::LookAgain() {
  looking_ = true;
  look_->Set(kLook, [this] {
    Look();
    check_();
    LookAgain();
  });
}

CertificateRenewal::Late CertificateRenewal::LateOf(const Entry& entry) const {
  const absl::Time now = absl::FromChrono(clock_.WallNow());
  const std::shared_ptr<const tls::Context> context = entry.context->current();
  Late late;
  if (context == nullptr) return late;
  for (const identity::KeyPair& pair : context->parts().pairs) {
    late.overdue += IsOverdue(pair.leaf(), now) ? 1 : 0;
    late.ended += now > identity::NotAfter(pair.leaf()) ? 1 : 0;
  }
  return late;
}

void CertificateRenewal::Judge(Entry& entry) {
  const absl::Time now = absl::FromChrono(clock_.WallNow());
  const std::shared_ptr<const tls::Context> context = entry.context->current();
  Late late;
  for (size_t i = 0; context != nullptr && i < context->parts().pairs.size(); ++i) {
    const X509* const leaf = context->parts().pairs[i].leaf();
    if (!IsOverdue(leaf, now)) continue;
    const std::string text = config::OwnCertificateText(*context, entry.context->files(), i);
    const std::string end = config::UtcText(identity::NotAfter(leaf));
    if (++late.overdue > entry.said_late.overdue) {
      Log("secret").warn("{}: half of the life of {} has passed and it was not renewed; it ends at {}", entry.owner.name,
                         text, end);
    }
    if (now > identity::NotAfter(leaf) && ++late.ended > entry.said_late.ended) {
      Log("secret").warn("{}: {} has expired at {}: peers will refuse it", entry.owner.name, text, end);
    }
  }
  entry.said_late = late;
  overdue_->Add(static_cast<int64_t>(late.overdue) - static_cast<int64_t>(entry.overdue));
  entry.overdue = late.overdue;
}

uint64_t CertificateRenewal::DaysUntilExpiry() const {
  absl::Time first = absl::InfiniteFuture();
  for (const std::unique_ptr<Entry>& entry : entries_) {
    const std::shared_ptr<const tls::Context> context = entry->context->current();
    if (context == nullptr) continue;
    for (const identity::KeyPair& pair : context->parts().pairs) first = std::min(first, identity::NotAfter(pair.leaf()));
    const identity::PeerPolicy* const policy = context->policy();
    if (policy == nullptr || policy->trusted() == nullptr) continue;
    for (int i = 0; i < sk_X509_num(policy->trusted().get()); ++i) {
      first = std::min(first, identity::NotAfter(sk_X509_value(policy->trusted().get(), i)));
    }
  }
  if (first == absl::InfiniteFuture()) return std::numeric_limits<uint32_t>::max();
  const absl::Duration left = first - absl::FromChrono(clock_.WallNow());
  return static_cast<uint64_t>(std::max<int64_t>(left / absl::Hours(24), 0));
}

}  // namespace pillion::server
