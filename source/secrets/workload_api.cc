#include "source/secrets/workload_api.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "source/base/xxhash64.h"

namespace pillion::secrets {
namespace {

constexpr char kStays[] = "; what was taken stays";

}  // namespace

WorkloadApi::WorkloadApi(const net::Address& endpoint, Surroundings surroundings)
    : target_{.address = endpoint, .authority = endpoint.family() == AF_UNIX ? "localhost" : endpoint.text()},
      with_(std::move(surroundings)),
      backoff_(with_.random),
      retry_(with_.timers.New()),
      complaints_(with_.clock, with_.warn) {}

void WorkloadApi::Connect() {
  answered_ = false;
  call_ = with_.caller.Call(
      target_,
      {.path = "/SpiffeWorkloadAPI/FetchX509SVID", .metadata = {{"workload.spiffe.io", "true"}}, .subscription = true},
      *this);
  call_->Send("", true);  // an X509SVIDRequest has no fields
  for (Subscription* subscription : subscriptions_) subscription->OnRequest();
}

void WorkloadApi::OnMessage(std::string message) {
  if (!std::exchange(answered_, true)) with_.stats.Connected(true);
  std::vector<std::string> notes;
  absl::StatusOr<SecretsByName> secrets =
      ReadSvidResponse(message, absl::FromChrono(with_.clock.WallNow()), notes);
  if (!secrets.ok()) {
    const std::string why(secrets.status().message());
    for (Subscription* subscription : subscriptions_) subscription->Refuse(why);
    return Warn(why + kStays);
  }
  backoff_.Reset();
  complaints_.Reset();
  for (const std::string& note : notes) Warn(note);
  secrets_ = *std::move(secrets);
  version_ = absl::StrFormat("%016x", base::XxHash64(message));
  for (Subscription* subscription : std::vector<Subscription*>(subscriptions_)) {
    if (std::ranges::find(subscriptions_, subscription) != subscriptions_.end()) Tell(*subscription);
  }
}

void WorkloadApi::Add(Subscription& subscription) {
  subscriptions_.push_back(&subscription);
  if (!version_.empty()) Tell(subscription);
}

void WorkloadApi::Tell(Subscription& subscription) {
  const auto found = secrets_.find(subscription.name());
  if (found == secrets_.end()) {
    const std::string why = "the agent gives no " + subscription.name();
    const bool dropped = subscription.Withdraw(why);
    Warn(why + (dropped ? "; nobody is trusted by it" : kStays));
    return;
  }
  for (const std::string& error : subscription.Offer(found->second, version_, version_)) {
    Warn(subscription.name() + ": " + error + kStays);
  }
}

void WorkloadApi::OnEnd(const codec::grpc::Status& status) {
  call_.reset();
  if (answered_) with_.stats.Connected(false);
  for (Subscription* subscription : subscriptions_) subscription->OnFailure();
  Warn(status.text() + kStays);
  // The Workload API, "Error Codes": not to be tried again with the same request; an agent that was updated may take it.
  const bool hopeless =
      status.code == codec::grpc::Code::kInvalidArgument || status.code == codec::grpc::Code::kUnimplemented;
  const bool absent = status.code == codec::grpc::Code::kUnavailable && !answered_ && target_.address.family() == AF_UNIX;
  retry_->Set(hopeless ? backoff_.Longest() : absent ? backoff_.Nearby() : backoff_.Next(), [this] { Connect(); });
}

void WorkloadApi::Warn(const std::string& why) {
  complaints_.Say("workload_api: " + why);
}

}  // namespace pillion::secrets
