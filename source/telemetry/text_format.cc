#include "source/telemetry/text_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace pillion::telemetry {
namespace {

// An operator as it stands in a format, after its first percent sign.
struct OperatorText {
  std::string_view name;
  std::string_view argument;
  bool has_argument = false;
  size_t limit = SIZE_MAX;
  size_t size = 0;  // with the closing percent sign
};

bool IsNameByte(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Where an argument ends. Expressions, and texts of JSON, have parentheses of their own: there it is the first that an
// operator may end behind.
size_t EndOfArgument(std::string_view name, std::string_view rest, size_t begin) {
  size_t end = rest.find(')', begin);
  if (name != "CEL" && name != "TYPED_CEL" && name != "COALESCE") return end;
  for (; end != std::string_view::npos; end = rest.find(')', end + 1)) {
    size_t behind = end + 1;
    if (behind < rest.size() && rest[behind] == ':') behind = rest.find_first_not_of("0123456789", behind + 1);
    if (behind < rest.size() && rest[behind] == '%') break;
  }
  return end;
}

// NAME, NAME(argument), either with :length; nothing when it is not well formed.
std::optional<OperatorText> ParseOperator(std::string_view rest) {
  OperatorText parsed;
  size_t at = 0;
  while (at < rest.size() && IsNameByte(rest[at])) ++at;
  parsed.name = rest.substr(0, at);
  if (parsed.name.empty()) return std::nullopt;
  if (at < rest.size() && rest[at] == '(') {
    const size_t end = EndOfArgument(parsed.name, rest, at);
    if (end == std::string_view::npos) return std::nullopt;
    parsed.has_argument = true;
    parsed.argument = rest.substr(at + 1, end - at - 1);
    at = end + 1;
  }
  if (at < rest.size() && rest[at] == ':') {
    const char* begin = rest.data() + at + 1;
    const auto [end, error] = std::from_chars(begin, rest.data() + rest.size(), parsed.limit);
    if (error != std::errc() || end == begin) return std::nullopt;
    at = static_cast<size_t>(end - rest.data());
  }
  if (at >= rest.size() || rest[at] != '%') return std::nullopt;
  parsed.size = at + 1;
  return parsed;
}

}  // namespace

absl::StatusOr<TextFormat> TextFormat::Compile(std::string_view format) {
  std::vector<std::string> errors;
  TextFormat compiled = Compile(format, "", errors);
  if (errors.empty()) return compiled;
  return absl::InvalidArgumentError(fmt::format("{}", fmt::join(errors, "; ")));
}

TextFormat TextFormat::Compile(std::string_view format, std::string_view place, std::vector<std::string>& errors) {
  TextFormat compiled_format;
  std::vector<Piece>& pieces = compiled_format.pieces_;
  std::string literal;
  for (size_t i = 0; i < format.size();) {
    if (format[i] != '%') {
      literal += format[i++];
    } else if (format.substr(i).starts_with("%%")) {
      literal += '%';
      i += 2;
    } else {
      const std::optional<OperatorText> parsed = ParseOperator(format.substr(i + 1));
      if (!parsed) {
        errors.push_back(
            fmt::format("{}byte {}: expected %OPERATOR%, %OPERATOR(argument)%, either with :length before "
                        "the last %, or %% for a percent sign",
                        place, i));
        return compiled_format;
      }
      absl::StatusOr<LogOperator> compiled =
          LogOperator::Compile(parsed->name, parsed->has_argument, parsed->argument);
      if (compiled.ok()) {
        pieces.push_back({std::move(literal), *std::move(compiled), parsed->limit});
        literal.clear();
      } else {
        errors.push_back(fmt::format("{}byte {}: {}", place, i, std::string(compiled.status().message())));
      }
      i += 1 + parsed->size;
    }
  }
  if (!literal.empty()) pieces.push_back({std::move(literal), std::nullopt});
  return compiled_format;
}

std::string_view TextFormat::Evaluate(const RequestRecord& record, std::string_view missing, base::Arena& arena,
                                      std::string& scratch) const {
  if (pieces_.size() == 1 && !pieces_[0].value) return pieces_[0].literal;
  base::ArenaText text;
  for (const Piece& piece : pieces_) {
    text.Append(arena, piece.literal);
    if (!piece.value) continue;
    const LogValue value = piece.value->Evaluate(record, scratch);
    switch (value.kind) {
      case LogValue::Kind::kMissing:
        text.Append(arena, missing);
        break;
      case LogValue::Kind::kNumber: {
        char digits[24];
        const char* const end = std::to_chars(digits, digits + sizeof digits, value.number).ptr;
        text.Append(arena, {digits, static_cast<size_t>(end - digits)});
        break;
      }
      case LogValue::Kind::kText:
      case LogValue::Kind::kJson:
        text.Append(arena, value.text.substr(0, piece.limit));
        break;
    }
  }
  return text.view();
}

}  // namespace pillion::telemetry
