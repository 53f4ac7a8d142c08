#pragma once

// All metrics of the process by name, and the shards they are counted in. One per process, owned by the server;
// outlives the workers and every Scope. Registering, releasing and reading take a mutex and belong to the control
// side; they are safe at any time, from any thread, while workers count. The data path never calls in here: it
// holds cells (shard.h).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/stats/shard.h"
#include "source/stats/snapshot.h"

namespace pillion::stats {

struct TextId {
  Metric* metric = nullptr;
};
struct CallbackId {
  Metric* metric = nullptr;
};

class Registry {
 public:
  // Reads a value that is kept elsewhere. Called under the registry's lock: quick, and no call back into it.
  using Callback = std::function<uint64_t()>;

  static constexpr size_t kMaxMetrics = 1'000'000;

  // Past `max_metrics` names a registration counts into a cell that is not exported, and into
  // stats.metrics_refused. So does one that the rules do not export, which nobody hears of.
  explicit Registry(size_t workers, size_t max_metrics = kMaxMetrics, Rules rules = {});
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry();

  // A name registered twice is the same metric; it goes with the last Release. Counters, gauges, histograms and
  // texts have separate names. Names with tags in them are a Scope's.
  CounterId AddCounter(std::string_view name);
  GaugeId AddGauge(std::string_view name);
  HistogramId AddHistogram(std::string_view name);
  TextId AddText(std::string_view name);
  // A value of the process instead of a sum over workers. For a name that exists, the newer callback replaces the
  // older.
  CallbackId AddCounterCallback(std::string_view name, Callback callback);
  CallbackId AddGaugeCallback(std::string_view name, Callback callback);

  void SetText(TextId id, std::string value);
  // Into a histogram, of what is counted now and then: it takes a lock, and memory only for buckets that have a count, where
  // a shard's cells are resident as a whole.
  void Record(HistogramId id, uint64_t value);

  // Takes back one registration. After the last, no thread may write to the metric's cells any more: the caller
  // has made sure that every worker has dropped its pointers.
  template <typename AnyId>
  void Release(AnyId id) {
    ReleaseMetric(id.metric, nullptr);
  }

  // As the rules have it.
  bool Exports(std::string_view name) const { return rules_->Exports(name); }

  size_t workers() const { return shards_.size() - 1; }
  // 0 to workers() - 1: the workers'; workers(): the control thread's.
  Shard& shard(size_t worker) const { return *shards_[worker]; }
  Shard& control() { return *shards_.back(); }

  Snapshot Read(const Query& query = {});

  // Ends one interval of the histograms and begins the next. Every 5 s by the control thread.
  void RollInterval();

  // Counters go on from zero, as read; the cells are the workers' and stay as they are.
  void ResetCounters();

 private:
  friend class Scope;
  using SharedPrefix = std::shared_ptr<const Prefix>;
  struct Names;

  Metric* Add(const SharedPrefix& prefix, std::string_view rest, Kind kind);
  Metric* AddCallback(const SharedPrefix& prefix, std::string_view rest, Kind kind, Callback callback);
  void ReleaseMetric(Metric* metric, const SharedPrefix& prefix);
  bool ReserveCells(Metric& metric);
  void FreeCells(Metric& metric);
  uint64_t CounterTotal(const Metric& metric) const;
  void ReadNumber(Metric& metric, const Query& query, Snapshot& out) const;
  void ReadHistogram(Metric& metric, const Query& query, Snapshot& out) const;
  BucketCounts HistogramTotal(const Metric& metric) const;
  bool IsUsed(const Metric& histogram) const;  // was written since it was made

  // Where the next cells of one size come from. Counters and gauges lie apart from histograms, so that those of
  // one worker stay close together.
  struct CellSource {
    uint32_t words;
    uint32_t next = 0;
    uint32_t end = 0;
    std::vector<uint32_t> free;
  };

  const size_t max_metrics_;
  const std::shared_ptr<const Rules> rules_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Shard>>
      shards_;  // the workers', then the control thread's; the vector never changes
  const std::unique_ptr<Names> names_;
  std::unique_ptr<Metric> refused_metric_[4];  // by Kind: what counts nowhere
  uint64_t refused_ = 0;
  size_t chunks_ = 0;
  CellSource number_cells_{1};
  CellSource histogram_cells_{sizeof(Histogram) / sizeof(uint64_t)};
};

// Metrics under one prefix that live and die together: those of a cluster, a listener, a connection manager. Owned
// by what they describe; releases them in the end (see Registry::Release for what must hold then). One thread at a
// time.
class Scope {
 public:
  Scope(Registry& registry, const Prefix& prefix);
  Scope(Scope&& other) noexcept;
  Scope& operator=(Scope&&) = delete;
  ~Scope();

  CounterId AddCounter(std::string_view name);
  GaugeId AddGauge(std::string_view name);
  HistogramId AddHistogram(std::string_view name);
  TextId AddText(std::string_view name);
  // As those of the registry, but of several scopes each has its own: the newest that is left counts. What it reads
  // outlives the scope.
  void AddCounterCallback(std::string_view name, Registry::Callback callback);
  void AddGaugeCallback(std::string_view name, Registry::Callback callback);

  Registry& registry() { return *registry_; }

 private:
  Metric* Add(std::string_view name, Kind kind);

  Registry* registry_;
  std::shared_ptr<const Prefix> prefix_;
  std::vector<Metric*> metrics_;
};

}  // namespace pillion::stats
