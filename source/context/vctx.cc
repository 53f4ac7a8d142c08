#include "source/context/vctx.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "source/context/base64.h"
#include "source/context/bytes.h"
#include "source/context/w3c.h"
#include "source/context/w3c_baggage.h"
#include "source/http/syntax.h"

namespace pillion::context {
namespace {

constexpr std::string_view kMagic = "vctx";
constexpr size_t kTlvHead = 3;

enum Type : uint8_t {
  kDeadline = 1,
  kTraceId = 2,
  kSpanId = 3,
  kBaggage = 4,
  kBizFlags = 5,
  kCancelReason = 6,
  kTenant = 7,
  kRequestId = 8,
  kTraceFlags = 9,
  kTracestate = 10,
};

// The order in which types are written, by type; baggage that is no colour goes behind the tenant.
constexpr std::array<uint8_t, 11> kOrder = {0, 1, 2, 3, 8, 6, 7, 9, 5, 4, 11};
constexpr uint8_t kOrderOfBaggage = 10;
constexpr uint8_t kOrderOfUnknown = 12;

// A bit for each type that may come once, of which something is written.
uint32_t TypesOf(const Context& context) {
  uint32_t types = 0;
  const auto add = [&types](Type type, bool written) { types |= uint32_t{written} << type; };
  const bool trace = static_cast<bool>(context.trace_id);
  add(kDeadline, context.has_deadline());
  add(kTraceId, trace);
  add(kSpanId, trace && context.span_id != 0);
  add(kTraceFlags, trace && context.has_trace_flags);
  add(kRequestId, !context.request_id.empty());
  add(kBizFlags, context.biz_flags != 0);
  add(kCancelReason, context.cancel_reason != CancelReason::kNone);
  add(kTenant, !context.tenant.empty());
  add(kTracestate, trace && !context.tracestate.empty());
  return types;
}

// What may stand in a field as it is.
bool TakeText(std::string_view value, size_t most, std::string_view& text) {
  text = value;
  return value.size() <= most && http::IsFieldValue(value);
}

// `whole`: no text has properties.
bool TakeBaggage(std::string_view value, bool whole, base::Arena& arena, Context& context) {
  if (value.empty()) return false;
  const size_t key_size = static_cast<uint8_t>(value[0]);
  if (key_size == 0 || key_size > value.size() - 1) return false;
  const std::string_view text = value.substr(1 + key_size);
  uint32_t left_out = 0;  // 1,024 bytes have no room for that many
  const size_t value_size = whole ? text.size() : ValueSize(text);
  context.baggage.Add({value.substr(1, key_size), text, static_cast<uint32_t>(value_size)}, arena, left_out);
  return true;
}

bool Take(uint8_t type, std::string_view value, bool whole, base::Arena& arena, Context& context) {
  switch (type) {
    case kDeadline:
      if (value.size() != 8) return false;
      context.deadline = ReadBigEndian<uint64_t>(value.data());
      return true;
    case kTraceId:
      if (value.size() != 16) return false;
      context.trace_id = {ReadBigEndian<uint64_t>(value.data()), ReadBigEndian<uint64_t>(value.data() + 8)};
      return true;
    case kSpanId:
      if (value.size() != 8) return false;
      context.span_id = ReadBigEndian<uint64_t>(value.data());
      return true;
    case kBaggage:
      return TakeBaggage(value, whole, arena, context);
    case kBizFlags:
      if (value.size() != 2) return false;
      context.biz_flags = ReadBigEndian<uint16_t>(value.data());
      return true;
    case kCancelReason:
      if (value.size() != 1) return false;
      context.cancel_reason = static_cast<CancelReason>(value[0]);
      return true;
    case kTenant:
      return TakeText(value, kLongestTenant, context.tenant);
    case kRequestId:
      return TakeText(value, kLongestRequestId, context.request_id);
    case kTraceFlags:
      if (value.size() != 1) return false;
      context.trace_flags = static_cast<uint8_t>(value[0]);
      context.has_trace_flags = true;
      return true;
    case kTracestate:
      context.tracestate = value;
      return value.empty() || (http::IsFieldValue(value) && IsTracestate(value));
    default:
      return type != 0;
  }
}

// TLVs of unknown types, one after the other: a view of them while they lie side by side, else a text of their own.
class Unknown {
 public:
  void Add(std::string_view tlv, base::Arena& arena) {
    if (!apart_.empty()) {
      apart_.Append(arena, tlv);
    } else if (view_.empty()) {
      view_ = tlv;
    } else if (view_.data() + view_.size() == tlv.data()) {
      view_ = {view_.data(), view_.size() + tlv.size()};
    } else {
      apart_.Append(arena, view_);
      apart_.Append(arena, tlv);
    }
  }
  std::string_view view() const { return apart_.empty() ? view_ : apart_.view(); }

 private:
  std::string_view view_;
  base::ArenaText apart_;
};

class Writer {
 public:
  // `checks_forms`: no entry has a form of which that is not known.
  Writer(bool checks_forms, char* out) : checks_forms_(checks_forms), begin_(out), at_(out + kMagic.size()) {
    std::memcpy(out, kMagic.data(), kMagic.size());
  }

  template <typename Word>
  void Number(Type type, Word number) {
    if (!Begin(type, sizeof number)) return;
    at_ = WriteBigEndian(number, at_);
  }
  void Trace(const TraceId& id) {
    if (!Begin(kTraceId, 16)) return;
    at_ = WriteBigEndian(id.low, WriteBigEndian(id.high, at_));
  }
  void Text(Type type, std::string_view text) {
    if (!text.empty() && Begin(type, text.size())) Bytes(text);
  }
  // A value of which a reader would take a part for properties has no form here: it is left out, and others are not.
  void Entry(const Baggage::Entry& entry) {
    if (checks_forms_ && ValueSize(entry.text) != entry.value_size) [[unlikely]] {
      ++without_form_;
      return;
    }
    if (!Begin(kBaggage, 1 + entry.key.size() + entry.text.size())) return;
    *at_++ = static_cast<char>(entry.key.size());
    Bytes(entry.key);
    Bytes(entry.text);
  }
  // Of several TLVs, which were read from a vctx.
  void Tlvs(std::string_view tlvs) {
    while (!tlvs.empty()) {
      const std::string_view tlv = tlvs.substr(0, kTlvHead + ReadBigEndian<uint16_t>(tlvs.data() + 1));
      if (Fits(tlv.size())) Bytes(tlv);
      tlvs.remove_prefix(tlv.size());
    }
  }

  size_t size() const { return static_cast<size_t>(at_ - begin_); }
  uint32_t left_out() const { return left_out_ + without_form_; }

 private:
  // Once something was left out, so is all behind it.
  bool Fits(size_t bytes) {
    if (left_out_ == 0 && size() + bytes <= kMostVctxBytes) return true;
    ++left_out_;
    return false;
  }
  bool Begin(Type type, size_t value_size) {
    if (!Fits(kTlvHead + value_size)) return false;
    *at_++ = static_cast<char>(type);
    at_ = WriteBigEndian(static_cast<uint16_t>(value_size), at_);
    return true;
  }
  void Bytes(std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }

  bool checks_forms_;
  char* begin_;
  char* at_;
  uint32_t left_out_ = 0;
  uint32_t without_form_ = 0;
};

// What was read of a row of TLVs.
struct Row {
  bool as_written = false;  // EncodeVctx() would write the same
  uint32_t types = 0;       // as TypesOf() has them, if so
};

bool DecodeTlvs(std::string_view tlvs, base::Arena& arena, Context& context, Row& row) {
  uint32_t seen = 0;  // a bit for each type that may come once
  size_t entries = 0;
  uint8_t place = 0;
  bool in_order = true;
  Unknown unknown;
  const bool whole = tlvs.find(';') == std::string_view::npos;
  const char* const end = tlvs.data() + tlvs.size();
  for (const char* at = tlvs.data(); at != end;) {
    const size_t left = static_cast<size_t>(end - at);
    if (left < kTlvHead) return false;
    const uint8_t type = static_cast<uint8_t>(*at);
    const std::string_view value(at + kTlvHead, ReadBigEndian<uint16_t>(at + 1));
    if (value.size() > left - kTlvHead) return false;
    const uint8_t before = place;
    if (type > kTracestate) {
      unknown.Add({at, kTlvHead + value.size()}, arena);
      place = kOrderOfUnknown;
    } else {
      const uint32_t bit = type == kBaggage ? 0 : 1u << type;
      if ((seen & bit) != 0 || !Take(type, value, whole, arena, context)) return false;
      seen |= bit;
      place = kOrder[type];
      if (type == kBaggage) {
        ++entries;
        if (!IsColourKey({value.data() + 1, static_cast<uint8_t>(value[0])})) place = kOrderOfBaggage;
      }
    }
    in_order &= place >= before;
    at = value.data() + value.size();
  }
  context.unknown = unknown.view();
  row = {in_order && seen == TypesOf(context) && entries == context.baggage.size() && place != 0, seen};
  return true;
}

// As DecodeVctx().
bool Decode(std::string_view bytes, base::Arena& arena, Context& context, Row& row) {
  if (bytes.size() > kMostVctxBytes || !bytes.starts_with(kMagic)) return false;
  return DecodeTlvs(bytes.substr(kMagic.size()), arena, context, row);
}

// What stands in front, and has a length of its own.
void EncodeFront(const Context& context, uint32_t types, Writer& writer) {
  const auto has = [types](Type type) { return (types >> type & 1) != 0; };
  if (has(kDeadline)) writer.Number(kDeadline, context.deadline);
  if (has(kTraceId)) writer.Trace(context.trace_id);
  if (has(kSpanId)) writer.Number(kSpanId, context.span_id);
  if (has(kTraceFlags)) writer.Number(kTraceFlags, context.trace_flags);
}

size_t FrontSize(uint32_t types) {
  const auto size = [types](Type type, size_t value) { return (types >> type & 1) * (kTlvHead + value); };
  return kMagic.size() + size(kDeadline, 8) + size(kTraceId, 16) + size(kSpanId, 8) + size(kTraceFlags, 1);
}

size_t Encode(const Context& context, bool checks_forms, char* out, uint32_t& left_out) {
  Writer writer(checks_forms, out);
  const uint32_t types = TypesOf(context);
  EncodeFront(context, types, writer);
  const auto has = [types](Type type) { return (types >> type & 1) != 0; };
  if (has(kRequestId)) writer.Text(kRequestId, context.request_id);
  if (has(kBizFlags)) writer.Number(kBizFlags, context.biz_flags);
  if (has(kCancelReason)) writer.Number(kCancelReason, static_cast<uint8_t>(context.cancel_reason));
  for (const Baggage::Entry& entry : context.baggage) {
    if (IsColourKey(entry.key)) writer.Entry(entry);
  }
  if (has(kTenant)) writer.Text(kTenant, context.tenant);
  for (const Baggage::Entry& entry : context.baggage) {
    if (!IsColourKey(entry.key)) writer.Entry(entry);
  }
  if (has(kTracestate)) writer.Text(kTracestate, context.tracestate);
  writer.Tlvs(context.unknown);
  left_out = writer.left_out();
  return writer.size();
}

bool LiesWhere(std::string_view other, std::string_view text) {
  return text.data() == other.data() && text.size() == other.size();
}

// What the context was read from, if nothing has changed since but what EncodeFront() writes, and that not in length. Else
// null.
const VctxOrigin* OriginOf(const Context& context) {
  if (context.origin == nullptr) return nullptr;
  const Context& read = context.origin->context;
  const bool same = TypesOf(context) == context.origin->types && context.cancel_reason == read.cancel_reason &&
                    context.biz_flags == read.biz_flags && LiesWhere(read.request_id, context.request_id) &&
                    LiesWhere(read.tenant, context.tenant) && LiesWhere(read.tracestate, context.tracestate) &&
                    LiesWhere(read.unknown, context.unknown) && context.baggage.Shares(read.baggage);
  return same ? context.origin : nullptr;
}

bool HasSameFront(const Context& context, const VctxOrigin& origin) {
  const Context& read = origin.context;
  return context.deadline == read.deadline && context.trace_id == read.trace_id && context.span_id == read.span_id &&
         context.trace_flags == read.trace_flags;
}

// The bytes of the origin with the context's front, whose size is returned.
size_t ReplaceFront(const Context& context, const VctxOrigin& origin, char* out) {
  std::memcpy(out, origin.bytes.data(), origin.bytes.size());
  Writer writer(false, out);
  EncodeFront(context, origin.types, writer);
  return writer.size();
}

}  // namespace

bool DecodeVctx(std::string_view bytes, base::Arena& arena, Context& context) {
  Row row;
  return Decode(bytes, arena, context, row);
}

size_t EncodeVctx(const Context& context, char* out, uint32_t& left_out) {
  uint32_t left = 0;
  size_t size = Encode(context, false, out, left);
  // Only of a value with a ';' a reader may take a part for something else.
  if (left != 0 || std::memchr(out, ';', size) != nullptr) size = Encode(context, true, out, left);
  left_out += left;
  return size;
}

std::string_view VctxRest(const Context& context, char* out, uint32_t& left_out) {
  if (const VctxOrigin* const origin = OriginOf(context)) return origin->bytes.substr(FrontSize(origin->types));
  return std::string_view(out, EncodeVctx(context, out, left_out)).substr(FrontSize(TypesOf(context)));
}

bool DecodeVctxRest(std::string_view rest, base::Arena& arena, Context& context) {
  Row row;
  return DecodeTlvs(rest, arena, context, row);
}

bool DecodeVctxText(std::string_view text, base::Arena& arena, Context& context) {
  if (text.size() > Base64Size(kMostVctxBytes, true)) return false;
  const size_t room = text.size() / 4 * 3 + 2;
  char* const bytes = static_cast<char*>(arena.Allocate(room, 1));
  bool url_safe;
  Row row;
  const auto size = DecodeBase64(text, bytes, room, &url_safe);
  auto* const origin = arena.New<VctxOrigin>();
  if (!size || !Decode({bytes, *size}, arena, origin->context, row)) return false;
  // The copy, not the original: what it changes of the list is its own.
  context = origin->context;
  if (url_safe || !row.as_written) return true;
  origin->types = row.types;
  origin->bytes = {bytes, *size};
  origin->text = text;
  context.origin = origin;
  return true;
}

std::string_view EncodeVctxText(const Context& context, bool padded, base::Arena& arena, uint32_t& left_out) {
  const VctxOrigin* origin = OriginOf(context);
  if (origin != nullptr && origin->text.size() != Base64Size(origin->bytes.size(), padded)) origin = nullptr;
  if (origin != nullptr && HasSameFront(context, *origin)) return origin->text;
  char bytes[kMostVctxBytes];
  size_t size;  // that is to be encoded
  size_t characters;
  if (origin != nullptr) {
    const size_t groups = (ReplaceFront(context, *origin, bytes) + 2) / 3;
    size = std::min(3 * groups, origin->bytes.size());
    characters = origin->text.size();
  } else {
    size = EncodeVctx(context, bytes, left_out);
    if (size == kMagic.size()) return {};
    characters = Base64Size(size, padded);
  }
  char* const text = static_cast<char*>(arena.Allocate(characters, 1));
  if (origin != nullptr) std::memcpy(text, origin->text.data(), characters);
  EncodeBase64({bytes, size}, padded, text);
  return {text, characters};
}

}  // namespace pillion::context
