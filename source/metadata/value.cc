#include "source/metadata/value.h"

#include <charconv>
#include <cmath>

#include "source/base/escape.h"

namespace pillion::metadata {

const Value* Find(const Value& object, std::string_view key) {
  if (object.kind != Value::Kind::kObject) return nullptr;
  for (uint32_t i = 0; i < object.size; ++i) {
    if (object.members[i].key == key) return &object.members[i].value;
  }
  return nullptr;
}

void AppendJsonNumber(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  constexpr double kExact = 9007199254740992.0;
  char digits[32];
  const char* const end = std::floor(number) == number && std::fabs(number) <= kExact
                              ? std::to_chars(digits, digits + sizeof digits, static_cast<int64_t>(number)).ptr
                              : std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

void AppendJson(std::string& out, const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      out += "null";
      return;
    case Value::Kind::kFlag:
      out += value.flag ? "true" : "false";
      return;
    case Value::Kind::kNumber:
      AppendJsonNumber(out, value.number);
      return;
    case Value::Kind::kText:
      base::AppendJsonString(out, value.text);
      return;
    case Value::Kind::kList:
    case Value::Kind::kObject:
      break;
  }
  const bool object = value.kind == Value::Kind::kObject;
  out += object ? '{' : '[';
  for (uint32_t i = 0; i < value.size; ++i) {
    if (i > 0) out += ',';
    if (object) {
      base::AppendJsonString(out, value.members[i].key);
      out += ':';
    }
    AppendJson(out, value.members[i].value);
  }
  out += object ? '}' : ']';
}

}  // namespace pillion::metadata
