#pragma once

// A reading of all metrics at one time: merged over the workers, sorted by name. A plain value.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/stats/histogram.h"
#include "source/stats/rules.h"
#include "source/stats/tags.h"

namespace re2 {
class RE2;
}

namespace pillion::stats {

enum class Kind : uint8_t { kCounter, kGauge, kHistogram, kText };

// A metric's name in two parts, for those of one Scope share the first, and those of many scopes the second: with
// thousands of clusters the names would be most of what the registry takes.
struct Description {
  std::shared_ptr<const Prefix> prefix;  // may be null
  std::string_view rest;                 // the registry keeps it
  Kind kind;

  std::string name() const;
  const std::vector<Tag>& tags() const;
};

struct Metric;

// The description of a metric, for as long as anybody has this, whatever becomes of the metric. Any thread. The count is the
// metric's own: there are hundreds of thousands of them, and a shared_ptr needs memory for its own of each.
class DescriptionPtr {
 public:
  explicit DescriptionPtr(Metric& metric);
  DescriptionPtr(const DescriptionPtr& other);
  DescriptionPtr(DescriptionPtr&& other) noexcept;
  DescriptionPtr& operator=(DescriptionPtr other) noexcept;
  ~DescriptionPtr();

  const Description& operator*() const { return *description_; }
  const Description* operator->() const { return description_; }

 private:
  Metric* metric_;  // null: moved from
  const Description* description_;
};

// What to read. The default is everything.
struct Query {
  bool used_only = false;            // only what was written since the start
  const re2::RE2* filter = nullptr;  // only names in which it is found
  std::optional<Kind> kind;
};

struct Snapshot {
  struct Text {
    DescriptionPtr description;
    std::string value;
  };
  struct Number {  // a counter's or a gauge's
    DescriptionPtr description;
    uint64_t counter = 0;
    int64_t gauge = 0;
  };
  struct Distribution {
    DescriptionPtr description;
    SparseCounts interval;    // the last whole interval
    SparseCounts cumulative;  // since the start
    Bounds own_bounds = nullptr;

    std::span<const double> bounds() const {
      if (own_bounds != nullptr) return *own_bounds;
      return kPrometheusBounds;
    }
  };

  std::shared_ptr<const Rules> rules = std::make_shared<const Rules>();  // never null
  std::vector<Text> texts;
  std::vector<Number> numbers;
  std::vector<Distribution> histograms;
};

}  // namespace pillion::stats
