#include "source/filters/http_filters.h"

#include "source/filters/buffer/buffer.h"
#include "source/filters/concurrency/concurrency.h"
#include "source/filters/cors/cors.h"
#include "source/filters/degradation/degradation.h"
#include "source/filters/extension_with_matcher/extension_with_matcher.h"
#include "source/filters/fault/fault.h"
#include "source/filters/grey/grey.h"
#include "source/filters/grpc_stats/grpc_stats.h"
#include "source/filters/grpc_web/grpc_web.h"
#include "source/filters/header_mutation/header_mutation.h"
#include "source/filters/header_to_metadata/header_to_metadata.h"
#include "source/filters/health_check/health_check.h"
#include "source/filters/limit/limit.h"
#include "source/filters/local_ratelimit/local_ratelimit.h"
#include "source/filters/principal_stats/principal_stats.h"
#include "source/filters/ratelimit/ratelimit.h"
#include "source/filters/rbac/rbac.h"
#include "source/filters/request_context/request_context.h"
#include "source/filters/set_filter_state/set_filter_state.h"
#include "source/filters/stateful_session/stateful_session.h"
#include "source/filters/toggles/toggles.h"

namespace pillion::filters {

std::vector<config::HttpFilterType> HttpFilterTypes() {
  return {
      buffer::Type(),
      concurrency::AdaptiveType(),
      concurrency::Type(),
      cors::Type(),
      degradation_rules::Type(),
      extension_with_matcher::Type(),
      fault::Type(),
      grey_rules::Type(),
      grpc_stats::Type(),
      grpc_web::Type(),
      header_mutation::Type(),
      header_to_metadata::Type(),
      health_check::Type(),
      limit_rules::Type(),
      local_ratelimit::Type(),
      principal_stats::Type(),
      ratelimit::Type(),
      rbac::Type(),
      request_context::Type(),
      set_filter_state::Type(),
      stateful_session::Type(),
      toggles::Type(),
  };
}

}  // namespace pillion::filters
