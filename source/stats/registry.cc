#include "source/stats/registry.h"

#include <re2/re2.h>
#include <sys/mman.h>

#include <algorithm>
#include <iterator>

#include "absl/container/btree_set.h"
#include "absl/container/node_hash_set.h"
#include "source/base/check.h"
#include "source/stats/metric.h"

namespace pillion::stats {
namespace {

bool Matches(const Metric& metric, const Query& query) {
  return query.filter == nullptr || re2::RE2::PartialMatch(metric.description.name(), *query.filter);
}

std::string_view PrefixText(const Description& description) {
  return description.prefix != nullptr ? std::string_view(description.prefix->text()) : std::string_view();
}

// Compares the beginnings of both that are as long as the shorter, and takes them off.
int CompareCommon(std::string_view& a, std::string_view& b) {
  const size_t common = std::min(a.size(), b.size());
  const int order = a.substr(0, common).compare(b.substr(0, common));
  a.remove_prefix(common);
  b.remove_prefix(common);
  return order;
}

int CompareNames(const Description& a, const Description& b) {
  if (a.prefix == b.prefix) return a.rest.compare(b.rest);
  std::string_view a_first = PrefixText(a), b_first = PrefixText(b);
  std::string_view a_rest = a.rest, b_rest = b.rest;
  if (const int order = CompareCommon(a_first, b_first)) return order;
  if (const int order = CompareCommon(a_first, b_rest)) return order;  // one of the first parts is used up now
  if (const int order = CompareCommon(a_rest, b_first)) return order;
  if (!a_first.empty()) return 1;
  if (!b_first.empty()) return -1;
  return a_rest.compare(b_rest);
}

bool IsBefore(const Description& a, const Description& b) {
  const int order = CompareNames(a, b);
  return order != 0 ? order < 0 : a.kind < b.kind;
}

}  // namespace

DescriptionPtr::DescriptionPtr(Metric& metric) : metric_(&metric), description_(&metric.description) { metric_->Hold(); }
DescriptionPtr::DescriptionPtr(const DescriptionPtr& other) : DescriptionPtr(*other.metric_) {}
DescriptionPtr::DescriptionPtr(DescriptionPtr&& other) noexcept
    : metric_(std::exchange(other.metric_, nullptr)), description_(other.description_) {}
DescriptionPtr& DescriptionPtr::operator=(DescriptionPtr other) noexcept {
  std::swap(metric_, other.metric_);
  std::swap(description_, other.description_);
  return *this;
}
DescriptionPtr::~DescriptionPtr() {
  if (metric_ != nullptr) metric_->LetGo();
}

std::string Description::name() const {
  std::string name(PrefixText(*this));
  name += rest;
  return name;
}

const std::vector<Tag>& Description::tags() const {
  static const std::vector<Tag> kNone;
  return prefix != nullptr ? prefix->tags() : kNone;
}

struct Registry::Names {
  // By the whole name, however it is divided, and then by kind.
  struct Order {
    using is_transparent = void;
    bool operator()(const Metric* a, const Metric* b) const { return IsBefore(a->description, b->description); }
    bool operator()(const Metric* a, const Description& b) const { return IsBefore(a->description, b); }
    bool operator()(const Description& a, const Metric* b) const { return IsBefore(a, b->description); }
  };

  absl::btree_set<Metric*, Order> metrics;  // which it holds
  absl::node_hash_set<std::string> rests;   // second parts of names, kept for ever: they are few
};

Shard::~Shard() {
  for (std::atomic<uint64_t*>& chunk : chunks_) {
    if (uint64_t* memory = chunk.load(std::memory_order_relaxed)) munmap(memory, kChunkWords * sizeof(uint64_t));
  }
}

uint32_t Shard::Cell(const Metric* metric) {
  PILLION_CHECK(metric != nullptr && metric->has_cell());
  return metric->cell;
}

bool Shard::MapChunk(size_t index) {
  constexpr size_t kBytes = kChunkWords * sizeof(uint64_t);
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  madvise(memory, kBytes, MADV_NOHUGEPAGE);  // neighbouring chunks must not become resident as one huge page
  chunks_[index].store(static_cast<uint64_t*>(memory), std::memory_order_release);
  return true;
}

Registry::Registry(size_t workers, size_t max_metrics, Rules rules)
    : max_metrics_(max_metrics), rules_(std::make_shared<const Rules>(std::move(rules))), names_(std::make_unique<Names>()) {
  for (size_t i = 0; i < workers + 1; ++i) shards_.push_back(std::make_unique<Shard>());
  for (size_t kind = 0; kind < std::size(refused_metric_); ++kind) {
    refused_metric_[kind] = std::make_unique<Metric>();
    refused_metric_[kind]->description = {nullptr, "", Kind(kind)};
    if (Kind(kind) != Kind::kText) PILLION_CHECK(ReserveCells(*refused_metric_[kind]));
  }
  AddCounterCallback("stats.metrics_refused", [this] { return refused_; });
}

Registry::~Registry() {
  for (Metric* metric : names_->metrics) metric->LetGo();
}

bool Registry::ReserveCells(Metric& metric) {
  CellSource& source = metric.description.kind == Kind::kHistogram ? histogram_cells_ : number_cells_;
  if (!source.free.empty()) {
    metric.cell = source.free.back();
    source.free.pop_back();
  } else {
    if (source.end - source.next < source.words) {
      if (chunks_ == Shard::kMaxChunks) return false;
      for (std::unique_ptr<Shard>& shard : shards_) {
        if (shard->chunks_[chunks_].load(std::memory_order_relaxed) == nullptr && !shard->MapChunk(chunks_))
          return false;
      }
      source.next = static_cast<uint32_t>(chunks_ << Shard::kChunkBits);
      source.end = source.next + Shard::kChunkWords;
      ++chunks_;
    }
    metric.cell = source.next;
    source.next += source.words;
  }
  return true;
}

void Registry::FreeCells(Metric& metric) {
  CellSource& source = metric.description.kind == Kind::kHistogram ? histogram_cells_ : number_cells_;
  for (std::unique_ptr<Shard>& shard : shards_) {
    uint64_t* words = static_cast<uint64_t*>(shard->At(metric.cell));
    for (uint32_t i = 0; i < source.words; ++i) {
      if (internal::Load(words[i]) != 0) internal::Store(words[i], 0);  // a store would make the page resident
    }
  }
  source.free.push_back(metric.cell);
}

Metric* Registry::Add(const SharedPrefix& prefix, std::string_view rest, Kind kind) {
  const Description wanted{prefix, rest, kind};
  absl::btree_set<Metric*, Names::Order>& metrics = names_->metrics;
  const auto place = metrics.lower_bound(wanted);
  if (place != metrics.end() && !IsBefore(wanted, (*place)->description)) {
    ++(*place)->references;
    return *place;
  }
  if (rules_->has_test() && !rules_->Exports(wanted.name())) return refused_metric_[static_cast<size_t>(kind)].get();
  auto metric = std::make_unique<Metric>();
  metric->description = wanted;
  metric->references = 1;
  if (metrics.size() >= max_metrics_ || (kind != Kind::kText && !ReserveCells(*metric))) {
    ++refused_;
    return refused_metric_[static_cast<size_t>(kind)].get();
  }
  metric->description.rest = *names_->rests.emplace(rest).first;
  return *metrics.insert(place, metric.release());
}

CounterId Registry::AddCounter(std::string_view name) {
  const std::lock_guard lock(mutex_);
  return {Add(nullptr, name, Kind::kCounter)};
}

GaugeId Registry::AddGauge(std::string_view name) {
  const std::lock_guard lock(mutex_);
  return {Add(nullptr, name, Kind::kGauge)};
}

HistogramId Registry::AddHistogram(std::string_view name) {
  const std::lock_guard lock(mutex_);
  return {Add(nullptr, name, Kind::kHistogram)};
}

TextId Registry::AddText(std::string_view name) {
  const std::lock_guard lock(mutex_);
  return {Add(nullptr, name, Kind::kText)};
}

Metric* Registry::AddCallback(const SharedPrefix& prefix, std::string_view rest, Kind kind, Callback callback) {
  const std::lock_guard lock(mutex_);
  Metric* metric = Add(prefix, rest, kind);
  if (metric == refused_metric_[static_cast<size_t>(kind)].get()) return metric;
  std::vector<Metric::More::Source>& callbacks = metric->NeedMore().callbacks;
  if (prefix == nullptr) std::erase_if(callbacks, [](const auto& source) { return source.owner == nullptr; });
  callbacks.push_back({prefix.get(), std::move(callback)});
  return metric;
}

CallbackId Registry::AddCounterCallback(std::string_view name, Callback callback) {
  return {AddCallback(nullptr, name, Kind::kCounter, std::move(callback))};
}

CallbackId Registry::AddGaugeCallback(std::string_view name, Callback callback) {
  return {AddCallback(nullptr, name, Kind::kGauge, std::move(callback))};
}

void Registry::SetText(TextId id, std::string value) {
  const std::lock_guard lock(mutex_);
  Metric::More& more = id.metric->NeedMore();
  more.text = std::move(value);
  more.text_set = true;
}

void Registry::Record(HistogramId id, uint64_t value) {
  const std::lock_guard lock(mutex_);
  SparseCounts& recorded = id.metric->NeedMore().recorded;
  const auto bucket = static_cast<uint16_t>(HistogramLayout::Index(value));
  const auto place = std::ranges::lower_bound(recorded, bucket, {}, &SparseCounts::value_type::first);
  if (place != recorded.end() && place->first == bucket) {
    ++place->second;
  } else {
    recorded.insert(place, {bucket, 1});
  }
}

void Registry::ReleaseMetric(Metric* metric, const SharedPrefix& prefix) {
  const std::lock_guard lock(mutex_);
  if (metric->more != nullptr && prefix != nullptr) {
    std::erase_if(metric->more->callbacks, [&](const auto& source) { return source.owner == prefix.get(); });
  }
  const Description& description = metric->description;
  if (metric == refused_metric_[static_cast<size_t>(description.kind)].get()) return;
  PILLION_CHECK(metric->references > 0);
  if (--metric->references > 0) return;
  if (metric->has_cell()) FreeCells(*metric);
  names_->metrics.erase(names_->metrics.find(description));
  metric->LetGo();
}

uint64_t Registry::CounterTotal(const Metric& metric) const {
  if (metric.has_callback()) return metric.Call();
  uint64_t total = 0;
  for (const std::unique_ptr<Shard>& shard : shards_)
    total += static_cast<Counter*>(shard->At(metric.cell))->value();
  return total;
}

BucketCounts Registry::HistogramTotal(const Metric& metric) const {
  BucketCounts total{};
  if (metric.more != nullptr) {
    for (const auto& [bucket, count] : metric.more->recorded) total[bucket] += count;
  }
  for (const std::unique_ptr<Shard>& shard : shards_) {
    const Histogram& histogram = *static_cast<Histogram*>(shard->At(metric.cell));
    if (histogram.used()) histogram.AddTo(total);
  }
  return total;
}

bool Registry::IsUsed(const Metric& histogram) const {
  if (histogram.more != nullptr && !histogram.more->recorded.empty()) return true;
  return std::ranges::any_of(shards_, [&](const std::unique_ptr<Shard>& shard) {
    return static_cast<Histogram*>(shard->At(histogram.cell))->used();
  });
}

void Registry::ReadNumber(Metric& metric, const Query& query, Snapshot& out) const {
  Snapshot::Number number{DescriptionPtr(metric)};
  if (metric.description.kind == Kind::kCounter) {
    const uint64_t total = CounterTotal(metric);
    if (query.used_only && total == 0) return;
    number.counter = total - (metric.more == nullptr ? 0 : metric.more->reset_base);
  } else if (metric.has_callback()) {
    number.gauge = static_cast<int64_t>(metric.Call());
  } else {
    bool used = false;
    for (const std::unique_ptr<Shard>& shard : shards_) {
      const Gauge& gauge = *static_cast<Gauge*>(shard->At(metric.cell));
      used = used || gauge.used();
      number.gauge += gauge.value();
    }
    if (query.used_only && !used) return;
  }
  out.numbers.push_back(std::move(number));
}

void Registry::ReadHistogram(Metric& metric, const Query& query, Snapshot& out) const {
  Snapshot::Distribution distribution{DescriptionPtr(metric), {}, {}};
  distribution.cumulative = Sparse(HistogramTotal(metric));
  if (query.used_only && distribution.cumulative.empty()) return;
  if (metric.more != nullptr && metric.more->history != nullptr) distribution.interval = metric.more->history->interval;
  distribution.own_bounds = rules_->has_buckets() ? rules_->BoundsOf(metric.description.name()) : nullptr;
  out.histograms.push_back(std::move(distribution));
}

Snapshot Registry::Read(const Query& query) {
  const std::lock_guard lock(mutex_);
  Snapshot out;
  out.rules = rules_;
  for (Metric* metric : names_->metrics) {
    const Kind kind = metric->description.kind;
    if ((query.kind && *query.kind != kind) || !Matches(*metric, query)) continue;
    switch (kind) {
      case Kind::kCounter:
      case Kind::kGauge:
        ReadNumber(*metric, query, out);
        break;
      case Kind::kHistogram:
        ReadHistogram(*metric, query, out);
        break;
      case Kind::kText: {
        const bool set = metric->more != nullptr && metric->more->text_set;
        if (set || !query.used_only) out.texts.push_back({DescriptionPtr(*metric), set ? metric->more->text : ""});
        break;
      }
    }
  }
  return out;
}

void Registry::RollInterval() {
  const std::lock_guard lock(mutex_);
  for (Metric* metric : names_->metrics) {
    if (metric->description.kind != Kind::kHistogram) continue;
    if (!IsUsed(*metric)) continue;  // no memory for it
    BucketCounts counts = HistogramTotal(*metric);
    SparseCounts total = Sparse(counts);
    std::unique_ptr<Metric::History>& history = metric->NeedMore().history;
    if (history == nullptr) history = std::make_unique<Metric::History>();
    for (const auto& [index, count] : history->last) counts[index] -= count;
    history->interval = Sparse(counts);
    history->last = std::move(total);
  }
}

void Registry::ResetCounters() {
  const std::lock_guard lock(mutex_);
  for (Metric* metric : names_->metrics) {
    if (metric->description.kind != Kind::kCounter) continue;
    const uint64_t total = CounterTotal(*metric);
    if (total != 0 || metric->more != nullptr) metric->NeedMore().reset_base = total;
  }
}

Scope::Scope(Registry& registry, const Prefix& prefix)
    : registry_(&registry), prefix_(std::make_shared<const Prefix>(prefix)) {}

Scope::Scope(Scope&& other) noexcept
    : registry_(other.registry_),
      prefix_(std::move(other.prefix_)),
      metrics_(std::exchange(other.metrics_, {})) {}

Scope::~Scope() {
  for (Metric* metric : metrics_) registry_->ReleaseMetric(metric, prefix_);
}

Metric* Scope::Add(std::string_view name, Kind kind) {
  const std::lock_guard lock(registry_->mutex_);
  Metric* metric = registry_->Add(prefix_, name, kind);
  metrics_.push_back(metric);
  return metric;
}

CounterId Scope::AddCounter(std::string_view name) {
  return {Add(name, Kind::kCounter)};
}
GaugeId Scope::AddGauge(std::string_view name) {
  return {Add(name, Kind::kGauge)};
}
HistogramId Scope::AddHistogram(std::string_view name) {
  return {Add(name, Kind::kHistogram)};
}
TextId Scope::AddText(std::string_view name) {
  return {Add(name, Kind::kText)};
}

void Scope::AddCounterCallback(std::string_view name, Registry::Callback callback) {
  metrics_.push_back(registry_->AddCallback(prefix_, name, Kind::kCounter, std::move(callback)));
}

void Scope::AddGaugeCallback(std::string_view name, Registry::Callback callback) {
  metrics_.push_back(registry_->AddCallback(prefix_, name, Kind::kGauge, std::move(callback)));
}

}  // namespace pillion::stats
