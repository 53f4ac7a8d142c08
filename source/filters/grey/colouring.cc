#include "source/filters/grey/colouring.h"

#include <algorithm>

#include "source/filter/request_attributes.h"
#include "source/upstream/lane_text.h"

namespace pillion::filters::grey_rules {

using context::Baggage;
using upstream::Label;
using upstream::LaneWish;

namespace {

constexpr std::string_view kLabel = "grey_rule";

// The labels of these keys; by key, as these are.
std::span<const Label> LabelsIn(const Baggage& baggage, const std::vector<std::string>& keys, base::Arena& arena) {
  Label* const labels = arena.NewArray<Label>(keys.size());
  size_t size = 0;
  for (const std::string& key : keys) {
    const Baggage::Entry* const entry = baggage.Find(key);
    if (entry != nullptr && !entry->value().empty()) labels[size++] = {entry->key, entry->value()};
  }
  return {labels, size};
}

bool HasAny(const Baggage& baggage, const std::vector<std::string>& keys) {
  if (baggage.empty()) return false;
  return std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
    const Baggage::Entry* const entry = baggage.Find(key);
    return entry != nullptr && !entry->value().empty();
  });
}

const Lane* LaneOf(const Settings& settings, std::span<const Label> labels) {
  for (const Lane& lane : settings.lanes) {
    if (lane.colour.IsIn(labels)) return &lane;
  }
  return nullptr;
}

}  // namespace

Colouring::RuleCounts::RuleCounts(stats::Registry& registry, stats::Shard& shard, const stats::Prefix& prefix,
                                  const std::string& rule)
    : scope(registry, stats::Prefix(prefix).Add("grey").Add("rule").Add(kLabel, rule)),
      matched(*shard.counter(scope.AddCounter("matched"))),
      coloured(*shard.counter(scope.AddCounter("coloured"))) {}

Colouring::Colouring(const Config& config, const filter::ShardContext& context)
    : config_(config),
      registry_(context.registry),
      stats_(context.stats),
      prefix_(context.stat_prefix),
      name_(context.name),
      scope_(context.registry, stats::Prefix(context.stat_prefix).Add("grey")),
      from_rule_(*stats_.counter(scope_.AddCounter("from_rule"))),
      from_context_(*stats_.counter(scope_.AddCounter("from_context"))),
      from_toggle_(*stats_.counter(scope_.AddCounter("from_toggle"))),
      no_colour_(*stats_.counter(scope_.AddCounter("no_colour"))),
      untrusted_(*stats_.counter(scope_.AddCounter("untrusted"))),
      not_carried_(*stats_.counter(scope_.AddCounter("not_carried"))) {
  for (const grey::Rule& rule : config.settings().list.rules.list()) own_.push_back(&CountsOfName(rule.name));
}

Colouring::RuleCounts& Colouring::CountsOfName(const std::string& rule) {
  std::unique_ptr<RuleCounts>& counts = counts_[rule];
  if (counts == nullptr) counts = std::make_unique<RuleCounts>(registry_, stats_, prefix_, rule);
  return *counts;
}

Colouring::RuleCounts& Colouring::CountsOf(const RuleList& list, uint32_t rule) {
  return &list == &config_.settings().list ? *own_[rule] : CountsOfName(list.rules.list()[rule].name);
}

const Lane* Colouring::Colour(filter::StreamContext& stream, const config::FilterConfig* of_route) {
  const InForce terms(config_.settings(), of_route);
  if (terms.disabled) {
    TakeOutStrangers(terms.settings, stream);
    return nullptr;
  }
  if (const LaneWish* const former = Outcome::Former(stream)) [[unlikely]] {
    stream.GoToLane(*former);
    return LaneOf(terms.settings, former->labels);
  }
  if (const LaneWish* const forced = stream.lane_wish()) {
    from_toggle_.Increment();
    return Take(terms, stream, {Outcome::kFromToggle, {}}, *forced);
  }
  filter::CarriedContext* const carried = stream.carried_context();
  const bool has_colour = carried != nullptr && HasAny(carried->context().baggage, terms.settings.keys);
  const bool trusted = has_colour && carried->trusted();
  if (const Answer answer = Ask(terms, trusted, stream); answer.list != nullptr) {
    const uint32_t place = answer.decision.rule;
    const bool given = answer.decision.colour != grey::Decision::kNone;
    RuleCounts& counts = CountsOf(*answer.list, place);
    counts.matched.Increment();
    if (given || !trusted) {
      const std::span<const Label> labels =
          given ? answer.list->colours[answer.decision.colour].labels() : std::span<const Label>();
      (labels.empty() ? no_colour_ : from_rule_).Increment();
      if (!labels.empty()) counts.coloured.Increment();
      if (has_colour && !trusted) untrusted_.Increment();
      return Take(terms, stream, {Outcome::kFromRule, answer.list->rules.list()[place].name},
                  {.labels = labels, .fails_closed = answer.list->terms[place].fails_closed});
    }
  }
  if (trusted) {
    from_context_.Increment();
    return Take(terms, stream, {Outcome::kFromContext, {}},
                {.labels = LabelsIn(carried->context().baggage, terms.settings.keys, stream.arena())});
  }
  no_colour_.Increment();
  TakeOutStrangers(terms.settings, stream);
  return nullptr;
}

bool Colouring::HasStrangers(const Settings& settings, filter::StreamContext& stream) {
  const filter::CarriedContext* const carried = stream.carried_context();
  return carried != nullptr && !carried->trusted() && HasAny(carried->context().baggage, settings.keys);
}

void Colouring::TakeOutStrangers(const Settings& settings, filter::StreamContext& stream) {
  if (!HasStrangers(settings, stream)) return;
  untrusted_.Increment();
  (void)Carry(settings, stream, {});
}

// The context may be changed in a hook only.
class Colouring::Disabled final : public filter::HttpFilter {
 public:
  explicit Disabled(Colouring& colouring) : colouring_(colouring) {}

  filter::Step OnRequestHead(http::RequestHead&, bool) override {
    colouring_.TakeOutStrangers(colouring_.config_.settings(), stream());
    return filter::Step::kContinue;
  }

 private:
  Colouring& colouring_;
};

// The context has been read before the request comes here.
filter::HttpFilter* Colouring::MakeDisabled(filter::StreamContext& stream) {
  return HasStrangers(config_.settings(), stream) ? stream.arena().New<Disabled>(*this) : nullptr;
}

Colouring::Answer Colouring::Ask(const InForce& terms, bool only_overriding, filter::StreamContext& stream) {
  const filter::RequestAttributes attributes(stream);
  const grey::Request request{attributes, stream.worker().wall_now(), stream.random(), stream.arena()};
  if (const Answer answer = AskList(terms.more, only_overriding, request); answer.list != nullptr) return answer;
  return AskList(terms.settings.list, only_overriding, request);
}

Colouring::Answer Colouring::AskList(const RuleList& list, bool only_overriding, const grey::Request& request) {
  const grey::Rules& rules = only_overriding ? list.overriding : list.rules;
  if (rules.empty()) return {};
  grey::Decision decision = rules.Decide(request);
  if (decision.rule == grey::Decision::kNone) return {};
  if (only_overriding) decision.rule = list.overriding_places[decision.rule];
  return {&list, decision};
}

const Lane* Colouring::Take(const InForce& terms, filter::StreamContext& stream, const Outcome::Reason& reason,
                            const LaneWish& wish) {
  const Lane* const lane = LaneOf(terms.settings, wish.labels);
  const bool fails_closed = wish.fails_closed || (lane != nullptr && lane->fails_closed);
  base::Arena& arena = stream.arena();
  Outcome& outcome = *arena.New<Outcome>(reason, LaneWish{.labels = wish.labels, .fails_closed = fails_closed});
  stream.annotations().metadata.SetLater(arena, Outcome::kSpace, outcome);
  stream.GoToLane(outcome.wish());
  const bool chosen = reason.source != Outcome::kFromContext && Carry(terms.settings, stream, wish.labels);
  if (!chosen && stream.routes_by_notes()) stream.ChooseRoute();
  return lane;
}

bool Colouring::Carry(const Settings& settings, filter::StreamContext& stream, std::span<const Label> labels) {
  filter::CarriedContext* const carried = stream.carried_context();
  if (carried == nullptr) {
    if (!labels.empty()) NoteNotCarried(NotCarried::kNoContext, stream, labels);
    return false;
  }
  const Baggage& baggage = carried->context().baggage;
  auto* const entries = stream.arena().NewArray<Baggage::Entry>(labels.size() + settings.keys.size());
  size_t size = 0;
  for (const Label& label : labels) {
    const Baggage::Entry* const there = baggage.Find(label.key);
    if (there != nullptr && there->text == label.value) continue;
    entries[size++] = {label.key, label.value, static_cast<uint32_t>(label.value.size())};
  }
  for (const std::string& key : settings.keys) {
    const bool kept = std::any_of(labels.begin(), labels.end(), [&](const Label& label) { return label.key == key; });
    if (!kept && baggage.Find(key) != nullptr) entries[size++] = {key, {}, 0};
  }
  if (size == 0) return false;
  if (carried->SetBaggage({entries, size})) return true;
  NoteNotCarried(carried->keeps() ? NotCarried::kNoRoom : NotCarried::kNoContext, stream, labels);
  // Then it goes on without any: another colour's lane is no place for it.
  return !labels.empty() && Carry(settings, stream, {});
}

// Who turns the context off for a request means it.
void Colouring::NoteNotCarried(NotCarried why, filter::StreamContext& stream, std::span<const Label> labels) {
  not_carried_.Increment();
  NotCarriedOnce& once = config_.not_carried();
  if (once.Said(why) || stream.turned_off().Has(filter::Feature::kContext)) return;
  once.Say(why, name_, prefix_.text(), upstream::LabelsText(labels));
}

}  // namespace pillion::filters::grey_rules
