#include "source/codec/http2/flood_guard.h"

namespace pillion::codec::http2 {

int64_t FloodGuard::Bound(Flood flood) const {
  switch (flood) {
    case Flood::kReset:
      return bounds_.resets;
    case Flood::kPing:
      return bounds_.pings;
    case Flood::kSettings:
      return bounds_.settings;
    case Flood::kPriority:
      return bounds_.priorities;
    case Flood::kWindowUpdate:
      return bounds_.window_updates;
    case Flood::kEmptyFrame:
      return bounds_.empty_frames;
    case Flood::kOutbound:
      return bounds_.outbound;
    case Flood::kOutboundFrames:
      return bounds_.outbound_frames;
    case Flood::kInformational:
      return bounds_.informational;
    case Flood::kContinuation:
    case Flood::kCount:
      break;
  }
  return 0;
}

}  // namespace pillion::codec::http2
