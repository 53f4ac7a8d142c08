// Input: a byte of options; then either the bytes of a vctx-v2, or lines of which the first character says which field of a
// carrier it is, and the rest what stands in it. What is read can be written; what was written is read as the same, fits where it
// goes, and ends no line.

#include <cstdint>
#include <string>

#include "source/base/check.h"
#include "source/context/base64.h"
#include "source/context/carrier_fields.h"
#include "source/context/extract.h"
#include "source/context/inject.h"
#include "source/context/vctx.h"
#include "source/context/w3c_baggage.h"
#include "source/http/syntax.h"

namespace pillion::context {
namespace {

constexpr uint8_t kBytes = 1;
constexpr uint8_t kGrpc = 2;
constexpr uint8_t kWriteAll = 4;

const Moment kMoment{base::MonotonicTime(std::chrono::hours(1)), base::WallTime(std::chrono::seconds(1'795'000'000))};

// What is written as it came is what would have been written.
void CheckWrittenAnew(const Context& context, base::Arena& arena) {
  Context anew = context;
  anew.origin = nullptr;
  anew.baggage.set_w3c_text({});
  uint32_t left_out = 0, left_out_anew = 0;
  for (const bool padded : {false, true}) {
    PILLION_CHECK(EncodeVctxText(context, padded, arena, left_out) == EncodeVctxText(anew, padded, arena, left_out_anew));
  }
  char bytes[kMostVctxBytes], bytes_anew[kMostVctxBytes];
  PILLION_CHECK(VctxRest(context, bytes, left_out) == VctxRest(anew, bytes_anew, left_out_anew));
  PILLION_CHECK(EncodeBaggage(context.baggage, arena, left_out) == EncodeBaggage(anew.baggage, arena, left_out_anew));
  PILLION_CHECK(left_out == left_out_anew);
}

void FuzzBytes(std::string_view bytes, base::Arena& arena) {
  Context context;
  if (!DecodeVctx(bytes, arena, context)) return;
  PILLION_CHECK(bytes.size() <= kMostVctxBytes);
  PILLION_CHECK(context.request_id.size() <= kLongestRequestId && context.tenant.size() <= kLongestTenant);
  char out[kMostVctxBytes];
  uint32_t left_out = 0;
  const std::string_view written(out, EncodeVctx(context, out, left_out));
  PILLION_CHECK(left_out == 0 && written.size() <= bytes.size());  // it came in as many
  Context again;
  PILLION_CHECK(DecodeVctx(written, arena, again));
  if (!context.trace_id) context.span_id = 0, context.has_trace_flags = false, context.tracestate = {};
  PILLION_CHECK(Agrees(again, context) && Agrees(context, again));
  char text[Base64Size(kMostVctxBytes, true)];
  EncodeBase64(bytes, true, text);
  Context of_text;
  PILLION_CHECK(DecodeVctxText({text, Base64Size(bytes.size(), true)}, arena, of_text));
  CheckWrittenAnew(of_text, arena);
}

void FuzzHead(std::string_view text, const ExtractOptions& options, CarrierSet write, base::Arena& arena) {
  http::HeaderMap headers(arena);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.empty() || !http::IsFieldValue(line.substr(1))) continue;  // codecs let nothing else through
    headers.Add(kCarrierFieldIds[static_cast<uint8_t>(line[0]) % kCarrierFieldIds.size()], line.substr(1));
  }
  Extraction first;
  Extract(headers, options, kMoment, first);
  PILLION_CHECK((first.found & first.malformed).empty());
  CheckWrittenAnew(first.context, arena);
  Context later = first.context;
  later.deadline += std::min<uint64_t>(later.deadline, 1'000'000'007);
  CheckWrittenAnew(later, arena);
  later.span_id ^= 0x40;
  CheckWrittenAnew(later, arena);
  base::Random random(1);
  BeginTrace(first.context, random);
  const uint32_t left_out = Inject(first.context, {.write = write, .grpc = options.grpc}, kMoment.monotonic, headers);
  for (const http::HeaderField& field : headers) {
    const bool of_grpc = field.id == http::HeaderId::kVctxBin || field.id == http::HeaderId::kGrpcTimeout;
    if (of_grpc && !options.grpc) continue;  // it means nothing, and stays as it is
    PILLION_CHECK(http::IsFieldValue(field.value()) && headers.Count(field.id) == 1);
  }
  Extraction second;
  Extract(headers, options, kMoment, second);
  PILLION_CHECK(second.malformed.empty() && (second.found & write & kW3c).Has(Carrier::kTrace));
  PILLION_CHECK(second.context.trace_id == first.context.trace_id && second.context.span_id == first.context.span_id);
  PILLION_CHECK(second.context.request_id == first.context.request_id);
  PILLION_CHECK(second.context.biz_flags == first.context.biz_flags);
  if (left_out != 0) return;
  PILLION_CHECK(second.context.tenant == first.context.tenant && second.context.tracestate == first.context.tracestate);
  PILLION_CHECK(second.context.baggage.size() == first.context.baggage.size());
  for (const Baggage::Entry& entry : first.context.baggage) {
    const Baggage::Entry* again = second.context.baggage.Find(entry.key);
    PILLION_CHECK(again != nullptr && again->text == entry.text);
  }
}

}  // namespace
}  // namespace pillion::context

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pillion::context;
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  pillion::base::BlockPool blocks;
  pillion::base::Arena arena(blocks);
  if ((data[0] & kBytes) != 0) {
    FuzzBytes(rest, arena);
  } else {
    FuzzHead(rest, {.grpc = (data[0] & kGrpc) != 0}, (data[0] & kWriteAll) != 0 ? kAllCarriers : kWrittenByDefault, arena);
  }
  return 0;
}
