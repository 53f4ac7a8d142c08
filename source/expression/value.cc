#include "source/expression/value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "source/base/escape.h"
#include "source/expression/time.h"

namespace pillion::expression {
namespace {

constexpr std::array<std::string_view, kKinds> kNames = {
    "error", "null_type", "bool", "int", "uint", "double", "string", "bytes", "google.protobuf.Duration",
    "google.protobuf.Timestamp", "type", "list", "map", "map"};

constexpr std::string_view kErrors[] = {
    "no such attribute", "no such key", "no such overload", "division by zero", "overflow", "index out of range",
    "conversion failed", "not valid UTF-8", "a key that is there twice", "a map's key of a wrong type",
    "more memory than an expression may have", "more steps than an expression may take"};

// Only texts keep what is beyond ASCII: bytes are no characters.
void AppendQuoted(std::string& out, std::string_view text, bool bytes) {
  out += '\'';
  while (!text.empty()) {
    const size_t length = bytes ? 1 : std::max<size_t>(base::Utf8Length(text), 1);
    const std::string_view character = text.substr(0, length);
    if (character == "'" || character == "\\") out += '\\';
    base::AppendLine(out, character, length);
    text.remove_prefix(length);
  }
  out += '\'';
}

void Append(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Kind::kError:
      out += "error: ";
      out += ErrorText(value.error());
      break;
    case Kind::kNull:
      out += "null";
      break;
    case Kind::kBool:
      out += value.bool_value() ? "true" : "false";
      break;
    case Kind::kInt:
      out += std::to_string(value.int_value());
      break;
    case Kind::kUint:
      out += std::to_string(value.uint_value()) + "u";
      break;
    case Kind::kDouble: {
      char text[32];
      const std::string_view digits(text, std::to_chars(text, text + sizeof text, value.double_value()).ptr - text);
      out += digits;
      if (std::isfinite(value.double_value()) && digits.find_first_of(".e") == std::string_view::npos) out += ".0";
      break;
    }
    case Kind::kString:
      AppendQuoted(out, value.text(), false);
      break;
    case Kind::kBytes:
      out += 'b';
      AppendQuoted(out, value.text(), true);
      break;
    case Kind::kDuration:
    case Kind::kTimestamp: {
      char text[kLongestTime];
      const bool duration = value.Is(Kind::kDuration);
      out += duration ? "duration('" : "timestamp('";
      out.append(text, duration ? WriteDuration(value.seconds(), text) : WriteTimestamp(value.seconds(), text));
      out += "')";
      break;
    }
    case Kind::kType:
      out += KindName(value.type());
      break;
    case Kind::kList:
      out += '[';
      for (const Value& item : value.items()) {
        if (&item != value.items().data()) out += ", ";
        Append(out, item);
      }
      out += ']';
      break;
    case Kind::kMap:
      out += '{';
      for (const MapEntry& entry : value.entries()) {
        if (&entry != value.entries().data()) out += ", ";
        Append(out, entry.key);
        out += ": ";
        Append(out, entry.value);
      }
      out += '}';
      break;
    case Kind::kLookup:
      out += "map";
      break;
  }
}

}  // namespace

std::string_view KindName(Kind kind) { return kNames[static_cast<size_t>(kind)]; }

std::string_view ErrorText(ErrorCode code) { return kErrors[static_cast<size_t>(code)]; }

std::string Show(const Value& value) {
  std::string out;
  Append(out, value);
  return out;
}

}  // namespace pillion::expression
