#pragma once

// How a call of gRPC ended.

#include <string>
#include <string_view>

#include "source/http/header_map.h"

namespace pillion::codec::grpc {

// gRPC's codes, of which others are named by their number.
enum class Code : int {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kUnauthenticated = 16,
};

struct Status {
  Code code = Code::kOk;
  std::string message = {};

  bool ok() const { return code == Code::kOk; }
  // "PERMISSION_DENIED: no identity issued": one line of bounded length, whatever the peer has said.
  std::string text() const;
};

std::string_view CodeName(Code code);  // "UNKNOWN" of what gRPC does not know

// "%20" and the like become bytes; what is no such escape stays as it is.
std::string PercentDecoded(std::string_view text);

// That of trailers, or of an answer that is a head alone. `http_status`: of its head; without a grpc-status that decides.
Status StatusOf(const http::HeaderMap& headers, int http_status);

}  // namespace pillion::codec::grpc
