#include "source/explain/grey.h"

#include <fmt/format.h>

#include <algorithm>

#include "source/expression/evaluator.h"
#include "source/explain/texts.h"
#include "source/filters/grey/grey.h"
#include "source/upstream/lane_text.h"

namespace pillion::explain {
namespace {

namespace rules = filters::grey_rules;
using upstream::Label;
using upstream::LaneWish;

constexpr size_t kMostPassed = 50;  // rules that are shown with the reason why they do not match

// What a condition reads, as the configuration names it.
std::string SourceText(const grey::Source& source) {
  using expression::Attribute;
  switch (source.attribute) {
    case Attribute::kRequestHeaders:
      return "header " + source.entry;
    case Attribute::kRequestCookies:
      return "cookie " + source.entry;
    case Attribute::kRequestQueryParameters:
      return "query " + source.entry;
    case Attribute::kContextBaggage:
      return "baggage " + source.entry;
    case Attribute::kContextTenant:
      return "tenant";
    case Attribute::kSourcePrincipal:
      return "principal";
    default:
      return "path";
  }
}

std::string ColourText(std::span<const Label> labels) {
  return labels.empty() ? "no colour" : upstream::LabelsText(labels);
}

// A rule's view of the request. Where there is no key, the request's own number is what chance gives.
class Asking {
 public:
  Asking(const Asked& asked, uint64_t random)
      : request_{asked, asked.now(), unused_, asked.arena()}, point_(static_cast<uint32_t>(random % grey::kMillion)) {}

  // By a key: nothing about the request is by chance.
  bool HasKey(const grey::Sticky& sticky) const { return sticky.key != nullptr && !KeyOf(sticky).is_error(); }
  uint32_t PointOf(const grey::Sticky& sticky) const {
    return HasKey(sticky) ? grey::PointOf(KeyOf(sticky).text(), sticky.seed) : point_;
  }

  bool Holds(const grey::Condition& condition) const {
    const auto* const part = std::get_if<grey::Part>(&condition.what);
    if (part == nullptr) return grey::Holds(condition, request_);
    return (PointOf(part->sticky) < part->per_million) != condition.invert;
  }

  // Why not; empty: it does.
  std::string Mismatch(const grey::Rule& rule) const {
    if (rule.schedule && !rule.schedule->Holds(request_.now)) return "it is not in force now";
    for (size_t i = 0; i < rule.conditions.size(); ++i) {
      if (!Holds(rule.conditions[i])) return fmt::format("conditions[{}] does not hold{}", i, Given(rule.conditions[i]));
    }
    return "";
  }

 private:
  // What the request has there; empty where the condition is about more than one text.
  std::string Given(const grey::Condition& condition) const {
    const auto* const test = std::get_if<grey::TextTest>(&condition.what);
    if (test == nullptr) return "";
    const std::optional<std::string_view> text = grey::Read(test->source, request_);
    return fmt::format(": {} is {}", SourceText(test->source), text ? Quoted(*text) : "absent");
  }

  expression::Value KeyOf(const grey::Sticky& sticky) const {
    return expression::AsText(expression::Evaluate(*sticky.key, request_.attributes, request_.arena), request_.arena);
  }

  mutable base::Random unused_{0};
  const grey::Request request_;
  const uint32_t point_;
};

// One that matches, in a list.
struct Found {
  const rules::RuleList* list = nullptr;  // null: none
  uint32_t place = 0;
};

Found FindRule(const rules::RuleList& list, bool only_overriding, const Asking& question, Answer::List& passed) {
  const std::vector<grey::Rule>& all = list.rules.list();
  size_t shown = 0;
  for (uint32_t i = 0; i < all.size(); ++i) {
    if (only_overriding && !list.terms[i].overrides) continue;
    const std::string why = question.Mismatch(all[i]);
    if (why.empty()) return {&list, i};
    if (++shown > kMostPassed) continue;
    Answer& rule = passed.Object();
    rule.Text("rule", all[i].name);
    rule.Text("why", why);
  }
  if (shown > kMostPassed) passed.Text(fmt::format("and {} more", shown - kMostPassed));
  return {};
}

// The colour's number among those of the list; nothing: the request is in no part.
std::optional<uint32_t> TakePart(const grey::Rule& rule, const Asking& question, Answer& answer) {
  if (rule.shares.empty()) return std::nullopt;
  if (rule.shares.front().per_million == grey::kMillion) return rule.shares.front().colour;
  uint32_t left = question.PointOf(rule.sticky);
  std::string text;
  std::optional<uint32_t> taken;
  for (const grey::Share& share : rule.shares) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", PercentText(share.per_million, grey::kMillion));
    if (taken) continue;
    if (left < share.per_million) {
      taken = share.colour;
    } else {
      left -= share.per_million;
    }
  }
  const bool keyed = question.HasKey(rule.sticky);
  answer.Text("parts", fmt::format("{} of such requests; {}", text,
                                   keyed ? "by its key this one stays where it is" : "chance decides for each of them"));
  return taken;
}

std::span<const Label> LabelsOf(const context::Baggage& baggage, const std::vector<std::string>& keys, base::Arena& arena) {
  Label* const labels = arena.NewArray<Label>(keys.size());
  size_t size = 0;
  for (const std::string& key : keys) {
    const context::Baggage::Entry* const entry = baggage.Find(key);
    if (entry != nullptr && !entry->value().empty()) labels[size++] = {entry->key, entry->value()};
  }
  return {labels, size};
}

// `wish` as its lane has it, too.
LaneWish DescribeColour(std::string_view source, LaneWish wish, const rules::Settings& settings, Answer& answer) {
  const auto lane = std::ranges::find_if(settings.lanes, [&](const auto& each) { return each.colour.IsIn(wish.labels); });
  const bool found = lane != settings.lanes.end();
  wish.fails_closed |= found && lane->fails_closed;
  answer.Text("verdict", fmt::format("by {}: {}", source, ColourText(wish.labels)));
  if (wish.fails_closed) answer.Flag("fail_closed", true);
  if (found && lane->fault) answer.Flag("has_faults", true);
  if (found && lane->mirror) answer.Flag("is_mirrored", true);
  return wish;
}

}  // namespace

std::optional<LaneWish> DescribeGrey(const config::FilterConfig& filter, const config::FilterConfig* of_route,
                                     const Asked& asked, const LaneWish& forced, uint64_t random, Answer& answer) {
  const auto* const own = dynamic_cast<const rules::Config*>(&filter);
  if (own == nullptr) return std::nullopt;
  const rules::InForce terms(own->settings(), of_route);
  if (terms.disabled) {
    answer.Text("verdict", "disabled for this request");
    return forced;
  }
  const rules::Settings& settings = terms.settings;
  if (!forced.labels.empty()) return DescribeColour("a toggle", forced, settings, answer);
  const std::span<const Label> carried = asked.context() == nullptr
                                             ? std::span<const Label>()
                                             : LabelsOf(asked.context()->baggage, settings.keys, asked.arena());
  const Asking question(asked, random);
  Answer::List& passed = answer.Elements("not_matching");
  Found found = FindRule(terms.more, !carried.empty(), question, passed);
  if (found.list == nullptr) found = FindRule(settings.list, !carried.empty(), question, passed);
  LaneWish wish;
  if (found.list != nullptr) {
    const grey::Rule& rule = found.list->rules.list()[found.place];
    const std::optional<uint32_t> colour = TakePart(rule, question, answer);
    if (colour || carried.empty()) {
      if (colour) wish.labels = found.list->colours[*colour].labels();
      wish.fails_closed = found.list->terms[found.place].fails_closed;
      return DescribeColour(fmt::format("rule {}", Quoted(rule.name)), wish, settings, answer);
    }
  }
  wish.labels = carried;
  return DescribeColour(carried.empty() ? "no rule" : "the context of a sender who is trusted", wish, settings, answer);
}

}  // namespace pillion::explain
