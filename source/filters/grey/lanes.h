#pragma once

// A colour, and what is done to the requests that have it. Immutable; any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "source/base/clock.h"
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

struct Fault {
  base::Duration delay{0};  // zero: none
  uint32_t delay_per_million = 0;
  int abort_status = 0;       // 0: none
  int abort_grpc_status = -1;  // -1: none
  uint32_t abort_per_million = 0;
};

// To the baseline.
struct Mirror {
  uint32_t per_million = 0;
  std::string cluster;  // empty: where the request goes
};

struct Lane {
  Colour colour;
  std::optional<Fault> fault;
  std::optional<Mirror> mirror;
  bool fails_closed = false;
};

}  // namespace pillion::filters::grey_rules
