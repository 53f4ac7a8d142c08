#include "source/context/w3c.h"

#include <algorithm>
#include <array>

#include "source/context/bytes.h"
#include "source/http/syntax.h"

namespace pillion::context {
namespace {

// version "-" trace-id "-" parent-id "-" trace-flags
constexpr size_t kTraceId = 3;
constexpr size_t kSpanId = 36;
constexpr size_t kFlags = 53;
constexpr size_t kTraceparent = 55;

constexpr size_t kLongestMemberPart = 256;

bool IsKeyCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' || c == '/' || c == '@';
}

bool IsKey(std::string_view key) {
  if (key.empty() || key.size() > kLongestMemberPart) return false;
  const bool begins_well = (key[0] >= 'a' && key[0] <= 'z') || (key[0] >= '0' && key[0] <= '9');
  return begins_well && std::ranges::all_of(key, IsKeyCharacter);
}

bool IsValue(std::string_view value) {
  return !value.empty() && value.size() <= kLongestMemberPart &&
         std::ranges::all_of(value, [](char c) { return c >= 0x20 && c <= 0x7e && c != ',' && c != '='; });
}

}  // namespace

bool DecodeTraceparent(std::string_view text, Context& context) {
  if (text.size() < kTraceparent) return false;
  if (text[kTraceId - 1] != '-' || text[kSpanId - 1] != '-' || text[kFlags - 1] != '-') return false;
  uint8_t version, flags;
  TraceId trace;
  SpanId span;
  const char* const at = text.data();
  if (!ParseHex(at, version) || !ParseHex(at + kTraceId, trace.high) || !ParseHex(at + kTraceId + 16, trace.low) ||
      !ParseHex(at + kSpanId, span) || !ParseHex(at + kFlags, flags)) {
    return false;
  }
  // Of a later version we know the beginning, if it has one that we can tell from the rest.
  const bool ends_well = text.size() == kTraceparent || (version != 0 && text[kTraceparent] == '-');
  if (version == 0xff || !ends_well || !trace || span == 0) return false;
  context.trace_id = trace;
  context.span_id = span;
  context.trace_flags = flags;
  context.has_trace_flags = true;
  return true;
}

bool IsAsEncoded(std::string_view text, const Context& read) {
  return text.size() == kTraceparent && text.starts_with("00") && (read.trace_flags & ~kSentFlags) == 0;
}

std::string_view EncodeTraceparent(const Context& context, base::Arena& arena) {
  char* const text = static_cast<char*>(arena.Allocate(kTraceparent, 1));
  text[0] = text[1] = '0';
  text[2] = '-';
  char* to = WriteHex(context.trace_id.low, WriteHex(context.trace_id.high, text + kTraceId));
  *to++ = '-';
  to = WriteHex(context.span_id, to);
  *to++ = '-';
  WriteHex(static_cast<uint8_t>(context.trace_flags & kSentFlags), to);
  return {text, kTraceparent};
}

bool IsTracestate(std::string_view text) {
  if (text.size() > kLongestTracestate) return false;
  std::array<std::string_view, kMostTracestateMembers> keys;
  size_t members = 0;
  const bool good = http::ForEachListElement(text, [&](std::string_view member) {
    const size_t equals = member.find('=');
    if (equals == std::string_view::npos || members == keys.size()) return false;
    const std::string_view key = member.substr(0, equals);
    if (!IsKey(key) || !IsValue(member.substr(equals + 1))) return false;
    if (std::find(keys.begin(), keys.begin() + members, key) != keys.begin() + members) return false;
    keys[members++] = key;
    return true;
  });
  return good && members > 0;
}

}  // namespace pillion::context
