#include "source/filters/degradation/verdict.h"

#include <algorithm>

#include "source/expression/evaluator.h"
#include "source/filter/request_attributes.h"

namespace pillion::filters::degradation_rules {
namespace {

using degradation::Verdict;
using expression::Attribute;
using expression::Value;
using telemetry::ResponseFlag;

// Of those whom upstream has failed.
constexpr ResponseFlag kFailures[] = {
    ResponseFlag::kNoHealthyUpstream,      ResponseFlag::kUpstreamConnectionFailure,
    ResponseFlag::kUpstreamRequestTimeout, ResponseFlag::kUpstreamConnectionTermination,
    ResponseFlag::kUpstreamRemoteReset,    ResponseFlag::kLocalReset,
    ResponseFlag::kUpstreamProtocolError,  ResponseFlag::kUpstreamMaxStreamDurationReached,
    ResponseFlag::kDnsResolutionFailed};
// The same, of requests that somebody was asked for.
constexpr ResponseFlag kTimeouts[] = {ResponseFlag::kDurationTimeout, ResponseFlag::kStreamIdleTimeout};

// A request whose answer has a head that its stream does not know yet.
class WithHead final : public expression::Attributes {
 public:
  WithHead(filter::StreamContext& stream, const http::ResponseHead& head) : request_(stream), head_(head) {}

  Value Get(Attribute which, base::Arena& arena) const override {
    return which == Attribute::kResponseCode ? Value::Int(head_.status) : request_.Get(which, arena);
  }
  Value Find(Attribute map, const expression::Key& key, base::Arena& arena) const override {
    return request_.Find(map, key, arena);
  }
  Value Keys(Attribute map, base::Arena& arena) const override { return request_.Keys(map, arena); }

 private:
  const filter::RequestAttributes request_;
  const http::ResponseHead& head_;
};

}  // namespace

Came CameOf(filter::StreamContext& stream, const http::ResponseHead& head, uint32_t attempts) {
  const telemetry::ResponseFlags flags = stream.flags();
  if (flags.empty() && attempts > 0) return Came::kAnswer;
  telemetry::RequestRecord record;
  stream.Describe(record);
  if (record.response_code_details == "via_upstream") return Came::kAnswer;
  // One that a test of failures has made up.
  if (flags.Has(ResponseFlag::kFaultInjected)) return Came::kAnswer;
  const auto has = [&](ResponseFlag flag) { return flags.Has(flag); };
  if (std::any_of(std::begin(kFailures), std::end(kFailures), has)) return Came::kNoAnswer;
  // Whoever ends a request at its deadline does not always say so by a flag.
  const bool late = head.status == 504 || head.headers.Get(http::HeaderId::kGrpcStatus) == "4";
  if (attempts == 0) return Came::kNobodyAsked;
  return late || std::any_of(std::begin(kTimeouts), std::end(kTimeouts), has) ? Came::kNoAnswer : Came::kLeft;
}

bool IsError(int status, std::string_view grpc_status) {
  if (status >= 500) return true;
  if (grpc_status.size() == 1) return grpc_status == "2" || grpc_status == "4";
  return grpc_status.size() == 2 && grpc_status[0] == '1' && grpc_status[1] >= '2' && grpc_status[1] <= '5';
}

bool IsErrorFor(const Rule& rule, filter::StreamContext& stream, const http::ResponseHead& head,
                std::string_view grpc_status) {
  if (rule.errors == nullptr) return IsError(head.status, grpc_status);
  return expression::Evaluate(*rule.errors, WithHead(stream, head), stream.arena()).is_true();
}

Verdict VerdictOf(const Rule& rule, Came came, bool is_error, base::Duration took) {
  if (came == Came::kNobodyAsked) return Verdict::kUnknown;
  if (rule.slow_over && took > *rule.slow_over) return Verdict::kBad;
  if (came == Came::kLeft) return Verdict::kUnknown;
  // What failed before it could be slow says nothing of that.
  if (rule.by_latency) return came == Came::kAnswer ? Verdict::kGood : Verdict::kUnknown;
  return is_error || came == Came::kNoAnswer ? Verdict::kBad : Verdict::kGood;
}

}  // namespace pillion::filters::degradation_rules
