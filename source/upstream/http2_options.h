#pragma once

// The configuration's HTTP/2 options as the codec takes them, for both sides of the proxy: what is configured and not
// taken over here has no effect.

#include <cstddef>

#include "source/codec/http2/options.h"
#include "source/config/http_options.h"

namespace pillion::upstream {

// `output_limit`: bytes that a stream may have waiting to be sent.
codec::http2::Options Http2Options(const config::Http2Options& http2, const config::HttpOptions& common,
                                   size_t output_limit);

}  // namespace pillion::upstream
