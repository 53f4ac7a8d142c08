// Input: the first bytes of a connection. Every reader of source/codec/sniff sees them, grown byte by byte: an answer that is
// no kNeedMore must not change when more comes, and never lies outside of the bytes.

#include <cstdint>

#include "source/base/check.h"
#include "source/codec/sniff/client_hello.h"
#include "source/codec/sniff/proxy_header.h"
#include "source/codec/sniff/request_line.h"

namespace pillion::codec::sniff {
namespace {

constexpr size_t kMax = 16384;

template <typename Read>
void Grow(std::string_view bytes, Read read) {
  Found found = Found::kNeedMore;
  // Long inputs in larger steps: each read begins anew.
  const size_t step = 1 + bytes.size() / 256;
  for (size_t size = 0;; size += step) {
    const Found now = read(bytes.substr(0, size));
    PILLION_CHECK(found == Found::kNeedMore || now == found);
    found = now;
    if (size >= bytes.size()) return;
  }
}

void Fuzz(std::string_view bytes) {
  Grow(bytes, [](std::string_view some) {
    ClientHello hello;
    FingerprintTexts texts;
    const Found found = ReadClientHello(some, kMax, hello, &texts);
    PILLION_CHECK((found == Found::kYes) == !texts.ja3.empty());
    // Six characters for each two bytes at most, and a little.
    PILLION_CHECK(texts.ja3.size() <= 3 * kMax + 64 && texts.ja4_suites.size() + texts.ja4_extensions.size() <= 3 * kMax + 64);
    PILLION_CHECK(found == Found::kYes || (hello.server_name.empty() && hello.application_protocols.empty()));
    PILLION_CHECK(hello.server_name.size() <= 255 && hello.application_protocols.size() <= 64);
    PILLION_CHECK(found != Found::kNeedMore || some.size() < kMax);
    return found;
  });
  Grow(bytes, [](std::string_view some) {
    ProxyHeader header;
    const Found found = ReadProxyHeader(some, header);
    PILLION_CHECK(found != Found::kYes ||
                  (header.bytes > 0 && header.bytes <= some.size() && header.version != 0));
    PILLION_CHECK(found != Found::kNeedMore || some.size() < kLongestProxyHeader);
    return found;
  });
  Grow(bytes, [](std::string_view some) {
    HttpVersion version;
    const Found found = ReadRequestLine(some, version);
    PILLION_CHECK(found != Found::kNeedMore || some.size() < kLongestRequestLine);
    return found;
  });
}

}  // namespace
}  // namespace pillion::codec::sniff

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pillion::codec::sniff::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
