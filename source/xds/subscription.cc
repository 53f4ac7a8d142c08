#include "source/xds/subscription.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "source/base/escape.h"
#include "source/base/xxhash64.h"
#include "source/xds/stream.h"
#include "source/xds/subscription_stats.h"

namespace pillion::xds {

Subscription::Pause::~Pause() {
  if (--subscription_.pauses_ == 0) subscription_.stream_.OnChange(subscription_);
}

Subscription::Subscription(Stream& stream, Options options, TypeWatcher& watcher, const std::string& who)
    : stream_(stream),
      options_(std::move(options)),
      watcher_(watcher),
      protocol_(stream.form(), options_.type_name, options_.all, watcher, stream.with_.clock,
                options_.observer),
      complaints_(stream.with_.clock, stream.with_.log.warn),
      who_(who),
      end_(stream.with_.timers.New()),
      backoff_(stream.with_.random, kMostPause),
      refusal_(stream.with_.timers.New()) {}

Subscription::~Subscription() { DropRefusal(); }

void Subscription::Subscribe(const std::string& name) {
  protocol_.Subscribe(name);
  stream_.OnChange(*this);
}

void Subscription::Unsubscribe(const std::string& name) {
  protocol_.Unsubscribe(name);
  stream_.OnChange(*this);
}

std::vector<Refusal> Subscription::Put(std::vector<Resource> resources, const std::vector<std::string>& removed) {
  const Stream::Batch batch(stream_);
  std::vector<Refusal> refusals = protocol_.Put(std::move(resources), removed);
  AwaitEnd();
  return refusals;
}

void Subscription::Ask() {
  if (pauses_ > 0 || !protocol_.due()) return;
  SendRefusal();
  Flush();
}

void Subscription::Flush() {
  while (!replies_.empty()) {
    if (!stream_.MaySend(*this)) return;
    const Verdict verdict = std::move(replies_.front());
    replies_.erase(replies_.begin());
    stream_.Send(protocol_.Reply(verdict.nonce, verdict.error, stream_.NodeToSay()));
  }
  std::vector<std::string> names;
  bool asked = false;
  while (pauses_ == 0 && protocol_.due() && stream_.MaySend(*this)) {
    TypeProtocol::Request request = protocol_.NextRequest(stream_.NodeToSay());
    stream_.Send(std::move(request.bytes));
    asked |= protocol_.all() || !request.names.empty();
    std::ranges::move(request.names, std::back_inserter(names));
  }
  if (!asked) return;
  if (options_.stats != nullptr) options_.stats->Attempt();
  watcher_.OnRequest(names);
}

Subscription::Verdict Subscription::Take(const Answer& answer) {
  const base::MonotonicTime begun = stream_.with_.clock.MonotonicNow();
  Verdict verdict{.nonce = answer.nonce, .error = protocol_.Take(answer)};
  AwaitEnd();
  if (verdict.error.empty() || !protocol_.changes().empty()) {
    Tell(stream_.with_.log, who_, answer.version, protocol_.type_url(), protocol_.changes());
  }
  CountNext(answer);
  if (verdict.error.empty()) {
    if (options_.stats != nullptr) options_.stats->Success(answer.version, begun);
    complaints_.Reset();
    return verdict;
  }
  if (options_.stats != nullptr) options_.stats->Rejected();
  complaints_.Say(who_ + ": refused version \"" + std::string(base::CutUtf8(answer.version, kMostText)) +
                  "\": " + verdict.error);
  return verdict;
}

void Subscription::CountNext(const Answer& answer) {
  if (options_.stats != nullptr) options_.stats->Attempt();
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (!protocol_.all() && protocol_.interest().Wants(name)) names.push_back(name);
  };
  for (const Answer::Item& item : answer.items) add(item.name.empty() ? item.inner : item.name);
  for (const std::string& name : answer.removed) add(name);
  watcher_.OnRequest(names);
}

void Subscription::Reply(Verdict verdict) {
  if (verdict.error.empty()) {
    SendRefusal();
    Forget();
    Say(std::move(verdict));
    return;
  }
  if (AtOnce(verdict)) {
    SendRefusal();
    return Refuse(std::move(verdict));
  }
  if (waiting_) {
    waiting_ = std::move(verdict);
    return;
  }
  waiting_ = std::move(verdict);
  stream_.with_.stats.Hold();
  refusal_->Set(backoff_.Next(), [this] { SendRefusal(); });
}

bool Subscription::AtOnce(const Verdict& refusal) {
  if (refused_ && stream_.with_.clock.MonotonicNow() - *refused_ >= kQuiet) Forget();
  const uint64_t hash = base::XxHash64(refusal.error);
  if (said_.size() == kAtOnce || std::ranges::find(said_, hash) != said_.end()) return false;
  said_.push_back(hash);
  return true;
}

void Subscription::Forget() {
  refused_.reset();
  said_.clear();
  backoff_.Reset();
}

// What is said of a later answer stands for an earlier one of the same sort that is still here.
void Subscription::Say(Verdict verdict) {
  std::erase_if(replies_, [&](const Verdict& earlier) { return earlier.error.empty() == verdict.error.empty(); });
  replies_.push_back(std::move(verdict));
  Flush();
}

void Subscription::Refuse(Verdict verdict) {
  refused_ = stream_.with_.clock.MonotonicNow();
  Say(std::move(verdict));
}

void Subscription::SendRefusal() {
  if (!waiting_) return;
  Verdict verdict = *std::move(waiting_);
  DropRefusal();
  Refuse(std::move(verdict));
}

void Subscription::DropRefusal() {
  if (!waiting_) return;
  waiting_.reset();
  refusal_->Cancel();
  stream_.with_.stats.Release();
}

void Subscription::End() {
  DropRefusal();
  replies_.clear();
  if (options_.stats != nullptr) options_.stats->Failure();
  watcher_.OnFailure();
}

void Subscription::AwaitEnd() {
  const Holdings::Until end = protocol_.first_end();
  if (!end) return end_->Cancel();
  end_->Set(std::max(*end - stream_.with_.clock.MonotonicNow(), base::Duration::zero()), [this] {
    const Stream::Batch batch(stream_);
    protocol_.Expire();
    if (!protocol_.changes().empty()) {
      Tell(stream_.with_.log, who_ + ", whose time is over", "", protocol_.type_url(), protocol_.changes());
    }
    AwaitEnd();
  });
}

}  // namespace pillion::xds
