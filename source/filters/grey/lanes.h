#pragma once

// A colour, and what is done to the requests that have it. Immutable but for what is counted; any thread.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "source/base/clock.h"
#include "source/runtime/key.h"
#include "source/upstream/lane.h"

namespace pillion::filters::grey_rules {

// Labels by key, none twice; none: the baseline.
class Colour {
 public:
  explicit Colour(std::map<std::string, std::string> texts);
  Colour(Colour&&) = default;  // texts stay where they are
  Colour& operator=(Colour&&) = default;

  std::span<const upstream::Label> labels() const { return labels_; }
  // `labels`, which are by key, has all of these.
  bool IsIn(std::span<const upstream::Label> labels) const;

 private:
  std::map<std::string, std::string> texts_;
  std::vector<upstream::Label> labels_;  // of the texts
};

// What is configured; a key of the runtime says otherwise while it is set.
struct Number {
  uint64_t configured = 0;
  std::shared_ptr<const runtime::Key> key;  // never null

  uint64_t now() const { return key->Integer(configured); }
};

struct Fault {
  // The runtime changes what is configured, and turns it off; it adds nothing.
  base::Duration delay{0};                         // zero: none
  std::shared_ptr<const runtime::Key> delay_ms;    // says another; never null
  Number delay_per_million;
  bool aborts = false;
  bool aborts_grpc = false;  // by a status of gRPC
  Number abort_status;       // of HTTP, or of gRPC
  Number abort_per_million;
  Number max_active;

  static constexpr std::chrono::milliseconds kLongestDelay{3'600'000};

  base::Duration delay_now() const;
  // What the runtime says where it can be one.
  int status_now() const;
};

// To the baseline.
struct Mirror {
  Number per_million;
  Number max_active;
  std::string cluster;  // empty: where the request goes
};

// How many there are of something at one time, of all workers.
class ActiveCount {
 public:
  // False: there are as many as may be.
  bool Begin(uint64_t most) {
    if (count_.fetch_add(1, std::memory_order_relaxed) < most) return true;
    End();
    return false;
  }
  void End() { count_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> count_{0};
};

// Of one colour, in the process: as long as some configuration or some request has it, so that a push changes nothing.
struct Active {
  ActiveCount faults;  // requests that have one
  ActiveCount copies;
};

struct Lane {
  Colour colour;
  std::optional<Fault> fault;
  std::optional<Mirror> mirror;
  bool fails_closed = false;
  std::shared_ptr<Active> active;  // never null
};

// The one that there is of these labels. Control side.
std::shared_ptr<Active> ActiveOf(const Colour& colour);

}  // namespace pillion::filters::grey_rules
