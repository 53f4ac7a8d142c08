#include "source/codec/sniff/request_line.h"

#include <algorithm>

#include "source/http/syntax.h"

namespace pillion::codec::sniff {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kLongestMethod = 32;

}  // namespace

Found ReadRequestLine(std::string_view bytes, HttpVersion& version) {
  if (bytes.starts_with(kPreface)) {
    version = HttpVersion::kHttp2;
    return Found::kYes;
  }
  if (kPreface.starts_with(bytes)) return Found::kNeedMore;

  const size_t method_end = bytes.substr(0, kLongestMethod + 1).find(' ');
  const std::string_view method = bytes.substr(0, std::min(method_end, kLongestMethod + 1));
  if (!http::IsToken(method) || method.size() > kLongestMethod) return Found::kNo;
  const size_t end = bytes.substr(0, kLongestRequestLine).find('\n');
  const std::string_view line = bytes.substr(0, std::min(end, kLongestRequestLine));
  // A target has no control bytes in it; a CR only ends the line.
  const size_t control =
      std::find_if(line.begin(), line.end(), [](char c) { return static_cast<uint8_t>(c) < ' '; }) - line.begin();
  if (control < line.size() && (line[control] != '\r' || control + 1 < line.size())) return Found::kNo;
  if (end == bytes.npos) return bytes.size() >= kLongestRequestLine ? Found::kNo : Found::kNeedMore;
  const std::string_view text = line.substr(0, control);
  if (text.ends_with(" HTTP/1.1")) {
    version = HttpVersion::kHttp11;
  } else if (text.ends_with(" HTTP/1.0")) {
    version = HttpVersion::kHttp10;
  } else {
    return Found::kNo;
  }
  return Found::kYes;
}

}  // namespace pillion::codec::sniff
