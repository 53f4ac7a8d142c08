#pragma once

// Arguments of access log operators, read once. Each function gives an error text, empty when all is well.

#include <string>
#include <string_view>

#include "source/telemetry/log_operator.h"

namespace pillion::telemetry {

// What LogOperator::choice_ says.
enum PathChoice { kOriginalOrPath, kOriginal, kPath };
enum QueryChoice { kEscaped, kDecoded };
enum GrpcChoice { kCamel, kSnake, kNumeric };
enum StateChoice { kTyped, kPlain, kField };
enum ServerNameChoice { kAskedOnly, kAskedFirst, kHostFirst };
enum HostChoice { kOriginalOrHost, kOriginalHost, kHost };
enum DetailsChoice { kOneWord, kWithBlanks };
enum AttemptChoice { kAttemptAddress, kAttemptIp, kAttemptName, kAttemptBareName, kAttemptConnection };
inline constexpr int kWholeIp = -1;  // else so many bits of it

struct LogArguments {
  static std::string NeedHeader(LogOperator& self, std::string_view argument);
  static std::string NeedName(LogOperator& self, std::string_view argument);
  static std::string NeedVariable(LogOperator& self, std::string_view argument);
  static std::string MayHaveTimeFormat(LogOperator& self, std::string_view argument);
  static std::string NeedDuration(LogOperator& self, std::string_view argument);
  static std::string MayHavePathChoice(LogOperator& self, std::string_view argument);
  static std::string MayHaveQueryChoice(LogOperator& self, std::string_view argument);
  static std::string NeedMetadataPath(LogOperator& self, std::string_view argument);
  static std::string NeedState(LogOperator& self, std::string_view argument);
  static std::string MayHaveGrpcChoice(LogOperator& self, std::string_view argument);
  template <const metadata::Value* RequestRecord::*kWhere>
  static std::string NeedPathIn(LogOperator& self, std::string_view argument) {
    self.configured_ = kWhere;
    return NeedMetadataPath(self, argument);
  }
  static std::string NeedTypedMetadataPath(LogOperator& self, std::string_view argument);
  static std::string NeedExpression(LogOperator& self, std::string_view argument);
  static std::string MayHaveServerNameChoice(LogOperator& self, std::string_view argument);
  static std::string MayAllowBlanks(LogOperator& self, std::string_view argument);
  static std::string NeedAlternatives(LogOperator& self, std::string_view argument);
  static std::string MayHaveMask(LogOperator& self, std::string_view argument);
};

}  // namespace pillion::telemetry
