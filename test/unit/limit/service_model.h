#pragma once

// A service of fixed concurrency with a queue, and those who ask it through a limit, on a clock of its own.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <deque>
#include <functional>
#include <limits>
#include <queue>
#include <string>
#include <vector>

#include "source/base/random.h"
#include "source/limit/concurrency.h"

namespace pillion::limit {

// Requests come at random moments, of each class at a rate of its own (per second).
struct Demand {
  std::array<double, kPriorities> rates{};
};

class ServiceModel {
 public:
  struct Counts {
    uint64_t came = 0;
    uint64_t refused = 0;
    uint64_t served = 0;
    std::vector<double> latencies;  // seconds

    double Percentile(double part) const {
      if (latencies.empty()) return 0;
      std::vector<double> sorted = latencies;
      std::sort(sorted.begin(), sorted.end());
      return sorted[std::min(sorted.size() - 1, static_cast<size_t>(part * static_cast<double>(sorted.size())))];
    }
    double refused_part() const { return came == 0 ? 0 : static_cast<double>(refused) / static_cast<double>(came); }
  };

  // How long one takes that does not wait, in seconds.
  using ServiceTime = std::function<double(base::Random&)>;

  ServiceModel(ConcurrencyLimit& limit, int concurrency, ServiceTime service_time, uint64_t seed)
      : concurrency(concurrency), service_time(std::move(service_time)), limit_(limit), random_(seed) {
    next_.fill(std::numeric_limits<double>::infinity());
  }

  static ServiceTime Fixed(double seconds) {
    return [=](base::Random&) { return seconds; };
  }
  static ServiceTime Exponential(double mean) {
    return [=](base::Random& random) { return -mean * std::log(Uniform(random)); };
  }

  // Nine of ten take half of the mean, and the tenth eleven times as long as they.
  static ServiceTime Irregular(double mean) {
    return [=](base::Random& random) { return mean * (Uniform(random) < 0.9 ? 0.5 : 5.5); };
  }

  // May be changed between two runs.
  int concurrency;
  ServiceTime service_time;
  Demand demand;
  // Who asked gives up after so long; the service goes on with it all the same.
  double patience = std::numeric_limits<double>::infinity();

  std::array<Counts, kPriorities> counts;
  double least_limit = 0, most_limit = 0;  // learned during the last run, sampled every 100 ms

  Counts& of(Priority priority) { return counts[static_cast<size_t>(priority)]; }
  uint64_t served() const {
    uint64_t sum = 0;
    for (const Counts& each : counts) sum += each.served;
    return sum;
  }
  const std::string& trace() const { return trace_; }
  double now() const { return now_; }

  // The counts are those of this run.
  void Run(double seconds) {
    const double end = now_ + seconds;
    counts = {};
    least_limit = std::numeric_limits<double>::infinity();
    most_limit = 0;
    for (size_t i = 0; i < kPriorities; ++i) next_[i] = NextArrival(i);
    while (true) {
      const size_t first = static_cast<size_t>(std::min_element(next_.begin(), next_.end()) - next_.begin());
      const double arrival = next_[first];
      const double event = events_.empty() ? std::numeric_limits<double>::infinity() : events_.top().at;
      const double at = std::min({arrival, event, next_look_});
      if (at > end) break;
      now_ = at;
      if (at == next_look_) {
        Look();
      } else if (event <= arrival) {
        Handle();
      } else {
        Arrive(first);
        next_[first] = NextArrival(first);
      }
    }
    now_ = end;
  }

 private:
  struct Request {
    ConcurrencyLimit::Ticket ticket;
    double began;
    bool ended = false;
  };
  struct Event {
    double at;
    size_t request;
    bool gives_up;
    bool operator<(const Event& other) const { return at > other.at; }
  };

  static double Uniform(base::Random& random) { return (static_cast<double>(random.Next() >> 11) + 0.5) * 0x1p-53; }
  static base::Duration Time(double seconds) { return base::Duration(static_cast<int64_t>(seconds * 1e9)); }
  base::MonotonicTime Now() const { return base::MonotonicTime(std::chrono::hours(1)) + Time(now_); }

  double NextArrival(size_t index) {
    const double rate = demand.rates[index];
    return rate > 0 ? now_ - std::log(Uniform(random_)) / rate : std::numeric_limits<double>::infinity();
  }

  void Arrive(size_t index) {
    Counts& of_class = counts[index];
    ++of_class.came;
    const auto ticket = limit_.Admit(static_cast<Priority>(index), Now());
    if (!ticket) {
      ++of_class.refused;
      return;
    }
    requests_.push_back({.ticket = *ticket, .began = now_});
    const size_t request = requests_.size() - 1;
    if (patience < std::numeric_limits<double>::infinity()) events_.push({now_ + patience, request, true});
    busy_ < concurrency ? Serve(request) : waiting_.push_back(request);
  }

  void Serve(size_t request) {
    ++busy_;
    events_.push({now_ + service_time(random_), request, false});
  }

  void Handle() {
    const Event event = events_.top();
    events_.pop();
    Request& request = requests_[event.request];
    const double took = now_ - request.began;
    if (event.gives_up) {
      if (request.ended) return;
      request.ended = true;
      return limit_.End(request.ticket, ConcurrencyLimit::Outcome::kAbandoned, Time(took), Now());
    }
    --busy_;
    while (busy_ < concurrency && !waiting_.empty()) {
      const size_t next = waiting_.front();
      waiting_.pop_front();
      Serve(next);
    }
    if (request.ended) return;
    request.ended = true;
    Counts& of_class = counts[static_cast<size_t>(request.ticket.priority)];
    ++of_class.served;
    of_class.latencies.push_back(took);
    limit_.End(request.ticket, ConcurrencyLimit::Outcome::kAnswered, Time(took), Now());
  }

  void Look() {
    const ConcurrencyLimit::Figures figures = limit_.figures();
    least_limit = std::min(least_limit, static_cast<double>(figures.limit));
    most_limit = std::max(most_limit, static_cast<double>(figures.limit));
    if (++looks_ % 5 == 0) {
      char line[160];
      std::snprintf(line, sizeof(line), "%7.1f s: limit %u, in flight %u, unloaded %.2f ms, latency %.2f ms\n", now_,
                    figures.limit, figures.in_flight, static_cast<double>(figures.unloaded_latency.count()) / 1e6,
                    static_cast<double>(figures.latency.count()) / 1e6);
      trace_ += line;
    }
    next_look_ += 0.1;
  }

  ConcurrencyLimit& limit_;
  base::Random random_;
  double now_ = 0;
  double next_look_ = 0.1;
  int looks_ = 0;
  int busy_ = 0;
  std::deque<size_t> waiting_;
  std::deque<Request> requests_;
  std::priority_queue<Event> events_;
  std::array<double, kPriorities> next_{};
  std::string trace_;
};

}  // namespace pillion::limit
