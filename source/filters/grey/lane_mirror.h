#pragma once

// Copies of one lane's requests, for the baseline, and how those are answered beside the requests themselves: counters and
// histograms below grey.lane.<colour>.mirror. A worker's; copies keep it.

#include "source/filter/mirror_wish.h"
#include "source/filters/grey/lanes.h"
#include "source/stats/registry.h"

namespace pillion::filters::grey_rules {

class LaneMirror final : public filter::MirrorObserver {
 public:
  // `prefix` is the lane's, and so is `copies`, which outlives this.
  LaneMirror(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix, ActiveCount& copies);

  // Of this request, by chance. Once its lane is known; `mirror` lives as long as the stream.
  void MaybeCopy(filter::StreamContext& stream, const Mirror& mirror);

  // filter::MirrorObserver
  bool MayCopy(const filter::MirrorWish& wish) override;
  // A copy carries no colour.
  void OnCopy(filter::StreamContext& stream, http::RequestHead& copy) override;
  void OnAnswers(const filter::MirroredAnswer& own, const filter::MirroredAnswer& copy) override;

 private:
  struct Wish : filter::MirrorWish {
    const Mirror* mirror;
  };

  ActiveCount& copies_;
  stats::Scope scope_;
  stats::Counter& sent_;
  stats::Counter& same_status_;   // of HTTP and, of a call, of gRPC
  stats::Counter& other_status_;
  stats::Counter& no_answer_;     // to one of the two, or both
  stats::Counter& overflow_;      // of which there was no copy: there were as many as may be
  // By how many milliseconds the lane was slower than the baseline, or faster. As fast as that: slower by 0.
  stats::Histogram& slower_by_;
  stats::Histogram& faster_by_;
};

}  // namespace pillion::filters::grey_rules
