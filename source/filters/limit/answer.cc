#include "source/filters/limit/answer.h"

#include <algorithm>

#include "source/filters/rules/text.h"
#include "source/limit/fields.h"

namespace pillion::filters::limit_rules {
namespace {

using metadata::Value;
using limit::Decision;
using limit::Figures;
using limit::Stage;
using rules::Text;

// Of the stage that refused; else of the one that has least left.
const Figures& FiguresOf(const Decision& decision) {
  if (decision.refused_by == Stage::kWindow) return decision.window;
  if (decision.refused_by == Stage::kBucket) return decision.bucket;
  if (decision.bucket.limit == 0) return decision.window;
  if (decision.window.limit == 0) return decision.bucket;
  return decision.window.remaining <= decision.bucket.remaining ? decision.window : decision.bucket;
}

// tenant="acme", path
void AppendKey(const Asked& asked, Text& text) {
  for (size_t i = 0; i < asked.rule->key.size(); ++i) {
    text << (i == 0 ? "" : ", ") << asked.rule->key[i].name;
    if (!asked.values.empty()) (text << "=").Quoted(asked.values[i]);
  }
}

// Of why it did not wait any longer, as details have it.
std::string_view SentenceOf(std::string_view why) {
  if (why == "queue_full") return "the queue is full";
  return why == "queue_timed_out" ? "it has waited as long as it may" : "it may not wait so long";
}

std::string_view NameOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kAdmitted:
      return "admitted";
    case Outcome::kWaiting:
      return "waiting";
    case Outcome::kLeft:
      return "left";
    case Outcome::kDryRun:
      return "would_refuse";
    case Outcome::kDegraded:
      return "degraded";
    case Outcome::kRejected:
      return "rejected";
  }
  return {};
}

}  // namespace

std::string_view StageName(Stage stage) {
  if (stage == Stage::kNone) return {};
  return stage == Stage::kWindow ? "window" : "bucket";
}

std::string_view RefusalText(const Asked& asked, std::string_view why, base::Arena& arena) {
  const Decision& decision = asked.decision;
  const State& state = *asked.rule->state;
  Text text(arena);
  text << "rate limit " << asked.rule->name << ": ";
  text << (decision.refused_by == Stage::kWindow ? state.window_text : state.bucket_text);
  text << ", " << FiguresOf(decision).remaining << " left, cost " << asked.cost;
  if (!asked.rule->key.empty()) AppendKey(asked, text << "; key: ");
  if (!why.empty()) text << "; " << SentenceOf(why);
  if (decision.retry_after == Decision::kNever) return (text << "; never admitted").view();
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(decision.retry_after);
  return (text << "; retry after " << static_cast<uint64_t>(seconds.count()) << "s").view();
}

std::string_view ValuesText(const Asked& asked, base::Arena& arena) {
  if (asked.values.empty()) return {};
  Text text(arena);
  AppendKey(asked, text);
  return text.view();
}

std::string_view DetailsOf(std::string_view what, std::string_view why, const Asked& asked, base::Arena& arena) {
  Text text(arena);
  text << what << "[" << asked.rule->name << ":" << StageName(asked.decision.refused_by);
  if (!why.empty()) text << ":" << why;
  return (text << "]").view();
}

void AddFigures(const Asked& asked, http::HeaderMap& headers) {
  char memory[limit::kMostFieldBytes];
  const std::string_view figures = limit::WriteRateLimit(asked.rule->name, asked.decision, memory);
  headers.Add("ratelimit-policy", asked.rule->policy);
  headers.Add("ratelimit", headers.arena().Copy(figures));
}

void AddRetryAfter(const Decision& decision, http::HeaderMap& headers) {
  char memory[limit::kMostFieldBytes];
  const std::string_view seconds = limit::WriteRetryAfter(decision, memory);
  if (!seconds.empty()) headers.Add("retry-after", headers.arena().Copy(seconds));
}

void Notes::Note(base::Arena& arena, metadata::DynamicMetadata& metadata) {
  if (asked_.empty()) return;
  const auto note = [&](std::string_view key, const Value& value) { (void)metadata.SetKept(arena, kSpace, key, value); };
  const Asked* shown = &asked_.back();
  for (const Asked& each : asked_) {
    if (each.outcome != Outcome::kAdmitted) shown = &each;
  }
  const Decision& decision = shown->decision;
  note("rule", Value::Text(shown->rule->name));
  note("outcome", Value::Text(NameOf(shown->outcome)));
  note("dry_run", Value::Flag(shown->rule->dry_run));
  note("cost", Value::Number(static_cast<double>(shown->cost)));
  note("limit", Value::Number(static_cast<double>(FiguresOf(decision).limit)));
  note("remaining", Value::Number(static_cast<double>(FiguresOf(decision).remaining)));
  if (!decision.allowed()) {
    note("stage", Value::Text(StageName(decision.refused_by)));
    const double milliseconds = std::chrono::duration<double, std::milli>(decision.retry_after).count();
    if (decision.retry_after != Decision::kNever) note("retry_after_ms", Value::Number(milliseconds));
  }
  if (!shown->rule->key.empty()) {
    Text key(arena);
    AppendKey(*shown, key);
    note("key", Value::Text(key.view()));
  }
  auto* const members = arena.NewArray<metadata::Member>(asked_.size());
  for (size_t i = 0; i < asked_.size(); ++i) members[i] = {asked_[i].rule->name, Value::Text(NameOf(asked_[i].outcome))};
  note("rules", {.kind = Value::Kind::kObject, .size = static_cast<uint32_t>(asked_.size()), .members = members});
}

}  // namespace pillion::filters::limit_rules
