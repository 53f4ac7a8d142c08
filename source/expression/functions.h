#pragma once

// The functions of the language, operators among them: what they are called, what they take, and what they do. One that
// takes several types looks at the kinds of its values when it runs: a value of a wrong kind, which the checker may not
// have known, is an error, never a crash.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "source/expression/evaluation.h"
#include "source/expression/type.h"

namespace pillion::expression {

struct Function {
  // None of `arguments` is an error. Pure, but for memory and steps.
  using Run = Value (*)(std::span<const Value> arguments, Evaluation& evaluation);

  std::string_view name;  // as a tree has it
  bool member;            // called on its first argument
  // "ii:i ss:s": what it takes and gives, a letter for each type: b bool, i int, u uint, d double, s string, y bytes, D
  // duration, T timestamp, L list, M map, t type, n null, * anything.
  std::string_view signatures;
  Run run;
};

std::span<const Function> Functions();

// Nothing: there is none of that name and form.
std::optional<uint32_t> FindFunction(std::string_view name, bool member);
// In any form.
bool IsFunctionName(std::string_view name);
// The one that is spelled most alike; empty: none is.
std::string_view NearestFunction(std::string_view name);

// What it gives for arguments of these types; nothing: it does not take them.
std::optional<Type> ResultOf(const Function& function, std::span<const Type> arguments);

// As people write it: "+" of "_+_", "in" of "@in".
std::string_view SignOf(std::string_view function);

}  // namespace pillion::expression
