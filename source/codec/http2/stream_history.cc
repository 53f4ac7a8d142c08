#include "source/codec/http2/stream_history.h"

namespace pillion::codec::http2 {

void StreamHistory::Open(uint32_t stream_id) {
  const uint32_t first = highest_ == 0 ? 1 : highest_ + 2;
  if ((stream_id - first) / 2 >= kSize) {
    skipped_.set();
  } else {
    for (uint32_t id = first; id < stream_id; id += 2) skipped_.set(Slot(id));
  }
  skipped_.reset(Slot(stream_id));
  closed_.reset(Slot(stream_id));
  highest_ = stream_id;
}

void StreamHistory::Close(uint32_t stream_id) {
  if (stream_id <= highest_ && Remembered(stream_id)) closed_.set(Slot(stream_id));
}

StreamHistory::Past StreamHistory::Look(uint32_t stream_id) const {
  if (!Remembered(stream_id)) return Past::kUnknown;
  if (skipped_.test(Slot(stream_id))) return Past::kSkipped;
  return closed_.test(Slot(stream_id)) ? Past::kClosed : Past::kUnknown;
}

}  // namespace pillion::codec::http2
