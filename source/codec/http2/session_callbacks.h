#pragma once

#include <nghttp2/nghttp2.h>

namespace pillion::codec::http2 {

class Stream;

// Shared by all sessions of the process, never changed.
const nghttp2_session_callbacks* SessionCallbacks();
const nghttp2_option* SessionOptions();

// Has nghttp2 ask `stream` for its data.
nghttp2_data_provider DataProvider(Stream& stream);

}  // namespace pillion::codec::http2
