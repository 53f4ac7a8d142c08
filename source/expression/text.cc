// Texts, and bytes where these are asked the same.

#include <cstring>

#include "source/expression/operations.h"
#include "source/http/syntax.h"

namespace pillion::expression {
namespace {

bool AreStrings(Arguments arguments) { return arguments[0].Is(Kind::kString) && arguments[1].Is(Kind::kString); }

}  // namespace

Value StartsWith(Arguments arguments, Evaluation&) {
  return AreStrings(arguments) ? Value::Bool(arguments[0].text().starts_with(arguments[1].text())) : NoOverload();
}

Value EndsWith(Arguments arguments, Evaluation&) {
  return AreStrings(arguments) ? Value::Bool(arguments[0].text().ends_with(arguments[1].text())) : NoOverload();
}

Value Contains(Arguments arguments, Evaluation& evaluation) {
  if (!AreStrings(arguments)) return NoOverload();
  const std::string_view text = arguments[0].text(), part = arguments[1].text();
  if (part.empty()) return Value::Bool(true);
  if (!evaluation.Step(text.size() / kBytesInStep)) return Value::Error(ErrorCode::kTooLong);
  // Its time is linear, also where peers choose both.
  return Value::Bool(!text.empty() && memmem(text.data(), text.size(), part.data(), part.size()) != nullptr);
}

Value LowerAscii(Arguments arguments, Evaluation& evaluation) {
  if (!arguments[0].Is(Kind::kString)) return NoOverload();
  const std::string_view text = arguments[0].text();
  if (text.empty()) return arguments[0];
  char* to = evaluation.AllocateText(text.size());
  if (to == nullptr) return Value::Error(ErrorCode::kTooLarge);
  http::CopyLowerCase(text, to);
  return Value::String({to, text.size()});
}

Value UpperAscii(Arguments arguments, Evaluation& evaluation) {
  if (!arguments[0].Is(Kind::kString)) return NoOverload();
  const std::string_view text = arguments[0].text();
  if (text.empty()) return arguments[0];
  char* to = evaluation.AllocateText(text.size());
  if (to == nullptr) return Value::Error(ErrorCode::kTooLarge);
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    to[i] = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return Value::String({to, text.size()});
}

}  // namespace pillion::expression
