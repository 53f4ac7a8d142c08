#pragma once

// What the fields of a request ask for, and of that what is allowed. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/arena.h"
#include "source/filter/feature.h"
#include "source/filters/toggles/toggles.h"
#include "source/http/header_map.h"
#include "source/upstream/lane.h"

namespace pillion::filters::toggles {

inline constexpr std::string_view kOff = "x-pillion-off";
inline constexpr std::string_view kLane = "x-pillion-lane";
inline constexpr std::string_view kExplain = "x-pillion-explain";

// A field of a toggle.
bool IsToggle(const http::HeaderField& field);

// Words, by commas.
class Words {
 public:
  explicit Words(base::Arena& arena) : arena_(arena) {}

  void Add(std::string_view word, std::string_view sign = {}, std::string_view more = {}) {
    if (count_++ > 0) text_.Append(arena_, ",");
    for (const std::string_view part : {word, sign, more}) text_.Append(arena_, part);
  }
  std::string_view text() const { return text_.view(); }
  uint64_t count() const { return count_; }

 private:
  base::Arena& arena_;
  base::ArenaText text_;
  uint64_t count_ = 0;
};

struct Asked {
  explicit Asked(base::Arena& arena) : unknown(arena), not_allowed(arena) {}

  // "limit,grey"; "env=gray".
  std::string_view OffText(base::Arena& arena) const;
  std::string_view LaneText(base::Arena& arena) const;

  filter::FeatureSet off;
  std::vector<upstream::Label> labels;  // of the lane, by key, none twice; of two with one key the first counts
  bool explain = false;
  Words unknown;
  Words not_allowed;
};

// `labels`: the keys that a lane may have. What is asked for are views of the fields.
Asked ReadToggles(const http::HeaderMap& headers, const Allow& allow, const std::vector<std::string>& labels,
                  base::Arena& arena);

}  // namespace pillion::filters::toggles
