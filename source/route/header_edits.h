#pragma once

// What header edits make of the fields of a head. Used by routes, and by whoever else edits heads as they do.

#include "source/config/header_edits.h"
#include "source/http/header_map.h"
#include "source/telemetry/request_record.h"

namespace pillion::route {

// `record`: what is known of the request so far. A field whose value can't be one, for what a peer has sent, is left
// out.
void ApplyHeaderEdits(const config::HeaderEdits& edits, const telemetry::RequestRecord& record,
                      http::HeaderMap& headers);

// In order.
void ApplyHeaderMutations(const std::vector<config::HeaderMutation>& mutations, const telemetry::RequestRecord& record,
                          http::HeaderMap& headers);

}  // namespace pillion::route
