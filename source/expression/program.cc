#include "source/expression/program.h"

#include <re2/re2.h>

#include <algorithm>

namespace pillion::expression {

Program::Program() = default;
Program::~Program() = default;

std::string Program::PlaceOf(const Value& error) const {
  if (error.place() == Value::kNoPlace) return {};
  if (error.place() < origins_.size()) return origins_[error.place()].Text();
  if (source_.empty()) return {};
  return Ast::PlaceIn(source_, error.place());
}

bool Program::Uses(Attribute attribute) const {
  return std::any_of(code_.begin(), code_.end(), [attribute](const Instruction& instruction) {
    switch (instruction.op) {
      case Op::kAttribute:
      case Op::kHasAttribute:
      case Op::kLookup:
        return instruction.c == static_cast<uint32_t>(attribute);
      case Op::kFind:
      case Op::kHasEntry:
        return instruction.b == static_cast<uint16_t>(attribute);
      default:
        return false;
    }
  });
}

std::string_view Program::KeptText(std::string_view text) { return texts_.emplace_back(text); }

Value Program::Kept(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return Value::String(KeptText(value.text()));
    case Kind::kBytes:
      return Value::Bytes(KeptText(value.text()));
    case Kind::kList: {
      std::vector<Value> items;
      for (const Value& item : value.items()) items.push_back(Kept(item));
      return Value::List(lists_.emplace_back(std::move(items)));
    }
    case Kind::kMap: {
      std::vector<MapEntry> entries;
      for (const MapEntry& entry : value.entries()) entries.push_back({Kept(entry.key), Kept(entry.value)});
      return Value::Map(maps_.emplace_back(std::move(entries)));
    }
    default:
      return value;
  }
}

}  // namespace pillion::expression
