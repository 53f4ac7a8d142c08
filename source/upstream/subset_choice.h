#pragma once

// Which subset of a cluster's hosts a request goes to: the one that its criteria name, or what the fallback says. Nothing is
// allocated.

#include <cstddef>

#include "absl/container/inlined_vector.h"
#include "source/config/load_balancing.h"
#include "source/upstream/subsets.h"

namespace pillion::upstream {

struct SubsetChoice {
  size_t subset = Subsets::kNone;  // kNone: no host
  bool selected = false;           // by the criteria; else by a fallback
  bool of_selector = false;        // by its fallback, not the cluster's: Envoy does not count it
  bool may_panic = false;          // where it has no host to give, any host of the cluster will do: Subsets::any
};

// Criteria over others, of which the list of alternatives is left out. What it is made of outlives it.
class CriteriaOver {
 public:
  CriteriaOver(const config::LbCriteriaView& others, const config::LbCriteriaView& over);
  CriteriaOver(const CriteriaOver&) = delete;
  CriteriaOver& operator=(const CriteriaOver&) = delete;

  config::LbCriteriaView view() const {
    return {{text_.data(), text_.size()}, {keys_.data(), keys_.size()}, {parts_.data(), parts_.size()}};
  }

 private:
  void Add(const config::LbCriteriaView::Part& part);

  // Their number and length is up to the configuration: short ones take no memory.
  absl::InlinedVector<config::LbCriteriaView::Part, 16> parts_;
  absl::InlinedVector<char, 512> text_;
  absl::InlinedVector<char, 256> keys_;
};

SubsetChoice ChooseSubset(const Subsets& subsets, const config::SubsetConfig& config,
                          const config::LbCriteriaView& criteria);

}  // namespace pillion::upstream
