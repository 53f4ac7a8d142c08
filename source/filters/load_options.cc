#include "source/filters/load_options.h"

#include "source/filters/http_filters.h"
#include "source/filters/missing_filter.h"
#include "source/telemetry/log_format.h"

namespace pillion::filters {

config::LoadOptions LoadOptions() {
  config::LoadOptions options;
  options.http_filters = HttpFilterTypes();
  options.missing_filter = MissingFilter();
  options.check_log_format = telemetry::CheckLogFormat;
  return options;
}

}  // namespace pillion::filters
