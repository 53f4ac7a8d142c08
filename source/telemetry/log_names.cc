#include "source/telemetry/log_names.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pillion::telemetry {
namespace {

// Names of TLS and certificates; those that are there are found before.
constexpr std::string_view kTlsPrefixes[] = {"DOWNSTREAM_TLS_",    "DOWNSTREAM_PEER_",
                                             "UPSTREAM_TLS_",      "UPSTREAM_PEER_",     "UPSTREAM_LOCAL_URI_",
                                             "UPSTREAM_LOCAL_DNS_", "UPSTREAM_LOCAL_IP_"};

constexpr GrpcStatusName kGrpcStatus[] = {
    {"OK", "OK"},
    {"Canceled", "CANCELLED"},
    {"Unknown", "UNKNOWN"},
    {"InvalidArgument", "INVALID_ARGUMENT"},
    {"DeadlineExceeded", "DEADLINE_EXCEEDED"},
    {"NotFound", "NOT_FOUND"},
    {"AlreadyExists", "ALREADY_EXISTS"},
    {"PermissionDenied", "PERMISSION_DENIED"},
    {"ResourceExhausted", "RESOURCE_EXHAUSTED"},
    {"FailedPrecondition", "FAILED_PRECONDITION"},
    {"Aborted", "ABORTED"},
    {"OutOfRange", "OUT_OF_RANGE"},
    {"Unimplemented", "UNIMPLEMENTED"},
    {"Internal", "INTERNAL"},
    {"Unavailable", "UNAVAILABLE"},
    {"DataLoss", "DATA_LOSS"},
    {"Unauthenticated", "UNAUTHENTICATED"},
};

constexpr std::pair<std::string_view, TimePoint> kTimePoints[] = {
    {"DS_RX_BEG", TimePoint::kDownstreamRxBegin},    {"DS_RX_END", TimePoint::kDownstreamRxEnd},
    {"US_CX_BEG", TimePoint::kUpstreamConnectBegin}, {"US_CX_END", TimePoint::kUpstreamConnectEnd},
    {"US_HS_END", TimePoint::kUpstreamHandshakeEnd}, {"US_TX_BEG", TimePoint::kUpstreamTxBegin},
    {"US_TX_END", TimePoint::kUpstreamTxEnd},        {"US_RX_BEG", TimePoint::kUpstreamRxBegin},
    {"US_RX_END", TimePoint::kUpstreamRxEnd},        {"DS_TX_BEG", TimePoint::kDownstreamTxBegin},
    {"DS_TX_END", TimePoint::kDownstreamTxEnd},
    {"DS_CX_BEG", TimePoint::kDownstreamConnectBegin}, {"DS_CX_END", TimePoint::kDownstreamConnectionEnd},
    {"US_RX_BODY_BEG", TimePoint::kUpstreamRxBodyBegin},
};

}  // namespace

bool KnownButNotSupported(std::string_view operator_name) {
  return std::any_of(std::begin(kTlsPrefixes), std::end(kTlsPrefixes),
                     [&](std::string_view prefix) { return operator_name.starts_with(prefix); });
}

std::optional<TimePoint> FindTimePoint(std::string_view name) {
  for (const auto& [known, point] : kTimePoints) {
    if (known == name) return point;
  }
  return std::nullopt;
}

GrpcStatusName FindGrpcStatusName(uint32_t code) {
  return code < std::size(kGrpcStatus) ? kGrpcStatus[code] : GrpcStatusName();
}

}  // namespace pillion::telemetry
