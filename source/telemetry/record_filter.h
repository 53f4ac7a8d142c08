#pragma once

// Which requests or connections something is about: those that a log has a line for, local replies that are written
// otherwise. A question to a record, without a side effect. Immutable; any thread.

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "source/expression/program.h"
#include "source/match/fraction.h"
#include "source/match/header_matcher.h"
#include "source/match/value_matcher.h"
#include "source/telemetry/request_record.h"

namespace pillion::telemetry {

class RecordFilter;

// What a filter may ask.
namespace record {

enum class Comparison : uint8_t { kEqual, kAtLeast, kAtMost, kNot };

// A number, and what it is compared with.
struct Number {
  Comparison comparison = Comparison::kEqual;
  uint32_t value = 0;
  std::shared_ptr<const runtime::Key> key;  // may say another value; null: there is none

  bool Holds(uint64_t number) const;
};
struct StatusCode {  // 0: none was sent
  Number number;
};
struct Duration {  // in milliseconds, of the whole
  Number number;
};
struct NotHealthCheck {};
struct Header {  // of the request
  match::HeaderMatcher matcher;
};
struct AnyFlag {};
struct OneOfFlags {
  ResponseFlags flags;
};
// The answer's, or what its HTTP status stands for.
struct GrpcStatus {
  uint32_t statuses = 0;  // a set
  bool exclude = false;
};
struct Type {
  uint32_t types = 0;  // a set of LogType
  bool exclude = false;
};
// A part of all, the same one for all that have the same x-request-id.
struct Sample {
  match::RuntimeFraction fraction;
  bool independent = false;  // chance alone decides
};
// Of what filters noted.
struct Metadata {
  match::MetadataMatcher matcher;
  bool if_missing = true;  // there is no such value
};
struct Expression {
  std::shared_ptr<const expression::Program> program;  // that it is true
};
struct All {
  std::vector<RecordFilter> filters;
};
struct Any {
  std::vector<RecordFilter> filters;
};

}  // namespace record

class RecordFilter {
 public:
  using Test = std::variant<record::StatusCode, record::Duration, record::NotHealthCheck, record::Header,
                            record::AnyFlag, record::OneOfFlags, record::GrpcStatus, record::Type, record::Sample,
                            record::Metadata, record::Expression, record::All, record::Any>;

  explicit RecordFilter(Test test) : test_(std::move(test)) {}

  bool Holds(const RequestRecord& record) const;

 private:
  Test test_;
};

}  // namespace pillion::telemetry
