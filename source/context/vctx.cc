#include "source/context/vctx.h"

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
  explicit Writer(char* out) : begin_(out), at_(out + kMagic.size()) { std::memcpy(out, kMagic.data(), kMagic.size()); }

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
    if (ValueSize(entry.text) != entry.value_size) [[unlikely]] {
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

  char* begin_;
  char* at_;
  uint32_t left_out_ = 0;
  uint32_t without_form_ = 0;
};

}  // namespace

bool DecodeVctx(std::string_view bytes, base::Arena& arena, Context& context) {
  if (bytes.size() > kMostVctxBytes || !bytes.starts_with(kMagic)) return false;
  uint32_t seen = 0;  // a bit for each type that may come once
  Unknown unknown;
  const bool whole = bytes.find(';') == std::string_view::npos;
  for (bytes.remove_prefix(kMagic.size()); !bytes.empty();) {
    if (bytes.size() < kTlvHead) return false;
    const uint8_t type = static_cast<uint8_t>(bytes[0]);
    const size_t size = ReadBigEndian<uint16_t>(bytes.data() + 1);
    if (size > bytes.size() - kTlvHead) return false;
    if (type > kTracestate) {
      unknown.Add(bytes.substr(0, kTlvHead + size), arena);
    } else {
      const uint32_t bit = type == kBaggage ? 0 : 1u << type;
      if ((seen & bit) != 0 || !Take(type, bytes.substr(kTlvHead, size), whole, arena, context)) return false;
      seen |= bit;
    }
    bytes.remove_prefix(kTlvHead + size);
  }
  context.unknown = unknown.view();
  return true;
}

size_t EncodeVctx(const Context& context, char* out, uint32_t& left_out) {
  Writer writer(out);
  if (context.has_deadline()) writer.Number(kDeadline, context.deadline);
  if (context.trace_id) {
    writer.Trace(context.trace_id);
    if (context.span_id != 0) writer.Number(kSpanId, context.span_id);
    if (context.has_trace_flags) writer.Number(kTraceFlags, context.trace_flags);
  }
  writer.Text(kRequestId, context.request_id);
  if (context.biz_flags != 0) writer.Number(kBizFlags, context.biz_flags);
  if (context.cancel_reason != CancelReason::kNone) {
    writer.Number(kCancelReason, static_cast<uint8_t>(context.cancel_reason));
  }
  for (const Baggage::Entry& entry : context.baggage) {
    if (IsColourKey(entry.key)) writer.Entry(entry);
  }
  writer.Text(kTenant, context.tenant);
  for (const Baggage::Entry& entry : context.baggage) {
    if (!IsColourKey(entry.key)) writer.Entry(entry);
  }
  writer.Text(kTracestate, context.trace_id ? context.tracestate : std::string_view());
  writer.Tlvs(context.unknown);
  left_out += writer.left_out();
  return writer.size();
}

bool DecodeVctxText(std::string_view text, base::Arena& arena, Context& context) {
  if (text.size() > Base64Size(kMostVctxBytes, true)) return false;
  const size_t room = text.size() / 4 * 3 + 2;
  char* const bytes = static_cast<char*>(arena.Allocate(room, 1));
  const auto size = DecodeBase64(text, bytes, room);
  return size && DecodeVctx({bytes, *size}, arena, context);
}

std::string_view EncodeVctxText(const Context& context, bool padded, base::Arena& arena, uint32_t& left_out) {
  char bytes[kMostVctxBytes];
  const size_t size = EncodeVctx(context, bytes, left_out);
  if (size == kMagic.size()) return {};
  const size_t characters = Base64Size(size, padded);
  char* const text = static_cast<char*>(arena.Allocate(characters, 1));
  EncodeBase64({bytes, size}, padded, text);
  return {text, characters};
}

}  // namespace pillion::context
