#include "source/filters/grey/outcome.h"

#include "source/upstream/lane_text.h"

namespace pillion::filters::grey_rules {

using metadata::Value;

namespace {

constexpr std::string_view kSource = "source", kLabels = "labels", kFailClosed = "fail_closed";

}  // namespace

void Outcome::Note(base::Arena& arena, metadata::DynamicMetadata& metadata) {
  const auto note = [&](std::string_view key, const Value& value) { (void)metadata.SetKept(arena, kSpace, key, value); };
  base::ArenaText colour;
  upstream::AppendLabels([&](std::string_view piece) { colour.Append(arena, piece); }, wish_.labels);
  auto* const members = arena.NewArray<metadata::Member>(wish_.labels.size());
  uint32_t size = 0;
  for (const upstream::Label& label : wish_.labels) {
    members[size++] = {label.key, Value::Text(label.value)};
  }
  note(kSource, Value::Text(reason_.source));
  if (!reason_.rule.empty()) note("rule", Value::Text(reason_.rule));
  note("colour", Value::Text(colour.view()));
  note(kLabels, {.kind = Value::Kind::kObject, .size = size, .members = members});
  if (wish_.fails_closed) note(kFailClosed, Value::Flag(true));
}

const upstream::LaneWish* Outcome::Former(filter::StreamContext& stream) {
  const metadata::Annotations* const notes = stream.notes();
  if (notes == nullptr || !notes->metadata.Has(kSpace)) [[likely]] return nullptr;
  const Value* const labels = notes->metadata.Find(kSpace, kLabels);
  if (labels == nullptr || labels->kind != Value::Kind::kObject) return nullptr;
  auto* const found = stream.arena().NewArray<upstream::Label>(labels->size);
  for (uint32_t i = 0; i < labels->size; ++i) found[i] = {labels->members[i].key, labels->members[i].value.text};
  return stream.arena().New<upstream::LaneWish>(upstream::LaneWish{
      .labels = {found, labels->size}, .fails_closed = notes->metadata.Find(kSpace, kFailClosed) != nullptr});
}

}  // namespace pillion::filters::grey_rules
