#pragma once

// What holds for one request: its timeouts and how often it is tried, as its route says, and as it says itself, where
// it may (x-envoy-upstream-rq-timeout-ms and others; who may not has lost those fields before, requester.h).

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "source/base/clock.h"
#include "source/config/cluster.h"
#include "source/http/message.h"
#include "source/route/table.h"

namespace pillion::proxy {

// A zero duration means: no such limit.
struct RequestTerms {
  base::Duration timeout{0};  // end of request to end of response, all attempts inside
  base::Duration per_try_timeout{0};
  base::Duration per_try_idle_timeout{0};
  bool hedges = false;                  // an attempt goes on when that is over, beside another one
  bool no_content_for_timeout = false;  // 204 instead of 504
  bool tells_grpc_timeout = false;      // grpc-timeout goes upstream as what an attempt has

  uint32_t retry_on = 0;  // bits of config::RetryOn
  uint32_t num_retries = 0;
  const config::RetryPolicy* policy = nullptr;  // for what the request has no say in; may be null
  std::string_view more_status_codes;           // a list, with kRetryOnRetriableStatusCodes
  std::string_view more_retriable_headers;      // of the answer's, a list of names, with kRetryOnRetriableHeaders

  // What one attempt has at most, of what is left of the whole.
  base::Duration AttemptTimeout(base::Duration left) const {
    if (hedges || per_try_timeout <= base::Duration::zero()) return left;
    return left <= base::Duration::zero() ? per_try_timeout : std::min(per_try_timeout, left);
  }
};

// `entry` forwards, to `cluster`, which may be null. Views of the result live as long as the head; fields that are for us
// only are taken off it.
RequestTerms TermsOf(const route::Entry& entry, const config::Cluster* cluster, http::RequestHead& head);

}  // namespace pillion::proxy
