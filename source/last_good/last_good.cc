#include "source/last_good/last_good.h"

#include <algorithm>

#include "source/config/inline_secrets.h"
#include "source/config/read_file.h"
#include "source/config/text.h"
#include "source/last_good/format.h"
#include "source/last_good/words.h"

namespace pillion::last_good {
namespace {

using config::Concat;

// `listener "y" (why)` of each, as many as a line can have.
std::string NamedText(xds::Kind kind, const Section& section, size_t most) {
  std::string text;
  size_t count = 0;
  for (const auto& [name, why] : section.left_out) {
    if (++count > most) continue;
    text += Concat(text.empty() ? "" : ", ", NounOf(kind), " ", config::Quote(name), " (", why, ")");
  }
  return count > most ? Concat(text, " and ", count - most, " more") : text;
}

Section NamesOnly(const Section& section) {
  Section names{.kept = {}, .left_out = section.left_out};
  for (const auto& [name, kept] : section.kept) names.kept[name].version = kept.version;
  return names;
}

}  // namespace

LastGood::LastGood(config::LastGood config, Owner owner, Surroundings surroundings)
    : config_(std::move(config)),
      owner_(std::move(owner)),
      with_(std::move(surroundings)),
      timer_(with_.timers.New()),
      scope_(with_.registry, stats::Prefix("last_good")),
      writes_(with_.registry.control().counter(scope_.AddCounter("writes"))),
      write_failures_(with_.registry.control().counter(scope_.AddCounter("write_failures"))),
      refused_count_(with_.registry.control().counter(scope_.AddCounter("refused"))) {
  scope_.AddGaugeCallback("age_seconds", [this] {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(age()).count());
  });
  scope_.AddGaugeCallback("restored", [this] {
    uint64_t count = 0;
    for (const auto& [id, names] : restored_) count += names.size();
    return count;
  });
  Read();
}

LastGood::~LastGood() { with_.offload->Wait(); }

void LastGood::Read() {
  const absl::StatusOr<std::string> bytes = config::ReadOwnFile(config_.path, kMostBytes);
  if (absl::IsNotFound(bytes.status())) return with_.info(Concat("there is no ", config_.path, " yet"));
  absl::StatusOr<State> state = bytes.ok() ? Parse(*bytes, owner_) : bytes.status();
  if (!state.ok()) {
    refused_ = std::string(state.status().message());
    refused_count_->Increment();
    return with_.warn(Concat(config_.path, ": ", refused_, "; the start goes on without it"));
  }
  former_written_ = state->written;
  written_ = state->written;
  for (auto& [id, section] : state->sections) {
    contents_[id] = NamesOnly(section);
    former_[id].section = std::move(section);
  }
  const std::string age = AgeText(with_.clock.WallNow() - former_written_);
  with_.info(Concat(config_.path, " of ", age, " ago: ", CountsText(contents_)));
}

void LastGood::Start() {
  started_ = true;
  ForEachAnswered([this](const SectionId& id, const xds::TypeProtocol&) { former_.erase(id); });
  AwaitWrite(kGather);
}

void LastGood::WriteNow() {
  if (!armed_) return;
  not_before_ = {};
  armed_ = false;
  AwaitWrite(base::Duration::zero());
}

void LastGood::Stop() {
  if (stopped_) return;
  with_.offload->Wait();
  if (job_ != nullptr) EndWrite(job_);
  timer_->Cancel();
  if (started_ && due_) {
    job_ = MakeJob();
    begun_ = with_.clock.MonotonicNow();
    job_->Run();
    EndWrite(job_);
  }
  timer_->Cancel();
  stopped_ = true;
}

void LastGood::OnChange(const xds::ResourceId& id, const xds::Holdings::Held* before, const xds::Holdings::Held* now, bool) {
  if (restoring_ || stopped_) return;
  const auto* const source = std::get_if<config::ApiSource>(&id.source);
  if (source == nullptr || source->protocol == config::ApiSource::Protocol::kRest) return;  // it has no stream
  if (!restored_.empty()) {
    const auto restored = restored_.find({xds::NameOf(*source, id.kind), id.kind});
    if (restored != restored_.end()) restored->second.erase(id.name);
  }
  const bool same = before != nullptr && now != nullptr && before->hash == now->hash && before->version == now->version;
  if (!same) Change();
}

void LastGood::Change() {
  due_ = true;
  AwaitWrite(kGather);
}

void LastGood::AwaitWrite(base::Duration least) {
  if (!started_ || stopped_ || !due_ || armed_ || job_ != nullptr) return;
  armed_ = true;
  timer_->Set(std::max(least, not_before_ - with_.clock.MonotonicNow()), [this] {
    armed_ = false;
    BeginWrite();
  });
}

void LastGood::ForEachAnswered(
    const std::function<void(const SectionId& id, const xds::TypeProtocol& protocol)>& visit) const {
  planes_->ForEachStreamed([&](const config::ApiSource& source, xds::Kind kind, const xds::TypeProtocol& protocol) {
    if (protocol.answered()) visit({xds::NameOf(source, kind), kind}, protocol);
  });
}

std::unique_ptr<Job> LastGood::MakeJob() {
  due_ = false;
  ForEachAnswered([this](const SectionId& id, const xds::TypeProtocol&) { former_.erase(id); });
  Sections as_they_are;
  for (const auto& [id, former] : former_) as_they_are[id] = former.section;
  auto job = std::make_unique<Job>(config_.path, owner_, config_.include_secrets, with_.clock.WallNow(),
                                   std::move(as_they_are), std::exchange(verdicts_, {}));
  ForEachAnswered([&job](const SectionId& id, const xds::TypeProtocol& protocol) {
    job->AddSection(id);
    for (const auto& [name, held] : protocol.holdings().all()) {
      if (held.until) {
        job->LeaveOut(id, name, "it ends by itself: it has a ttl");
      } else {
        job->Add(id, name, {.version = held.version, .body = held.body});
      }
    }
  });
  return job;
}

void LastGood::BeginWrite() {
  job_ = MakeJob();
  begun_ = with_.clock.MonotonicNow();
  with_.offload->Run([job = job_] { job->Run(); },
                    [this, job = job_] {
                      if (job == job_) EndWrite(job);
                    });
}

void LastGood::EndWrite(const std::shared_ptr<Job>& job) {
  const base::MonotonicTime now = with_.clock.MonotonicNow();
  Job::Result& result = job->result();
  const std::string before = last_write_ ? last_write_->error : "";
  last_write_ = Write{.time = job->time(),
                      .duration = now - begun_,
                      .bytes = result.bytes,
                      .error = std::string(result.status.message())};
  verdicts_ = job->TakeVerdicts();
  if (result.status.ok()) {
    writes_->Increment();
    written_ = job->time();
    contents_ = std::move(result.written);
    not_before_ = now + last_write_->duration * kShare;
    if (!before.empty()) with_.info(Concat(config_.path, ": is written again"));
  } else {
    write_failures_->Increment();
    due_ = true;
    not_before_ = now + kAgain;
    if (before != last_write_->error) with_.warn(last_write_->error + "; it is tried again, nothing else is affected");
  }
  job_.reset();
  AwaitWrite(kGather);
}

std::vector<xds::Resource> LastGood::Usable(xds::Kind kind, const xds::TypeProtocol& protocol, Former& former) {
  std::vector<xds::Resource> resources;
  const absl::Time now = absl::FromChrono(std::chrono::time_point_cast<std::chrono::microseconds>(with_.clock.WallNow()));
  const auto consider = [&](const std::string& name, const Kept& kept) {
    if (former.unusable.left_out.contains(name)) return;
    if (const Verdict verdict = Judge(kept.body, config_.include_secrets); verdict.body == nullptr) {
      former.unusable.left_out[name] = verdict.why;
      return;
    }
    const std::optional<config::CertificateEnd> end = config::FirstCertificateEnd(*kept.body);
    if (end && end->time <= now) {
      former.unusable.left_out[name] =
          Concat("its ", end->place, " ended at ", absl::FormatTime(absl::RFC3339_sec, end->time, absl::UTCTimeZone()));
      return;
    }
    resources.push_back({.name = name, .version = kept.version, .body = kept.body});
  };
  if (protocol.all()) {
    for (const auto& [name, kept] : former.section.kept) consider(name, kept);
    return resources;
  }
  for (const std::string& name : protocol.interest().wanted()) {
    const auto found = former.section.kept.find(name);
    if (found != former.section.kept.end() && protocol.holdings().Find(name) == nullptr) consider(name, found->second);
  }
  return resources;
}

bool LastGood::Restore(const config::ApiSource& source, xds::Kind kind, xds::TypeSubscription& subscription) {
  const SectionId id{xds::NameOf(source, kind), kind};
  const auto found = former_.find(id);
  if (found == former_.end()) return false;
  Former& former = found->second;
  const xds::TypeProtocol& protocol = subscription.protocol();
  if (protocol.all() && std::exchange(former.given, true)) return false;
  const Section before = former.unusable;
  const std::vector<xds::Resource> resources = Usable(kind, protocol, former);
  const bool put = protocol.all() || !resources.empty();
  if (put) {
    SayServing(id.first);
    restoring_ = true;
    const std::vector<xds::Refusal> refusals = subscription.Put(resources, {});
    restoring_ = false;
    for (const xds::Refusal& refusal : refusals) {
      std::string& why = former.unusable.left_out[refusal.name];
      for (const std::string& error : refusal.errors) why += (why.empty() ? "" : "; ") + error;
    }
    for (const xds::Resource& resource : resources) {
      if (protocol.holdings().Find(resource.name) != nullptr) restored_[id].insert(resource.name);
    }
  }
  Section unusable;
  for (const auto& [name, why] : former.unusable.left_out) {
    if (!before.left_out.contains(name)) unusable.left_out.emplace(name, why);
  }
  if (!unusable.left_out.empty()) SayUnusable(id, unusable);
  return put;
}

bool LastGood::Lacks(const config::ApiSource& source, xds::Kind kind, const std::string& name) const {
  const SectionId id{xds::NameOf(source, kind), kind};
  if (std::ranges::none_of(former_, [&id](const auto& each) { return each.first.first == id.first; })) return false;
  const auto found = former_.find(id);
  return found == former_.end() || !found->second.section.kept.contains(name) ||
         found->second.unusable.left_out.contains(name);
}

void LastGood::SayServing(const std::string& source) {
  if (!serving_.insert(source).second) return;
  Sections mine;
  std::string left_out;
  for (const auto& [id, former] : former_) {
    if (id.first != source) continue;
    mine[id] = NamesOnly(former.section);
    const std::string named = NamedText(id.second, former.section, kMostNamed);
    if (!named.empty()) left_out += (left_out.empty() ? "" : ", ") + named;
  }
  with_.warn(Concat("serving from ", config_.path, " of ", AgeText(age()), " ago: ", CountsText(mine), " of ", source,
                    ", which does not answer", left_out.empty() ? "" : "; left out: ", left_out));
}

void LastGood::SayUnusable(const SectionId& id, const Section& unusable) {
  for (size_t i = 0; i < unusable.left_out.size(); ++i) refused_count_->Increment();
  with_.warn(Concat(config_.path, ", ", id.first, ": not used: ", NamedText(id.second, unusable, kMostNamed)));
}

void LastGood::OnAnswer(const config::ApiSource& source, xds::Kind kind) {
  const std::string name = xds::NameOf(source, kind);
  std::erase_if(restored_, [&name](const auto& each) { return each.first.first == name; });
  if (serving_.erase(name) > 0) {
    with_.info(Concat(name, " answers: what it gives takes the place of what was used of ", config_.path));
  }
}

const std::set<std::string, std::less<>>* LastGood::RestoredOf(const SectionId& id) const {
  const auto found = restored_.find(id);
  return found == restored_.end() ? nullptr : &found->second;
}

const Section* LastGood::UnusableOf(const SectionId& id) const {
  const auto found = former_.find(id);
  return found == former_.end() ? nullptr : &found->second.unusable;
}

base::Duration LastGood::age() const {
  if (serving_.empty()) return base::Duration::zero();
  return std::max<base::Duration>(with_.clock.WallNow() - former_written_, base::Duration::zero());
}

}  // namespace pillion::last_good
