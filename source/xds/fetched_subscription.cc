#include "source/xds/fetched_subscription.h"

#include <utility>

#include "source/base/escape.h"
#include "source/xds/subscription_stats.h"

namespace pillion::xds {

FetchedSubscription::FetchedSubscription(std::string who, Form form, Options options, TypeWatcher& watcher,
                                         const base::Clock& clock, Say warn)
    : options_(std::move(options)),
      who_(std::move(who)),
      watcher_(watcher),
      clock_(clock),
      protocol_(form, options_.type_name, options_.all, watcher, clock, options_.observer),
      complaints_(clock, std::move(warn)) {}

std::vector<std::string> FetchedSubscription::wanted_names() const {
  const Names& names = protocol_.interest().wanted();
  return {names.begin(), names.end()};
}

void FetchedSubscription::CountAttempt() {
  if (options_.stats != nullptr) options_.stats->Attempt();
  watcher_.OnRequest(wanted_names());
}

void FetchedSubscription::Fail(const std::string& why) {
  complaints_.Say(who_ + ": " + why + "; what was taken stays");
  if (options_.stats != nullptr) options_.stats->Failure();
  watcher_.OnFailure();
}

void FetchedSubscription::Take(const Answer& answer) {
  const base::MonotonicTime begun = clock_.MonotonicNow();
  const std::string error = protocol_.Take(answer);
  if (!error.empty()) return Rejected(answer.version, error);
  if (options_.stats != nullptr) options_.stats->Success(answer.version, begun);
  complaints_.Reset();
}

void FetchedSubscription::Refuse(const Answer& answer, const std::vector<std::string>& names, const std::string& error) {
  Rejected(answer.version, error);
  watcher_.OnRefused(names);
}

void FetchedSubscription::Rejected(const std::string& version, const std::string& error) {
  if (options_.stats != nullptr) options_.stats->Rejected();
  const std::string said = version.empty() ? "" : " version \"" + std::string(base::CutUtf8(version, kMostText)) + "\"";
  complaints_.Say(who_ + ": refused" + said + ": " + error + "; what was taken stays");
}

}  // namespace pillion::xds
