#pragma once

// A text with %OPERATORS%, compiled once: lines of the access log, values of header fields. Immutable; any thread may
// use it.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "source/base/arena.h"
#include "source/telemetry/log_operator.h"

namespace pillion::telemetry {

class TextFormat {
 public:
  static constexpr size_t kNoLimit = SIZE_MAX;

  // Text as it is, then the value of an operator, if there is one.
  struct Piece {
    std::string literal;
    std::optional<LogOperator> value;
    size_t limit = kNoLimit;  // the value's length in bytes, before escaping
  };

  TextFormat() = default;

  // The message says all that is wrong with `format`, and at which byte.
  static absl::StatusOr<TextFormat> Compile(std::string_view format);
  // The same, one text in `errors` each, with `place` in front.
  static TextFormat Compile(std::string_view format, std::string_view place, std::vector<std::string>& errors);

  const std::vector<Piece>& pieces() const { return pieces_; }

  // What it says of `record`; `missing` stands for each value that is not known. In `arena`, or in this format.
  std::string_view Evaluate(const RequestRecord& record, std::string_view missing, base::Arena& arena,
                            std::string& scratch) const;

 private:
  std::vector<Piece> pieces_;
};

}  // namespace pillion::telemetry
