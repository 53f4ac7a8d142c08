#pragma once

// Makes the list of fields that nghttp2 compresses of a head or trailers. Names and values are not copied: they must
// live until the frame is packed, which Produce() does at the end of the turn.

#include <nghttp2/nghttp2.h>

#include <span>
#include <vector>

#include "source/http/message.h"

namespace pillion::codec::http2 {

// Room for one list, used again for each; what an Encode function returns points into it.
using NvScratch = std::vector<nghttp2_nv>;

std::span<const nghttp2_nv> EncodeRequest(const http::RequestHead& head, NvScratch& scratch);
std::span<const nghttp2_nv> EncodeResponse(const http::ResponseHead& head, NvScratch& scratch);
std::span<const nghttp2_nv> EncodeTrailers(std::span<const http::HeaderField> fields, NvScratch& scratch);

}  // namespace pillion::codec::http2
