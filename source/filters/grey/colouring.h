#pragma once

// Gives streams their colour. A worker's.
//
// | what says it, in this order                       | the colour is                           | source  |
// |----------------------------------------------------|-----------------------------------------|---------|
// | what was noted before a redirect that is followed  | that                                    | as then |
// | a filter before this one has named a lane          | its labels                              | toggle  |
// | the context of a trusted peer, and no rule that overrides gives one | the labels of the configured keys in its baggage | context |
// | the first rule that matches                        | what it gives; none outside its parts   | rule    |
//
// The colour of a context that is not trusted is taken out of it: the next hop would trust it. That is so also for
// requests for which the filter is disabled: a stranger's path may have chosen that.

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "source/filters/grey/grey.h"
#include "source/filters/grey/outcome.h"
#include "source/stats/registry.h"

namespace pillion::filters::grey_rules {

class Colouring {
 public:
  Colouring(const Config& config, const filter::ShardContext& context);

  // In the hook of the request's head, once for each of the stream's chains. What is done to requests of its colour; null:
  // nothing. `of_route`: as HttpFilterShard::Make() has it.
  const Lane* Colour(filter::StreamContext& stream, const config::FilterConfig* of_route);
  // Of a stream for which the filter is disabled; in its arena. Null: there is nothing to take out.
  filter::HttpFilter* MakeDisabled(filter::StreamContext& stream);

 private:
  class Disabled;

  struct RuleCounts {
    RuleCounts(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix, const std::string& rule);

    stats::Scope scope;
    stats::Counter& matched;
    stats::Counter& coloured;
  };
  // Of one list.
  struct Answer {
    const RuleList* list = nullptr;  // null: no rule matches
    grey::Decision decision;         // its rule is that of `list->rules`
  };

  Answer Ask(const InForce& terms, bool only_overriding, filter::StreamContext& stream);
  Answer AskList(const RuleList& list, bool only_overriding, const grey::Request& request);
  RuleCounts& CountsOf(const RuleList& list, uint32_t rule);
  RuleCounts& CountsOfName(const std::string& rule);
  // The stream goes to the lane of these labels, which live as long as it does, and so does its context.
  const Lane* Take(const InForce& terms, filter::StreamContext& stream, const Outcome::Reason& reason,
                   const upstream::LaneWish& wish);
  static bool HasStrangers(const Settings& settings, filter::StreamContext& stream);
  void TakeOutStrangers(const Settings& settings, filter::StreamContext& stream);
  void NoteNotCarried(NotCarried why, filter::StreamContext& stream, std::span<const upstream::Label> labels);
  // Into the context: these, and no others of the keys. True: the route was chosen once more, if it goes by notes.
  bool Carry(const Settings& settings, filter::StreamContext& stream, std::span<const upstream::Label> labels);

  const Config& config_;
  stats::Registry& registry_;
  stats::Shard& stats_;
  const stats::Prefix prefix_;
  const std::string name_;
  absl::flat_hash_map<std::string, std::unique_ptr<RuleCounts>> counts_;  // also of rules of routes
  std::vector<RuleCounts*> own_;                                          // of the filter's rules
  stats::Scope scope_;
  stats::Counter& from_rule_;
  stats::Counter& from_context_;
  stats::Counter& from_toggle_;
  stats::Counter& no_colour_;
  stats::Counter& untrusted_;    // colours of contexts that were taken out
  stats::Counter& not_carried_;  // there is no context, or no room in it
};

}  // namespace pillion::filters::grey_rules
