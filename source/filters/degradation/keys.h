#pragma once

// By what a rule's breakers are told apart: a text for each route, cluster and lane, which a worker makes when it meets one
// first, and remembers for a while: what comes with most requests is found by comparing names.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "source/degradation/breakers.h"
#include "source/filter/stream_context.h"
#include "source/filters/degradation/degradation.h"

namespace pillion::filters::degradation_rules {

// "route=all/pay, lane=env=gray,version=v2". What looks like one of its signs is escaped (%2C), so that different ones have
// different texts. Of a stream that has a route and a cluster, as far as `per` asks for them. `text` keeps its memory.
void WriteKey(const Parts& per, filter::StreamContext& stream, std::string& text);

// A worker's.
class Keys {
 public:
  // Its text lives as long as the stream.
  degradation::Breakers::Key Of(const Parts& per, filter::StreamContext& stream);

 private:
  struct Known {
    Parts per;
    std::vector<std::string> names;  // as they are, in the order of ForEachName(); behind `size` those of former ones
    size_t size = 0;
    std::string text;                // empty: none is known
    size_t hash = 0;
  };
  // More routes and lanes than these share places, and take turns in being remembered.
  static constexpr size_t kKnown = 64;

  std::array<Known, kKnown> known_;
};

}  // namespace pillion::filters::degradation_rules
