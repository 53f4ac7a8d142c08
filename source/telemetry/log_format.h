#pragma once

// An access log's format, compiled once from its configuration: a text with operators, or a JSON object with
// operators in its strings. Immutable; any thread may use it. What peers sent is escaped in both: a record is one
// line, whatever it holds.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "source/telemetry/log_settings.h"
#include "source/telemetry/text_format.h"

namespace pillion::telemetry {

// Envoy's default line.
inline constexpr std::string_view kDefaultLogFormat =
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% "
    "%RESPONSE_FLAGS% "
    "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" "
    "\"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

// Whether `format` is a good format string; else the message says what is wrong, and at which byte.
absl::Status CheckLogFormat(std::string_view format);

class LogFormat {
 public:
  // Null, and at least one error more, when something in it is wrong; each error names its place.
  static std::unique_ptr<const LogFormat> Compile(const LogSettings& config, std::vector<std::string>& errors);

  // Appends one record. `scratch` is overwritten; a caller that keeps both strings allocates nothing once they are
  // warm.
  void Append(const RequestRecord& record, std::string& out, std::string& scratch) const;

 private:
  struct Node {
    enum class Kind { kFixed, kFormat, kObject, kList };
    Kind kind = Kind::kFixed;
    std::string fixed;  // JSON
    TextFormat format;
    std::vector<std::string> keys;  // JSON strings with a colon: `"key":`
    std::vector<Node> children;
  };

  LogFormat() = default;
  static Node CompileJson(const JsonFormat& format, const std::string& place, std::vector<std::string>& errors);
  void AppendText(const RequestRecord& record, std::string& out, std::string& scratch) const;
  // False when there is nothing to show and `omit` allows to leave it out; then nothing was appended.
  bool AppendNode(const Node& node, const RequestRecord& record, bool omit, std::string& out,
                  std::string& scratch) const;
  bool AppendString(const TextFormat& format, const RequestRecord& record, bool omit, std::string& out,
                    std::string& scratch) const;

  bool omit_empty_ = false;
  bool json_ = false;
  TextFormat text_;
  Node root_;
};

}  // namespace pillion::telemetry
