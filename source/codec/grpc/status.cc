#include "source/codec/grpc/status.h"

#include <charconv>

#include "source/base/escape.h"
#include "source/http/status.h"

namespace pillion::codec::grpc {
namespace {

constexpr size_t kMostText = 512;  // bytes of a message, which a peer has written

constexpr std::string_view kNames[] = {
    "OK",                 "CANCELLED",      "UNKNOWN",       "INVALID_ARGUMENT",    "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS",     "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",  "OUT_OF_RANGE",
    "UNIMPLEMENTED",      "INTERNAL",       "UNAVAILABLE",   "DATA_LOSS",           "UNAUTHENTICATED"};

int HexOf(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

std::string_view CodeName(Code code) {
  const auto index = static_cast<size_t>(code);
  return index < std::size(kNames) ? kNames[index] : kNames[static_cast<size_t>(Code::kUnknown)];
}

std::string Status::text() const {
  std::string result(CodeName(code));
  if (message.empty()) return result;
  result += ": ";
  base::AppendLine(result, message, kMostText);
  return result;
}

std::string PercentDecoded(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexOf(text[i + 1]) >= 0 && HexOf(text[i + 2]) >= 0) {
      result.push_back(static_cast<char>(HexOf(text[i + 1]) << 4 | HexOf(text[i + 2])));
      i += 2;
    } else {
      result.push_back(text[i]);
    }
  }
  return result;
}

Status StatusOf(const http::HeaderMap& headers, int http_status) {
  const http::HeaderField* const field = headers.Find(http::HeaderId::kGrpcStatus);
  if (field == nullptr) {
    const auto code = static_cast<Code>(http_status == 200 ? static_cast<int>(Code::kUnknown)
                                                           : http::GrpcStatusOf(http_status));
    return {code, "no grpc-status, but HTTP status " + std::to_string(http_status)};
  }
  const std::string_view text = field->value();
  unsigned code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc() || end != text.data() + text.size() || code > 999) {
    return {Code::kUnknown, "grpc-status \"" + std::string(text.substr(0, 32)) + "\", expected a number"};
  }
  Status status{static_cast<Code>(code)};
  if (const http::HeaderField* message = headers.Find(http::HeaderId::kGrpcMessage)) {
    status.message = PercentDecoded(message->value());
  }
  return status;
}

}  // namespace pillion::codec::grpc
