#pragma once

// An access log's format, compiled once from its configuration: a text with operators, or a JSON object with
// operators in its strings. Immutable; any thread may use it. What peers sent is escaped in both: a record is one
// line, whatever it holds.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "source/config/access_log.h"
#include "source/telemetry/log_operator.h"

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
  static std::unique_ptr<const LogFormat> Compile(const config::AccessLog& config,
                                                  std::vector<std::string>& errors);

  // Appends one record. `scratch` is overwritten; a caller that keeps both strings allocates nothing once they are
  // warm.
  void Append(const RequestRecord& record, std::string& out, std::string& scratch) const;

 private:
  static constexpr size_t kNoLimit = SIZE_MAX;

  // Text as it is, then the value of an operator, if there is one.
  struct Piece {
    std::string literal;
    std::unique_ptr<const LogOperator> value;
    size_t limit = kNoLimit;  // the value's length in bytes, before escaping
  };
  struct Node {
    enum class Kind { kFixed, kFormat, kObject, kList };
    Kind kind = Kind::kFixed;
    std::string fixed;  // JSON
    std::vector<Piece> pieces;
    std::vector<std::string> keys;  // JSON strings with a colon: `"key":`
    std::vector<Node> children;
  };

  LogFormat() = default;
  friend absl::Status CheckLogFormat(std::string_view format);
  static std::vector<Piece> CompileText(std::string_view format, std::string_view place,
                                        std::vector<std::string>& errors);
  static Node CompileJson(const config::JsonFormat& format, const std::string& place,
                          std::vector<std::string>& errors);
  void AppendText(const RequestRecord& record, std::string& out, std::string& scratch) const;
  // False when there is nothing to show and `omit` allows to leave it out; then nothing was appended.
  bool AppendNode(const Node& node, const RequestRecord& record, bool omit, std::string& out,
                  std::string& scratch) const;
  bool AppendString(const std::vector<Piece>& pieces, const RequestRecord& record, bool omit, std::string& out,
                    std::string& scratch) const;

  bool omit_empty_ = false;
  bool json_ = false;
  std::vector<Piece> text_;
  Node root_;
};

}  // namespace pillion::telemetry
