#include "source/secrets/subscription.h"

#include <utility>

#include "source/config/judge_secret.h"

namespace pillion::secrets {

Subscription::Subscription(std::shared_ptr<config::RemoteSecret> secret, Surroundings surroundings)
    : secret_(std::move(secret)),
      with_(std::move(surroundings)),
      stats_(with_.registry, with_.clock, stats::Prefix("sds").Add(secret_->name())),
      notes_(with_.clock, with_.warn),
      initial_fetch_(with_.timers) {}

void Subscription::Start() {
  initial_fetch_.Start(secret_->initial_fetch_timeout(), [this](bool late) {
    if (late) {
      stats_.InitialFetchTimeout();
      with_.warn(secret_->origin() + ": secret " + name() + " has not come in time; who needs it is not served");
    }
    ready_ = true;
    for (const std::function<void()>& ready : std::exchange(when_ready_, {})) ready();
  });
}

void Subscription::WhenReady(std::function<void()> ready) {
  if (ready_) return ready();
  when_ready_.push_back(std::move(ready));
}

std::vector<std::string> Subscription::OnResource(const xds::Resource& resource) {
  auto secret = std::make_shared<Secret>();
  if (!resource.body->UnpackTo(secret.get())) {
    const std::string why = "bytes that are no Secret";
    Refuse(why, resource.version);
    return {why};
  }
  return Offer(std::move(secret), resource.version, resource.answer_version);
}

// What a configuration names is needed: one that is there stays until there is another.
void Subscription::OnRemoved(const std::string& version) {
  const bool there = secret_->current() != nullptr;
  const std::string why = secret_->origin() + " has no secret " + name() + (there ? " any more" : "");
  notes_.Say(why + (there ? "; the last one stays" : "; who needs it is not served"));
  secret_->Refuse(why, version, with_.clock.WallNow());
  initial_fetch_.Done();
}

void Subscription::OnGivenUp() {
  if (!initial_fetch_.waiting()) return;
  with_.warn(secret_->origin() + ": secret " + name() +
             " is not waited for: its source does not answer, and it was not kept; who needs it is not served");
  initial_fetch_.Done();
}

std::vector<std::string> Subscription::Offer(std::shared_ptr<const Secret> offered, const std::string& version,
                                             const std::string& answer_version) {
  const base::MonotonicTime begun = with_.clock.MonotonicNow();
  std::vector<config::ConfigError> notes;
  std::vector<std::string> errors;
  for (const config::ConfigError& error : config::JudgeSecret(*offered, secret_->kind(), with_.unknown, notes)) {
    errors.push_back(config::ErrorText("", error));
  }
  for (const config::ConfigError& note : notes) notes_.Say("secret " + name() + ": " + config::ErrorText("", note));
  if (!errors.empty()) {
    Refuse(errors.front(), version);
    return errors;
  }
  stats_.Success(answer_version, begun);
  secret_->Set(std::move(offered), version, with_.clock.WallNow());
  initial_fetch_.Done();
  return {};
}

void Subscription::Refuse(const std::string& why, const std::string& version) {
  stats_.Rejected();
  secret_->Refuse(why, version, with_.clock.WallNow());
}

bool Subscription::Withdraw(const std::string& why) {
  const bool trust = secret_->kind() == config::RemoteSecret::Kind::kValidationContext;
  if (trust && secret_->withdrawn()) return true;
  if (!trust || secret_->current() == nullptr) {
    Refuse(why);
    return false;
  }
  stats_.Success("", with_.clock.MonotonicNow());
  secret_->Withdraw(why, with_.clock.WallNow());
  return true;
}

}  // namespace pillion::secrets
