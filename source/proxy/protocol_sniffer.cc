#include "source/proxy/protocol_sniffer.h"

#include <algorithm>

namespace pillion::proxy {

size_t ProtocolSniffer::Receive(const base::Slice& data) {
  const std::string_view expected = kPreface.substr(matched_);
  const std::string_view got = data.view().substr(0, expected.size());
  const bool matches = expected.starts_with(got);
  if (matches && got.size() < expected.size()) {
    matched_ += got.size();
    return data.size();
  }
  // What came in earlier reads was the preface's beginning, to the byte. Too short to be a whole request, so that no
  // codec stops within it.
  const size_t earlier = matched_;
  base::BlockPool& pool = pool_;
  codec::Connection& codec = events_.OnProtocol(matches);
  if (earlier > 0 && codec.Receive(base::Slice::Copy(pool, kPreface.substr(0, earlier))) != earlier) return 0;
  return codec.wants_read() ? codec.Receive(data) : 0;
}

}  // namespace pillion::proxy
