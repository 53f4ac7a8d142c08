#pragma once

// HTTP/2 by hand: frames as bytes, legal or not, and what a codec answers as text.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pillion::codec::http2 {

enum FrameType : uint8_t {
  kDataFrame = 0,
  kHeadersFrame = 1,
  kPriorityFrame = 2,
  kResetFrame = 3,
  kSettingsFrame = 4,
  kPushPromiseFrame = 5,
  kPingFrame = 6,
  kGoAwayFrame = 7,
  kWindowUpdateFrame = 8,
  kContinuationFrame = 9,
};

enum FrameFlag : uint8_t { kNoFlags = 0, kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8, kPriorityFlag = 0x20 };

inline std::string Number(uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

inline std::string RawFrame(uint8_t type, uint8_t flags, uint32_t stream_id, std::string_view payload = {}) {
  std::string frame = Number(static_cast<uint32_t>(payload.size()), 3);
  frame += Number(type, 1) + Number(flags, 1) + Number(stream_id, 4);
  return frame.append(payload);
}

// HPACK: a prefixed integer (RFC 7541, 5.1).
inline std::string HpackInteger(uint8_t first, int prefix_bits, uint64_t value) {
  const uint64_t limit = (uint64_t{1} << prefix_bits) - 1;
  if (value < limit) return std::string(1, static_cast<char>(first | value));
  std::string text(1, static_cast<char>(first | limit));
  for (value -= limit; value >= 128; value /= 128) text.push_back(static_cast<char>(value % 128 | 128));
  text.push_back(static_cast<char>(value));
  return text;
}

inline std::string HpackString(std::string_view text) {
  return HpackInteger(0, 7, text.size()).append(text);
}

// Literal without indexing (6.2.2), or with it (6.2.1), names and values plain.
inline std::string HpackField(std::string_view name, std::string_view value, bool indexed = false) {
  return std::string(1, indexed ? '\x40' : '\0') + HpackString(name) + HpackString(value);
}

using Fields = std::vector<std::pair<std::string, std::string>>;

inline std::string HpackBlock(const Fields& fields) {
  std::string block;
  for (const auto& [name, value] : fields) block += HpackField(name, value);
  return block;
}

inline Fields RequestFields(Fields more = {}, std::string_view method = "GET") {
  Fields fields = {{":method", std::string(method)}, {":scheme", "http"}, {":authority", "h.test"}, {":path", "/"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

inline std::string HeadersFrame(uint32_t stream_id, const Fields& fields, uint8_t flags = kEndStream | kEndHeaders) {
  return RawFrame(kHeadersFrame, flags, stream_id, HpackBlock(fields));
}

inline std::string DataFrame(uint32_t stream_id, std::string_view data, uint8_t flags = kNoFlags) {
  return RawFrame(kDataFrame, flags, stream_id, data);
}

inline std::string SettingsFrame(const std::vector<std::pair<uint16_t, uint32_t>>& settings = {}, uint8_t flags = 0) {
  std::string payload;
  for (const auto& [id, value] : settings) payload += Number(id, 2) + Number(value, 4);
  return RawFrame(kSettingsFrame, flags, 0, payload);
}

inline std::string WindowUpdateFrame(uint32_t stream_id, uint32_t increment) {
  return RawFrame(kWindowUpdateFrame, 0, stream_id, Number(increment, 4));
}

inline std::string ResetFrame(uint32_t stream_id, uint32_t error_code) {
  return RawFrame(kResetFrame, 0, stream_id, Number(error_code, 4));
}

inline const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string ErrorText(uint32_t error_code) {
  constexpr std::string_view kNames[] = {
      "NO_ERROR",      "PROTOCOL_ERROR",  "INTERNAL_ERROR",    "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
      "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM",   "CANCEL",             "COMPRESSION_ERROR",
      "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"};
  return error_code < std::size(kNames) ? std::string(kNames[error_code]) : std::to_string(error_code);
}

// A frame that came out of a codec.
struct SeenFrame {
  uint8_t type;
  uint8_t flags;
  uint32_t stream_id;
  std::string payload;

  uint32_t Word(size_t at) const {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(payload.at(at + i));
    return value;
  }
  bool end() const { return (flags & kEndStream) != 0; }
};

inline std::vector<SeenFrame> ParseFrames(std::string_view bytes) {
  std::vector<SeenFrame> frames;
  if (bytes.starts_with(kPreface)) bytes.remove_prefix(kPreface.size());
  while (bytes.size() >= 9) {
    const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])); };
    const size_t length = byte(0) << 16 | byte(1) << 8 | byte(2);
    frames.push_back({static_cast<uint8_t>(byte(3)), static_cast<uint8_t>(byte(4)),
                      byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8),
                      std::string(bytes.substr(9, length))});
    bytes.remove_prefix(9 + length);
  }
  return frames;
}

// The frames that matter to most tests, one a line: "HEADERS 1 end", "DATA 1 5", "RST_STREAM 1 CANCEL",
// "GOAWAY 1 NO_ERROR". Others (SETTINGS, WINDOW_UPDATE, PING) are left out.
inline std::string FramesText(const std::vector<SeenFrame>& frames) {
  std::string text;
  for (const SeenFrame& frame : frames) {
    const std::string id = std::to_string(frame.stream_id);
    switch (frame.type) {
      case kDataFrame:
        text += "DATA " + id + " " + std::to_string(frame.payload.size()) + (frame.end() ? " end" : "") + "\n";
        break;
      case kHeadersFrame:
        text += "HEADERS " + id + (frame.end() ? " end" : "") + "\n";
        break;
      case kResetFrame:
        text += "RST_STREAM " + id + " " + ErrorText(frame.Word(0)) + "\n";
        break;
      case kGoAwayFrame:
        text += "GOAWAY " + std::to_string(frame.Word(0)) + " " + ErrorText(frame.Word(4)) + "\n";
        break;
      default:
        break;
    }
  }
  return text;
}

}  // namespace pillion::codec::http2
