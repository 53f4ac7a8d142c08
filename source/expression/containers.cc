// Lists and maps.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "source/base/escape.h"
#include "source/expression/operations.h"

namespace pillion::expression {
namespace {

bool MayBeKey(const Value& value) {
  return value.Is(Kind::kBool) || value.Is(Kind::kInt) || value.Is(Kind::kUint) || value.Is(Kind::kString);
}

const MapEntry* FindEntry(std::span<const MapEntry> entries, const Value& key) {
  for (const MapEntry& entry : entries) {
    if (SameScalar(entry.key, key)) return &entry;
  }
  return nullptr;
}

Value ItemAt(std::span<const Value> items, const Value& index) {
  uint64_t place = 0;
  switch (index.kind()) {
    case Kind::kInt:
      if (index.int_value() < 0) return Value::Error(ErrorCode::kIndexOutOfRange);
      place = static_cast<uint64_t>(index.int_value());
      break;
    case Kind::kUint:
      place = index.uint_value();
      break;
    case Kind::kDouble:
      if (std::trunc(index.double_value()) != index.double_value()) return NoOverload();
      if (!(index.double_value() >= 0 && index.double_value() < 0x1p32)) return Value::Error(ErrorCode::kIndexOutOfRange);
      place = static_cast<uint64_t>(index.double_value());
      break;
    default:
      return NoOverload();
  }
  return place < items.size() ? items[place] : Value::Error(ErrorCode::kIndexOutOfRange);
}

size_t CharactersIn(std::string_view text) {
  size_t count = 0;
  while (!text.empty()) {
    // A byte that is no UTF-8 counts as one character.
    text.remove_prefix(static_cast<uint8_t>(text[0]) < 0x80 ? 1 : std::max<size_t>(base::Utf8Length(text), 1));
    ++count;
  }
  return count;
}

}  // namespace

Value EntryOf(Attribute map, const Key& key, Evaluation& evaluation) {
  // These are looked for in a text of the client's, each time anew.
  constexpr size_t kStepsOfCookies = 64;
  size_t steps = 0;
  if (map == Attribute::kRequestQueryParameters) {
    steps = evaluation.attributes().Text(Attribute::kRequestPath, evaluation.arena()).size() / kBytesInStep;
  } else if (map == Attribute::kRequestCookies) {
    steps = kStepsOfCookies;
  }
  if (!evaluation.Step(steps)) return Value::Error(ErrorCode::kTooLong);
  return evaluation.attributes().Find(map, key, evaluation.arena());
}

Value Index(Arguments arguments, Evaluation& evaluation) {
  const Value &of = arguments[0], &index = arguments[1];
  switch (of.kind()) {
    case Kind::kList:
      return ItemAt(of.items(), index);
    case Kind::kMap: {
      if (!MayBeKey(index) && !index.Is(Kind::kDouble)) return NoOverload();
      if (!evaluation.Step(of.entries().size() / kValuesInStep)) return Value::Error(ErrorCode::kTooLong);
      const MapEntry* entry = FindEntry(of.entries(), index);
      return entry == nullptr ? Value::Error(ErrorCode::kNoSuchKey) : entry->value;
    }
    case Kind::kLookup:
      if (!index.Is(Kind::kString)) return NoOverload();
      return EntryOf(static_cast<Attribute>(of.attribute()), {index.text(), http::FindHeaderId(index.text())}, evaluation);
    default:
      return NoOverload();
  }
}

Value In(Arguments arguments, Evaluation& evaluation) {
  const Value &item = arguments[0], &container = arguments[1];
  switch (container.kind()) {
    case Kind::kList:
      if (!evaluation.Step(container.items().size() / kValuesInStep)) return Value::Error(ErrorCode::kTooLong);
      for (const Value& other : container.items()) {
        const std::optional<bool> same = Same(item, other, evaluation);
        if (!same) return Value::Error(ErrorCode::kTooLong);
        if (*same) return Value::Bool(true);
      }
      return Value::Bool(false);
    case Kind::kMap:
      if (!evaluation.Step(container.entries().size() / kValuesInStep)) return Value::Error(ErrorCode::kTooLong);
      return Value::Bool(FindEntry(container.entries(), item) != nullptr);
    case Kind::kLookup:
      if (!item.Is(Kind::kString)) return Value::Bool(false);
      return HasEntry(Index(std::array{container, item}, evaluation));
    default:
      return NoOverload();
  }
}

Value Size(Arguments arguments, Evaluation& evaluation) {
  const Value& of = arguments[0];
  switch (of.kind()) {
    case Kind::kString:
      if (!evaluation.Step(of.text().size() / kBytesInStep)) return Value::Error(ErrorCode::kTooLong);
      return Value::Int(static_cast<int64_t>(CharactersIn(of.text())));
    case Kind::kBytes:
      return Value::Int(static_cast<int64_t>(of.text().size()));
    case Kind::kList:
      return Value::Int(static_cast<int64_t>(of.items().size()));
    case Kind::kMap:
      return Value::Int(static_cast<int64_t>(of.entries().size()));
    case Kind::kLookup: {
      const Value keys = Elements(of, evaluation);
      return keys.Is(Kind::kList) ? Value::Int(static_cast<int64_t>(keys.items().size())) : keys;
    }
    default:
      return NoOverload();
  }
}

Value MakeList(Arguments items, Evaluation& evaluation) {
  if (items.empty()) return Value::List({});
  Value* made = evaluation.AllocateValues(items.size());
  if (made == nullptr) return Value::Error(ErrorCode::kTooLarge);
  std::memcpy(made, items.data(), items.size_bytes());
  return Value::List({made, items.size()});
}

Value MakeMap(Arguments keys_and_values, Evaluation& evaluation) {
  const size_t count = keys_and_values.size() / 2;
  if (count == 0) return Value::Map({});
  MapEntry* made = evaluation.AllocateEntries(count);
  if (made == nullptr) return Value::Error(ErrorCode::kTooLarge);
  for (size_t i = 0; i < count; ++i) {
    const Value& key = keys_and_values[2 * i];
    if (!MayBeKey(key)) return Value::Error(ErrorCode::kBadKey);
    if (FindEntry({made, i}, key) != nullptr) return Value::Error(ErrorCode::kDuplicateKey);
    made[i] = {key, keys_and_values[2 * i + 1]};
  }
  return Value::Map({made, count});
}

Value Elements(const Value& of, Evaluation& evaluation) {
  switch (of.kind()) {
    case Kind::kList:
      return of;
    case Kind::kMap: {
      const std::span<const MapEntry> entries = of.entries();
      if (entries.empty()) return Value::List({});
      Value* keys = evaluation.AllocateValues(entries.size());
      if (keys == nullptr) return Value::Error(ErrorCode::kTooLarge);
      for (size_t i = 0; i < entries.size(); ++i) keys[i] = entries[i].key;
      return Value::List({keys, entries.size()});
    }
    case Kind::kLookup:
      return evaluation.attributes().Keys(static_cast<Attribute>(of.attribute()), evaluation.arena());
    default:
      return of.is_error() ? of : NoOverload();
  }
}

}  // namespace pillion::expression
