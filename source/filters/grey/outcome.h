#pragma once

// What was decided of a stream: its wish, and dynamic metadata of `pillion.grey`, made when somebody asks. In the stream's
// arena.

#include <optional>
#include <string_view>

#include "source/filter/stream_context.h"
#include "source/metadata/annotations.h"
#include "source/upstream/lane.h"

namespace pillion::filters::grey_rules {

class Outcome final : public metadata::LaterNotes {
 public:
  static constexpr std::string_view kSpace = "pillion.grey";
  static constexpr std::string_view kFromContext = "context";
  static constexpr std::string_view kFromRule = "rule";
  static constexpr std::string_view kFromToggle = "toggle";

  struct Reason {
    std::string_view source;
    std::string_view rule;  // empty: none has decided
  };

  Outcome(const Reason& reason, const upstream::LaneWish& wish) : reason_(reason), wish_(wish) {}

  const upstream::LaneWish& wish() const { return wish_; }

  // | key         | |
  // |-------------|-|
  // | source      | rule, context, toggle |
  // | rule        | the name of the rule that matched |
  // | colour      | env=gray,version=v2.1; empty: none |
  // | labels      | the same as an object |
  // | fail_closed | true, or it is not there |
  void Note(base::Arena& arena, metadata::DynamicMetadata& metadata) override;

  // What a chain of the stream before this one has decided; null: nothing.
  static const upstream::LaneWish* Former(filter::StreamContext& stream);

 private:
  const Reason reason_;
  const upstream::LaneWish wish_;
};

}  // namespace pillion::filters::grey_rules
