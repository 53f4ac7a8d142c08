#include "source/filters/degradation/answer.h"

#include <algorithm>
#include <array>

#include "source/filters/rules/text.h"

namespace pillion::filters::degradation_rules {
namespace {

using degradation::State;
using metadata::Value;
using rules::Text;

std::string_view NameOf(Outcome outcome) {
  constexpr std::array<std::string_view, 5> kNames = {"passed", "probe", "would_refuse", "degraded", "rejected"};
  return kNames[static_cast<size_t>(outcome)];
}

// Whole ones; where nothing better is known, one.
uint64_t SecondsOf(base::Duration retry_after) {
  return static_cast<uint64_t>(std::max<int64_t>(std::chrono::ceil<std::chrono::seconds>(retry_after).count(), 1));
}

}  // namespace

std::string_view RefusalText(const Asked& asked, base::Arena& arena) {
  Text text(arena);
  text << "degradation " << asked.rule->name;
  if (!asked.key.empty()) text << " (" << asked.key << ")";
  text << ": " << degradation::NameOf(asked.state) << ", " << asked.opened_by.bad << " of " << asked.opened_by.all
       << " calls were bad (" << asked.rule->state->terms_text << "); retry after " << SecondsOf(asked.retry_after) << "s";
  return text.view();
}

std::string_view DetailsOf(std::string_view what, const Asked& asked, base::Arena& arena) {
  Text text(arena);
  text << what << "[" << asked.rule->name << ":" << degradation::NameOf(asked.state) << ":" << asked.opened_by.bad << "/"
       << asked.opened_by.all << "]";
  return text.view();
}

void AddField(const Asked& asked, pillion::http::HeaderMap& headers) {
  Text text(headers.arena());
  text << asked.rule->name << ";state=" << degradation::NameOf(asked.state);
  const bool refused = asked.outcome >= Outcome::kDryRun;
  if (refused) text << ";t=" << SecondsOf(asked.retry_after);
  headers.Add("x-pillion-degradation", text.view());
}

void AddRetryAfter(const Asked& asked, pillion::http::HeaderMap& headers) {
  headers.Add("retry-after", (Text(headers.arena()) << SecondsOf(asked.retry_after)).view());
}

void Notes::Note(base::Arena& arena, metadata::DynamicMetadata& metadata) {
  if (asked_.empty()) return;
  const auto note = [&](std::string_view key, const Value& value) { (void)metadata.SetKept(arena, kSpace, key, value); };
  const Asked* shown = &asked_.back();
  for (const Asked& each : asked_) {
    if (each.outcome >= Outcome::kDryRun) shown = &each;
  }
  note("rule", Value::Text(shown->rule->name));
  note("state", Value::Text(degradation::NameOf(shown->state)));
  note("outcome", Value::Text(NameOf(shown->outcome)));
  note("dry_run", Value::Flag(shown->rule->dry_run));
  if (!shown->key.empty()) note("key", Value::Text(shown->key));
  if (shown->outcome >= Outcome::kDryRun) {
    note("calls", Value::Number(static_cast<double>(shown->opened_by.all)));
    note("bad", Value::Number(static_cast<double>(shown->opened_by.bad)));
    note("retry_after_ms", Value::Number(std::chrono::duration<double, std::milli>(shown->retry_after).count()));
  }
  auto* const members = arena.NewArray<metadata::Member>(asked_.size());
  for (size_t i = 0; i < asked_.size(); ++i) {
    members[i] = {asked_[i].rule->name, Value::Text(degradation::NameOf(asked_[i].state))};
  }
  note("rules", {.kind = Value::Kind::kObject, .size = static_cast<uint32_t>(asked_.size()), .members = members});
}

}  // namespace pillion::filters::degradation_rules
