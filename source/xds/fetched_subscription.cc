#include "source/xds/fetched_subscription.h"

#include <utility>

#include "source/base/escape.h"
#include "source/config/text.h"
#include "source/xds/subscription_stats.h"

namespace pillion::xds {
namespace {

// Without the source, which stands before it already.
std::string TextOf(const config::ConfigError& error) {
  const std::string place = error.path.empty() ? "" : error.path + ": ";
  return (error.line > 0 ? config::Concat("line ", error.line, ": ") : "") + place + error.message;
}

std::string TextOf(const std::vector<config::ConfigError>& errors) {
  std::string text;
  for (const config::ConfigError& error : errors) text += (text.empty() ? "" : "; ") + TextOf(error);
  return text;
}

}  // namespace

FetchedSubscription::FetchedSubscription(std::string who, Form form, Options options, TypeWatcher& watcher,
                                         const base::Clock& clock, Log log)
    : options_(std::move(options)),
      who_(std::move(who)),
      watcher_(watcher),
      clock_(clock),
      form_(form),
      log_(std::move(log)),
      protocol_(form, options_.type_name, options_.all, watcher, clock, options_.observer),
      complaints_(clock, log_.warn),
      contact_(who_, log_.info) {}

std::vector<std::string> FetchedSubscription::wanted_names() const {
  const Names& names = protocol_.interest().wanted();
  return {names.begin(), names.end()};
}

void FetchedSubscription::CountAttempt() {
  if (options_.stats != nullptr) options_.stats->Attempt();
  watcher_.OnRequest(wanted_names());
}

void FetchedSubscription::Fail(const std::string& why) {
  contact_.Lost(complaints_.Say(who_ + ": " + why + "; what was taken stays"));
  if (options_.stats != nullptr) options_.stats->Failure();
  watcher_.OnFailure();
}

// The time that a resource has is for those who say again and again that it is there.
std::optional<Answer> FetchedSubscription::ReadAnswer(config::ResourceFile file) {
  for (const config::ConfigError& note : file.notes) complaints_.Say(who_ + ": " + TextOf(note));
  if (!file.errors.empty()) {
    Fail(TextOf(file.errors));
    return {};
  }
  envoy::service::discovery::v3::DiscoveryResponse response;
  response.set_version_info(std::move(file.version));
  for (config::ResourceFile::Item& item : file.items) *response.add_resources() = std::move(item.resource);
  Answer answer = ToAnswer(std::move(response));
  answer.form = form_;
  answer.type_url = protocol_.type_url();
  for (size_t i = 0; i < answer.items.size(); ++i) {
    Answer::Item& item = answer.items[i];
    if (form_ == Form::kDelta && item.name.empty()) item.name = item.inner;
    if (!file.items[i].errors.empty()) item.error = TextOf(file.items[i].errors);
    if (std::exchange(item.ttl, std::nullopt)) NoteTtl();
  }
  return answer;
}

void FetchedSubscription::NoteTtl() {
  if (std::exchange(ttl_noted_, true)) return;
  log_.warn(who_ + ": ttl is of streams, and has no effect here: what was taken stays until something else is");
}

void FetchedSubscription::Take(const Answer& answer) {
  const base::MonotonicTime begun = clock_.MonotonicNow();
  const std::string error = protocol_.Take(answer);
  if (error.empty() || !protocol_.changes().empty()) {
    Tell(log_, who_, answer.version, protocol_.type_url(), protocol_.changes());
  }
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
