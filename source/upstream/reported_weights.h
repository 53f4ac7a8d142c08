#pragma once

// The weights that hosts of a cluster make themselves, by what they report of their load (client_side_weighted_round_robin).
// Workers note what each report means in its host; at the end of each period the weights of all hosts are set: one whose
// reports began long enough ago, and which has reported lately, has its own; the others have the median of these.
//
// One for each cluster that has this policy, on the main thread; ends before the cluster.

#include <memory>

#include "source/event/control_timer.h"
#include "source/http/load_report.h"
#include "source/upstream/cluster.h"

namespace pillion::upstream {

// Requests a second for each part of the capacity that they and their errors take; 0: the report says nothing.
uint32_t WeightOf(const http::LoadReport& report, double error_penalty);

class ReportedWeights {
 public:
  // All outlive it; the cluster has the policy.
  ReportedWeights(Cluster& cluster, event::ControlTimers& timers, const base::Clock& clock);
  ReportedWeights(const ReportedWeights&) = delete;
  ReportedWeights& operator=(const ReportedWeights&) = delete;

  // Begins the first period.
  void Start();

 private:
  void Wait();
  void Update();

  Cluster& cluster_;
  const base::Clock& clock_;
  const std::unique_ptr<event::ControlTimer> timer_;
};

}  // namespace pillion::upstream
