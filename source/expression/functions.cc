#include "source/expression/functions.h"

#include <algorithm>
#include <iterator>

#include "source/expression/edit_distance.h"
#include "source/expression/operations.h"

namespace pillion::expression {
namespace {

// `matches` is not here: it is compiled with its pattern (compiler.cc).
constexpr Function kFunctions[] = {
    {"_+_", false, "ii:i uu:u dd:d ss:s yy:y LL:L DD:D TD:T DT:T", Add},
    {"_-_", false, "ii:i uu:u dd:d DD:D TD:T TT:D", Subtract},
    {"_*_", false, "ii:i uu:u dd:d", Multiply},
    {"_/_", false, "ii:i uu:u dd:d", Divide},
    {"_%_", false, "ii:i uu:u", Remainder},
    {"-_", false, "i:i d:d", Negate},
    {"!_", false, "b:b", Not},
    {"_==_", false, "**:b", Equal},
    {"_!=_", false, "**:b", NotEqual},
    {"_<_", false, "bb:b ii:b uu:b dd:b ss:b yy:b DD:b TT:b iu:b id:b ui:b ud:b di:b du:b", Less},
    {"_<=_", false, "bb:b ii:b uu:b dd:b ss:b yy:b DD:b TT:b iu:b id:b ui:b ud:b di:b du:b", LessOrEqual},
    {"_>_", false, "bb:b ii:b uu:b dd:b ss:b yy:b DD:b TT:b iu:b id:b ui:b ud:b di:b du:b", Greater},
    {"_>=_", false, "bb:b ii:b uu:b dd:b ss:b yy:b DD:b TT:b iu:b id:b ui:b ud:b di:b du:b", GreaterOrEqual},
    {"@in", false, "*L:b *M:b", In},
    {"_[_]", false, "Li:* Lu:* Ld:* M*:*", Index},
    {"size", false, "s:i y:i L:i M:i", Size},
    {"size", true, "s:i y:i L:i M:i", Size},
    {"startsWith", true, "ss:b", StartsWith},
    {"endsWith", true, "ss:b", EndsWith},
    {"contains", true, "ss:b", Contains},
    {"lowerAscii", true, "s:s", LowerAscii},
    {"upperAscii", true, "s:s", UpperAscii},
    {"int", false, "i:i u:i d:i s:i T:i", ToInt},
    {"uint", false, "u:u i:u d:u s:u", ToUint},
    {"double", false, "d:d i:d u:d s:d", ToDouble},
    {"string", false, "s:s i:s u:s d:s b:s y:s D:s T:s", ToString},
    {"bytes", false, "y:y s:y", ToBytes},
    {"bool", false, "b:b s:b", ToBool},
    {"duration", false, "D:D s:D", ToDuration},
    {"timestamp", false, "T:T s:T i:T", ToTimestamp},
    {"type", false, "*:t", TypeOf},
    {"dyn", false, "*:*", Itself},
    {"math.bitAnd", false, "ii:i uu:u", BitAnd},
    {"getFullYear", true, "T:i Ts:i", FullYear},
    {"getMonth", true, "T:i Ts:i", Month},
    {"getDayOfYear", true, "T:i Ts:i", DayOfYear},
    {"getDayOfMonth", true, "T:i Ts:i", DayOfMonth},
    {"getDate", true, "T:i Ts:i", Date},
    {"getDayOfWeek", true, "T:i Ts:i", DayOfWeek},
    {"getHours", true, "T:i Ts:i D:i", Hours},
    {"getMinutes", true, "T:i Ts:i D:i", Minutes},
    {"getSeconds", true, "T:i Ts:i D:i", WholeSeconds},
    {"getMilliseconds", true, "T:i Ts:i D:i", Milliseconds},
};

bool IsOf(char letter, const Type& type) {
  if (letter == '*' || type.is_dynamic()) return true;
  constexpr std::string_view kLetters = "nbiudsyDTtLM";
  static_assert(kLetters.size() == kKinds - 2);
  return kLetters[static_cast<size_t>(type.kind()) - 1] == letter;
}

Type OfLetter(char letter) {
  constexpr std::string_view kLetters = "nbiudsyDTtLM";
  const size_t found = kLetters.find(letter);
  return found == std::string_view::npos ? Type() : Type(static_cast<Kind>(found + 1));
}

}  // namespace

std::span<const Function> Functions() { return kFunctions; }

std::optional<uint32_t> FindFunction(std::string_view name, bool member) {
  for (uint32_t i = 0; i < std::size(kFunctions); ++i) {
    if (kFunctions[i].name == name && kFunctions[i].member == member) return i;
  }
  return std::nullopt;
}

bool IsFunctionName(std::string_view name) { return FindFunction(name, false) || FindFunction(name, true); }

std::string_view NearestFunction(std::string_view name) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  std::string_view nearest;
  size_t least = name.size() / 3 + 1;
  if (name.size() > kLongestName) return nearest;
  for (const Function& function : kFunctions) {
    const bool same = std::ranges::equal(name, function.name, {}, lower, lower);  // but for capitals
    const size_t distance = same ? 0 : EditDistance(name, function.name);
    if (distance < least) least = distance, nearest = function.name;
  }
  return nearest;
}

std::optional<Type> ResultOf(const Function& function, std::span<const Type> arguments) {
  std::optional<Type> result;
  std::string_view rest = function.signatures;
  while (!rest.empty()) {
    const std::string_view signature = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(signature.size() + 1, rest.size()));
    const size_t count = signature.size() - 2;
    if (count != arguments.size()) continue;
    bool fits = true;
    for (size_t i = 0; i < count; ++i) fits = fits && IsOf(signature[i], arguments[i]);
    if (!fits) continue;
    Type type = OfLetter(signature.back());
    if (type.Is(Kind::kList)) type = arguments[0].Joined(arguments[1]);
    result = result ? result->Joined(type) : type;  // several fit where something is not known
  }
  return result;
}

std::string_view SignOf(std::string_view function) {
  if (function == "@in") return "in";
  if (function == "_[_]") return "[]";
  if (function == "_?_:_") return "?:";
  const size_t begin = function.find_first_not_of('_');
  const size_t end = function.find_last_not_of('_');
  if (function.find_first_of("+-*/%!<>=&|") == std::string_view::npos) return function;
  return function.substr(begin, end - begin + 1);
}

}  // namespace pillion::expression
