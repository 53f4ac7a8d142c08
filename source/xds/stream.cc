#include "source/xds/stream.h"

#include <sys/socket.h>

#include <algorithm>

#include "source/base/escape.h"
#include "source/xds/kind.h"
#include "source/xds/subscription_stats.h"

namespace pillion::xds {
namespace {

// Those that others name come first.
size_t Rank(std::string_view type_name) {
  return static_cast<size_t>(std::ranges::find(kKinds, type_name, &KindNames::type) - kKinds.begin());
}

std::string_view LastPart(std::string_view type_name) { return type_name.substr(type_name.rfind('.') + 1); }

}  // namespace

Stream::Stream(Options options, Surroundings surroundings)
    : options_(std::move(options)),
      with_(std::move(surroundings)),
      backoff_(with_.random),
      retry_(with_.timers.New()),
      complaints_(with_.clock, with_.log.warn),
      contact_(options_.name, with_.log.info),
      silent_(with_.timers.New()),
      restore_(with_.timers.New()),
      stand_(with_.timers.New()),
      token_(with_.timers.New()) {
  if (options_.rate_limit) bucket_.emplace(*options_.rate_limit, with_.clock.MonotonicNow());
}

Stream::~Stream() {
  ClearLine();
  Disconnected();
}

Subscription& Stream::Add(Subscription::Options options, TypeWatcher& watcher) {
  const size_t rank = Rank(options.type_name);
  std::string who = options_.name;
  if (options_.aggregated) who += ", " + std::string(LastPart(options.type_name));
  const auto place = std::ranges::find_if(
      subscriptions_, [rank](const auto& other) { return Rank(other->options_.type_name) > rank; });
  Subscription& added =
      **subscriptions_.insert(place, std::make_unique<Subscription>(*this, std::move(options), watcher, who));
  OnChange(added);
  return added;
}

void Stream::Start() { Connect(); }

void Stream::Connect() {
  for (const auto& subscription : subscriptions_) subscription->Begin();
  idle_ = !AnyDue();
  if (idle_) return;
  const std::optional<client::Target> target = with_.target();
  if (!target) return Failed("there is no host");
  nearby_ = target->address.family() == AF_UNIX;
  where_ = target->address.text();
  first_ = true;
  call_ = with_.caller.Call(
      *target,
      {.path = options_.method,
       .metadata = options_.metadata,
       .max_message = options_.max_message,
       .limit_name = "envoy_grpc.max_receive_message_length",
       .subscription = true},
      *this);
  if (with_.silent_after > base::Duration::zero() && !without_) {
    silent_->Set(with_.silent_after, [this] { DoWithout(); });
  }
  const Batch batch(*this);
}

void Stream::OnChange(Subscription& subscription) {
  if (without_) RestoreSoon();
  if (batches_ > 0) return;
  if (call_ != nullptr) return subscription.Ask();
  if (idle_ && AnyDue()) Connect();
}

void Stream::AskAll(const Subscription* except) {
  if (call_ == nullptr) {
    if (idle_ && AnyDue()) Connect();
    return;
  }
  for (size_t i = 0; i < subscriptions_.size(); ++i) {
    if (subscriptions_[i].get() != except) subscriptions_[i]->Ask();
  }
}

bool Stream::AnyDue() const {
  return std::ranges::any_of(subscriptions_, [](const auto& one) { return one->protocol_.due(); });
}

Subscription* Stream::AskerOf(const Answer& answer) {
  const auto found = std::ranges::find_if(subscriptions_, [&](const auto& one) {
    // Whoever is alone on a stream hears everything: it refuses what is of another type.
    return one->protocol_.asked() && (!options_.aggregated || one->protocol_.type_url() == answer.type_url);
  });
  return found == subscriptions_.end() ? nullptr : found->get();
}

void Stream::OnOpen() {
  stand_->Set(stands_, [this] { Connected(); });
}

void Stream::Connected() {
  stand_->Cancel();
  if (std::exchange(connected_, true)) return;
  connected_since_ = with_.clock.MonotonicNow();
  with_.stats.Connected(true);
  complaints_.Reset();
  contact_.Reached(where_);
}

void Stream::Disconnected() {
  stand_->Cancel();
  if (std::exchange(connected_, false)) with_.stats.Connected(false);
}

void Stream::OnMessage(std::string message) {
  const std::optional<Answer> answer = ReadAnswer(options_.form, message);
  if (!answer) {
    call_.reset();
    return Failed(options_.form == Form::kDelta ? "a message that is no DeltaDiscoveryResponse"
                                                : "a message that is no DiscoveryResponse");
  }
  if (!std::exchange(answered_, true)) {
    answered_since_ = with_.clock.MonotonicNow();
    stands_ = kStands;
    Connected();
    OnAnswer();
  }
  if (answer->control_plane) with_.stats.Identify(*answer->control_plane);
  Subscription* const asker = AskerOf(*answer);
  if (asker == nullptr) {
    complaints_.Say(options_.name + ": \"" + answer->type_url + "\", which nobody asked for; it is passed over");
    return;
  }
  ++batches_;
  Subscription::Verdict verdict = asker->Take(*answer);
  --batches_;
  // What it has led to first; the control plane may take the reply as a sign that nothing else follows.
  AskAll(asker);
  asker->Reply(std::move(verdict));
  asker->Ask();
}

void Stream::OnEnd(const codec::grpc::Status& status) {
  call_.reset();
  Failed(status.text(), status.code == codec::grpc::Code::kUnavailable && !answered_ && nearby_);
}

const envoy::config::core::v3::Node* Stream::NodeToSay() {
  return std::exchange(first_, false) || !options_.node_once ? &with_.node : nullptr;
}

void Stream::Send(std::string message) { call_->Send(std::move(message), false); }

bool Stream::MaySend(Subscription& subscription) {
  if (!bucket_) return true;
  const base::MonotonicTime now = with_.clock.MonotonicNow();
  const bool turn = turn_ == &subscription;
  if ((turn || line_.empty()) && bucket_->Take(now)) return true;
  if (std::ranges::find(line_, &subscription) == line_.end()) {
    turn ? line_.push_front(&subscription) : line_.push_back(&subscription);
    with_.stats.Hold();
  }
  if (turn_ == nullptr) token_->Set(bucket_->UntilNext(now), [this] { Drain(); });
  return false;
}

void Stream::Drain() {
  while (!line_.empty() && bucket_->Has(with_.clock.MonotonicNow())) {
    turn_ = line_.front();
    line_.pop_front();
    with_.stats.Release();
    turn_->Flush();
    turn_ = nullptr;
  }
  if (!line_.empty()) token_->Set(bucket_->UntilNext(with_.clock.MonotonicNow()), [this] { Drain(); });
}

void Stream::ClearLine() {
  for (size_t i = 0; i < line_.size(); ++i) with_.stats.Release();
  line_.clear();
  token_->Cancel();
}

void Stream::Failed(const std::string& why, bool absent) {
  contact_.Lost(complaints_.Say(options_.name + ": " + why + "; what was taken stays, and it is tried again"));
  const bool answered = std::exchange(answered_, false);
  if (connected_ && !answered) {
    const bool lived = with_.clock.MonotonicNow() - connected_since_ >= kStandsLongest;
    stands_ = lived ? kStands : std::min(stands_ * 2, kStandsLongest);
  }
  Disconnected();
  ClearLine();
  retry_->Set(UntilRetry(answered, absent), [this] { Connect(); });
  for (size_t i = 0; i < subscriptions_.size(); ++i) subscriptions_[i]->End();
  if (with_.silent_after > base::Duration::zero()) DoWithout();
}

void Stream::DoWithout() {
  silent_->Cancel();
  without_ = true;
  RestoreSoon();
}

void Stream::RestoreSoon() {
  restore_->Set(base::Duration::zero(), [this] { Restore(); });
}

void Stream::Restore() {
  const Batch batch(*this);
  if (!with_.restore() || call_ == nullptr || options_.form != Form::kDelta) return;
  // It was asked without a word of what was put: what it does not know of that would stay.
  call_.reset();
  Disconnected();
  ClearLine();
  retry_->Set(Soon(), [this] { Connect(); });
}

void Stream::OnAnswer() {
  silent_->Cancel();
  if (!std::exchange(without_, false)) return;
  restore_->Cancel();
  with_.back();
}

// A stream that has answered may be ended by a server that restarts: that is no reason to wait longer and longer.
base::Duration Stream::UntilRetry(bool answered, bool absent) {
  if (absent) return backoff_.Nearby();
  const base::MonotonicTime now = with_.clock.MonotonicNow();
  const bool settled = now - answered_since_ >= kSettled;
  if (!answered || (!settled && soon_ && now - *soon_ < kAgain)) return backoff_.Next();
  soon_ = now;
  backoff_.Reset();
  return Soon();
}

base::Duration Stream::Soon() {
  return kSoonFrom + base::Duration(static_cast<int64_t>(with_.random.Below((kSoonTo - kSoonFrom).count())));
}

}  // namespace pillion::xds
